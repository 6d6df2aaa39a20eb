//! One job with everything that is known of it.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgPool;

use crate::cli::console::Console;
use crate::cli::exit::Failure;
use crate::cli::words;
use crate::inspect::{self, JobRow, Reason};
use crate::{JobId, JobState};

pub(super) async fn show(pool: &PgPool, id: &JobId, console: &Console) -> Result<(), Failure> {
    let job = inspect::job(pool, id).await?;
    let reason = inspect::explain(pool, id).await?.into_iter().next();
    console.data(&job, || describe(&job, reason.as_ref(), console))
}

fn describe(job: &JobRow, reason: Option<&Reason>, console: &Console) -> String {
    let mut text = String::new();
    let mut say = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            text.push_str(&format!("{name:<14}{value}\n"));
        }
    };
    say("Job", Some(job.job_id.to_string()));
    say("Task", Some(job.task.clone()));
    say("State", Some(console.paint(color(job.state), job.state.as_str())));
    say("Why", reason.map(|reason| reason.message.clone()));
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
