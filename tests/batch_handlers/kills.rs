//! Workers that die in the midst of calls.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pgjobs::NewJob;
use pgjobs_tests::{Db, amount, until};

/// A worker process; killed when the test ends.
struct Process(Child);

impl Process {
    fn start(db: &Db, concurrency: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_app"));
        command.args(["worker", "--topic", "app.batch", "--lease", "2s", "--poll", "100ms"]);
        command.args(["--concurrency", concurrency]).env("DATABASE_URL", &db.url);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Process(command.spawn().expect("the worker"))
    }

    fn kill(&mut self) {
        self.0.kill().expect("kill -9");
        self.0.wait().expect("its end");
    }

    fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("its status").is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The runs that began, as the handler saw them; and those that a dead worker left.
const TABLES: &str = "
    create table seen (job_id text, attempt integer, n bigint);
    create table dead (job_id text, attempt integer, charged boolean, primary key (job_id, attempt))";
/// The runs that a dead worker leaves, and which of them count: those that the database has as started. Some may be
/// of a worker that died before and was not swept yet.
const REMEMBER: &str = "
    insert into dead select r.job_id, r.attempt, (b.started >> (r.batch_index & 63)) & 1 = 1
    from jobs._runs r join jobs.batch b using (lease, part) on conflict do nothing";
const SESSIONS: &str = "
    select count(*) from pg_stat_activity where datname = current_database() and application_name like 'pgjobs%'";

#[tokio::test]
async fn of_ten_thousand_jobs_in_dying_workers_none_is_charged_for_another() {
    let jobs = i64::from(amount(10_000, 10_000));
    let db = Db::new().await;
    db.run(TABLES).await;
    db.run(&format!(
        "select jobs.publish('app.batch', jsonb_build_object('args', jsonb_build_array(n))) from generate_series(1, {jobs}) n"
    ))
    .await;
    let ended = "select count(*) from jobs.job";
    let mut kills = 0;
    loop {
        let before: i64 = db.one(ended).await;
        let mut worker = Process::start(&db, "300");
        let next = (before + jobs / 6).min(jobs);
        until("a part has ended", async || db.one::<i64>(ended).await >= next).await;
        if next == jobs {
            break;
        }
        worker.kill();
        until("the server has noticed", async || db.one::<i64>(SESSIONS).await == 0).await;
        db.run(REMEMBER).await;
        kills += 1;
    }
    // One by one: what each job should have become.
    let ends: Vec<(String, bool, i64)> = sqlx::query_as(
        "select status::text, (body->'args'->>0)::bigint % 100 = 0, count(*) from jobs.job group by 1, 2 order by 1, 2",
    )
    .fetch_all(&db.pool)
    .await
    .unwrap();
    assert_eq!(
        ends,
        [("failed".to_owned(), true, jobs / 100), ("success".to_owned(), false, jobs - jobs / 100)]
    );
    assert_eq!(
        db.one::<i64>("select count(distinct job_id) from jobs.job").await,
        jobs,
        "none lost, none twice"
    );
    let wrong = "select count(*) from jobs.job j where j.status = 'success' and j.retries
                 <> (select count(*) from dead d where d.job_id = j.job_id and d.charged)";
    assert_eq!(db.one::<i64>(wrong).await, 0, "charged for something else than the death of its worker");
    let twice = "select count(*) from (select from seen group by job_id, attempt having count(*) > 1) twice";
    assert_eq!(db.one::<i64>(twice).await, 0, "runs beside their lease");
    let (charged, uncharged): (i64, i64) = sqlx::query_as(
        "select count(*) filter (where charged), count(*) filter (where not charged) from dead",
    )
    .fetch_one(&db.pool)
    .await
    .unwrap();
    println!("{kills} kills took {charged} runs that count and {uncharged} that do not");
    assert!(charged > 0, "every worker died between two calls: the test shows nothing");
}

#[tokio::test]
async fn a_value_that_kills_its_worker_fails_and_takes_no_other_along() {
    const BYSTANDERS: i64 = 40;
    let db = Db::new().await;
    db.run(TABLES).await;
    let pill = NewJob::named("app.batch").arg(-1).retries(3).publish(&db.pool).await.unwrap();
    for n in 1..=BYSTANDERS {
        // One run more than the pill has: each death may charge them one, as beside any other task.
        NewJob::named("app.batch").arg(1000 + n * 100 + 1).retries(4).publish(&db.pool).await.unwrap();
    }
    let (mut worker, deadline) = (Process::start(&db, "50"), Instant::now() + Duration::from_secs(170));
    while db.one::<i64>("select count(*) from jobs.job").await < BYSTANDERS + 1 {
        if worker.has_ended() {
            worker = Process::start(&db, "50");
        }
        assert!(Instant::now() < deadline, "not all ended");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let error = pill.wait(&db.pool).await.unwrap_err().to_string();
    assert!(error.ends_with("lost: the worker died"), "{error}");
    let well = "select count(*) from jobs.job where status = 'success'";
    assert_eq!(db.one::<i64>(well).await, BYSTANDERS, "no bystander failed");
}
