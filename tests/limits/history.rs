//! What history says of limits, after workers were killed, frozen past their lease and thawed, and after a crash of the
//! server: of each key no more than its max were accepted at once, and nothing is left.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pgjobs_tests::{CustomServer, Db, until};

/// `PGJOBS_LIMITS=long`: as many as the issue asks for; else what takes less than a minute.
fn jobs() -> i64 {
    if std::env::var("PGJOBS_LIMITS").is_ok_and(|long| long == "long") { 48_000 } else { 4_000 }
}

/// A worker process; killed when the test ends.
struct Worker(Child);

impl Worker {
    fn start(db: &Db) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_app"));
        command.args(["worker", "--topic", "app.keyed", "--concurrency", "40", "--lease", "2s"]);
        command.env("DATABASE_URL", &db.url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Worker(command.spawn().expect("the worker"))
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.0.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill {signal}");
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A value, whenever the server answers again.
async fn ask<T>(db: &Db, sql: &'static str) -> T
where
    T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
{
    let deadline = Instant::now() + Duration::from_secs(180);
    loop {
        match sqlx::query_scalar(sql).fetch_one(&db.pool).await {
            Ok(value) => return value,
            Err(error) => assert!(Instant::now() < deadline, "{sql}: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

const LEFT: &str = "select count(*) from jobs.job_queue";
/// The slots of the key that runs hold most of, as one snapshot sees them.
const MOST_HELD: &str = "select coalesce(max(n), 0) from (select count(*) as n from jobs.batch b, unnest(b.buckets) with ordinality u(bucket, at)
  where b.open & jobs._bit((u.at - 1) / b.slots_each) <> 0 group by u.bucket) h";
/// The most accepted runs of a key at one time; an end comes before a beginning at the same time.
const MOST_ACCEPTED: &str = "select max(n)::int8 from (
  select sum(e.step) over (partition by e.key order by e.at, e.step rows unbounded preceding) as n
  from jobs.job j, lateral (values (j.body->'kwargs'->>'key', j.run_at, 1), (j.body->'kwargs'->>'key', j.complete_on, -1)) e(key, at, step)
  where j.status = 'success') s";
const LEFT_OVER: &str = "select (select coalesce(sum(held), 0) from jobs.bucket) + (select count(*) from jobs.bucket where waits)
  + (select count(*) from jobs.bucket_delta d where 0 < any (d.slots)) + (select count(*) from jobs.pending) + (select count(*) from jobs.batch)";

/// Kills, freezes and thaws workers in turn until all has ended, and has the server crash once.
async fn harm(db: &Db, workers: &mut [Worker]) {
    for round in 0.. {
        let nth = round % workers.len();
        if round % 2 == 0 {
            workers[nth] = Worker::start(db);
        } else {
            workers[nth].signal("-STOP");
            tokio::time::sleep(Duration::from_secs(3)).await;
            workers[nth].signal("-CONT");
        }
        if round == 2 {
            let backend: i32 = ask(db, "select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid() limit 1").await;
            let _ = Command::new("kill").args(["-9", &backend.to_string()]).status();
        }
        assert_eq!(ask::<i64>(db, "select jobs.check_limits()").await, 0, "counters had to be corrected");
        if ask::<i64>(db, LEFT).await == 0 && round >= 4 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_ever_has_more_accepted_runs_than_its_max() {
    let server = CustomServer::start(&[]).await;
    let db = server.db().await;
    db.run(r#"select jobs.set_limit('keys', 'app.keyed', '{"key": ["key"], "max": 2}')"#).await;
    db.run(&format!(
        "select jobs.publish_arrays('{{app.keyed}}', (select array_agg(jsonb_build_object('args', '[]'::jsonb, 'kwargs', jsonb_build_object('key', n % 70, 'millis', 20 + n % 40)))
           from generate_series(c * 1000 + 1, least((c + 1) * 1000, {0})) n), null, null, null, null, '{{100}}') from generate_series(0, ({0} - 1) / 1000) c",
        jobs()
    ))
    .await;
    let begun = Instant::now();
    let mut workers: Vec<Worker> = (0..3).map(|_| Worker::start(&db)).collect();
    let looking = async {
        loop {
            let most: i64 = ask(&db, MOST_HELD).await;
            assert!(most <= 2, "{most} runs of a key");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! { () = harm(&db, &mut workers) => {}, () = looking => {} }
    assert_eq!(ask::<i64>(&db, "select count(*) from jobs.job where status = 'success'").await, jobs());
    assert_eq!(ask::<i64>(&db, MOST_ACCEPTED).await, 2);
    // The last deltas are applied by the next claims of those who wait for work.
    until("no slot, delta or job is left", async || ask::<i64>(&db, LEFT_OVER).await == 0).await;
    assert_eq!(ask::<i64>(&db, "select jobs.check_limits()").await, 0);
    let fenced: i64 = ask(&db, "select sum(attempt - 1)::int8 from jobs.job").await;
    println!("{} jobs in {:?}, {fenced} runs were fenced; at most 2 accepted runs of a key at once", jobs(), begun.elapsed());
}
