//! One experiment: publish and do harm until there was enough of both, wait until all has ended, check.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use pgjobs_tests::{Db, Lateness, Proxy, until};

use crate::check::{self, Findings};
use crate::faults::Fault;
use crate::fleet::Fleet;
use crate::publisher::{Progress, Publisher};

/// A fault that has not struck often enough by then never will. On an idle machine the slowest takes a minute.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Jobs that do not become fewer for so long are stuck.
const STUCK: Duration = Duration::from_secs(60);

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
    /// Jobs published at least: more, while the fault has not struck often enough.
    jobs: usize,
    /// Jobs published in a second: fewer than the workers could run, so that none waits in line for long.
    pace: u32,
}

/// What the faults work on.
pub(crate) struct Scene {
    pub(crate) db: Db,
    pub(crate) proxy: Proxy,
    pub(crate) fleet: Fleet,
    pub(crate) progress: Arc<Progress>,
}

impl Experiment {
    pub(crate) fn new(name: &'static str, jobs: usize, pace: u32) -> Self {
        let long = std::env::var("PGJOBS_LABORATORY").is_ok_and(|long| long == "long");
        Experiment { name, jobs: if long { jobs * 10 } else { jobs }, pace }
    }

    /// Runs it, and returns its line of the table.
    pub(crate) async fn run(self, mut fault: impl Fault) -> String {
        let lateness = Lateness::watch();
        let mut scene = Scene::set(&mut fault).await;
        let publisher = Publisher::new(&scene.db.url, fault.ballast(), scene.progress.clone());
        let publishing = tokio::spawn(publisher.publish(self.jobs, self.pace));
        let begun = Instant::now();
        while !publishing.is_finished() {
            fault.strike(&mut scene).await;
            if fault.has_struck_enough(&scene).await {
                scene.progress.enough.store(true, Relaxed);
            }
            assert!(
                begun.elapsed() < PATIENCE || scene.progress.enough.load(Relaxed),
                "{}: too few faults in {PATIENCE:?}: {}",
                self.name,
                fault.counts()
            );
        }
        publishing.await.expect("the publisher");
        fault.cease(&mut scene).await;
        all_ended(&scene.db).await;
        let findings = Findings { late: lateness.worst(), ..check::findings(&scene.db).await };
        assert_eq!(scene.fleet.ended(), 0, "{}: workers survive it", self.name);
        self.judge(&findings, &fault)
    }

    fn judge(&self, findings: &Findings, fault: &impl Fault) -> String {
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

impl Scene {
    async fn set(fault: &mut impl Fault) -> Self {
        let db = fault.database().await;
        db.run(SCHEMA).await;
        let proxy = Proxy::before(&db);
        let url = if fault.through_proxy() { proxy.url(&db) } else { db.url.clone() };
        let fleet = Fleet::start(&db, &url, fault.environment(), 4);
        let scene = Scene { db, proxy, fleet, progress: Arc::default() };
        until("all workers are up", async || {
            scene.db.one::<i64>("select count(*) from jobs.worker").await == 4
        })
        .await;
        scene
    }
}

/// Waits until nothing is pending or running, for as long as it becomes less.
async fn all_ended(db: &Db) {
    let (mut least, mut since) = (i64::MAX, Instant::now());
    loop {
        let left = db.one::<i64>("select count(*) from jobs.job_queue").await;
        if left == 0 {
            return;
        }
        if left < least {
            (least, since) = (left, Instant::now());
        }
        assert!(since.elapsed() < STUCK, "{left} jobs are left and have not become fewer for {STUCK:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
