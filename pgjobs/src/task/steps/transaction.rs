//! A step whose record is part of a transaction of the task.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::PgConnection;

use super::names::Kind;
use super::{StepError, Steps, locked, values};
use crate::db::steps as db;
use crate::types::task_error::TaskError;

impl Steps {
    /// Runs a part of the task in a transaction on the database of its jobs, and records it in that
    /// transaction.
    ///
    /// **What it writes through the transaction happens exactly once**, if you commit it: the effects and the
    /// record are committed together or not at all, and while the transaction is open nobody else can begin a
    /// run of the job. When the lease is lost the call fails, and so does the commit. (Effects elsewhere,
    /// within `run`, happen at least once.) Where nothing is committed, nothing is recorded.
    ///
    /// ```no_run
    /// use pgjobs::{Steps, TaskError, sqlx, task};
    ///
    /// #[task]
    /// async fn book(#[inject] pool: &sqlx::PgPool, #[inject] steps: &Steps, account: i64) -> Result<(), TaskError> {
    ///     let mut tx = pool.begin().await?;
    ///     let entry: i64 = steps
    ///         .step_in(&mut tx, "book", async |tx| {
    ///             let insert = "insert into entry (account) values ($1) returning id";
    ///             Ok(sqlx::query_scalar(insert).bind(account).fetch_one(tx).await?)
    ///         })
    ///         .await?;
    ///     tx.commit().await?;
    ///     println!("booked as {entry}");
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`step`](Steps::step). After an error roll the transaction back.
    pub async fn step_in<T>(
        &self,
        tx: &mut PgConnection,
        name: impl Into<String>,
        run: impl AsyncFnOnce(&mut PgConnection) -> Result<T, TaskError>,
    ) -> Result<T, StepError>
    where
        T: Serialize + DeserializeOwned,
    {
        let name = name.into();
        self.check_name(&name)?;
        let was_used = locked(&self.used).contains(&name);
        if let Some(recorded) = self.recorded.get() {
            locked(recorded).remove(&name);
        }
        // As the transaction sees it, which may be rolled back later; and by it alone: it may have the run locked, and the
        // pool may have no other connection.
        let found = db::find(&mut *tx, &self.run(), &name, None).await;
        match found.map_err(|error| self.error(&name, error))? {
            Some(_) if was_used => return Err(StepError::Twice { step: name }),
            Some(found) => {
                Kind::Step.check(&name, &found.kind)?;
                self.note_use(&name);
                return values::read(&name, found.value);
            }
            None => {}
        }
        let value = run(&mut *tx).await.map_err(StepError::Failed)?;
        let value = values::encode_result(&name, &value)?;
        let saved = db::save(tx, &self.run(), &name, &value, None).await;
        let saved = saved.map_err(|error| self.error(&name, error))?;
        self.note_use(&name);
        values::read(&name, Some(saved))
    }
}
