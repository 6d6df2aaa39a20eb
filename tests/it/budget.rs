//! What the hot calls may cost, in pages touched and bytes of write-ahead log for each job.
//!
//! Not a timed test: the figures hardly depend on the machine. Whoever makes a call dearer sees it
//! here, and either finds out why or raises the budget in the same commit, with the reason.

use pgjobs_tests::Db;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Row};

struct Budget {
    what: &'static str,
    jobs: u32,
    before: &'static str,
    call: &'static str,
    /// Pages touched for each job.
    pages: f64,
    /// Bytes of write-ahead log for each job.
    log: f64,
}

const CLAIM: &str =
    "select * from jobs.claim('00000000-0000-7000-8000-000000000000', '{noop}', 1000, gen_random_uuid(), 5)";
const PACKED: &str = "select jobs.publish_arrays('{noop}', array_fill('{\"args\": [1, 2]}'::jsonb, array[960]), null, null, null, null, null, i_pack => true)";
const CLAIMED: &str = "
    select jobs.publish_bulk(array_fill(('noop', '{\"args\": [1, 2]}', null, null, null, null)::jobs.bulk_job, array[1000]));
    select jobs.claim('00000000-0000-7000-8000-000000000000', '{noop}', 1000, gen_random_uuid(), 5);
    create table c as select job_id::text, lease, batch_index from jobs._runs";

const DECLARED: &str = r#"
    select jobs.register_tasks('[{"name": "noop", "retries": 3, "timeout": 60, "priority": 0, "result_schema": true,
      "params": [{"name": "a", "type": "i64", "required": true}, {"name": "b", "type": "i64", "required": false}],
      "args_schema": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a"], "additionalProperties": false}}]')"#;

/// Measured, and a tenth on top.
const BUDGETS: &[Budget] = &[
    Budget {
        what: "publish one",
        jobs: 1,
        before: "",
        call: "select * from jobs.publish('noop', '{\"args\": [1, 2]}', i_checked => true)",
        pages: 6.0,
        log: 420.0,
    },
    // Two pages more to look for its task, and one for the settings, as nobody has declared it.
    Budget {
        what: "publish one of an unknown task",
        jobs: 1,
        before: "",
        call: "select * from jobs.publish('noop', '{\"args\": [1, 2]}')",
        pages: 9.0,
        log: 420.0,
    },
    Budget {
        what: "publish one that is checked",
        jobs: 1,
        before: DECLARED,
        call: "select * from jobs.publish('noop', '{\"args\": [1, 2]}')",
        pages: 8.8,
        log: 420.0,
    },
    Budget {
        what: "publish 1000 that are checked",
        jobs: 1000,
        before: DECLARED,
        call: "select jobs.publish_arrays('{noop}', array_fill('{\"args\": [1, 2]}'::jsonb, array[1000]), null, null, null, null, null)",
        pages: 7.0,
        log: 430.0,
    },
    Budget {
        what: "publish 1000",
        jobs: 1000,
        before: "",
        call: "select jobs.publish_arrays(array_fill('noop'::text, array[1000]), array_fill('{\"args\": [1, 2]}'::jsonb, array[1000]), null, null, null, null, null)",
        pages: 7.0,
        log: 430.0,
    },
    Budget { what: "publish 960 together", jobs: 960, before: "", call: PACKED, pages: 1.6, log: 250.0 },
    Budget {
        what: "claim 960 published together",
        jobs: 960,
        before: PACKED,
        call: CLAIM,
        pages: 1.0,
        log: 250.0,
    },
    Budget {
        what: "claim 1000",
        jobs: 1000,
        before: "select jobs.publish_bulk(array_fill(('noop', '{\"args\": [1, 2]}', null, null, null, null)::jobs.bulk_job, array[1000]))",
        call: CLAIM,
        pages: 5.5,
        log: 340.0,
    },
    // Two of them to lock its worker's row, so that no sweep can declare it dead meanwhile.
    Budget {
        what: "claim one",
        jobs: 1,
        before: "select jobs.publish('noop')",
        call: CLAIM,
        pages: 24.0,
        log: 1050.0,
    },
    Budget {
        what: "settle 1000 successes",
        jobs: 1000,
        before: CLAIMED,
        call: "select * from jobs.settle((select array_agg(job_id) from c), (select array_agg(lease) from c), i_batch_indexes => (select array_agg(batch_index) from c))",
        pages: 4.2,
        log: 400.0,
    },
    Budget {
        what: "settle 1000 retries",
        jobs: 1000,
        before: CLAIMED,
        call: "select * from jobs.settle((select array_agg(job_id) from c), (select array_agg(lease) from c), (select array_agg('retry'::text) from c), i_batch_indexes => (select array_agg(batch_index) from c))",
        pages: 8.0,
        log: 470.0,
    },
];

#[tokio::test]
async fn the_hot_calls_keep_to_their_budgets() {
    let mut over = Vec::new();
    for budget in BUDGETS {
        let (pages, log) = cost(budget).await;
        println!(
            "{}: {pages:.1} of {} pages, {log:.0} of {} bytes of log for each job",
            budget.what, budget.pages, budget.log
        );
        if pages > budget.pages || log > budget.log {
            over.push(format!("{}: {pages:.1} pages, {log:.0} bytes", budget.what));
        }
    }
    assert!(over.is_empty(), "over budget: {over:#?}");
}

/// The last of seven runs: the first ones read catalogues and make plans.
async fn cost(budget: &Budget) -> (f64, f64) {
    let db = Db::new().await;
    db.run("select jobs.register_worker('00000000-0000-7000-8000-000000000000', 'h', 1, 'v', '{}', '{noop}', 100, 3600)").await;
    let mut session = db.connect().await;
    let mut measured = (0.0, 0.0);
    for _ in 0..7 {
        db.run("drop table if exists c").await;
        db.run(budget.before).await;
        let explain = format!("explain (analyze, buffers, wal, timing off, format json) {}", budget.call);
        let plan: Value = sqlx::query(AssertSqlSafe(explain)).fetch_one(&mut session).await.unwrap().get(0);
        let top = &plan[0]["Plan"];
        let figure = |name: &str| top[name].as_f64().unwrap_or_else(|| panic!("no {name} in {top}"));
        let jobs = f64::from(budget.jobs);
        measured =
            ((figure("Shared Hit Blocks") + figure("Shared Read Blocks")) / jobs, figure("WAL Bytes") / jobs);
    }
    measured
}

/// A worker's cost for each job is a share of a batch: transactions, counted by the server.
#[tokio::test]
async fn a_worker_under_load_speaks_to_the_database_once_for_many_jobs() {
    let db = Db::new().await;
    let count = "select xact_commit + xact_rollback from pg_stat_database where datname = current_database()";
    db.run("select jobs.publish_bulk(array_fill(('budget.noop', '{\"args\": [], \"kwargs\": {}}', null, null, null, null)::jobs.bulk_job, array[20000]))").await;
    let before: i64 = db.one(count).await;
    let report =
        pgjobs::Worker::new(db.pool.clone()).topic("budget.*").concurrency(100).burst().run().await.unwrap();
    assert_eq!(report.succeeded, 20_000);
    // The server adds up its counters about once a second and when a session ends: the worker's have.
    let transactions = db.one::<i64>(count).await - before;
    println!("{transactions} transactions for 20,000 jobs");
    assert!(transactions < 1000, "{transactions} transactions for 20,000 jobs");
    assert!(transactions > 10, "counted too few to be true: {transactions}");
}

#[pgjobs::task(name = "budget.noop")]
async fn noop() {}
