//! What runs say while they go on: progress, and the log.

use std::time::Duration;

use pgjobs::inspect;
use pgjobs::{Job, JobId, LogLevel, TaskError, Worker, task};
use pgjobs_tests::{Db, subscribe, until};
use sqlx::PgPool;
use tracing::Instrument;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt;

use crate::tasks::Gate;

/// Reports `n` times, waits at the gate, and reports once more.
#[task(name = "said.steps", timeout = "60s")]
async fn steps(#[inject] job: &Job, #[inject] gate: &Gate, n: u32) {
    for step in 1..=n {
        job.progress(step, n, "at work");
    }
    gate.pass().await;
    job.progress(f64::from(n) + 0.5, None, "after the gate");
}

/// Reports all the time until the gate opens.
#[task(name = "said.always", timeout = "60s")]
async fn always(#[inject] job: &Job, #[inject] gate: &Gate) {
    let talk = async {
        for n in 0_u64.. {
            job.progress(n, None, None);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! { () = gate.pass() => {}, () = talk => {} }
}

/// Reports its attempt and fails.
#[task(name = "said.thrice", retries = 3, backoff = "fixed(1ms)", log = "info")]
async fn thrice(#[inject] job: &Job) -> Result<(), TaskError> {
    job.percent(job.attempt());
    tracing::info!("attempt {}", job.attempt());
    Err(TaskError::new("no"))
}

/// Ends its job itself, and goes on talking.
#[task(name = "said.after", log = "info")]
async fn after(#[inject] pool: &PgPool, #[inject] job: &Job) -> Result<(), TaskError> {
    let mut tx = pool.begin().await?;
    job.finish(&mut tx, &()).await?;
    tx.commit().await?;
    job.progress(2, 2, "after its end");
    tracing::info!("after its end");
    Ok(())
}

/// Logs at each level, inside spans of its own and in a task that it spawns.
#[task(name = "said.levels", log = "info")]
async fn levels() {
    tracing::debug!("not wanted");
    let span = tracing::info_span!("inner");
    async { tracing::warn!(n = 7, ok = true, part = 0.5, who = "a\0b", "in a \u{1b}[31mspan") }
        .instrument(span)
        .await;
    let spawned = tokio::spawn(async { tracing::info!("spawned") }.in_current_span());
    let lost = tokio::spawn(async { tracing::error!("outside of the span") });
    let _ = (spawned.await, lost.await);
    tracing::error!("the last");
}

/// Logs so many lines of so many bytes.
#[task(name = "said.much", log = "info")]
async fn much(lines: u32, bytes: usize) {
    for _ in 0..lines {
        tracing::info!("{}", "ä".repeat(bytes / 2));
    }
}

/// Logs at info, and says nothing about that.
#[task(name = "said.plainly")]
async fn plainly() {
    tracing::info!("by the word of its worker");
}

/// What tasks log on this thread is kept with their jobs.
fn kept() -> DefaultGuard {
    subscribe(tracing_subscriber::registry().with(pgjobs::logs::layer()))
}

async fn done(db: &Db, id: &JobId) -> Vec<(i32, f64)> {
    let all = inspect::progress(&db.pool, id).await.unwrap();
    all.iter().map(|progress| (progress.attempt, progress.done)).collect()
}

async fn messages(db: &Db, id: &JobId) -> Vec<String> {
    let lines = inspect::log(&db.pool, id, Some(0), 5000).await.unwrap();
    lines.iter().map(|line| format!("{} {} {}", line.attempt, line.level, line.message)).collect()
}

async fn work_off(db: &Db, topic: &str) {
    Worker::new(db.pool.clone()).topic(topic).state(Gate::new()).burst().run().await.unwrap();
}

#[tokio::test]
async fn progress_is_seen_while_the_run_goes_on_and_after_its_end() {
    let (db, gate) = (Db::new().await, Gate::new());
    let job = steps::publish(&db.pool, 3).await.unwrap();
    let running = Worker::new(db.pool.clone()).topic("said.steps").state(gate.clone()).start().await.unwrap();
    until("it is seen", async || done(&db, job.id()).await == [(1, 3.0)]).await;
    let seen = job.progress(&db.pool).await.unwrap().unwrap();
    assert_eq!((seen.total, seen.note.as_deref(), seen.fraction()), (Some(3.0), Some("at work"), Some(1.0)));
    let explained = job.explain(&db.pool).await.unwrap();
    assert!(
        explained.iter().any(|reason| reason.code == "progress" && reason.message.contains("3 of 3 (100 %)"))
    );
    gate.door.add_permits(1);
    job.wait(&db.pool).await.unwrap();
    let seen = job.progress(&db.pool).await.unwrap().unwrap();
    assert_eq!((seen.done, seen.total, seen.note.as_deref()), (3.5, None, Some("after the gate")));
    running.shutdown().await;
}

#[tokio::test]
async fn a_worker_writes_twice_a_second_for_all_its_runs_together() {
    let (db, gate) = (Db::new().await, Gate::new());
    db.run(
        "create table written (xact xid8, at timestamptz);
            create function note() returns trigger language plpgsql security definer as
              $$ begin insert into public.written values (pg_current_xact_id(), now()); return null; end $$;
            create trigger note after insert or update on jobs.progress for each row execute function note()",
    )
    .await;
    pgjobs::publish_all(&db.pool, (0..8).map(|_| always::new())).await.unwrap();
    let running = Worker::new(db.pool.clone())
        .topic("said.always")
        .concurrency(8)
        .state(gate.clone())
        .start()
        .await
        .unwrap();
    until("it wrote for two seconds", async || {
        db.one::<Option<bool>>("select max(at) - min(at) > '2 seconds' from written").await == Some(true)
    })
    .await;
    let writes: i64 = db.one("select count(distinct xact) from written").await;
    let most = "select floor(extract(epoch from max(at) - min(at)) / 0.5)::bigint + 1 from written";
    // A write that was late may be followed by one that is not.
    assert!((3..=db.one::<i64>(most).await + 1).contains(&writes), "{writes}");
    let rows: i64 = db.one("select count(*) from written").await;
    assert!(rows > 3 * writes, "the runs were written together: {rows} rows in {writes} transactions");
    gate.door.add_permits(8);
    running.shutdown().await;
}

#[tokio::test]
async fn each_attempt_keeps_its_progress_and_its_log() {
    let (db, _guard) = (Db::new().await, kept());
    let job = thrice::publish(&db.pool).await.unwrap();
    let running = Worker::new(db.pool.clone()).topic("said.thrice").start().await.unwrap();
    assert!(job.wait(&db.pool).await.is_err());
    running.shutdown().await;
    assert_eq!(done(&db, job.id()).await, [(1, 1.0), (2, 2.0), (3, 3.0)]);
    let log = messages(&db, job.id()).await;
    for attempt in 1..=3 {
        assert!(log.contains(&format!("{attempt} info attempt {attempt}")), "{log:?}");
    }
    assert!(
        log.iter().any(|line| line.starts_with("3 error failed; gave up")),
        "what the worker says of it: {log:?}"
    );
}

#[tokio::test]
async fn what_a_task_says_after_it_ended_its_job_is_kept() {
    let (db, _guard) = (Db::new().await, kept());
    let job = after::publish(&db.pool).await.unwrap();
    work_off(&db, "said.after").await;
    assert_eq!(done(&db, job.id()).await, [(1, 2.0)]);
    assert_eq!(messages(&db, job.id()).await, ["1 info after its end"]);
}

#[tokio::test]
async fn a_log_has_the_events_of_its_level_inside_the_run() {
    let (db, _guard) = (Db::new().await, kept());
    let job = levels::publish(&db.pool).await.unwrap();
    work_off(&db, "said.levels").await;
    let log = messages(&db, job.id()).await;
    assert_eq!(log, ["1 warn in a \u{1b}[31mspan", "1 info spawned", "1 error the last"]);
    let first = inspect::log(&db.pool, job.id(), Some(0), 1).await.unwrap().remove(0);
    let fields: serde_json::Value = serde_json::from_str(first.fields.unwrap().get()).unwrap();
    assert_eq!(fields, serde_json::json!({ "n": 7, "ok": true, "part": 0.5, "who": "a\u{fffd}b" }));
    assert_eq!((first.position, first.target.as_str()), (1_000_001, "worker::progress"));
    assert!((pgjobs::chrono::Utc::now() - first.at).num_seconds().abs() < 600);
}

#[tokio::test]
async fn a_log_without_end_says_how_many_lines_are_missing() {
    let (db, _guard) = (Db::new().await, kept());
    let job = much::publish(&db.pool, 1500, 10).await.unwrap();
    work_off(&db, "said.much").await;
    let log = messages(&db, job.id()).await;
    assert_eq!(log.len(), 1001);
    assert!(log[1000].starts_with("1 warn 500 lines were dropped"), "{}", log[1000]);
}

#[tokio::test]
async fn a_long_line_is_cut_at_a_character() {
    let (db, _guard) = (Db::new().await, kept());
    let job = much::publish(&db.pool, 1, 9001).await.unwrap();
    work_off(&db, "said.much").await;
    let line = inspect::log(&db.pool, job.id(), Some(0), 1).await.unwrap().remove(0);
    let bytes = line.message.len() + line.target.len();
    assert!((4095..=4096).contains(&bytes) && line.message.chars().all(|letter| letter == 'ä'), "{bytes}");
}

#[tokio::test]
async fn a_worker_says_what_is_kept_of_tasks_that_say_nothing() {
    let (db, _guard) = (Db::new().await, kept());
    for (level, lines) in [(LogLevel::Off, 0), (LogLevel::Warn, 0), (LogLevel::Info, 1)] {
        let job = plainly::publish(&db.pool).await.unwrap();
        Worker::new(db.pool.clone()).topic("said.plainly").log(level).burst().run().await.unwrap();
        assert_eq!(messages(&db, job.id()).await.len(), lines, "{level:?}");
    }
    let job = much::publish(&db.pool, 3, 10).await.unwrap();
    Worker::new(db.pool.clone())
        .topic("said.much")
        .log(LogLevel::Off)
        .log_lines(2)
        .burst()
        .run()
        .await
        .unwrap();
    let log = messages(&db, job.id()).await;
    assert!(log.len() == 3 && log[2].contains("1 line was dropped: of a run 2 are kept"), "{log:?}");
    let refused = Worker::new(db.pool.clone()).topic("said.much").log_lines(100_001).start().await;
    assert!(refused.is_err_and(|error| error.to_string().contains("log_lines")));
}

#[tokio::test]
async fn jobs_that_say_nothing_leave_nothing() {
    let (db, _guard) = (Db::new().await, kept());
    crate::tasks::add::publish(&db.pool, 1).await.unwrap();
    work_off(&db, "math.*").await;
    assert!(!db.one::<bool>("select pg_sequence_last_value('jobs.progress_made') is not null").await);
}

/// Reports, logs and returns a text.
#[task(name = "said.result", retries = 1, log = "info")]
async fn result(#[inject] job: &Job, bytes: usize) -> Result<String, TaskError> {
    job.progress(1, 2, "half");
    tracing::info!("half \u{1b}[0m\"");
    job.progress(2, 2, "a\0b");
    Ok("x".repeat(bytes))
}

const ROWS: &str = "select (select count(*) from jobs.progress) + (select count(*) from jobs.log)";

#[tokio::test]
async fn what_a_short_run_says_is_in_the_row_of_its_job_and_nowhere_else() {
    let (db, _guard) = (Db::new().await, kept());
    let job = result::publish(&db.pool, 1).await.unwrap();
    work_off(&db, "said.result").await;
    let seen = job.progress(&db.pool).await.unwrap().unwrap();
    assert_eq!((seen.done, seen.total, seen.note.as_deref()), (2.0, Some(2.0), Some("a\u{fffd}b")));
    assert_eq!(messages(&db, job.id()).await, ["1 info half \u{1b}[0m\""]);
    assert_eq!(db.one::<i64>(ROWS).await, 0);
}

#[tokio::test]
async fn what_is_long_goes_to_tables_of_its_own() {
    let (db, _guard) = (Db::new().await, kept());
    let job = much::publish(&db.pool, 3, 900).await.unwrap();
    work_off(&db, "said.much").await;
    assert_eq!(messages(&db, job.id()).await.len(), 3);
    assert_eq!(db.one::<i64>(ROWS).await, 1);
    assert!(db.one::<bool>("select said is null from jobs.job").await);
}

#[tokio::test]
async fn what_a_run_said_outlives_the_refusal_of_its_result() {
    let (db, _guard) = (Db::new().await, kept());
    db.run("update jobs.config set max_result_bytes = 1000").await;
    let job = result::publish(&db.pool, 2000).await.unwrap();
    work_off(&db, "said.result").await;
    assert_eq!(db.one::<String>("select status::text from jobs.job").await, "failed");
    assert_eq!(done(&db, job.id()).await, [(1, 2.0)]);
    assert_eq!(messages(&db, job.id()).await, ["1 info half \u{1b}[0m\""]);
}

#[task(name = "rate.silent", log = "info")]
async fn silent(n: u32) {
    let _ = n;
}

#[task(name = "rate.report", log = "info")]
async fn report(#[inject] job: &Job, n: u32) {
    job.progress(1, 2, None);
    job.progress(2, 2, None);
    let _ = n;
}

#[task(name = "rate.line", log = "info")]
async fn line(#[inject] job: &Job, n: u32) {
    job.progress(1, 2, None);
    tracing::info!(n, "imported");
    job.progress(2, 2, None);
}

/// Drains so many jobs, and returns how many a second that were.
async fn drain<T: pgjobs::Task>(db: &Db, topic: &str, jobs: u32, new: impl Fn(u32) -> T) -> f64 {
    pgjobs::publish_all(&db.pool, (0..jobs).map(new)).await.unwrap();
    let begun = std::time::Instant::now();
    let report = Worker::new(db.pool.clone()).topic(topic).concurrency(100).burst().run().await.unwrap();
    assert_eq!(report.succeeded, u64::from(jobs));
    f64::from(jobs) / begun.elapsed().as_secs_f64()
}

/// Jobs that do nothing but talk are nearly as fast as those that do nothing: strictly with
/// PGJOBS_DRAIN_JOBS=50000, in a release build and a run alone.
#[tokio::test]
async fn a_drain_of_jobs_that_talk_keeps_its_rate() {
    let jobs = std::env::var("PGJOBS_DRAIN_JOBS").ok().map(|jobs| jobs.parse::<u32>().unwrap());
    let (db, _guard, number) = (Db::new().await, kept(), jobs.unwrap_or(1000));
    let mut ratios = [Vec::new(), Vec::new()];
    for round in 0..5 {
        let silent = drain(&db, "rate.silent", number, silent::new).await;
        let report = drain(&db, "rate.report", number, report::new).await;
        let line = drain(&db, "rate.line", number, line::new).await;
        println!("round {round}: {silent:.0}, {report:.0} and {line:.0} jobs a second");
        ratios[0].push(report / silent);
        ratios[1].push(line / silent);
    }
    // Runs that a beat overtakes have rows of their own.
    let together = "select avg((said is not null)::int)::float8 from jobs.job where task <> 'rate.silent'";
    assert!(db.one::<f64>(together).await > 0.9);
    // Of each round, because the speed of a busy machine changes from one to the next.
    let [reports, lines] = ratios.map(|mut ratios| {
        ratios.sort_by(f64::total_cmp);
        ratios[2]
    });
    println!("with reports {reports:.2}, with a line of log as well {lines:.2} of the rate without");
    let least = if jobs.is_some() { [0.9, 0.8] } else { [0.5, 0.25] };
    assert!(reports >= least[0] && lines >= least[1], "{reports:.2} {lines:.2}");
}
