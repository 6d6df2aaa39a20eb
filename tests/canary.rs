//! A secret in the URL, in arguments and in results is seen nowhere: every log line, process list, error
//! and statement is searched for it. (`cli/secrets.rs` does the same for the command line's own words.)

use std::io::{self, Read, Write};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use pgjobs::{Error, JobHandle, NewJob, TaskError, Worker, task};
use pgjobs_tests::{Db, server, until};
use sqlx::PgPool;
use tracing_subscriber::filter::LevelFilter;

const PASSWORD: &str = "canary-password-7Q";
const ARGUMENT: &str = "canary-argument-7Q";

/// Returns what it was given.
#[task(name = "canary.echo", retries = 1)]
async fn echo(text: String) -> Result<String, TaskError> {
    Ok(text)
}

/// Fails without a word about what it was given.
#[task(name = "canary.fail", retries = 1)]
async fn fail(text: String) -> Result<(), TaskError> {
    Err(format!("{} bytes are too many", text.len()).into())
}

/// Wants a number.
#[task(name = "canary.count", retries = 1)]
async fn count(n: i64) -> Result<i64, TaskError> {
    Ok(n)
}

/// Everything that was logged in this process.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn start() -> Self {
        let log = Log::default();
        let writer = log.clone();
        tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .init();
        log
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

#[track_caller]
fn clean(place: &str, text: &str) {
    for secret in [PASSWORD, ARGUMENT] {
        if let Some(at) = text.find(secret) {
            let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
            panic!("{place} shows {secret}: {:.300}", &text[line..]);
        }
    }
}

/// What a program prints of an error: its own words, all of it, and its causes.
#[track_caller]
fn clean_error(error: &impl std::error::Error) {
    let mut words = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(&error.to_string());
        cause = error.source();
    }
    clean("an error", &words);
}

/// The database's URL for a user whose password is the secret.
async fn url(db: &Db) -> String {
    let create = "select format('create role canary superuser login password %L', $1::text)";
    let create: String = sqlx::query_scalar(create).bind(PASSWORD).fetch_one(&db.pool).await.unwrap();
    db.run(&create).await;
    let (_, rest) = db.url.split_once("://").unwrap();
    let place = rest.split_once('@').map_or(rest, |(_, place)| place);
    let and = if place.contains('?') { '&' } else { '?' };
    format!("postgresql://{place}{and}user=canary&password={PASSWORD}")
}

async fn every_error(pool: &PgPool) {
    let unfit = || NewJob::named("canary.count").arg(ARGUMENT).kwarg("more", ARGUMENT);
    clean_error(&unfit().publish(pool).await.unwrap_err());
    clean_error(&NewJob::named("canary.count").arg(ARGUMENT).publish(pool).await.unwrap_err());
    // With a warning instead, which drivers log.
    sqlx::query("select jobs.set_validation('canary.count', 'warn')").execute(pool).await.unwrap();
    let broken = NewJob::named("canary.count").arg(ARGUMENT).publish(pool).await.unwrap();
    clean_error(&broken.wait(pool).await.unwrap_err());
    let long = NewJob::named("canary.echo").arg(ARGUMENT.repeat(100_000)).publish(pool).await.unwrap_err();
    assert!(matches!(long, Error::Refused { .. }));
    clean_error(&long);
    clean_error(&echo::publish(pool, format!("{ARGUMENT}\0")).await.unwrap_err());
    let job = echo::publish(pool, ARGUMENT.into()).await.unwrap();
    assert_eq!(job.wait(pool).await.unwrap(), ARGUMENT);
    clean_error(&JobHandle::<i64>::new(job.id().clone()).wait(pool).await.unwrap_err());
    clean_error(&fail::publish(pool, ARGUMENT.into()).await.unwrap().wait(pool).await.unwrap_err());
    let job = NewJob::named("canary.echo").arg(ARGUMENT).kwarg("text", ARGUMENT);
    clean("a call that is printed", &format!("{job:?}"));
    let row = broken.fetch(pool).await.unwrap();
    clean("a traceback", &row.traceback.unwrap());
}

/// The user's own binary at work, as talkative as can be, until it has done its jobs.
async fn process(db: &Db, url: &str) -> String {
    // Before the worker has said what they take.
    let jobs = [
        NewJob::named("app.echo").arg(ARGUMENT).publish(&db.pool).await.unwrap(),
        NewJob::named("app.add").arg(ARGUMENT).arg(ARGUMENT).publish(&db.pool).await.unwrap(),
    ];
    let mut command = Command::new(env!("CARGO_BIN_EXE_app"));
    command.args(["worker", "--topic", "app.*", "-vvv"]).env("DATABASE_URL", url).env("RUST_LOG", "trace");
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stderr.take().unwrap();
    let said = std::thread::spawn(move || {
        let mut said = Vec::new();
        pipe.read_to_end(&mut said).map(|_| said)
    });
    for job in &jobs {
        until("it ended", async || job.fetch(&db.pool).await.unwrap().state.has_ended()).await;
    }
    let arguments = std::fs::read(format!("/proc/{}/cmdline", child.id())).unwrap();
    clean("the process list", &String::from_utf8_lossy(&arguments));
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    child.wait().unwrap();
    out + &String::from_utf8_lossy(&said.join().unwrap().unwrap())
}

#[tokio::test]
async fn secrets_in_the_url_in_arguments_and_in_results_are_seen_nowhere() {
    let db = Db::new().await;
    let url = url(&db).await; // before the log begins: this statement holds the password
    let log = Log::start();
    // What the server writes down of statements; of parameters only when it is told to, which nobody should.
    db.run("alter system set log_statement = 'all'").await;
    db.run("alter system set log_parameter_max_length = 0").await;
    db.run("alter system set log_parameter_max_length_on_error = 0").await;
    db.run("select pg_reload_conf()").await;
    let pool = PgPool::connect(&url).await.unwrap();
    until("the server logs", async || db.one::<String>("show log_statement").await == "all").await;
    let worker = Worker::new(pool.clone()).topic("canary.*").start().await.unwrap();
    every_error(&pool).await;
    let queries: Vec<String> = db.all("select query || application_name from pg_stat_activity").await;
    clean("pg_stat_activity", &queries.join("\n"));
    let views: Vec<String> =
        db.all("select w::text from jobs.worker w union all select t::text from jobs.task t").await;
    clean("a worker's row", &views.join("\n"));
    worker.shutdown().await;
    let said = process(&db, &url).await;
    assert!(said.contains("app.add") && said.contains("TRACE"), "it said what it does: {said}");
    clean("the worker process", &said);
    let logged = log.text();
    assert!(logged.contains("expected i64, found string"), "the warning was logged");
    assert!(logged.contains("jobs.publish(") && logged.contains("canary.count"), "the log is empty");
    clean("the log", &logged);
    let server_log = std::fs::read_to_string(server().await.log_file()).unwrap();
    assert!(server_log.contains("jobs.publish("), "the server logs statements");
    clean("the server's log", &server_log);
}
