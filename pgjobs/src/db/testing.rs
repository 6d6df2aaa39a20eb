//! What tests do with a database of theirs, as the owner of schema `jobs`: they move its clock, read
//! everything that was published, and choose which job is next.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgPool, Row};
use uuid::Uuid;

use super::read::{maybe_time, time};
use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::job_state::JobState;

/// Adds the clock, unless the database has it.
pub(crate) async fn add_clock(pool: &PgPool) -> Result<(), Error> {
    let mut tx = pool.begin().await?;
    let has: bool =
        sqlx::query_scalar("select to_regclass('jobs.test_clock') is not null").fetch_one(&mut *tx).await?;
    if !has {
        sqlx::raw_sql(pgjobs_migrations::TEST_CLOCK).execute(&mut *tx).await?;
    }
    Ok(tx.commit().await?)
}

pub(crate) async fn now(pool: &PgPool) -> Result<DateTime<Utc>, Error> {
    time(&sqlx::query("select jobs.now()").fetch_one(pool).await?, 0)
}

/// One statement, so that nobody sees the new time with the old leases.
const ADVANCE: &str = "
with moved as (
  update jobs.test_clock c
  set at = c.at + make_interval(secs => $1),
      shift = case when c.at is null then c.shift + make_interval(secs => $1) else c.shift end
), alive as (
  update jobs.worker w
  set heartbeat_at = w.heartbeat_at + make_interval(secs => $1), expires_at = w.expires_at + make_interval(secs => $1)
  where w.lost_at is null and w.id <> all ($2)
)
update jobs.batch b
set counted_from = b.counted_from + make_interval(secs => $1), expires_at = b.expires_at + make_interval(secs => $1)
where b.worker is not null and b.worker <> all ($2)";

/// Moves the clock, and with it the leases of all workers but the dead: a worker that lives would have kept
/// them alive in that time.
pub(crate) async fn advance(pool: &PgPool, seconds: f64, dead: &[Uuid]) -> Result<(), Error> {
    sqlx::query(ADVANCE).bind(seconds).bind(dead).execute(pool).await?;
    Ok(())
}

pub(crate) async fn stop_clock(pool: &PgPool) -> Result<(), Error> {
    sqlx::query("update jobs.test_clock set at = jobs.now()").execute(pool).await?;
    Ok(())
}

/// A job as it was published, in whatever state it is now.
pub(crate) struct PublishedRow {
    pub(crate) id: JobId,
    pub(crate) state: JobState,
    pub(crate) body: Option<String>,
    pub(crate) priority: i32,
    pub(crate) max_retries: i32,
    pub(crate) timeout: f64,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) scheduled_at: Option<DateTime<Utc>>,
    pub(crate) meta: Option<String>,
}

const PUBLISHED: &str = r#"
select a.job_id, a.status, a.body::text, a.priority, a.max_retries, a.timeout::float8, a.created_at, a.scheduled_at, a.meta::text
from jobs."all" a where a.task = any ($1) order by a.id"#;

/// All jobs under these names, in the order of their publishing.
pub(crate) async fn published(pool: &PgPool, names: &[&str]) -> Result<Vec<PublishedRow>, Error> {
    let row = |row: &PgRow| {
        Ok(PublishedRow {
            id: JobId::from_database(row.try_get(0)?),
            state: row.try_get::<&str, _>(1)?.parse()?,
            body: row.try_get(2)?,
            priority: row.try_get(3)?,
            max_retries: row.try_get(4)?,
            timeout: row.try_get(5)?,
            created_at: time(row, 6)?,
            scheduled_at: maybe_time(row, 7)?,
            meta: row.try_get(8)?,
        })
    };
    sqlx::query(PUBLISHED).bind(names).fetch_all(pool).await?.iter().map(row).collect()
}

/// How many jobs there are of each task.
pub(crate) async fn tasks_published(pool: &PgPool) -> Result<Vec<(String, i64)>, Error> {
    let counts = r#"select a.task, count(*) from jobs."all" a group by a.task order by a.task"#;
    let rows = sqlx::query(counts).fetch_all(pool).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// When the next job of these tasks is due that is not yet, or a limit lets one of them start.
const NEXT_DUE: &str = "
select min(n.at) from (
  select q.scheduled_at as at from jobs.pending q where q.ready_seq is null and q.task = any ($1)
  union all
  select t.at from jobs.bucket_timer t
  where t.at > jobs.now() and exists (select from jobs.pending q where q.bucket = t.bucket and q.task = any ($1))) n";

/// When there is something to do for these tasks again, because time passes.
pub(crate) async fn next_due(pool: &PgPool, names: &[String]) -> Result<Option<DateTime<Utc>>, Error> {
    maybe_time(&sqlx::query(NEXT_DUE).bind(names).fetch_one(pool).await?, 0)
}

/// Does for workflows what workers do once a second. True when there were ends of jobs that their workflows
/// did not know of, or one was over its time: jobs may be ready by that.
pub(crate) async fn tend_workflows(pool: &PgPool) -> Result<bool, Error> {
    if !sqlx::query(UNTENDED).fetch_one(pool).await?.try_get(0)? {
        return Ok(false);
    }
    sqlx::query("select jobs._tend_workflows()").execute(pool).await?;
    Ok(!sqlx::query(UNTENDED).fetch_one(pool).await?.try_get::<bool, _>(0)?)
}

const UNTENDED: &str = "
select exists (select from jobs.node_delta) or exists (
  select from jobs.workflow w where w.ended_at is null and (w.deadline <= jobs.now() or w.state = 'failed'))";

/// Makes a pending job ready, whenever it is scheduled for, in a row of its own. False when it was ready, or
/// when a transaction that is open holds it: waiting for that one could be for ever.
pub(crate) async fn make_ready(pool: &PgPool, id: &JobId) -> Result<bool, Error> {
    let mut tx = pool.begin().await?;
    sqlx::query("select jobs._unpack(array[$1])").bind(id.as_str()).execute(&mut *tx).await?;
    let made = sqlx::query(MAKE_READY).bind(id.as_str()).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(made.rows_affected() > 0)
}

const MAKE_READY: &str = "
update jobs.pending q set ready_seq = nextval('jobs.job_number')
where q.job_id in (
  select p.job_id from jobs.pending p where p.job_id = $1 and p.ready_seq is null for update skip locked)";

/// Takes back [`make_ready`], for a job that did not run.
pub(crate) async fn unmake_ready(pool: &PgPool, id: &JobId) -> Result<(), Error> {
    let unmake = "update jobs.pending q set ready_seq = null, bucket = null where q.job_id = $1 and q.scheduled_at > jobs.now()";
    sqlx::query(unmake).bind(id.as_str()).execute(pool).await?;
    Ok(())
}

/// Locks all other pending jobs under these names until the transaction ends, so that every claim skips them.
/// Claims skip those that others hold as well.
pub(crate) async fn hold_others(tx: &mut PgConnection, names: &[String], id: &JobId) -> Result<(), Error> {
    let hold = "select from jobs.pending q where q.task = any ($1) and q.job_id <> $2 for update skip locked";
    sqlx::query(hold).bind(names).bind(id.as_str()).execute(tx).await?;
    Ok(())
}

const OBSTACLES: &str = "
select o.message
from jobs.pending q,
  lateral (select p.message from jobs._explain_pause(q.task) p
           union all select i.message from jobs._explain_limits(q.job_id, q.task, q.bucket) i
           union all select l.message from jobs._explain_lock(q.xmax) l) o
where q.job_id = $1";

/// Why no claim takes a pending job that is ready, a sentence for each reason.
pub(crate) async fn obstacles(pool: &PgPool, id: &JobId) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar(OBSTACLES).bind(id.as_str()).fetch_all(pool).await?)
}
