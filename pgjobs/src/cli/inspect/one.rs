//! One job with everything that is known of it.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgPool;

use crate::cli::console::Console;
use crate::cli::exit::Failure;
use crate::cli::words;
use crate::inspect::{self, JobRow};
use crate::{JobId, JobState};

pub(super) async fn show(pool: &PgPool, id: &JobId, console: &Console) -> Result<(), Failure> {
    let job = inspect::job(pool, id).await?;
    let waits_for = waits_for(pool, &job).await?;
    console.data(&job, || describe(&job, waits_for.as_deref(), console))
}

/// Why a pending job does not run.
async fn waits_for(pool: &PgPool, job: &JobRow) -> Result<Option<String>, Failure> {
    if job.state != JobState::Pending {
        return Ok(None);
    }
    if let Some(time) = job.scheduled_at.filter(|time| *time > Utc::now()) {
        return Ok(Some(format!("its time, {}", words::when(time, Utc::now()))));
    }
    let tasks = inspect::tasks(pool).await?;
    let has = tasks.iter().any(|t| t.workers > 0 && (t.name == job.task || t.aliases.contains(&job.task)));
    let reason = if has { "a free slot" } else { "a worker that has this task: none is alive" };
    Ok(Some(reason.to_owned()))
}

fn describe(job: &JobRow, waits_for: Option<&str>, console: &Console) -> String {
    let mut text = String::new();
    let mut say = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            text.push_str(&format!("{name:<14}{value}\n"));
        }
    };
    say("Job", Some(job.job_id.to_string()));
    say("Task", Some(job.task.clone()));
    say("State", Some(console.paint(color(job.state), job.state.as_str())));
    say("Waits for", waits_for.map(str::to_owned));
    say("Starts", Some(job.attempt.to_string()));
    say("Charged", Some(format!("{} of {} runs", job.retries, job.max_retries)));
    say("Priority", Some(job.priority.to_string()));
    say("Timeout", Some(format!("{} s", job.timeout)));
    say("Published", Some(time(job.created_at)));
    say("Scheduled", job.scheduled_at.map(time));
    say("Last start", job.run_at.map(time));
    say("Ended", job.complete_on.map(time));
    say("Worker", job.worker.map(|id| id.to_string()));
    say("Arguments", job.body.as_ref().map(pretty));
    say("Result", job.result.as_ref().map(pretty));
    say("Last error", job.traceback.as_deref().map(|error| indent(error.trim_end())));
    text.trim_end().to_owned()
}

fn color(state: JobState) -> &'static str {
    match state {
        JobState::Success => "32",
        JobState::Failed => "31",
        JobState::Running => "36",
        _ => "33",
    }
}

fn time(time: DateTime<Utc>) -> String {
    format!("{} ({})", time.format("%Y-%m-%d %H:%M:%S%.3f UTC"), words::when(time, Utc::now()))
}

fn pretty(value: &Value) -> String {
    indent(&serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string()))
}

fn indent(text: &str) -> String {
    text.replace('\n', "\n              ")
}
