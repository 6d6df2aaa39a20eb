//! Claims of packed rows: whole where they fit, unpacked where they do not, and always in order.

use pgjobs_tests::{Db, ManualWorker};
use sqlx::Executor;

#[tokio::test]
async fn a_claim_with_room_takes_rows_as_they_are() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    db.publish_packed("a", 1..=640).await;
    let claimed = worker.claim(200).await;
    assert_eq!(claimed.bodies(), (1..=192).collect::<Vec<_>>(), "three whole rows, in order");
    assert_eq!((db.pending_rows().await, claimed.batches.len()), (7, 3));
    assert_eq!(db.one::<i64>("select count(*) from jobs.batch").await, 3);
    assert!(db.settle("success", &claimed.jobs).await.is_empty());
    let succeeded = "select count(distinct job_id) from jobs.job where status = 'success'";
    assert_eq!(db.one::<i64>(succeeded).await, 192);
}

#[tokio::test]
async fn a_claim_with_less_room_unpacks_the_row_it_meets() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    db.publish_packed("a", 1..=64).await;
    assert_eq!(db.pending_rows().await, 1, "one packed row");
    assert_eq!(worker.claim(10).await.bodies(), (1..=10).collect::<Vec<_>>(), "in the order of publishing");
    assert_eq!(db.pending_rows().await, 54, "the rest has a row each");
}

#[tokio::test]
async fn a_claim_unpacks_a_second_row_to_be_filled() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    db.publish_packed("a", 1..=128).await;
    assert_eq!(worker.claim(3).await.bodies(), [1, 2, 3]);
    assert_eq!(db.pending_rows().await, 61 + 1);
    assert_eq!(worker.claim(63).await.bodies(), (4..=66).collect::<Vec<_>>());
    assert_eq!(db.all::<i32>("select body::integer from jobs.consume(2)").await, [67, 68]);
}

#[tokio::test]
async fn jobs_with_own_batches_are_unpacked_first() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    db.publish_packed("a", 1..=128).await;
    assert_eq!(worker.claim(1000).own_batch(&["a"]).await.len(), 64);
    assert_eq!(db.one::<i64>("select count(*) from jobs.batch where part < 0").await, 64);
}

/// Two claims meet at one row: the second passes it over, and neither waits.
#[tokio::test]
async fn a_row_that_another_claim_has_locked_is_passed_over() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    db.publish_packed("a", 1..=128).await;
    for num in [2, 64] {
        let (mut one, mut two) = (db.connect().await, db.connect().await);
        one.execute("begin").await.unwrap();
        let first = worker.claim(num).on(&mut one).await.bodies();
        two.execute("set statement_timeout = '5s'; begin").await.unwrap();
        let second = worker.claim(num).on(&mut two).await;
        assert_eq!((first[0], second.bodies()[0], second.len()), (1, 65, num as usize));
        one.execute("rollback").await.unwrap();
        two.execute("rollback").await.unwrap();
        assert_eq!((db.pending_rows().await, db.count("running").await), (2, 0));
    }
}

/// The first row fits and is locked; the free one does not fit.
#[tokio::test]
async fn a_packed_row_behind_locked_jobs_is_unpacked() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    db.publish("a", 0).await;
    db.publish_packed("a", 1..=64).await;
    let mut one = db.connect().await;
    one.execute("begin; select jobs.consume(1)").await.unwrap();
    assert_eq!(worker.claim(5).await.bodies(), [1, 2, 3, 4, 5]);
}

/// It may keep its claim open for long: what is ready by itself is enough.
#[tokio::test]
async fn a_plain_client_that_gets_some_leaves_packed_rows_to_others() {
    let db = Db::new().await;
    db.publish("a", 0).await;
    db.publish_packed("a", 1..=64).await;
    let mut one = db.connect().await;
    one.execute("begin").await.unwrap();
    let got: i64 =
        sqlx::query_scalar("select count(*) from jobs.consume(100)").fetch_one(&mut one).await.unwrap();
    assert_eq!((got, db.one::<i64>("select count(*) from jobs.consume(100)").await), (1, 64));
}

/// A worker, and jobs of greater priority in a packed row behind one that a session has locked.
async fn urgent_behind_a_locked_job(db: &Db) -> (ManualWorker<'_>, sqlx::PgConnection) {
    let worker = db.worker(&["a"]).await;
    db.publish("a", 0).priority(1).await;
    db.publish_packed("a", 1..=64).priority(1).await;
    db.publish("a", 99).await;
    let mut session = db.connect().await;
    session.execute("begin; select jobs.consume(1)").await.unwrap();
    (worker, session)
}

/// To pass over a row that must be unpacked would give jobs of a lower priority first, for as long as a consumer has
/// locked what waits before it.
#[tokio::test]
async fn jobs_with_own_batches_keep_their_order_behind_a_locked_one() {
    let db = Db::new().await;
    let (worker, mut session) = urgent_behind_a_locked_job(&db).await;
    assert_eq!(db.all::<i32>("select body::integer from jobs.consume(3)").await, [1, 2, 3]);
    assert_eq!(worker.claim(3).own_batch(&["a"]).await.bodies(), [4, 5, 6]);
    session.execute("rollback").await.unwrap();
    assert_eq!(worker.claim(1).own_batch(&["a"]).await.bodies(), [0]);
}

#[tokio::test]
async fn all_packed_rows_behind_a_locked_job_get_own_batches() {
    let db = Db::new().await;
    let (worker, _session) = urgent_behind_a_locked_job(&db).await;
    db.run("select jobs.consume(6)").await;
    db.publish_packed("a", 1..=64).priority(1).await;
    let claimed = worker.claim(200).own_batch(&["a"]).await;
    assert_eq!(claimed.len(), 58 + 64 + 1);
    assert_eq!(claimed.batches.len(), 58 + 64 + 1, "each in an own batch");
}

/// What waits behind packed rows is claimed with them as far as it fits.
#[tokio::test]
async fn a_claim_is_filled_whatever_its_first_row_contains() {
    let db = Db::new().await;
    let worker = db.worker(&["a", "b"]).await;
    db.publish_packed("a", 1..=64).await;
    db.publish_many("a", 65..=1164).await;
    assert_eq!(worker.claim(1000).await.started(), 1000);
    db.publish("b", 0).await;
    db.publish_packed("b", 1..=64).await;
    assert_eq!(worker.claim(5).tasks(&["b"]).await.bodies(), [0, 1, 2, 3, 4]);
}

/// As its worker begins them: by priority and ready_seq, packed or not.
#[tokio::test]
async fn the_first_jobs_of_a_claim_are_those_that_have_begun() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    db.publish_many("a", 1..=5).priority(10).await;
    db.publish_packed("a", 1..=64).await;
    db.publish("a", 99).priority(-1).await;
    let claimed = worker.claim(70).ahead(60).await;
    let mut started: Vec<_> = claimed
        .batches
        .iter()
        .map(|batch| (claimed.jobs_of(batch.part).next().expect("a job").priority, batch.started))
        .collect();
    started.sort();
    assert_eq!(started, [(0, 5), (10, 5)], "the last of priority -1 shares a batch with the first");
}

#[tokio::test]
async fn a_null_among_tasks_with_own_batches_is_refused() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await.id;
    for tasks in ["{b,null}", "[0:1]={null,b}", "{{a,b},{c,d}}"] {
        let claim = format!(
            "select from jobs.claim('{worker}', '{{a}}', 9, gen_random_uuid(), i_own_batch => '{tasks}')"
        );
        let refusal = db.refusal(&claim).await;
        assert!(refusal.0 == "PT400" && refusal.1.contains("i_own_batch"), "{refusal:?}");
    }
}

#[tokio::test]
async fn a_claim_may_name_a_task_twice() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    db.publish_many("a", 1..=3).await;
    let claim = worker.claim(20).tasks(&["a", "a"]).watermark("a", 0, 1).watermark("c", 0, 1);
    assert_eq!(claim.await.bodies(), [1, 2, 3]);
}

/// Whatever is published how, and claimed in whatever portions: each job once, never more than asked for, and each
/// task in the order of publishing.
#[tokio::test]
async fn every_mixture_is_claimed_once_and_in_order() {
    let db = Db::new().await;
    let worker = db.worker(&["a", "b"]).await;
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..25 {
        db.run("truncate jobs.pending, jobs.batch").await;
        let mut published = 0;
        for _ in 0..random.i64(1..=6) {
            let (task, num) = (*random.choice(&["a", "b"]).expect("two"), random.i64(1..=200));
            db.publish_packed(task, published + 1..=published + num).await;
            published += num;
        }
        claim_all_in_order(&worker, published, &mut random).await;
        assert_eq!(db.pending_rows().await, 0);
    }
}

/// Claims in random portions until so many jobs were claimed.
async fn claim_all_in_order(worker: &ManualWorker<'_>, published: i64, random: &mut fastrand::Rng) {
    let (mut last_a, mut last_b, mut claimed) = (0, 0, 0);
    while claimed < published {
        let num = random.i32(1..=150);
        let own_batch: &[&str] = if random.u8(..4) == 0 { &["a"] } else { &[] };
        let jobs = worker.claim(num).own_batch(own_batch).await.jobs;
        assert!((1..=num as usize).contains(&jobs.len()), "{} of {num}, {claimed} before", jobs.len());
        for job in &jobs {
            let last = if job.task == "a" { &mut last_a } else { &mut last_b };
            let body = job.body.as_i64().expect("a number");
            assert!(body > *last, "{} {body} after {last}", job.task);
            *last = body;
        }
        claimed += jobs.len() as i64;
    }
    assert_eq!(claimed, published);
}
