//! A plain client that runs a job in parts.

use pgjobs_tests::Db;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

/// A run of a job of the task `a`.
pub(crate) struct Run {
    pub(crate) job: String,
    pub(crate) lease: String,
}

/// Publishes a job of the task `a`.
pub(crate) async fn publish(db: &Db) -> String {
    db.one("select job_id::text from jobs.publish('a', i_max_retries => 3)").await
}

/// The next run, which is due.
pub(crate) async fn consume(db: &Db) -> Run {
    consume_of(db, "a").await
}

pub(crate) async fn consume_of(db: &Db, task: &str) -> Run {
    let run: Vec<String> = db
        .one(&format!(
            "select coalesce(array_agg(c.job_id || ' ' || c.lease), '{{}}') from jobs.consume_topic('{task}', 1) c"
        ))
        .await;
    let (job, lease) = run.first().expect("a job that is due").split_once(' ').expect("a lease");
    Run { job: job.to_owned(), lease: lease.to_owned() }
}

impl Run {
    pub(crate) async fn of(db: &Db) -> Self {
        publish(db).await;
        consume(db).await
    }

    /// A call of a function of the schema `jobs` with job and lease before these arguments.
    pub(crate) fn call(&self, function: &str, arguments: &str) -> String {
        let comma = if arguments.is_empty() { "" } else { ", " };
        format!("select * from jobs.{function}('{}', '{}'{comma}{arguments})", self.job, self.lease)
    }

    pub(crate) async fn save(&self, db: &Db, arguments: &str) -> String {
        db.one(&self.call("save_step", arguments).replace("select *", "select save_step::text")).await
    }

    /// The answer to one who asks for a signal: its state and the payload.
    pub(crate) async fn ask(&self, db: &Db, name: &str, seconds: f64) -> String {
        let call = self.call("await_signal", &format!("'{name}', {seconds}"));
        db.one(&call.replace("select *", "select concat_ws(' ', state, payload)")).await
    }

    pub(crate) fn settle_call(&self, outcome: &str, seconds: f64) -> String {
        format!(
            "select * from jobs.settle(array['{}'], array['{}']::uuid[], array['{outcome}'], i_errors => array['e'], i_delays => array[{seconds}])",
            self.job, self.lease
        )
    }

    pub(crate) async fn settle(&self, db: &Db, outcome: &str, seconds: f64) {
        db.run(&self.settle_call(outcome, seconds)).await;
    }
}

/// What `jobs.explain` says first of a job.
pub(crate) async fn why(db: &Db, job: &str) -> String {
    db.one(&format!("select code from jobs.explain('{job}') limit 1")).await
}

/// Everything that is recorded: of steps, of jobs that could go on, of waits, of signals.
pub(crate) async fn left(db: &Db) -> String {
    db.one(
        "select concat_ws(' ', (select count(*) from jobs.checkpoint), (select count(*) from jobs.resumable),
           (select count(*) from jobs.signal_waiter), (select count(*) from jobs.signal))",
    )
    .await
}

pub(crate) async fn execute(session: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(session)
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
}
