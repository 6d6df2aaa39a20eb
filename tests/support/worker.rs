//! A worker without loops: a test makes each of its calls itself.

use sqlx::types::Uuid;

use crate::{Claim, Db};

/// A registered worker.
pub struct ManualWorker<'a> {
    db: &'a Db,
    /// Its id.
    pub id: Uuid,
    tasks: Vec<String>,
}

impl Db {
    /// Registers a worker of these tasks, whose lease no test outlives by accident.
    pub async fn worker(&self, tasks: &[&str]) -> ManualWorker<'_> {
        self.worker_with_lease(tasks, 3600).await
    }

    /// Registers a worker that counts as dead so many seconds after its last heartbeat.
    pub async fn worker_with_lease(&self, tasks: &[&str], seconds: u32) -> ManualWorker<'_> {
        let id = new_key();
        let tasks: Vec<String> = tasks.iter().map(|&task| task.to_owned()).collect();
        sqlx::query(
            "select jobs.register_worker(i_worker => $1, i_host => 'host', i_pid => 1, i_version => '1', i_topics => '{*}',
               i_tasks => $2, i_slots => 9, i_lease_seconds => $3)",
        )
        .bind(id)
        .bind(&tasks)
        .bind(f64::from(seconds))
        .execute(&self.pool)
        .await
        .expect("register_worker");
        ManualWorker { db: self, id, tasks }
    }
}

impl<'a> ManualWorker<'a> {
    /// Claims up to so many jobs of its tasks.
    pub fn claim(&self, num: i32) -> Claim<'a> {
        Claim::new(self.db, self.id, self.tasks.clone(), num)
    }

    /// Releases what it claimed under this lease; how many that were.
    pub async fn release(&self, lease: Uuid) -> i32 {
        self.db.one(&format!("select jobs.release('{}', '{lease}')", self.id)).await
    }

    /// Says that it is alive; false when it was declared dead.
    pub async fn heartbeat(&self) -> bool {
        self.db.one(&format!("select alive from jobs.beat('{}')", self.id)).await
    }
}

/// A random key, as a worker makes its id and its leases.
pub(crate) fn new_key() -> Uuid {
    Uuid::from_u128(fastrand::u128(..))
}
