//! What became of the jobs, as the database tells it.

use std::error::Error;

use pgjobs::Task;
use pgjobs_examples::table;
use sqlx::PgPool;

use crate::tasks;

/// `run_at` is when a worker claimed the job, which is a little before it called the function.
const TASKS: &str = "
    select task, count(*), count(*) filter (where status = 'success'),
      count(*) filter (where status = 'failed'), sum(attempt),
      avg(extract(epoch from complete_on - run_at) * 1000)::float8
    from jobs.all where job_id = any ($1) group by task order by task";

const TOTALS: &str = "
    select count(*), coalesce(sum((result ->> 'lines')::bigint), 0)::bigint,
      coalesce(sum((result ->> 'words')::bigint), 0)::bigint
    from jobs.all where job_id = any ($1) and task = $2 and status = 'success'";

const BIGGEST: &str = "
    select body -> 'kwargs' ->> 'path', (result ->> 'bytes')::bigint, (result ->> 'lines')::bigint
    from jobs.all where job_id = any ($1) and task = $2 and status = 'success' order by 2 desc, 1 limit 5";

const COPIES: &str = "
    select count(*) - count(distinct result)
    from jobs.all where job_id = any ($1) and task = $2 and status = 'success'";

const FAILED: &str = "
    select task, job_id, attempt, traceback from jobs.all
    where job_id = any ($1) and status = 'failed' order by job_id";

const PACE: &str = "
    select count(*), count(distinct worker), extract(epoch from max(complete_on) - min(run_at))::float8
    from jobs.all where job_id = any ($1) and task = any ($2)";

/// Prints the summary of these jobs.
pub(crate) async fn print(pool: &PgPool, jobs: &[String]) -> Result<(), Box<dyn Error>> {
    println!("\n{}\n", by_task(pool, jobs).await?);
    files(pool, jobs).await?;
    failures(pool, jobs).await?;
    pace(pool, jobs).await
}

type TaskRow = (String, i64, i64, i64, i64, Option<f64>);

async fn by_task(pool: &PgPool, jobs: &[String]) -> Result<String, Box<dyn Error>> {
    let rows: Vec<TaskRow> = sqlx::query_as(TASKS).bind(jobs).fetch_all(pool).await?;
    let rows = rows.into_iter().map(|(task, jobs, success, failed, attempts, average)| {
        let average = format!("{:.2} ms", average.unwrap_or_default());
        [task, jobs.to_string(), success.to_string(), failed.to_string(), attempts.to_string(), average]
    });
    Ok(table(["task", "jobs", "success", "failed", "attempts", "claim to end"], rows))
}

async fn files(pool: &PgPool, jobs: &[String]) -> Result<(), Box<dyn Error>> {
    let (count, digest) = (tasks::count::DEF.name, tasks::digest::DEF.name);
    let (files, lines, words): (i64, i64, i64) =
        sqlx::query_as(TOTALS).bind(jobs).bind(count).fetch_one(pool).await?;
    let copies: i64 = sqlx::query_scalar(COPIES).bind(jobs).bind(digest).fetch_one(pool).await?;
    println!("{files} files hold {lines} lines and {words} words; {copies} are copies of another\n");
    let biggest: Vec<(String, i64, i64)> =
        sqlx::query_as(BIGGEST).bind(jobs).bind(count).fetch_all(pool).await?;
    let rows = biggest.into_iter().map(|(path, bytes, lines)| [path, bytes.to_string(), lines.to_string()]);
    println!("{}\n", table(["biggest files", "bytes", "lines"], rows));
    Ok(())
}

async fn failures(pool: &PgPool, jobs: &[String]) -> Result<(), Box<dyn Error>> {
    let failed: Vec<(String, String, i32, Option<String>)> =
        sqlx::query_as(FAILED).bind(jobs).fetch_all(pool).await?;
    for (task, job, attempt, error) in failed {
        println!("failed: {task}, job {job}, in run {attempt}: {}", error.unwrap_or_default());
    }
    Ok(())
}

async fn pace(pool: &PgPool, jobs: &[String]) -> Result<(), Box<dyn Error>> {
    let names = [tasks::count::DEF.name, tasks::digest::DEF.name];
    let (count, workers, seconds): (i64, i64, Option<f64>) =
        sqlx::query_as(PACE).bind(jobs).bind(names).fetch_one(pool).await?;
    if let Some(seconds) = seconds.filter(|seconds| *seconds > 0.0) {
        let rate = count as f64 / seconds;
        println!(
            "{count} jobs on files in {seconds:.2} s, {rate:.0} a second; workers that took part: {workers}"
        );
    }
    Ok(())
}
