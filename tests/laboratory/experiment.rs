//! One experiment: publish, do harm, wait until all has ended, check.

use std::time::{Duration, Instant};

use pgjobs::NewJob;
use pgjobs_tests::{Db, Proxy, until};
use sqlx::{Connection, PgConnection};

use crate::check::{self, Findings};
use crate::faults::Fault;
use crate::fleet::Fleet;

const SCHEMA: &str = "
create schema lab;
create table lab.published (job_id text primary key);
create table lab.event (at timestamptz not null default clock_timestamp(), job_id text not null, attempt integer not null,
                        pid bigint not null, what text not null, clock float8 not null,
                        nth bigint generated always as identity);
create table lab.effect (job_id text not null, attempt integer not null);
create table lab.fault (at timestamptz not null default clock_timestamp(), pid bigint not null);";

pub(crate) struct Experiment {
    name: &'static str,
    jobs: usize,
    /// Jobs published in a second: fewer than the workers could run, so that none waits in line for long.
    pace: u32,
}

/// What the faults work on.
pub(crate) struct Scene {
    pub(crate) db: Db,
    pub(crate) proxy: Proxy,
    pub(crate) fleet: Fleet,
}

impl Experiment {
    pub(crate) fn new(name: &'static str, jobs: usize, pace: u32) -> Self {
        let long = std::env::var("PGJOBS_LABORATORY").is_ok_and(|long| long == "long");
        Experiment { name, jobs: if long { jobs * 10 } else { jobs }, pace }
    }

    /// Runs it, and returns its line of the table.
    pub(crate) async fn run(self, mut fault: impl Fault) -> String {
        let db = fault.database().await;
        db.run(SCHEMA).await;
        let proxy = Proxy::before(&db);
        let url = if fault.through_proxy() { proxy.url(&db) } else { db.url.clone() };
        let fleet = Fleet::start(&db, &url, fault.environment(), 4);
        let mut scene = Scene { db, proxy, fleet };
        until("all workers are up", async || {
            scene.db.one::<i64>("select count(*) from jobs.worker").await == 4
        })
        .await;
        let publisher =
            Publisher { url: scene.db.url.clone(), connection: None, ballast: fault.ballast(), refused: 0 };
        let publishing = tokio::spawn(publisher.publish(self.jobs, self.pace));
        while !publishing.is_finished() {
            fault.strike(&mut scene).await;
        }
        let refused = publishing.await.expect("the publisher");
        fault.cease(&mut scene).await;
        all_ended(&scene.db).await;
        let findings = Findings { refused, ..check::findings(&scene.db).await };
        assert_eq!(scene.fleet.ended(), 0, "{}: workers survive it", self.name);
        self.judge(&findings, &fault)
    }

    fn judge(&self, findings: &Findings, fault: &impl Fault) -> String {
        fault.has_struck();
        findings.assert_sound(self.name);
        assert!(findings.published >= self.jobs, "{}: {} published", self.name, findings.published);
        fault.judge(findings);
        let Findings { published, runs, fenced, lost, twice, .. } = findings;
        let slowest = findings.slowest_recovery.map_or("-".to_owned(), |seconds| format!("{seconds:.1} s"));
        format!(
            "| {} | {published} | {runs} | {} | {fenced} | {slowest} | {lost} | {twice} |",
            self.name,
            fault.counts()
        )
    }
}

struct Publisher {
    url: String,
    connection: Option<PgConnection>,
    ballast: usize,
    refused: usize,
}

impl Publisher {
    /// Publishes at a steady pace, each job by itself, and notes the ids of those that it was told are committed.
    /// Returns how often it was refused.
    async fn publish(mut self, jobs: usize, pace: u32) -> usize {
        let mut tick = tokio::time::interval(Duration::from_secs(1) / pace);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
        let mut published = 0;
        while published < jobs {
            tick.tick().await;
            match self.publish_one(published).await {
                Ok(()) => published += 1,
                Err(_) => {
                    // The server is down, or was: the job may be there or not, nobody was told.
                    self.connection = None;
                    self.refused += 1;
                }
            }
        }
        self.refused
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

/// Waits until nothing is pending or running; a minute after the last fault all must have ended.
async fn all_ended(db: &Db) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while db.one::<i64>("select count(*) from jobs.job_queue").await > 0 {
        assert!(Instant::now() < deadline, "jobs are left a minute after the last fault");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
