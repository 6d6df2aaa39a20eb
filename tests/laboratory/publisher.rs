//! Who publishes meanwhile.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use pgjobs::NewJob;
use sqlx::{Connection, PgConnection};

/// What the publisher and whoever does the harm tell each other.
#[derive(Default)]
pub(crate) struct Progress {
    /// There was enough harm: publish no more jobs than were asked for.
    pub(crate) enough: AtomicBool,
    /// How often the publisher was refused.
    pub(crate) refused: AtomicUsize,
}

pub(crate) struct Publisher {
    url: String,
    connection: Option<PgConnection>,
    ballast: usize,
    progress: Arc<Progress>,
}

impl Publisher {
    /// One that fills each job with so many bytes that serve no purpose.
    pub(crate) fn new(url: &str, ballast: usize, progress: Arc<Progress>) -> Self {
        Publisher { url: url.to_owned(), connection: None, ballast, progress }
    }

    /// Publishes at a steady pace, each job by itself, and notes the ids of those that it was told are committed.
    /// Ends with so many jobs, or when there was enough harm if that is later.
    pub(crate) async fn publish(mut self, jobs: usize, pace: u32) {
        let mut tick = tokio::time::interval(Duration::from_secs(1) / pace);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
        let mut published = 0;
        while published < jobs || !self.progress.enough.load(Relaxed) {
            tick.tick().await;
            match self.publish_one(published).await {
                Ok(()) => published += 1,
                Err(_) => {
                    // The server is down, or was: the job may be there or not, nobody was told.
                    self.connection = None;
                    self.progress.refused.fetch_add(1, Relaxed);
                }
            }
        }
    }

    async fn publish_one(&mut self, nth: usize) -> Result<(), sqlx::Error> {
        let open = match &mut self.connection {
            Some(open) => open,
            none => none.insert(PgConnection::connect(&self.url).await?),
        };
        let millis = 20 + nth * 37 % 280;
        let ballast: String = (0..self.ballast).map(|_| fastrand::alphanumeric()).collect();
        let job = NewJob::named("lab.work")
            .arg(millis)
            .arg(nth.is_multiple_of(6))
            .arg(ballast)
            .retries(1000)
            .timeout(Duration::from_secs(20))
            .publish(&mut *open)
            .await;
        let job = job.map_err(|error| sqlx::Error::Protocol(error.to_string()))?;
        sqlx::query("insert into lab.published (job_id) values ($1)")
            .bind(job.id().as_str())
            .execute(open)
            .await?;
        Ok(())
    }
}
