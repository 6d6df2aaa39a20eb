//! Claims of idle workers, which take what is ready without a plan when it is little: they promise the same
//! as all others.

use pgjobs_tests::{Batch, Claimed, ClaimedJob, Db, ManualWorker};
use sqlx::{Connection, Executor};

/// What is ready, and for how many jobs there is room.
const QUEUES: &[(&str, &str, i32)] = &[
    ("nothing", "", 10),
    ("one job", "select jobs.publish('b', '1')", 64),
    ("a job of each task", "select jobs.publish(t, '1') from unnest('{c,a,b}'::text[]) t", 64),
    ("just as many as fit", "select jobs.publish('b', to_jsonb(g)) from generate_series(1, 10) g", 10),
    (
        "more than fit, of several priorities",
        "select jobs.publish((array['a', 'b', 'c'])[g % 3 + 1], to_jsonb(g), i_priority => g % 4) from generate_series(1, 30) g",
        10,
    ),
    ("more than few", "select jobs.publish('a', to_jsonb(g)) from generate_series(1, 90) g", 80),
    ("a packed row that fits", "call packed(64)", 64),
    ("a packed row that does not", "call packed(64)", 10),
    ("packed rows and others", "call packed(70); select jobs.publish('b', '0', i_priority => 1)", 80),
    (
        "jobs with own batches",
        "call packed(64); select jobs.publish('own', to_jsonb(g)) from generate_series(1, 3) g",
        64,
    ),
    ("a packed row with own batches", "call packed(64, 'own')", 64),
    (
        "a large body",
        "select jobs.publish('a', to_jsonb(repeat('x', 100000))) from generate_series(1, 2)",
        64,
    ),
    (
        "bodies of megabytes",
        "select jobs.publish('a', to_jsonb(repeat('x', 3000000))) from generate_series(1, 4)",
        20,
    ),
    ("one body of many megabytes", "select jobs.publish('a', to_jsonb(repeat('x', 20000000)))", 20),
    (
        "jobs that were released",
        "select jobs.publish('a', to_jsonb(g)) from generate_series(1, 3) g; update jobs.pending set ready_seq = ready_seq - (1::bigint << 62) where body = '2'",
        64,
    ),
];

const PACKED: &str = "create procedure public.packed(num integer, task text default 'a') language plpgsql as $$ begin
  perform jobs.publish_arrays(array[task], array(select to_jsonb(g) from generate_series(1, num) g), null, null, null, null, null, i_pack => true);
  assert (select max(size) from jobs.pending) > 1;
end $$";

#[tokio::test]
async fn an_idle_worker_takes_the_same_jobs_as_a_busy_one() {
    let db = Db::new().await;
    db.run("update jobs.config set max_body_bytes = 30000000, max_bulk_bytes = 100000000").await;
    db.run(PACKED).await;
    let worker = db.worker(&["a", "b", "c", "own"]).await;
    for (what, fill, room) in QUEUES {
        db.run("delete from jobs.pending").await;
        db.run(fill).await;
        let (busy, idle) = (taken(&db, &worker, *room, false).await, taken(&db, &worker, *room, true).await);
        assert_eq!(busy, idle, "{what}");
    }
}

/// The jobs and batches of a claim that is rolled back: (task, id, batch_index), (part, started, sent).
async fn taken(db: &Db, worker: &ManualWorker<'_>, room: i32, idle: bool) -> (Vec<String>, Vec<String>) {
    let mut session = db.connect().await;
    let mut tx = session.begin().await.unwrap();
    let claim = worker.claim(room).own_batch(&["own"]).ahead(room / 2).on(&mut tx);
    let claimed = if idle { claim.idle().await } else { claim.await };
    tx.rollback().await.unwrap();
    jobs_and_batches(&claimed)
}

fn jobs_and_batches(claimed: &Claimed) -> (Vec<String>, Vec<String>) {
    let job = |job: &ClaimedJob| format!("{} {} {:?}", job.task, job.id, job.batch_index);
    let batch = |batch: &Batch| format!("{} {} {:?}", batch.part, batch.started, batch.sent);
    let mut batches: Vec<String> = claimed.batches.iter().map(batch).collect();
    batches.sort();
    (claimed.jobs.iter().map(job).collect(), batches)
}

#[tokio::test]
async fn an_idle_worker_skips_what_others_have_locked() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    db.publish_many("a", 1..=3).await;
    let mut other = db.connect().await;
    other.execute("begin; select from jobs.pending where body = '2' for update").await.unwrap();
    assert_eq!(worker.claim(10).idle().await.bodies(), [1, 3]);
}

/// Two idle workers that one notification woke share what there is.
#[tokio::test]
async fn an_idle_worker_locks_nothing_that_it_does_not_take() {
    let db = Db::new().await;
    let (one, two) = (db.worker(&["a", "b"]).await, db.worker(&["a", "b"]).await);
    for (fill, room) in [
        ("select jobs.publish('a', to_jsonb(g)) from generate_series(1, 2) g", 1),
        (
            "select jobs.publish((array['a', 'b'])[g % 2 + 1], to_jsonb(g), i_priority => g % 2) from generate_series(1, 20) g",
            10,
        ),
        (
            "select jobs.publish_arrays('{a}', array_fill('1'::jsonb, array[640]), null, null, null, null, null, i_pack => true)",
            64,
        ),
    ] {
        db.run("truncate jobs.pending, jobs.batch").await;
        db.run(fill).await;
        let mut session = db.connect().await;
        session.execute("begin").await.unwrap();
        let first = one.claim(room).idle().on(&mut session).await;
        let second = two.claim(room).idle().await;
        assert_eq!([first.len(), second.len()], [room as usize; 2], "{fill}");
        session.execute("rollback").await.unwrap();
    }
}

#[tokio::test]
async fn a_watermark_is_kept_by_an_idle_worker() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    db.publish_many("a", 1..=3).await;
    let second: i64 = db.one("select ready_seq from jobs.pending where body = '2'").await;
    assert_eq!(worker.claim(10).idle().watermark("a", 0, second).await.bodies(), [2, 3]);
}

#[tokio::test]
async fn an_idle_worker_that_is_dead_or_has_released_its_lease_takes_nothing() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    db.publish("a", 1).await;
    let lease = worker.claim(1).await.lease;
    db.run(&format!("select jobs.release('{}', '{lease}')", worker.id)).await;
    assert_eq!(worker.claim(1).idle().lease(lease).refusal().await, "PT410");
    db.run("update jobs.worker set lost_at = now()").await;
    assert_eq!(worker.claim(1).idle().refusal().await, "PT410");
}
