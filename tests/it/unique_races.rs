//! Publishers that meet at unique keys, in any order, with rollbacks and deaths: of each key there are never
//! two open jobs, and whoever was told of a job finds it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use pgjobs_tests::{Db, amount, waiting};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor, Row};

const PUBLISHERS: u64 = 8;
const KEYS: u64 = 12;

/// Numbers that look random, the same in each run of a test.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// What one transaction publishes: one job, or several with keys in any order, each with one of the ways to
/// meet a holder.
async fn publish(session: &mut PgConnection, dice: &mut Dice) -> Result<Vec<String>, sqlx::Error> {
    let on_conflict = ["keep", "keep", "replace", "postpone"][usize::try_from(dice.roll(4)).unwrap()];
    let until = ["ended", "started"][usize::try_from(dice.roll(2)).unwrap()];
    let unique =
        |key: u64| format!(r#"{{"key": {key}, "until": "{until}", "on_conflict": "{on_conflict}"}}"#);
    let keys: Vec<u64> = (0..=dice.roll(6)).map(|_| dice.roll(KEYS)).collect();
    let mut ids = Vec::new();
    session.execute("begin").await?;
    if let [key] = keys[..] {
        let call = format!("select (jobs.publish('a', '{key}', i_unique => '{}')).job_id::text", unique(key));
        ids.push(session.fetch_one(AssertSqlSafe(call)).await?.get(0));
    } else {
        let uniques: Vec<String> = keys.iter().map(|key| format!("'{}'::jsonb", unique(*key))).collect();
        let bodies: Vec<String> = keys.iter().map(|key| format!("'{key}'::jsonb")).collect();
        let call = format!(
            "select job_id::text from jobs.publish_unique('{{a}}', array[{}], array[{}])",
            bodies.join(","),
            uniques.join(",")
        );
        ids.extend(session.fetch_all(AssertSqlSafe(call)).await?.iter().map(|row| row.get::<String, _>(0)));
    }
    let is_kept = dice.roll(4) != 0;
    session.execute(if is_kept { "commit" } else { "rollback" }).await?;
    Ok(if is_kept { ids } else { Vec::new() })
}

/// Publishes until told to stop, through any number of killed connections.
async fn publisher<const CONSUMED: bool>(
    db: Arc<Db>,
    number: u64,
    done: Arc<AtomicBool>,
    told: Arc<Mutex<Vec<String>>>,
) {
    let mut dice = Dice(number);
    while !done.load(Ordering::Relaxed) {
        let mut session = db.connect().await;
        session.execute("set application_name = 'publisher'").await.ok();
        while !done.load(Ordering::Relaxed) {
            match publish(&mut session, &mut dice).await {
                Ok(ids) => told.lock().unwrap().extend(ids),
                Err(error) => match error.as_database_error().and_then(|error| error.code()).as_deref() {
                    // Killed, at any point: a commit may have got through, and then nobody was told.
                    None | Some("57P01") => break,
                    // The keys changed hands again and again.
                    Some("PT409") if CONSUMED => drop(session.execute("rollback").await),
                    code => panic!("{code:?}: {error}"),
                },
            }
        }
    }
}

async fn told_until_done<const CONSUMED: bool>(
    db: &Arc<Db>,
    enough: u32,
    round: &mut impl AsyncFnMut(&mut PgConnection),
) -> Vec<String> {
    let (done, told) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
    let publishers: Vec<_> = (1..=PUBLISHERS)
        .map(|number| tokio::spawn(publisher::<CONSUMED>(db.clone(), number, done.clone(), told.clone())))
        .collect();
    let mut session = db.connect().await;
    while told.lock().unwrap().len() < enough as usize {
        round(&mut session).await;
    }
    done.store(true, Ordering::Relaxed);
    for publisher in publishers {
        publisher.await.unwrap();
    }
    session.close().await.unwrap();
    Arc::into_inner(told).unwrap().into_inner().unwrap()
}

/// Keys of which more than one job is open, as one snapshot sees it; of a job that is unique until it starts,
/// while it is pending.
const TWICE: &str = "
    select coalesce(string_agg(o.key || ': ' || o.jobs, ', '), 'none')
    from (select o.key, count(*) as jobs
          from (select (q.on_end).unique_key as key from jobs.pending q where not (q.on_end).until_started or q.attempt = 0
                union all
                select (r.on_end).unique_key from jobs._runs r where not (r.on_end).until_started) o
          group by o.key having count(*) > 1) o";

async fn assert_never_two_and_never_none(db: &Db, told: Vec<String>) {
    let lost: Vec<String> =
        sqlx::query_scalar("select t from unnest($1::text[]) t where not exists (select from jobs.get(t))")
            .bind(&told)
            .fetch_all(&db.pool)
            .await
            .unwrap();
    assert!(lost.is_empty(), "{} publishers were told of jobs that are not there", lost.len());
    // One that was unique until it started, and comes back after a run, has given up its key.
    let without: i64 = db
        .one(
            "select count(*) from jobs.pending q where (not (q.on_end).until_started or q.attempt = 0)
              and not exists (select from jobs.unique_key u where u.job_id = q.job_id)",
        )
        .await;
    let over: i64 =
        db.one("select count(*) from jobs.unique_keys(i_num => 1000) k where k.state is null").await;
    assert_eq!((without, over), (0, 0), "pending jobs without their keys, keys without jobs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn publishers_in_any_order_make_one_job_of_each_key() {
    let db = Arc::new(Db::new().await);
    let told =
        told_until_done::<false>(&db, amount(1000, 50_000), &mut async |session: &mut PgConnection| {
            let twice: String = session.fetch_one(TWICE).await.unwrap().get(0);
            assert_eq!(twice, "none");
            session.execute("select pg_sleep(0.01)").await.unwrap();
        })
        .await;
    assert_eq!(db.pending_rows().await, i64::try_from(KEYS).unwrap());
    assert_never_two_and_never_none(&db, told).await;
}

/// (One job for each cancel: a transaction that changes several jobs in several calls, and a cancel of
/// several, may meet in a circle.)
///
/// Jobs end and start meanwhile, connections of publishers die, and an operator cancels and retries.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn publishers_that_die_beside_consumers_leave_no_key_behind() {
    let db = Arc::new(Db::new().await);
    let mut dice = Dice(99);
    let told = told_until_done::<true>(&db, amount(1000, 50_000), &mut async |session: &mut PgConnection| {
        let call = match dice.roll(8) {
            0 => "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'publisher' order by random() limit 1",
            1 => "select jobs.cancel(array(select job_id::text from jobs.job_queue order by random() limit 1))",
            2 => "select jobs.promote()",
            3 => "select jobs.consume(2)",
            4 => "select jobs.nack(job_id, 'x', jobs.now()) from jobs.running",
            _ => "select jobs.ack(job_id) from jobs.running; select jobs.ack(job_id) from jobs.consume(3)",
        };
        session.execute(call).await.unwrap();
        let twice: String = session.fetch_one(TWICE).await.unwrap().get(0);
        assert_eq!(twice, "none");
    })
    .await;
    db.run("select jobs.ack(job_id) from jobs.running; update jobs.config set history_days = null").await;
    assert_never_two_and_never_none(&db, told).await;
}

/// The first call has taken a later key when it finds that the holder of an earlier one has ended. It may not go back to that key
/// with the later one in its hand: the second call has the earlier one and waits for the later one.
#[tokio::test]
async fn calls_meet_in_no_circle_when_a_holder_ends() {
    let db = Db::new().await;
    let both = r#"select outcome from jobs.publish_unique('{a}', '{1,2}', array['{"key": 1}', '{"key": 2}']::jsonb[])"#;
    for _ in 0..10 {
        db.run(r#"select jobs.publish('a', '1', i_unique => '{"key": 1}')"#).await;
        let mut holder_of_2 = db.connect().await;
        holder_of_2
            .execute(r#"begin; select jobs.publish('a', '2', i_unique => '{"key": 2}')"#)
            .await
            .unwrap();
        let first = waiting(&db, db.connect().await, both.to_owned()).await;
        db.run("select jobs.purge('a')").await;
        let second = waiting(&db, db.connect().await, both.to_owned()).await;
        holder_of_2.execute("rollback").await.unwrap();
        for call in [first, second] {
            call.await.unwrap().expect("neither is ended as a deadlock");
        }
        db.run("select jobs.purge('a')").await;
    }
}

/// The first call has taken two keys when it finds that the job it is to replace has been acked: it begins anew.
/// Whoever has waited for one of the two goes on then, and not only at the end of the first call.
#[tokio::test]
async fn calls_meet_in_no_circle_when_one_of_them_begins_anew() {
    let db = Db::new().await;
    let publish = |keys: &[&str], on_conflict: &str| {
        let unique = |key: &&str| format!(r#"'{{"key": "{key}", "on_conflict": "{on_conflict}"}}'::jsonb"#);
        let uniques: Vec<String> = keys.iter().map(unique).collect();
        let bodies = vec!["1"; keys.len()].join(",");
        format!(
            "select outcome from jobs.publish_unique('{{a}}', '{{{bodies}}}', array[{}])",
            uniques.join(",")
        )
    };
    for _ in 0..5 {
        db.run(&publish(&["c"], "keep")).await;
        let mut acking = db.connect().await;
        acking.execute("begin; select jobs.ack(job_id) from jobs.consume(1)").await.unwrap();
        db.run(&publish(&["a"], "keep")).await;
        let first = waiting(&db, db.connect().await, publish(&["a", "b", "c"], "replace")).await;
        db.run(r#"select jobs.cancel(array(select job_id::text from jobs.pending where (on_end).unique_key = '["a"]'))"#)
            .await;
        let second = waiting(&db, db.connect().await, publish(&["a", "b"], "keep")).await;
        acking.execute("commit").await.unwrap();
        for call in [first, second] {
            call.await.unwrap().expect("neither is ended as a deadlock");
        }
        db.run("select jobs.purge('a')").await;
    }
}

/// A job that was pending when the keys were taken, and is cancelled while the call waits for another key, has no
/// key of this call: it stays ended, and the key goes to the next publisher.
#[tokio::test]
async fn a_retry_takes_no_job_that_has_ended_meanwhile() {
    let db = Db::new().await;
    let publish = |key: &str| {
        format!(r#"select (jobs.publish('a', '1', i_unique => '{{"key": "{key}"}}')).job_id::text"#)
    };
    let (pending, ended): (String, String) = (db.one(&publish("a")).await, db.one(&publish("b")).await);
    db.run(&format!("select jobs.cancel('{{{ended}}}')")).await;
    let mut publisher = db.connect().await;
    publisher.execute(AssertSqlSafe(format!("begin; {}", publish("b")))).await.unwrap();
    let retry = waiting(&db, db.connect().await, format!("select jobs.retry('{{{pending},{ended}}}')")).await;
    db.run(&format!("select jobs.cancel('{{{pending}}}')")).await;
    let next: String = db.one(&publish("a")).await;
    publisher.execute("rollback").await.unwrap();
    retry.await.unwrap().unwrap();
    let open: Vec<String> =
        db.all("select job_id::text from jobs.pending order by (on_end).unique_key").await;
    assert_eq!(open, [next, ended]);
}

/// Eight retries by hand of one job, and of jobs with one key.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn retries_by_hand_at_once_bring_one_job_back() {
    let db = Arc::new(Db::new().await);
    for _ in 0..3 {
        db.run(r#"select jobs.publish('a', i_unique => '{"key": 1}'); select jobs.cancel(array(select job_id::text from jobs.pending))"#)
            .await;
    }
    let retry = async |db: Arc<Db>| {
        let mut session = db.connect().await;
        session.execute("select jobs.retry(array(select job_id::text from jobs.job))").await.err()
    };
    let calls: Vec<_> = (0..PUBLISHERS).map(|_| tokio::spawn(retry(db.clone()))).collect();
    for call in calls {
        if let Some(error) = call.await.unwrap() {
            assert_eq!(error.as_database_error().unwrap().code().unwrap(), "PT409", "{error}");
        }
    }
    assert_eq!(db.pending_rows().await, 1);
    assert_eq!(db.one::<i64>("select count(*) from jobs.unique_key").await, 1);
}
