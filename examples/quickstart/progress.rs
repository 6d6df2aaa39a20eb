//! How far the jobs are: a bar on a terminal, lines elsewhere.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use sqlx::PgPool;

/// Open jobs lie in `jobs.job_queue`; one that has ended has moved on to `jobs.job`.
const OPEN: &str = "select count(*) from jobs.job_queue where job_id = any ($1)";

/// Returns when all of these jobs have ended.
pub(crate) async fn watch(pool: &PgPool, jobs: &[String]) -> Result<(), sqlx::Error> {
    let bar =
        ProgressBar::new(jobs.len() as u64).with_style(ProgressStyle::default_bar().progress_chars("=> "));
    let mut told = (Instant::now(), 0);
    loop {
        let open: i64 = sqlx::query_scalar(OPEN).bind(jobs).fetch_one(pool).await?;
        let done = bar.length().unwrap_or_default().saturating_sub(open.unsigned_abs());
        bar.set_position(done);
        if bar.is_hidden() && done != told.1 && (open == 0 || told.0.elapsed() > Duration::from_secs(1)) {
            println!("{done} of {} jobs have ended", jobs.len());
            told = (Instant::now(), done);
        }
        if open == 0 {
            bar.finish_and_clear();
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
