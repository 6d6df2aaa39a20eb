//! `inspect job --follow`: what a job does, until it ends.

use std::time::Duration;

use chrono::Utc;
use serde_json::json;
use sqlx::PgPool;

use super::said;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::inspect::{self, JobRow};
use crate::{JobId, JobState, LogLine, Progress};

/// The time between two looks.
const PAUSE: Duration = Duration::from_millis(500);
/// The lines that one query reads.
const PAGE: u16 = 1000;

/// Prints what is new each half second: a line for each change of state, report of progress and line of the
/// log. Returns when the job has ended; a failure, unless it is a success.
pub(super) async fn follow(pool: &PgPool, id: &JobId, console: &Console) -> Result<(), Failure> {
    let mut shown = Shown { console, state: None, progress: None, position: 0 };
    loop {
        // The state first: what a run says reaches the database before its end does.
        let job = inspect::job(pool, id).await?;
        shown.log(pool, id).await?;
        shown.progress(inspect::progress(pool, id).await?.pop())?;
        shown.state(&job)?;
        if job.state.has_ended() {
            return end(&job);
        }
        if console.is_unread() {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn end(job: &JobRow) -> Result<(), Failure> {
    match job.state {
        JobState::Success => Ok(()),
        state => {
            let error = job.traceback.as_deref().map(|error| format!(": {error}")).unwrap_or_default();
            Err(Failure::failed(format!("the job {} is {state}{error}", job.job_id)))
        }
    }
}

/// What was printed so far.
struct Shown<'c> {
    console: &'c Console,
    state: Option<(JobState, i32)>,
    progress: Option<Progress>,
    position: i64,
}

impl Shown<'_> {
    async fn log(&mut self, pool: &PgPool, id: &JobId) -> Result<(), Failure> {
        loop {
            let lines = inspect::log(pool, id, Some(self.position), PAGE).await?;
            lines.iter().try_for_each(|line| self.line(line))?;
            self.position = lines.last().map_or(self.position, |line| line.position);
            if lines.len() < usize::from(PAGE) {
                return Ok(());
            }
        }
    }

    fn line(&self, line: &LogLine) -> Result<(), Failure> {
        self.console.data(&json!({ "log": line }), || vec![said::line(line)])
    }

    fn progress(&mut self, progress: Option<Progress>) -> Result<(), Failure> {
        if let Some(new) = progress.as_ref().filter(|_| progress != self.progress) {
            let text = || vec![format!("{} progress {}", said::clock(new.at), said::progress(new))];
            self.console.data(&json!({ "progress": new }), text)?;
            self.progress = progress;
        }
        Ok(())
    }

    fn state(&mut self, job: &JobRow) -> Result<(), Failure> {
        let state = Some((job.state, job.attempt));
        if self.state != state {
            let document = json!({ "state": job.state, "attempt": job.attempt, "at": Utc::now() });
            let text =
                || vec![format!("{} state {}, attempt {}", said::clock(Utc::now()), job.state, job.attempt)];
            self.console.data(&document, text)?;
            self.state = state;
        }
        Ok(())
    }
}
