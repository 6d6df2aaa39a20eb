//! What the log of a worker says, as a real process writes it.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pgjobs::NewJob;
use pgjobs_tests::{CustomServer, Db, Proxy, ended, until};

/// A worker process whose log goes to a file; killed when the test ends.
struct Logged {
    process: Child,
    file: PathBuf,
}

impl Logged {
    fn start(test: &str, url: &str, options: &[&str]) -> Self {
        let name = format!("{test}-{}.log", std::process::id());
        let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let mut command = Command::new(env!("CARGO_BIN_EXE_app"));
        command.args(["worker", "--topic", "app.*"]).args(options).env("DATABASE_URL", url);
        command.env("NO_COLOR", "1").stdin(Stdio::null()).stdout(Stdio::null());
        let process = command.stderr(File::create(&file).unwrap()).spawn().unwrap();
        Logged { process, file }
    }

    fn lines(&self, with: &str) -> Vec<String> {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        text.lines().filter(|line| line.contains(with)).map(str::to_owned).collect()
    }

    fn catches_sigterm(&self) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        u64::from_str_radix(caught.trim(), 16).unwrap() & 1 << (15 - 1) > 0
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.process.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill {signal}");
    }
}

impl Drop for Logged {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn the_log_begins_with_what_the_worker_works_on() {
    let db = Db::new().await;
    let log = Logged::start("start", &db.url, &["--concurrency", "5"]);
    until("it is ready", async || !log.lines("ready").is_empty()).await;
    let start = log.lines("starting a worker").join("");
    for word in ["version=", "database=", "topics=\"app.*\"", "slots=5", "pid="] {
        assert!(start.contains(word), "{start} lacks {word}");
    }
}

#[tokio::test]
async fn the_log_says_what_follows_a_failure() {
    let db = Db::new().await;
    let log = Logged::start("failure", &db.url, &[]);
    NewJob::named("app.flaky").publish(&db.pool).await.unwrap();
    NewJob::named("app.broken").publish(&db.pool).await.unwrap();
    until("a failed run says when the job runs again", async || {
        log.lines("failed in run 1 of 3; runs again in").len() == 1
    })
    .await;
    until("and another that it does not", async || {
        log.lines("failed for good").iter().any(|line| line.contains("ERROR"))
    })
    .await;
}

#[tokio::test]
async fn the_log_says_what_the_end_of_the_worker_waits_for() {
    let db = Db::new().await;
    let mut log = Logged::start("end", &db.url, &["--grace", "20s"]);
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("log-{}", std::process::id()));
    let _ = std::fs::remove_file(&file);
    NewJob::named("app.hold").arg(file.to_str().unwrap()).arg(1500).publish(&db.pool).await.unwrap();
    until("one runs", async || std::fs::exists(&file).unwrap()).await;
    log.signal("-TERM");
    log.signal("-TERM"); // of the same moment
    let code = ended(&mut log.process).code();
    assert_eq!(code, Some(0), "the second signal of a moment ended it");
    let end = log.lines("SIGTERM").join("");
    assert!(end.contains("1 running job may finish within 20 s"), "{end}");
}

#[tokio::test]
async fn a_signal_ends_a_start_that_waits() {
    let db = Db::new().await;
    let proxy = Proxy::before(&db);
    proxy.set_delay(100); // so that the start takes a second
    let mut log = Logged::start("ended_start", &proxy.url(&db), &[]);
    until("it starts", async || !log.lines("starting a worker").is_empty()).await;
    proxy.set_stalled(true);
    until("it catches signals", async || log.catches_sigterm()).await;
    log.signal("-TERM");
    assert_eq!(ended(&mut log.process).code(), Some(0), "not by the failure of its start");
    assert_eq!(log.lines("before the worker has started").len(), 1);
}

#[tokio::test]
async fn an_outage_is_one_warning_and_one_line_when_it_is_over() {
    let db = Db::new().await;
    let proxy = Proxy::before(&db);
    let log = Logged::start("outage", &proxy.url(&db), &["--lease", "3s"]);
    until("it is ready", async || !log.lines("ready").is_empty()).await;
    proxy.set_up(false);
    tokio::time::sleep(Duration::from_secs(3)).await;
    proxy.set_up(true);
    until("it is back", async || !log.lines("the database is back after").is_empty()).await;
    let job = NewJob::named("app.add").arg(1).arg(2).publish(&db.pool).await.unwrap();
    job.wait_for(&db.pool, Duration::from_secs(20)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await; // each part has used its connection since
    let warnings = log.lines("WARN");
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    assert_eq!(log.lines("the database is back after").len(), 1);
}

#[tokio::test]
async fn each_outage_is_told_however_soon_it_follows_another() {
    let mut server = CustomServer::start(&[]).await;
    let db = server.db().await;
    let log = Logged::start("outages", &db.url, &[]);
    until("it is ready", async || !log.lines("ready").is_empty()).await;
    for nth in 1..=4 {
        server.kill().await;
        until("it is told", async || log.lines("the database does not answer").len() == nth).await;
        server.start_again().await;
        until("it is back", async || log.lines("the database is back after").len() == nth).await;
    }
}

#[tokio::test]
async fn a_topic_without_a_task_beside_others_is_warned_of() {
    let db = Db::new().await;
    let log = Logged::start("topics", &db.url, &["--topic", "apq.*"]);
    until("it is ready", async || !log.lines("ready").is_empty()).await;
    let warnings = log.lines("WARN");
    assert!(matches!(&warnings[..], [one] if one.contains("topic=apq.*")), "{warnings:?}");
}

#[tokio::test]
async fn a_start_under_load_warns_of_nothing() {
    let db = Db::new().await;
    db.run("select count(jobs.publish('app.add', '{\"args\": [1, 2]}')) from generate_series(1, 3000)").await;
    let log = Logged::start("load", &db.url, &["--lease", "1s"]);
    until("all ended", async || db.one::<i64>("select count(*) from jobs.job").await == 3000).await;
    let worried: Vec<_> = log.lines("WARN").into_iter().chain(log.lines("ERROR")).collect();
    assert!(worried.is_empty(), "{worried:#?}");
}

/// A lock that hangs is no database that is away: told once with what helps, and once when it is over.
#[tokio::test]
async fn a_lock_that_hangs_is_one_warning_and_one_line_when_it_is_over() {
    use sqlx::Connection;
    let db = Db::new().await;
    let log = Logged::start("lock", &db.url, &["--lease", "3s"]);
    until("it is ready", async || !log.lines("ready").is_empty()).await;
    let mut other = db.connect().await;
    let mut lock = other.begin().await.unwrap();
    sqlx::raw_sql("lock table jobs.batch").execute(&mut *lock).await.unwrap();
    let job = NewJob::named("app.add").arg(1).arg(2).publish(&db.pool).await.unwrap();
    tokio::time::sleep(Duration::from_secs(14)).await; // two claims have been cut off
    lock.rollback().await.unwrap();
    job.wait_for(&db.pool, Duration::from_secs(30)).await.unwrap();
    until("it is over", async || !log.lines("the database takes it again after").is_empty()).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let warnings = log.lines("WARN");
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    assert!(warnings[0].contains("pg_blocking_pids") && !warnings[0].contains("raise"), "{warnings:#?}");
    assert_eq!(log.lines("the database takes it again after").len(), 1);
    assert_eq!(log.lines("is back").len(), 0);
}

#[tokio::test]
async fn the_log_says_that_a_run_was_cancelled() {
    let db = Db::new().await;
    let log = Logged::start("cancelled", &db.url, &[]);
    let job = NewJob::named("app.slow").arg(1.5).publish(&db.pool).await.unwrap();
    until("it runs", async || db.one::<i64>("select count(*) from jobs.running").await == 1).await;
    pgjobs::admin::cancel(&db.pool, &[job.id().clone()]).await.unwrap();
    until("it is told", async || {
        log.lines("1 stopped by themselves").len() + log.lines("1 cut off").len() == 1
    })
    .await;
    until("its end is told too", async || log.lines("ended after it was cancelled").len() == 1).await;
    assert_eq!(log.lines("WARN").len(), 0, "which is no failure");
}

#[tokio::test]
async fn a_run_that_takes_longer_than_warn_after_is_warned_of_once() {
    let db = Db::new().await;
    let log = Logged::start("late", &db.url, &[]);
    for (millis, is_late) in [(0, false), (400, true)] {
        let job = NewJob::named("app.late").arg(millis).publish(&db.pool).await.unwrap();
        let said: serde_json::Value = job.wait_for(&db.pool, Duration::from_secs(60)).await.unwrap();
        assert_eq!(said, is_late, "Job::is_late after {millis} ms");
    }
    let warnings = log.lines("runs longer than");
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    assert!(warnings[0].contains("task=app.late") && warnings[0].contains("WARN"), "{warnings:#?}");
}

/// The outcome of a run that has ended here is on its way, however long: the run is nobody else's.
#[tokio::test]
async fn a_run_whose_outcome_is_not_settled_yet_is_not_taken_for_unknown() {
    use sqlx::Connection;
    let db = Db::new().await;
    // So that a call of held_by, by which a worker reconciles, can be seen.
    let track = "do $$ begin execute format('alter database %I set track_functions = ''pl''', current_database()); end $$";
    db.run(track).await;
    let mut log = Logged::start("unknown", &db.url, &["--lease", "3s"]);
    until("it is ready", async || !log.lines("ready").is_empty()).await;
    let mut other = db.connect().await;
    let mut lock = other.begin().await.unwrap();
    sqlx::raw_sql("lock table jobs.job in share mode").execute(&mut *lock).await.unwrap();
    let job = NewJob::named("app.add").arg(1).arg(2).publish(&db.pool).await.unwrap();
    let waits = "select exists (select from pg_stat_activity where application_name like '%pgjobs settle'
                 and datname = current_database() and wait_event_type = 'Lock')";
    until("its outcome waits", async || db.one::<bool>(waits).await).await;
    let reconciled =
        "select coalesce(sum(calls), 0)::bigint from pg_stat_user_functions where funcname = 'held_by'";
    let before: i64 = db.one(reconciled).await;
    let terminate = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                     where application_name like '%pgjobs heartbeat' and datname = current_database()";
    assert_eq!(db.one::<i64>(terminate).await, 1);
    until("it has connected anew and reconciled", async || db.one::<i64>(reconciled).await > before).await;
    lock.rollback().await.unwrap();
    job.wait_for(&db.pool, Duration::from_secs(30)).await.unwrap();
    log.signal("-TERM");
    assert_eq!(ended(&mut log.process).code(), Some(0), "and has written all that it had to say");
    let unknown = log.lines("does not hold");
    assert!(unknown.is_empty(), "{unknown:#?}");
}
