//! Queries for the audit and for the rules of keeping history.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgExecutor, Row};

use crate::db::read::{document, time};
use crate::types::error::Error;
use crate::types::job_state::JobState;
use crate::types::topic::Topic;

/// Something that somebody did to jobs, schedules or rights.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct AuditRow {
    /// Rows are numbered in the order in which they were written.
    pub id: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// The database user of the session.
    pub who: String,
    /// The role that this user had set.
    pub role: Option<String>,
    /// Who of the people that a program serves, as it says in the setting `pgjobs.person`: the name with which
    /// somebody has logged in to the dashboard. Nobody checks it.
    pub person: Option<String>,
    /// What was called: `retry`, `edit`, `pause_schedule`, …
    pub action: String,
    /// What it was done to: a job, a topic, a schedule, a role.
    pub target: Option<String>,
    /// How many jobs it changed; `None` where it changes none.
    pub jobs: Option<i64>,
    /// Why, in that user's words.
    pub reason: Option<String>,
    /// What else there is to know, such as old values. They may be arguments of jobs.
    pub details: Option<Box<RawValue>>,
}

/// Which rows of the audit to list: all by default.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// What was done to this job, topic, schedule or role.
    pub target: Option<String>,
    /// What was done by this action.
    pub action: Option<String>,
    /// Rows before this one; `None`: from the newest.
    pub before: Option<i64>,
    /// At most so many.
    pub num: u16,
}

const AUDIT: &str = "select a.id, a.at, a.who::text, a.role::text, a.action, a.target, a.jobs, a.reason, a.details::text, a.person \
     from jobs.audit_log($1, $2, $3, $4) a";

pub(crate) async fn audit(
    connection: &mut PgConnection,
    filter: &AuditFilter,
) -> Result<Vec<AuditRow>, Error> {
    let rows = sqlx::query(AUDIT)
        .bind(&filter.target)
        .bind(&filter.action)
        .bind(filter.before)
        .bind(i32::from(filter.num))
        .fetch_all(connection)
        .await?;
    rows.iter().map(audit_row).collect()
}

fn audit_row(row: &PgRow) -> Result<AuditRow, Error> {
    Ok(AuditRow {
        id: row.try_get(0)?,
        at: time(row, 1)?,
        who: row.try_get(2)?,
        role: row.try_get(3)?,
        person: row.try_get(9)?,
        action: row.try_get(4)?,
        target: row.try_get(5)?,
        jobs: row.try_get(6)?,
        reason: row.try_get(7)?,
        details: row.try_get::<Option<String>, _>(8)?.map(document),
    })
}

/// How long history keeps ended jobs of a topic, where that is shorter than for all.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct KeepRule {
    /// Tasks under this topic.
    pub topic: String,
    /// Jobs that ended in this state; `None`: in any.
    pub status: Option<String>,
    /// Days to keep them; 0: until the day is over.
    pub days: i32,
    /// When it was set.
    pub set_at: DateTime<Utc>,
    /// By whom.
    pub set_by: String,
    /// The last day that was gone through; `None`: none yet.
    pub clean_until: Option<NaiveDate>,
}

const RULES: &str =
    "select r.topic, r.status, r.days, r.set_at, r.set_by::text, r.clean_until from jobs.keep_rules() r";

pub(crate) async fn keep_rules(connection: &mut PgConnection) -> Result<Vec<KeepRule>, Error> {
    let rule = |row: &PgRow| {
        Ok(KeepRule {
            topic: row.try_get(0)?,
            status: row.try_get(1)?,
            days: row.try_get(2)?,
            set_at: time(row, 3)?,
            set_by: row.try_get(4)?,
            clean_until: row.try_get(5)?,
        })
    };
    sqlx::query(RULES).fetch_all(connection).await?.iter().map(rule).collect()
}

pub(crate) async fn keep(
    database: impl PgExecutor<'_>,
    topic: &Topic,
    state: Option<JobState>,
    days: i32,
) -> Result<(), Error> {
    let state = state.map(JobState::as_str);
    sqlx::query("select jobs.keep($1, $2, $3)")
        .bind(topic.as_str())
        .bind(state)
        .bind(days)
        .execute(database)
        .await?;
    Ok(())
}

pub(crate) async fn drop_keep(
    database: impl PgExecutor<'_>,
    topic: &Topic,
    state: Option<JobState>,
) -> Result<bool, Error> {
    let state = state.map(JobState::as_str);
    let found = sqlx::query("select jobs.drop_keep($1, $2)")
        .bind(topic.as_str())
        .bind(state)
        .fetch_one(database)
        .await?;
    Ok(found.try_get(0)?)
}
