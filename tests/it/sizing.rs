//! The bytes of a job on disk and in the write-ahead log are those that the page on sizing says.

use pgjobs_tests::Db;
use sqlx::AssertSqlSafe;

const JOBS: i64 = 20_000;

/// A row of the page: its words, the bytes of the arguments as JSON, and whether the jobs are published together.
const ROWS: [(&str, i64, bool); 4] = [
    ("100 bytes of arguments, published together", 100, true),
    ("100 bytes, in single rows", 100, false),
    ("1 KiB, published together", 1024, true),
    ("1 KiB, in single rows", 1024, false),
];

/// Arguments of random digits: PostgreSQL cannot compress them, as it could most text of more than 2 KB.
const PREPARE: &str = "
    create table body as select jsonb_build_object('args', jsonb_build_array(left(
      (select string_agg(md5(random()::text || g || h), '') from generate_series(1, 40) h), $bytes - 14))) as body from generate_series(1, 1000) g;
    create unlogged table run (lease uuid, job_id text, batch_index integer);
    select jobs.register_worker('00000000-0000-7000-8000-000000000000', 'h', 1, 'v', '{}', '{noop}', 100, 3600)";
const PUBLISH: &str = "select jobs.publish_arrays('{noop}', (select array_agg(body) from body), null, null, null, null, null, i_pack => $packed)";
const CLAIM: &str =
    "select jobs.claim('00000000-0000-7000-8000-000000000000', '{noop}', 1000, gen_random_uuid(), 5)";
const NOTE: &str = "insert into run select lease, job_id, batch_index from jobs._runs";
const SETTLE: &str = "
    with lease as (select lease from run limit 1), gone as (delete from run using lease where run.lease = lease.lease returning run.*),
         runs as (select array_agg(job_id) as ids, array_agg(lease) as leases, array_agg(batch_index) as places from gone having count(*) > 0)
    select s.* from runs, jobs.settle(runs.ids, runs.leases, i_batch_indexes => runs.places) s";

struct Session {
    db: Db,
    log: i64,
}

impl Session {
    /// The same statement until all jobs are through.
    async fn repeat(&mut self, sql: &str, times: i64) {
        let before = self.log_position().await;
        for _ in 0..times {
            sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&self.db.pool).await.unwrap();
        }
        self.log += self.log_position().await - before;
    }

    async fn log_position(&self) -> i64 {
        self.db.one("select (pg_current_wal_insert_lsn() - '0/0')::bigint").await
    }

    /// Bytes of a table and its indexes for each job.
    async fn size(&self, table: &str) -> i64 {
        let parts = format!("select relid from pg_partition_tree('{table}') where isleaf");
        let parts = format!("select '{table}'::regclass union {parts}");
        let size = format!("select sum(pg_total_relation_size(relid))::bigint from ({parts}) p(relid)");
        self.db.one::<i64>(&size).await / JOBS
    }
}

/// Bytes for each job: pending, running, in history, and of log through its life.
async fn measured(bytes: i64, packed: bool) -> [i64; 4] {
    let mut session = Session { db: Db::new().await, log: 0 };
    session.db.run(&PREPARE.replace("$bytes", &bytes.to_string())).await;
    session.repeat(&PUBLISH.replace("$packed", &packed.to_string()), JOBS / 1000).await;
    let pending = session.size("jobs.pending").await;
    session.repeat(CLAIM, JOBS / 1000 + 5).await; // a packed row that does not fit into a claim is left to the next
    let running = session.size("jobs.batch").await;
    session.db.run(NOTE).await;
    assert_eq!(session.db.one::<i64>("select count(*) from run").await, JOBS);
    session.repeat(SETTLE, JOBS / 1000 + 5).await;
    assert_eq!(session.db.one::<i64>("select count(*) from jobs.job").await, JOBS);
    [pending, running, session.size("jobs.job").await, session.log / JOBS]
}

fn said(words: &str) -> Vec<i64> {
    let page = std::fs::read_to_string("../docs/src/how-to/sizing.md").unwrap();
    let row = page.lines().find_map(|line| line.strip_prefix(&format!("| {words} | ")));
    let row = row.unwrap_or_else(|| panic!("no row `{words}`"));
    let cells = row.trim_end_matches(" |").split(" | ");
    cells.map(|cell| cell.replace(',', "").parse().unwrap()).collect()
}

#[tokio::test]
async fn a_job_takes_the_bytes_that_the_page_on_sizing_says() {
    let mut off = Vec::new();
    for (words, bytes, packed) in ROWS {
        let (measured, said) = (measured(bytes, packed).await, said(words));
        println!("{words}: measured {measured:?}, the page says {said:?}");
        let off_by = |at: usize| measured[at] as f64 / said[at] as f64 - 1.0;
        // The log of the server is that of all tests that run meanwhile, and grows with each checkpoint: at least this.
        if said.len() != 4 || (0..3).any(|at| off_by(at).abs() > 0.15) || off_by(3) < -0.15 {
            off.push(format!("{words}: measured {measured:?}, the page says {said:?}"));
        }
    }
    assert!(off.is_empty(), "{off:#?}");
}
