//! The harm that is done.

use std::process::Command;
use std::time::Duration;

use pgjobs_tests::Db;
use sqlx::{ConnectOptions, Connection, PgConnection};

use crate::check::Findings;
use crate::experiment::Scene;
use crate::fleet::LEASE_SECONDS;

pub(crate) trait Fault {
    /// Whether workers connect through the proxy.
    fn through_proxy(&self) -> bool {
        false
    }
    /// Where it happens: a database of the common server, unless the harm is to a whole server.
    async fn database(&mut self) -> Db {
        Db::new().await
    }
    /// What the workers' processes are given.
    fn environment(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
    /// How many bytes each job carries that serve no purpose.
    fn ballast(&self) -> usize {
        0
    }
    /// Does harm once, and pauses. It is called until there was enough, however slow the machine makes each call.
    async fn strike(&mut self, scene: &mut Scene);
    /// Mends what would go on.
    async fn cease(&mut self, _scene: &mut Scene) {}
    /// What was done, in words and numbers.
    fn counts(&self) -> String;
    /// Whether enough was done for the experiment to show anything.
    async fn has_struck_enough(&self, scene: &Scene) -> bool;
    /// What else must hold under this fault.
    fn judge(&self, _findings: &Findings) {}
}

pub(crate) async fn pause(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

/// Workers are killed without a word; every sixth is stopped past its lease instead, and goes on as a zombie.
#[derive(Default)]
pub(crate) struct Kills {
    turn: usize,
    kills: usize,
    stops: usize,
}

impl Kills {
    async fn stop_past_the_lease(&mut self, scene: &mut Scene, nth: usize) {
        scene.fleet.signal(nth, "-STOP");
        note(&scene.db, scene.fleet.pid(nth)).await;
        pause(3000).await;
        scene.fleet.signal(nth, "-CONT");
        self.stops += 1;
    }
}

impl Fault for Kills {
    async fn strike(&mut self, scene: &mut Scene) {
        pause(330).await;
        self.turn += 1;
        let nth = self.turn % scene.fleet.size();
        if self.turn.is_multiple_of(7) {
            return self.stop_past_the_lease(scene, nth).await;
        }
        let pid = scene.fleet.pid(nth);
        scene.fleet.replace(nth);
        note(&scene.db, pid).await;
        self.kills += 1;
    }

    fn counts(&self) -> String {
        format!("{} kills, {} stops", self.kills, self.stops)
    }

    /// Enough, and a zombie has spoken.
    async fn has_struck_enough(&self, scene: &Scene) -> bool {
        self.kills >= 40
            && self.stops >= 4
            && scene.db.one::<bool>("select exists (select from lab.event where what = 'fenced')").await
    }

    fn judge(&self, findings: &Findings) {
        let late = findings.late.as_secs_f64();
        // Whom the machine does not let speak for a lease is declared dead, as it must be: no measure of the product.
        if late < LEASE_SECONDS / 4.0 {
            assert_eq!(findings.overlapping, 0, "{findings:?}");
        }
        let (slowest, usual) =
            findings.slowest_recovery.zip(findings.usual_recovery).expect("jobs ran when killed");
        assert!(usual < LEASE_SECONDS + 2.0 + 10.0 * late, "{findings:?}");
        // Others that have trouble of their own, as on a machine that starves them, sweep nobody for a lease.
        assert!(slowest < 2.0 * (LEASE_SECONDS + 10.0 * late) + 2.0, "{findings:?}");
    }
}

async fn note(db: &Db, pid: u32) {
    db.run(&format!("insert into lab.fault (pid) values ({pid})")).await;
}

/// Every session of the workers is terminated by the server.
#[derive(Default)]
pub(crate) struct Sessions(i64);

const WORKERS_SESSIONS: &str =
    "from pg_stat_activity where datname = current_database() and application_name like 'pgjobs %'";

impl Fault for Sessions {
    async fn strike(&mut self, scene: &mut Scene) {
        pause(2000).await;
        self.0 +=
            scene.db.one::<i64>(&format!("select count(pg_terminate_backend(pid)) {WORKERS_SESSIONS}")).await;
    }

    fn counts(&self) -> String {
        format!("{} sessions", self.0)
    }

    async fn has_struck_enough(&self, _scene: &Scene) -> bool {
        self.0 >= 30
    }
}

/// The network: connections cut, packets swallowed, replies lost behind a commit.
#[derive(Default)]
pub(crate) struct Cuts {
    cuts: usize,
    stalls: usize,
    replies: usize,
}

impl Fault for Cuts {
    fn through_proxy(&self) -> bool {
        true
    }

    async fn strike(&mut self, scene: &mut Scene) {
        for _ in 0..6 {
            pause(250).await;
            scene.proxy.swallow_next_reply();
            scene.proxy.swallowed().await;
            self.replies += 1;
        }
        pause(250).await;
        scene.proxy.set_stalled(true);
        pause(1500).await;
        scene.proxy.set_stalled(false);
        self.stalls += 1;
        pause(500).await;
        scene.proxy.set_up(false);
        pause(200).await;
        scene.proxy.set_up(true);
        self.cuts += 1;
    }

    fn counts(&self) -> String {
        format!("{} cuts, {} stalls, {} replies", self.cuts, self.stalls, self.replies)
    }

    async fn has_struck_enough(&self, _scene: &Scene) -> bool {
        self.cuts >= 2 && self.stalls >= 2 && self.replies >= 12
    }
}

/// The server gives up on statements after a few milliseconds, again and again.
#[derive(Default)]
pub(crate) struct Timeouts(usize);

impl Timeouts {
    async fn set(scene: &Scene, timeout: &str) {
        scene.db.run(&format!("do $$ begin execute format('alter database %I set statement_timeout = ''{timeout}''', current_database()); end $$; \
            select pg_terminate_backend(pid) {WORKERS_SESSIONS}")).await;
    }
}

impl Fault for Timeouts {
    async fn strike(&mut self, scene: &mut Scene) {
        Timeouts::set(scene, "4ms").await;
        pause(2000).await;
        Timeouts::set(scene, "0").await;
        pause(1500).await;
        self.0 += 1;
    }

    fn counts(&self) -> String {
        format!("{} spells of 4 ms", self.0)
    }

    async fn has_struck_enough(&self, _scene: &Scene) -> bool {
        self.0 >= 2
    }
}

/// A session of the server dies; the server ends all others and recovers from its log.
#[derive(Default)]
pub(crate) struct Restarts(usize);

impl Fault for Restarts {
    async fn strike(&mut self, scene: &mut Scene) {
        pause(2500).await;
        let Ok(mut session) = scene.db.options().connect().await else {
            return; // it is recovering
        };
        let Ok(backend) =
            sqlx::query_scalar::<_, i32>("select pg_backend_pid()").fetch_one(&scene.db.pool).await
        else {
            return;
        };
        let killed = Command::new("kill").args(["-9", &backend.to_string()]).status();
        assert!(killed.is_ok_and(|status| status.success()), "kill -9 of a session");
        // The server notices later, and until then takes connections that it will cut.
        while sqlx::query("select 1").execute(&mut session).await.is_ok() {
            pause(10).await;
        }
        self.0 += 1;
    }

    async fn cease(&mut self, scene: &mut Scene) {
        pgjobs_tests::until("the server takes connections", async || {
            sqlx::query("select 1").execute(&scene.db.pool).await.is_ok()
        })
        .await;
    }

    fn counts(&self) -> String {
        format!("{} crashes", self.0)
    }

    async fn has_struck_enough(&self, _scene: &Scene) -> bool {
        self.0 >= 3
    }
}

/// Nobody is told anything: notifications are switched off, and whoever listens is thrown out.
#[derive(Default)]
pub(crate) struct Silence(i64);

impl Fault for Silence {
    async fn strike(&mut self, scene: &mut Scene) {
        let deafen = format!(
            "select count(pg_terminate_backend(pid)) {WORKERS_SESSIONS} and application_name like '%pgjobs listen'"
        );
        scene.db.run("update jobs.config set notify = false").await;
        self.0 += scene.db.one::<i64>(&deafen).await;
        pause(500).await;
    }

    fn counts(&self) -> String {
        format!("{} listeners", self.0)
    }

    async fn has_struck_enough(&self, _scene: &Scene) -> bool {
        self.0 >= 20
    }
}

/// The server has no connection left when the workers need new ones.
#[derive(Default)]
pub(crate) struct Crowds(usize);

impl Fault for Crowds {
    async fn strike(&mut self, scene: &mut Scene) {
        scene.db.run(&format!("select pg_terminate_backend(pid) {WORKERS_SESSIONS}")).await;
        let mut crowd = Vec::new();
        while let Ok(one) = PgConnection::connect(&scene.db.url).await {
            crowd.push(one);
        }
        self.0 += usize::from(crowd.len() > 100);
        pause(1500).await;
        drop(crowd);
        pause(2000).await;
    }

    fn counts(&self) -> String {
        format!("{} crowds", self.0)
    }

    async fn has_struck_enough(&self, _scene: &Scene) -> bool {
        self.0 >= 2
    }
}
