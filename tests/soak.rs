//! A long steady flow with some failures and some slow jobs: nothing is lost, and nothing grows.
//!
//! 200,000 jobs by default; `PGJOBS_SOAK=1000000` for the long run (docs/src/reliability.md has its result).

use std::time::Duration;

use pgjobs::{TaskError, Worker, task};
use pgjobs_tests::{Db, until};

/// One in a hundred fails, one in a hundred is slow.
#[task(name = "soak.work", retries = 1)]
async fn work(n: u64) -> Result<u64, TaskError> {
    match n % 100 {
        0 => Err(TaskError::new("one in a hundred")),
        1 => {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok(n)
        }
        _ => Ok(n),
    }
}

/// Jobs published at once, and the backlog at which the publisher waits.
const CHUNK: u64 = 5000;
const BACKLOG: i64 = 20_000;

/// Pending and running jobs must fit in this, however many have passed through: without clearing away, a million
/// jobs leave 417 MB.
const TABLES: i64 = 128 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_flow_loses_nothing_and_nothing_grows() {
    let jobs: u64 =
        std::env::var("PGJOBS_SOAK").map_or(200_000, |jobs| jobs.parse().expect("a number of jobs"));
    let db = Db::new().await;
    // By default the server looks once a minute what there is to clear away; this flow is over before that.
    db.run("alter system set autovacuum_naptime = '1s'").await;
    db.run("select pg_reload_conf()").await;
    let worker = Worker::new(db.pool.clone()).topic("soak.*").concurrency(200).start().await.unwrap();
    let (mut memory, mut tables) = (Vec::new(), Vec::new());
    for first in (0..jobs).step_by(CHUNK as usize) {
        until("the backlog is worked off", async || open(&db).await < BACKLOG).await;
        pgjobs::publish_all(&db.pool, (first..jobs.min(first + CHUNK)).map(work::new)).await.unwrap();
        memory.push(resident());
        tables.push(size(&db).await);
    }
    until("all ended", async || open(&db).await == 0).await;
    let report = worker.shutdown().await;
    let ends = "select array[count(*) filter (where status = 'success'), count(*) filter (where status = 'failed'), count(distinct job_id)]
        from jobs.job";
    let failed = jobs.div_ceil(100);
    let expected = [jobs - failed, failed, jobs].map(|n| i64::try_from(n).unwrap());
    println!(
        "{jobs} jobs, {report:?}; memory {} to {} MB; tables at most {} MB",
        memory[memory.len() / 2] >> 20,
        memory[memory.len() - 1] >> 20,
        tables.iter().max().unwrap_or(&0) >> 20
    );
    assert_eq!(db.one::<Vec<i64>>(ends).await, expected, "succeeded, failed, each once");
    assert_eq!((report.succeeded, report.lost), (jobs - failed, 0));
    let (half, last) = (memory[memory.len() / 2], memory[memory.len() - 1]);
    assert!(last < half + half / 10 + (4 << 20), "memory grows: {memory:?}");
    assert!(tables.iter().all(|size| *size < TABLES), "tables grow: {tables:?}");
}

async fn open(db: &Db) -> i64 {
    db.one("select coalesce((select sum(size) from jobs.pending), 0)::bigint + (select count(*) from jobs.batch) * 64").await
}

async fn size(db: &Db) -> i64 {
    db.one("select pg_total_relation_size('jobs.pending') + pg_total_relation_size('jobs.batch')").await
}

/// Memory of this process, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the status of this process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}
