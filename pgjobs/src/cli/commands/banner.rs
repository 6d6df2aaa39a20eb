//! What a worker says at its start: what it runs, where, how, and what stops it. Once, for people; whoever
//! logs for programs gets the same facts in the log.

use std::time::Duration;

use futures_util::future::join_all;
use sqlx::PgPool;

use crate::cli::args::global::program;
use crate::cli::database::places::Opened;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::define::{Handler, Param, TaskDef, TaskOptions};
use crate::{Error, LogLevel, Worker, migrations};

/// Prints what the worker will run, or fails with the reason why it cannot.
pub(crate) async fn announce(worker: &Worker, opened: &[Opened], console: &Console) -> Result<(), Failure> {
    let tasks = worker.tasks().map_err(explain)?;
    if !console.notes() {
        return Ok(());
    }
    let places = join_all(opened.iter().map(place)).await;
    let on: Vec<String> = features(worker).collect();
    let on = if on.is_empty() { Vec::new() } else { vec![format!("with {}", on.join("; "))] };
    let head = [what(worker)].into_iter().chain(places).chain([rhythm(worker)]).chain(on).chain(end(worker));
    console.note(head.collect::<Vec<_>>().join("\n"));
    let lines = tasks.iter().map(|task| line(task));
    let lines: Vec<String> = std::iter::once(format!("{} at work on:", program())).chain(lines).collect();
    console.note(lines.join("\n"));
    Ok(())
}

/// A database, and of several servers its name.
async fn place(opened: &Opened) -> String {
    let name = opened.place.name.as_ref().map(|name| format!("server {name}, ")).unwrap_or_default();
    let state = match opened.is_there {
        true => server(&opened.pool).await,
        false => "it does not answer yet".to_owned(),
    };
    format!("{name}{}: {state}", opened.place.target.describe())
}

fn what(worker: &Worker) -> String {
    let plan = worker.plan();
    let topics = if plan.topics.is_empty() { "every topic".to_owned() } else { plan.topics.join(", ") };
    let process = std::process::id();
    format!("pgjobs {}, process {process}, {} slots, {topics}", env!("CARGO_PKG_VERSION"), plan.slots)
}

/// The versions of the server and of the schema, as far as its role may know them.
async fn server(pool: &PgPool) -> String {
    let version = sqlx::query_scalar::<_, String>("select current_setting('server_version')");
    let version = version.fetch_one(pool).await.map_or_else(
        |_| "PostgreSQL of unknown version".to_owned(),
        |version| format!("PostgreSQL {version}"),
    );
    match migrations::pending(pool).await {
        Ok(pending) if pending.is_empty() => format!("{version}, schema `jobs` of this version"),
        Ok(pending) => format!(
            "{version}, schema `jobs` older than this program ({} not applied): `{} migrate`",
            pending.len(),
            program()
        ),
        Err(_) => version,
    }
}

/// How it learns of jobs, and for how long it counts as alive.
fn rhythm(worker: &Worker) -> String {
    let plan = worker.plan();
    let poll = time(plan.poll);
    let hears = match plan.listens {
        true => format!("woken by notifications, and looks every {poll}"),
        false => format!("without notifications, looks every {poll}"),
    };
    format!("{hears}; a lease of {}", time(plan.lease))
}

fn features(worker: &Worker) -> impl Iterator<Item = String> {
    let log = worker.plan().log;
    let log = (log > LogLevel::Off).then(|| format!("logs of runs kept from `{}` on", log.as_str()));
    log.into_iter().chain(traces())
}

#[cfg(feature = "otel")]
fn traces() -> Option<String> {
    crate::cli::output::spans::are_sent()
        .then(|| "traces sent as OTEL_EXPORTER_OTLP_ENDPOINT says".to_owned())
}

#[cfg(not(feature = "otel"))]
fn traces() -> Option<String> {
    None
}

fn end(worker: &Worker) -> Option<String> {
    let plan = worker.plan();
    Some(match plan.is_burst {
        true => "ends when nothing is due".to_owned(),
        false => format!(
            "Ctrl-C stops it: running jobs may finish within {}; a second one ends it at once",
            time(plan.grace)
        ),
    })
}

/// A program without any task is most often `pgjobs` itself.
pub(crate) fn explain(error: Error) -> Failure {
    match error {
        Error::NoTasks { known, .. } if known.is_empty() => Failure::usage(format!(
            "no tasks are registered in this program, so a worker has nothing to do: call pgjobs::cli::main() from \
             a program of your own that holds them, or name the crate that does with pgjobs::link!(my_tasks); \
             (`{} worker --help` shows how)",
            program()
        )),
        error => error.into(),
    }
}

/// `mail.welcome(user_id: i64, [locale: String])`, and what is not as it is by default.
fn line(task: &TaskDef) -> String {
    let parameters = task.params.iter().map(|param: &Param| (param.name, param.ty, param.required));
    let signature = format!("{}({})", task.name, format::parameters(parameters, task.extra_kwargs));
    let (options, usual) = (&task.options, TaskOptions::DEFAULT);
    let mut said = Vec::new();
    if let Handler::Many(many) = task.run {
        said.push(format!("up to {} at once, waits {}", many.most, time(many.linger)));
    }
    if options.retries != usual.retries {
        said.push(format!("{} run{}", options.retries, if options.retries == 1 { "" } else { "s" }));
    }
    if options.timeout != usual.timeout {
        said.push(format!("timeout {}", time(options.timeout)));
    }
    if options.priority != usual.priority {
        said.push(format!("priority {}", options.priority));
    }
    if said.is_empty() { signature } else { format!("{signature}  ({})", said.join(", ")) }
}

/// "250 ms", "1.5 s", "10 min", "2 h".
fn time(time: Duration) -> String {
    match (time.as_millis(), time.as_secs()) {
        (0..1000, _) => format!("{} ms", time.as_millis()),
        (_, 0..120) => format!("{} s", time.as_secs_f64()),
        (_, seconds @ 120..7200) if seconds % 60 == 0 => format!("{} min", seconds / 60),
        (_, seconds) if seconds % 3600 == 0 => format!("{} h", seconds / 3600),
        (_, seconds) => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_unit_in_which_they_are_short() {
        let ms = Duration::from_millis;
        for (given, said) in [
            (ms(0), "0 ms"),
            (ms(250), "250 ms"),
            (ms(1500), "1.5 s"),
            (ms(60_000), "60 s"),
            (ms(600_000), "10 min"),
            (ms(3_600_000), "60 min"),
            (ms(7_200_000), "2 h"),
            (ms(7_201_000), "7201 s"),
        ] {
            assert_eq!(time(given), said);
        }
    }
}
