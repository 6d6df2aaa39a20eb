//! Queries of the deploy check: tasks in use, and the bodies of their open jobs.

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use super::read::{cannot_be_sent, why_not_sent};
use crate::types::error::Error;
use crate::types::job_id::JobId;

/// A task that is declared or has open jobs. The counts are lower bounds unless `exact` is true.
pub(crate) struct InUse {
    pub(crate) task: String,
    pub(crate) ready: i64,
    pub(crate) scheduled: i64,
    pub(crate) running: i64,
    pub(crate) exact: bool,
    /// Live workers that have the task.
    pub(crate) workers: i64,
    /// Those of `workers` that share no task with this program.
    pub(crate) others: i64,
    /// The declared signatures, the latest last; `None` when this program cannot read them.
    pub(crate) signatures: Option<serde_json::Value>,
}

macro_rules! in_use_query {
    ($signatures:literal) => {
        concat!(
            "select t.task, t.ready, t.scheduled, t.running, t.exact, t.workers, t.others, ",
            $signatures,
            " from jobs.tasks_in_use($1, $2, $3) t"
        )
    };
}

const IN_USE: &str = in_use_query!("t.signatures::text");
const IN_USE_WITHOUT_SIGNATURES: &str = in_use_query!("null::text");

/// Tasks in use under these topics, or all of them. `known` are the task names of this program; counting
/// stops at `cap`.
pub(crate) async fn in_use(
    connection: &mut PgConnection,
    topics: Option<&[String]>,
    known: &[String],
    cap: i32,
) -> Result<Vec<InUse>, Error> {
    let ask = |statement: &'static str| sqlx::query(statement).bind(topics).bind(known).bind(cap);
    let rows = match ask(IN_USE).fetch_all(&mut *connection).await {
        Err(error) if cannot_be_sent(&error) => ask(IN_USE_WITHOUT_SIGNATURES).fetch_all(connection).await?,
        rows => rows?,
    };
    rows.iter().map(task_in_use).collect()
}

/// Declared tasks among those that the caller may consume, each with its number of live workers.
#[cfg(feature = "cli")]
pub(crate) async fn declared(connection: &mut PgConnection) -> Result<Vec<(String, i64)>, Error> {
    let ask = "select t.task, t.workers from jobs.tasks_in_use(null, '{}', 1) t where t.signatures <> '[]'";
    let rows = sqlx::query(ask).fetch_all(connection).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

fn task_in_use(row: &PgRow) -> Result<InUse, Error> {
    let signatures: Option<String> = row.try_get(7)?;
    Ok(InUse {
        task: row.try_get(0)?,
        ready: row.try_get(1)?,
        scheduled: row.try_get(2)?,
        running: row.try_get(3)?,
        exact: row.try_get(4)?,
        workers: row.try_get(5)?,
        others: row.try_get(6)?,
        signatures: signatures.and_then(|signatures| serde_json::from_str(&signatures).ok()),
    })
}

/// A position in the queue of a task: rank and `ready_seq`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QueueKey(i64, i64);

impl QueueKey {
    /// The position at which the next page begins.
    pub(crate) fn next(self) -> Self {
        QueueKey(self.0, self.1.saturating_add(1))
    }
}

/// Positions to sample, spread over the queue of a task; `each` jobs remain from the last position on.
pub(crate) async fn sample_keys(
    connection: &mut PgConnection,
    task: &str,
    num: i32,
    each: i32,
) -> Result<Vec<QueueKey>, Error> {
    let rows = sqlx::query("select p.rank, p.seq from jobs.sample_keys($1, $2, $3) p")
        .bind(task)
        .bind(num)
        .bind(each)
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| Ok(QueueKey(row.try_get(0)?, row.try_get(1)?))).collect()
}

/// An open job with its body as JSON text, as a worker gets it, or the reason why the server cannot send the
/// body.
pub(crate) struct Open {
    pub(crate) job_id: JobId,
    pub(crate) body: Result<Option<String>, String>,
}

fn open(row: &PgRow) -> Result<Open, Error> {
    Ok(Open { job_id: JobId::from_database(row.try_get(0)?), body: Ok(row.try_get(1)?) })
}

const READY: &str = "select l.job_id, l.body::text, l.rank, l.seq from jobs.read_ready($1, $2, $3, $4) l";
const LINE_WITHOUT_BODIES: &str =
    "select l.job_id, null::text, l.rank, l.seq from jobs.read_ready($1, $2, $3, $4) l";

/// A page of the queue of a task, starting at `from` or at the head; and the position of its last job.
pub(crate) async fn read_ready(
    connection: &mut PgConnection,
    task: &str,
    from: Option<QueueKey>,
    num: i32,
) -> Result<(Vec<Open>, Option<QueueKey>), Error> {
    let ask = |statement: &'static str| {
        let query = sqlx::query(statement).bind(task).bind(from.map(|key| key.0));
        query.bind(from.map(|key| key.1)).bind(num)
    };
    let (rows, are_whole) = match ask(READY).fetch_all(&mut *connection).await {
        Err(error) if cannot_be_sent(&error) => {
            (ask(LINE_WITHOUT_BODIES).fetch_all(&mut *connection).await?, false)
        }
        rows => (rows?, true),
    };
    let last = rows.last().map(|row| Ok::<_, sqlx::Error>(QueueKey(row.try_get(2)?, row.try_get(3)?)));
    let last = last.transpose()?;
    let page = rows.iter().map(open).collect::<Result<Vec<Open>, Error>>()?;
    if are_whole {
        return Ok((page, last));
    }
    let ids: Vec<String> = page.iter().map(|job| job.job_id.as_str().to_owned()).collect();
    Ok((open_bodies(connection, &ids).await?, last))
}

/// Ids of jobs that run or are scheduled for later, evenly sampled.
pub(crate) async fn sample_not_ready(
    connection: &mut PgConnection,
    task: &str,
    num: i32,
) -> Result<Vec<String>, Error> {
    let rows = sqlx::query("select b from jobs.sample_not_ready($1, $2, $3) b")
        .bind(task)
        .bind(num)
        .bind(num.max(10_000))
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// The bodies of those of these jobs that have not ended. A list that the server cannot send at once is
/// queried in halves, down to the single job whose body it cannot send at all.
pub(crate) async fn open_bodies(connection: &mut PgConnection, jobs: &[String]) -> Result<Vec<Open>, Error> {
    let mut found = Vec::with_capacity(jobs.len());
    let mut left = vec![jobs];
    while let Some(some) = left.pop() {
        let rows = sqlx::query("select b.job_id, b.body::text from jobs.open_bodies($1) b")
            .bind(some)
            .fetch_all(&mut *connection)
            .await;
        match (rows, some) {
            (Ok(rows), some) => {
                let page = rows.iter().map(open).collect::<Result<Vec<Open>, Error>>()?;
                left.extend(behind(some, &page));
                found.extend(page);
            }
            (Err(error), [job]) if cannot_be_sent(&error) => {
                let (job_id, body) = (JobId::from_database(job.clone()), Err(why_not_sent(&error)));
                found.push(Open { job_id, body });
            }
            (Err(error), some) if cannot_be_sent(&error) => {
                let (first, second) = some.split_at(some.len() / 2);
                left.extend([second, first]);
            }
            (Err(error), _) => return Err(error.into()),
        }
    }
    Ok(found)
}

/// The jobs after the last one of this page, which reached the limit of the answer; `None` when none remain
/// or the page is empty.
fn behind<'a>(jobs: &'a [String], page: &[Open]) -> Option<&'a [String]> {
    let last = page.last()?.job_id.as_str();
    let rest = &jobs[jobs.iter().position(|job| job == last)? + 1..];
    Some(rest).filter(|rest| !rest.is_empty())
}
