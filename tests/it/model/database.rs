//! What the database says: answers to calls, and the state of every job.

use proptest::test_runner::TestCaseError;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::types::Uuid;
use sqlx::types::chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, Row};

use super::job::{End, Job, Jobs, Micros, Run, State};

/// What a check finds.
pub(super) type Verified<T = ()> = Result<T, TestCaseError>;

/// Rows, or the SQLSTATE of a refusal.
pub(super) type Answer = Result<Vec<PgRow>, String>;

const JOBS: &str = "
    select j.id, j.job_id, j.task, j.priority, j.timeout::bigint, j.retries, j.max_retries, j.attempt, j.scheduled_at, j.traceback,
      j.ready_seq, 'pending' as state, q.id as row, null::uuid as lease, null::integer as batch_index, null::uuid as worker,
      null::timestamptz as run_at, null::timestamptz as until, null::bigint as result
    from jobs.pending q,
      lateral unnest(coalesce(q.jobs, array[row(q.id, q.job_id, q.task, q.body, q.retries, q.max_retries, q.priority, q.timeout,
        q.created_at, q.scheduled_at, q.ready_seq, q.attempt, q.traceback, q.meta, q.on_end)::jobs.open_job])) j
    union all
    select j.id, j.job_id, j.task, j.priority, j.timeout::bigint, j.retries, j.max_retries, j.attempt + 1, j.scheduled_at, j.traceback,
      j.ready_seq, 'running', null, b.lease, b.part * 64 + j.ordinality::integer - 1, b.worker,
      b.run_at, b.counted_from + make_interval(secs => j.timeout::float8) + b.margin, null
    from jobs.batch b, unnest(b.jobs) with ordinality j
    where (b.open >> (j.ordinality - 1)::integer) & 1 = 1
    union all
    select h.id, h.job_id, h.task, h.priority, h.timeout::bigint, h.retries, h.max_retries, h.attempt, h.scheduled_at, h.traceback,
      null, h.status::text, null, h.lease, null, h.worker, h.run_at, h.complete_on, h.result::bigint
    from jobs.job h";

/// The same from the public views, as text; with each view, whether a view has the job.
const VIEWS: &str = "
    select a.id, concat_ws(' ', a.status, a.task, a.priority, a.retries, a.max_retries, a.attempt, 'worker', a.worker, 'error', a.traceback,
      'result', a.result, 'queue', q.job_id is not null, 'running', r.job_id is not null, 'expired', e.job_id is not null),
      a.scheduled_at, a.run_at, a.complete_on, q.expires_at
    from jobs.\"all\" a
    left join jobs.job_queue q using (job_id) left join jobs.running r using (job_id) left join jobs.expired e using (job_id)
    order by a.id";

/// Jobs of committed rows that somebody has locked.
const LOCKED: &str = "
    with p as materialized (select q.ctid as at from jobs.pending q for update skip locked),
         b as materialized (select q.ctid as at from jobs.batch q for update skip locked)
    select j.id
    from jobs.pending q, lateral unnest(coalesce(q.jobs, array[row(q.id, q.job_id, null, null, null, null, null, null, null, null, null, null,
      null, null, null)::jobs.open_job])) j where q.ctid <> all (array(select p.at from p))
    union all
    select j.id from jobs.batch q, unnest(q.jobs) with ordinality j
    where q.ctid <> all (array(select b.at from b)) and (q.open >> (j.ordinality - 1)::integer) & 1 = 1";

/// Makes a call.
pub(super) async fn call(session: &mut PgConnection, sql: &str) -> Answer {
    sqlx::query(AssertSqlSafe(sql.to_owned())).persistent(false).fetch_all(session).await.map_err(|error| {
        match error.as_database_error().and_then(|error| error.code()) {
            Some(code) => code.into_owned(),
            None => panic!("{sql}: {error}"),
        }
    })
}

/// Makes a call that cannot be refused.
pub(super) async fn rows(session: &mut PgConnection, sql: &str) -> Verified<Vec<PgRow>> {
    call(session, sql).await.map_err(|code| TestCaseError::fail(format!("{code} from {sql}")))
}

/// A column of an answer.
pub(super) fn column<'r, T>(rows: &'r [PgRow], at: usize) -> Vec<T>
where
    T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    rows.iter().map(|row| row.get(at)).collect()
}

pub(super) fn micros(row: &PgRow, at: usize) -> Option<Micros> {
    row.get::<Option<DateTime<Utc>>, _>(at).map(|time| time.timestamp_micros())
}

pub(super) async fn jobs(session: &mut PgConnection) -> Jobs {
    let rows = sqlx::query(JOBS).fetch_all(session).await.expect("the state of all jobs");
    let jobs: Jobs = rows.iter().map(|row| (row.get(0), job(row))).collect();
    assert_eq!(jobs.len(), rows.len(), "a job is in two tables");
    jobs
}

/// What the public views say of each job.
pub(super) async fn views(session: &mut PgConnection) -> Vec<(i64, String, [Option<Micros>; 4])> {
    let rows = sqlx::query(VIEWS).fetch_all(session).await.expect("the views");
    rows.iter().map(|row| (row.get(0), row.get(1), [2, 3, 4, 5].map(|at| micros(row, at)))).collect()
}

pub(super) async fn locked(session: &mut PgConnection) -> Vec<i64> {
    let rows = sqlx::query(LOCKED).fetch_all(session).await.expect("what is locked");
    column(&rows, 0)
}

fn job(row: &PgRow) -> Job {
    let status: String = row.get(11);
    let lease: Option<Uuid> = row.get(13);
    let (worker, run_at, until) = (row.get(15), micros(row, 16), micros(row, 17));
    let state = match (status.as_str(), run_at, until) {
        ("pending", ..) => State::Pending { row: row.get(12) },
        ("running", Some(run_at), Some(expires_at)) => {
            let lease = lease.expect("a lease");
            State::Running(Run { lease, batch_index: row.get(14), worker, run_at, expires_at })
        }
        (_, run_at, Some(at)) => State::Ended(End { status, lease, worker, run_at, at, result: row.get(18) }),
        other => panic!("{other:?}"),
    };
    Job {
        number: row.get(0),
        id: row.get(1),
        task: row.get(2),
        priority: row.get(3),
        timeout: row.get(4),
        retries: row.get(5),
        max_retries: row.get(6),
        attempt: row.get(7),
        scheduled_at: micros(row, 8),
        traceback: row.get(9),
        ready_seq: row.get(10),
        state,
    }
}
