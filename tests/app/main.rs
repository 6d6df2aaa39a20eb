//! A user's own binary: a few tasks and the whole command line. Tests run it as a real process.

mod journey;
mod lab;

use std::fs::File;
use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pgjobs::cli::App;
use pgjobs::sqlx::{self, PgPool};
use pgjobs::{Job, Jobs, TaskError, task};

/// State that the worker is given.
struct Counter(AtomicU64);

/// Adds two numbers.
#[task(name = "app.add")]
async fn add(a: i64, b: i64) -> Result<i64, TaskError> {
    Ok(a + b)
}

/// Fails twice, then tells which run it was.
#[task(name = "app.flaky", retries = 5)]
async fn flaky(#[inject] job: &Job) -> Result<i32, TaskError> {
    if job.retries() < 2 {
        return Err(TaskError::new("not yet").retry_in(Duration::from_millis(1)));
    }
    Ok(job.retries() + 1)
}

/// Never works.
#[task(name = "app.broken")]
async fn broken(reason: Option<String>) -> Result<(), TaskError> {
    Err(TaskError::fatal(reason.unwrap_or_else(|| "broken for good".to_owned())))
}

/// Takes the whole process with it.
#[task(name = "app.abort")]
async fn abort() -> Result<(), TaskError> {
    std::process::abort()
}

/// Panics with these words.
#[task(name = "app.panic")]
async fn panic(text: String) -> Result<(), TaskError> {
    panic!("{text}")
}

/// Returns what it was given.
#[task(name = "app.echo")]
async fn echo(text: String) -> Result<String, TaskError> {
    Ok(text)
}

/// Takes its time.
#[task(name = "app.slow", timeout = "10m")]
async fn slow(seconds: f64) -> Result<f64, TaskError> {
    tokio::time::sleep(Duration::try_from_secs_f64(seconds)?).await;
    Ok(seconds)
}

/// Takes its time, as one of its key.
#[task(name = "app.keyed", timeout = "10m", backoff = "fixed(50ms)")]
async fn keyed(key: i64, millis: u64) -> Result<i64, TaskError> {
    tokio::time::sleep(Duration::from_millis(millis)).await;
    Ok(key)
}

/// Fails for every so many, for good.
#[task(name = "app.sometimes", timeout = "10m", backoff = "fixed(50ms)")]
async fn sometimes(at: i64, every: i64, millis: u64) -> Result<i64, TaskError> {
    tokio::time::sleep(Duration::from_millis(millis)).await;
    if at % every == 0 { Err(TaskError::fatal("one of those that fail")) } else { Ok(at) }
}

/// Says how many it was given.
#[task(name = "app.size")]
async fn size(of: Vec<pgjobs::serde_json::Value>) -> Result<usize, TaskError> {
    Ok(of.len())
}

/// Takes its time, and says whether that was longer than it should.
#[task(name = "app.late", warn_after = "200ms", slo = "100ms")]
async fn late(#[inject] job: &Job, millis: u64) -> Result<bool, TaskError> {
    tokio::time::sleep(Duration::from_millis(millis)).await;
    Ok(job.is_late())
}

/// Counts its runs in this process.
#[task(name = "app.count", keep = "failed")]
async fn count(#[inject] counter: &Counter) -> Result<u64, TaskError> {
    Ok(counter.0.fetch_add(1, Ordering::Relaxed) + 1)
}

/// Notes its start and its end in a file, for tests that kill the worker in between. Ends when a file beside it, `.held`,
/// is gone.
#[task(name = "app.hold", timeout = "10m", retries = 10)]
async fn hold(#[inject] job: &Job, file: String, millis: u64) -> Result<(), TaskError> {
    note(&file, "start", job)?;
    tokio::time::sleep(Duration::from_millis(millis)).await;
    while std::fs::exists(format!("{file}.held"))? {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    note(&file, "end", job)
}

/// Writes down which jobs it was called for, works a moment, and fails one value of a hundred; below zero it takes the
/// process with it.
#[task(name = "app.batch", batch = 16, linger = "20ms")]
async fn batch(
    #[inject] pool: &PgPool,
    #[inject] jobs: &Jobs,
    #[each] n: Vec<i64>,
) -> Result<Vec<Result<i64, TaskError>>, TaskError> {
    if n.iter().any(|n| *n < 0) {
        std::process::abort();
    }
    let ids: Vec<&str> = jobs.iter().map(|job| job.id().as_str()).collect();
    let attempts: Vec<i32> = jobs.iter().map(|job| job.attempt()).collect();
    let note =
        "insert into seen (job_id, attempt, n) select * from unnest($1::text[], $2::integer[], $3::bigint[])";
    sqlx::query(note).bind(ids).bind(attempts).bind(&n).execute(pool).await?;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let end = |n| if n % 100 == 0 { Err(TaskError::fatal("a round number")) } else { Ok(n) };
    Ok(n.into_iter().map(end).collect())
}

/// Says what it does, until a file is there; then ends as it is told.
#[task(name = "app.talk", timeout = "10m", retries = 1, log = "info")]
async fn talk(#[inject] job: &Job, file: String, ending: String) -> Result<(), TaskError> {
    job.progress(1, 4, "reading\u{1b}[2J");
    tracing::info!(rows = 3, "read\nall");
    while !std::fs::exists(&file)? {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    job.progress(4, 4, None);
    tracing::warn!("the last line");
    if ending == "well" { Ok(()) } else { Err(TaskError::fatal(ending)) }
}

/// Publishes another job, in the trace that it is in itself.
#[task(name = "app.relay", trace = "child")]
async fn relay(#[inject] pool: &PgPool) -> Result<(), TaskError> {
    add::publish(pool, 1, 2).await?;
    Ok(())
}

/// One write of one line: appends of several processes do not mix.
fn note(file: &str, what: &str, job: &Job) -> Result<(), TaskError> {
    let line = format!("{what} {} {} {}\n", job.id(), job.attempt(), std::process::id());
    File::options().append(true).create(true).open(file)?.write_all(line.as_bytes())?;
    Ok(())
}

fn main() -> ExitCode {
    pgjobs::on_publish(
        |job| if job.task() == "app.closed" { Err("closed for today".into()) } else { Ok(()) },
    );
    App::new().state(Counter(AtomicU64::new(0))).state(lab::Notes::default()).main()
}
