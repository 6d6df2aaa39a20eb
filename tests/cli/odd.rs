//! Every command over a database in which each row is odd: all end well and show every row.
//!
//! The rows are written past the functions that refuse such things today: older ones may be there, and other clients.

use pgjobs_tests::Db;
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};

use crate::app::{Printed, on, run};

/// At and beyond every border of the clients.
const TIMES: [&str; 9] = [
    "-infinity",
    "4713-11-24 00:00:00+00 BC",
    "0001-01-01 00:00:00+00",
    "1970-01-01 00:00:00+00",
    "9999-12-31 23:59:59.999999+00",
    "10000-01-01 00:00:00+00",
    "262143-12-31 23:59:59+00",
    "294276-12-31 23:59:59.999999+00",
    "infinity",
];

/// JSON that PostgreSQL keeps and others cannot read, or not send: of the last one 2.5 kB stored are a gigabyte of text.
const DOCUMENTS: [&str; 9] = [
    "null",
    "'7'",
    "'1e400'",
    "'123456789012345678901234567890.5'",
    r#"'{"args": [1e400]}'"#,
    r#"'"\u0001\u001b"'"#,
    "(repeat('[', 200) || repeat(']', 200))::jsonb",
    "(repeat('[', 3000) || repeat(']', 3000))::jsonb",
    "('{\"args\":[[' || repeat('1e131000,', 8999) || '1e131000]]}')::jsonb",
];

/// Whether the document that cannot be sent is among them. Each time that it is read takes the server seconds.
const UNSENT: bool = cfg!(feature = "soak");

fn documents() -> &'static [&'static str] {
    if UNSENT { &DOCUMENTS } else { &DOCUMENTS[..DOCUMENTS.len() - 1] }
}

/// Rows that are older than a constraint.
pub(crate) async fn unconstrained() -> Db {
    let db = Db::new().await;
    let checks = "select format('alter table %s drop constraint %I', c.conrelid::regclass, c.conname) from pg_constraint c
                  where c.contype = 'c' and c.connamespace = 'jobs'::regnamespace and c.conislocal and c.conparentid = 0";
    for statement in db.all::<String>(checks).await {
        db.run(&statement).await;
    }
    db
}

/// What the server cannot send takes it a gigabyte to find out: one test at a time.
static ONE: Mutex<()> = Mutex::const_new(());

/// A job of each kind for each odd time and document, and as many workers and tasks.
async fn odd() -> (Db, MutexGuard<'static, ()>) {
    let one = ONE.lock().await;
    let db = unconstrained().await;
    let times: Vec<(usize, String)> =
        TIMES.iter().enumerate().map(|(nth, time)| (nth, format!("'{time}'::timestamptz"))).collect();
    let documents: Vec<(usize, String)> =
        documents().iter().enumerate().map(|(nth, json)| (nth, format!("({json})::jsonb"))).collect();
    for (nth, time) in &times {
        pending(&db, &format!("due{nth}"), "null", &format!("{time}, {time}, null"), "0, 3, 0, 60, 0").await;
        pending(&db, &format!("later{nth}"), "null", &format!("now(), {time}, null"), "0, 3, 0, 60, 0").await;
        ended(&db, &format!("end{nth}"), "null", "null", &format!("{time}, {time}, {time}, {time}")).await;
        worker(&db, &format!("host{nth}"), time).await;
    }
    for (nth, json) in &documents {
        pending(&db, &format!("body{nth}"), json, "now(), null, 1", "0, 3, 0, 60, 0").await;
        ended(&db, &format!("result{nth}"), "null", json, "now(), now(), null, now()").await;
        ended(&db, &format!("both{nth}"), json, json, "now(), now(), null, now()").await;
        task(&db, &format!("odd.schema{nth}")).await;
    }
    for (nth, json) in &documents {
        make_odd(&db, &format!("odd.schema{nth}"), json).await;
    }
    let (low, high) = (i32::MIN, i32::MAX);
    pending(&db, "low", "null", "now(), null, 1", &format!("{low}, {low}, {low}, -9999999.99, {low}")).await;
    pending(&db, "high", "null", "now(), null, 1", &format!("{high}, {high}, {high}, 9999999.99, {high}"))
        .await;
    pending(&db, "écrit", "null", "now(), null, 1", "0, 3, 0, 60, 0").await;
    ended(&db, "世界", "null", "null", "now(), now(), null, now()").await;
    pending(&db, "nan", "null", "now(), null, 1", "0, 3, 0, 'NaN', 0").await;
    (db, one)
}

async fn pending(db: &Db, id: &str, body: &str, times: &str, numbers: &str) {
    db.run(&format!(
        "insert into jobs.pending (id, job_id, task, body, created_at, scheduled_at, ready_seq, retries, max_retries, priority, timeout, attempt)
         select nextval('jobs.job_number'), '{id}', 'odd.' || '{id}', {body}, {times}, {numbers}"
    ))
    .await;
}

async fn ended(db: &Db, id: &str, body: &str, result: &str, times: &str) {
    db.run(&format!(
        "insert into jobs.job (id, job_id, task, body, result, retries, max_retries, priority, timeout, status, attempt, traceback,
                               created_at, run_at, scheduled_at, complete_on)
         select nextval('jobs.job_number'), '{id}', 'odd.' || '{id}', {body}, {result}, 0, 3, 0, 60, 'failed', 1, repeat('long ', 20000), {times}"
    ))
    .await;
}

async fn worker(db: &Db, host: &str, time: &str) {
    db.run(&format!(
        "select jobs.register_worker(gen_random_uuid(), '{host}', 1, '0', '{{a}}', '{{odd.due0}}', 1, 15);
         update jobs.worker set started_at = {time}, heartbeat_at = {time}, expires_at = {time}, slots = {},
           topics = array[[null, 'a'], ['b', 'c']], tasks = '[7:8]={{odd.due0,null}}' where host = '{host}'",
        i32::MAX
    ))
    .await;
}

/// Declared as it should be; what is odd about it comes later, lest the next declaration meets it.
async fn task(db: &Db, name: &str) {
    db.run(&format!(
        r#"select jobs.register_tasks('[{{"name": "{name}", "args_schema": true, "result_schema": true, "retries": 3, "timeout": 60, "priority": 0}}]')"#
    ))
    .await;
}

async fn make_odd(db: &Db, name: &str, schema: &str) {
    db.run(&format!(
        r#"update jobs.task set args_schema = coalesce({schema}, 'null'), result_schema = coalesce({schema}, 'null'), params = {schema},
             aliases = '[0:1]={{"{name}a",null}}', retries = {}, timeout = 'NaN', priority = {} where name = '{name}'"#,
        i32::MAX,
        i32::MIN
    ))
    .await;
}

fn said(db: &Db, arguments: &[&str]) -> Printed {
    let said = run(&mut on(&db.url, arguments));
    assert_eq!(said.code, Some(0), "{arguments:?}: {:.2000}", format!("{:?} {:?}", said.err, said.out));
    said
}

fn list(document: &Value, name: &str, key: &str) -> Vec<String> {
    let rows = document[name].as_array().unwrap_or_else(|| panic!("{document}"));
    let mut keys: Vec<String> =
        rows.iter().map(|row| row[key].as_str().unwrap_or_default().to_owned()).collect();
    keys.sort_unstable();
    keys
}

#[tokio::test]
async fn a_listing_shows_every_row() {
    let (db, _one) = odd().await;
    let jobs: Vec<String> =
        db.all("select job_id::text from jobs.\"all\" order by job_id collate \"C\"").await;
    assert!(jobs.len() > 50, "{jobs:?}");
    let page = ["inspect", "jobs", "--limit", "1000"];
    assert_eq!(said(&db, &page).data().lines().count(), jobs.len() + 1);
    assert_eq!(list(&said(&db, &[&page[..], &["--json"]].concat()).json(), "jobs", "job_id"), jobs);
    let of_states: usize = ["pending", "failed"]
        .iter()
        .map(|state| {
            said(&db, &[&page[..], &["--state", state, "--json"]].concat()).json()["jobs"]
                .as_array()
                .map_or(0, Vec::len)
        })
        .sum();
    assert_eq!(of_states, jobs.len());
    let (mut paged, mut before) = (Vec::new(), None::<String>);
    loop {
        let mut arguments = vec!["inspect", "jobs", "--limit", "7", "--json"];
        arguments.extend(before.iter().flat_map(|id| ["--before", id.as_str()]));
        let page = said(&db, &arguments).json();
        paged.extend(list(&page, "jobs", "job_id"));
        let Some(next) = page["next"].as_str() else { break };
        before = Some(next.to_owned());
    }
    paged.sort_unstable();
    assert_eq!(paged, jobs, "page by page");

    let tasks: Vec<String> = db.all("select name::text from jobs.tasks() order by name collate \"C\"").await;
    assert_eq!(list(&said(&db, &["inspect", "tasks", "--json"]).json(), "tasks", "name"), tasks);
    assert_eq!(said(&db, &["inspect", "tasks"]).data().lines().count(), tasks.len() + 1);
    let hosts: Vec<String> = db.all("select host from jobs.workers() order by host collate \"C\"").await;
    assert_eq!(list(&said(&db, &["inspect", "workers", "--json"]).json(), "workers", "host"), hosts);
    assert_eq!(said(&db, &["inspect", "workers"]).data().lines().count(), hosts.len() + 1);
    let counted: Vec<String> =
        db.all("select task::text from jobs.overview() order by task collate \"C\"").await;
    assert_eq!(list(&said(&db, &["inspect", "--json"]).json(), "tasks", "task"), counted);
    said(&db, &["inspect"]);
    for lang in ["python", "rust", "typescript"] {
        let said = said(&db, &["codegen", "--lang", lang]);
        assert!(said.out.contains("odd.schema7") && !said.out.contains("NaN"), "{lang}");
        assert!(said.err.contains("odd.schema7: its timeout is no number"), "{}", said.err);
    }
}

#[tokio::test]
async fn the_doctor_looks_at_all_of_it() {
    let (db, _one) = odd().await;
    let said = run(&mut on(&db.url, &["doctor", "--json"]));
    let found = said.json()["problems"].as_array().map_or(0, Vec::len);
    assert!(found > 0 && said.code == Some(1), "{said:?}");
}

#[tokio::test]
async fn every_job_is_shown_and_explained() {
    let (db, _one) = odd().await;
    for id in db.all::<String>("select job_id::text from jobs.\"all\"").await {
        let text = said(&db, &["inspect", "job", &id]).data();
        assert!(text.contains(&id), "{text}");
        // To find out that a text is too long takes the server seconds: once is enough.
        if !matches!(id.as_str(), "body8" | "result8" | "both8") {
            let out = said(&db, &["inspect", "job", &id, "--json"]).out;
            assert!(out.starts_with(&format!("{{\"job_id\":\"{id}\"")) && out.ends_with("}\n"), "{out:.300}");
        }
        said(&db, &["explain", &id]);
        said(&db, &["explain", &id, "--json"]);
        match id.as_str() {
            "body2" => assert!(text.contains("Arguments        1000"), "{text}"),
            "result3" => {
                assert!(text.contains("Result           123456789012345678901234567890.5"), "{text}")
            }
            "body7" => assert!(text.contains("[[[[[[]]]]]]"), "{text}"),
            "both8" => {
                assert!(text.contains("Not shown        the server cannot send the arguments: "), "{text}");
                assert!(text.contains("; the server cannot send the result: "), "{text}");
                assert!(!text.contains("Arguments  "), "{text}");
            }
            "end8" | "end7" | "end5" => {
                assert!(text.contains("Ended            9999-12-31 23:59:59.999 UTC"), "{text}")
            }
            "end0" | "end1" => {
                assert!(text.contains("Ended            0001-01-01 00:00:00.000 UTC"), "{text}")
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn the_library_reads_every_row_too() {
    use pgjobs::inspect::{self, JobFilter};

    let (db, _one) = odd().await;
    let all = JobFilter { num: 1000, ..JobFilter::default() };
    let jobs = inspect::jobs(&db.pool, &all).await.unwrap();
    assert_eq!(jobs.len() as i64, db.one::<i64>("select count(*) from jobs.\"all\"").await);
    for job in jobs {
        assert!(job.body.is_none() && job.result.is_none(), "a page brings neither");
        assert!(job.traceback.is_none_or(|error| error.len() == 4000));
        if matches!(job.job_id.as_str(), "body8" | "both8") {
            continue; // the command line asks for them, which takes its time
        }
        let whole = inspect::job(&db.pool, &job.job_id).await.unwrap();
        assert_eq!(whole.unreadable.is_some(), job.job_id.as_str() == "result8", "{}", job.job_id);
        inspect::explain(&db.pool, &job.job_id).await.unwrap();
    }
    assert_eq!(inspect::workers(&db.pool).await.unwrap().len(), TIMES.len());
    let tasks = inspect::tasks(&db.pool).await.unwrap();
    assert!(documents().len() <= tasks.len());
    inspect::overview(&db.pool).await.unwrap();
}

/// What acts on jobs needs their ids and no more.
#[tokio::test]
async fn odd_jobs_are_cancelled_retried_and_purged() {
    let (db, _one) = odd().await;
    if UNSENT {
        said(&db, &["cancel", "body8", "--yes"]);
        let refused = run(&mut on(&db.url, &["retry", "body8", "--yes"]));
        assert_eq!(refused.code, Some(1), "it would only fail again: {refused:?}");
        assert!(refused.err.contains("cannot be sent to a worker: body8"), "{refused:?}");
    }
    let ended: i64 = db.one("select count(*) from jobs.\"all\" where status = 'failed'").await;
    let failed = said(&db, &["retry", "--topic", "odd.*", "--yes", "--json"]).json();
    let left: Vec<String> =
        db.all("select job_id from jobs.\"all\" where status <> 'pending' order by 1").await;
    assert_eq!(left, if UNSENT { &["body8", "both8"][..] } else { &[] }, "what cannot be sent");
    assert_eq!(failed["retried"], (ended - i64::from(UNSENT)) as u64, "of these both8 had failed");
    let waiting: i64 = db.one("select count(*) from jobs.\"all\" where status = 'pending'").await;
    let purged = said(&db, &["purge", "--topic", "odd.body*", "--yes", "--json"]).json();
    assert_eq!(purged["purged"], DOCUMENTS.len() as u64 - 1, "not body8, which has ended");
    let cancelled = said(&db, &["cancel", "--topic", "*", "--yes", "--json"]).json();
    assert_eq!(cancelled["cancelled"], (waiting - DOCUMENTS.len() as i64 + 1) as u64);
}

/// Beside plain jobs of a task of the program lies one that no program can read: that is no reason not to deploy.
#[cfg(feature = "soak")]
#[tokio::test]
async fn the_deploy_check_looks_past_a_body_that_cannot_be_sent() {
    let (db, _one) = odd().await;
    for nth in 0..30 {
        let body =
            if nth == 17 { format!("({})::jsonb", DOCUMENTS[8]) } else { r#"'{"args": ["x"]}'"#.to_owned() };
        pending(&db, &format!("echo{nth:02}"), &body, "now(), null, 1", "0, 3, 0, 60, 0").await;
    }
    db.run("update jobs.pending set task = 'app.echo' where job_id like 'echo%'").await;
    db.run("update jobs.pending set scheduled_at = 'infinity', ready_seq = null where job_id in ('echo03')")
        .await;
    let said = said(&db, &["check", "--topic", "app.*"]);
    assert!(said.out.contains("warning bodies_not_sent app.echo: "), "{said:?}");
    assert!(said.out.contains("job echo17") && !said.out.contains("job echo16"), "{said:?}");
    assert!(said.out.contains("app.echo: sampled 30 of 30 jobs"), "{said:?}");
}

/// A decoding error is no server that cannot be reached (exit code 3), and no panic.
#[tokio::test]
async fn an_answer_of_another_shape_is_named_as_one() {
    let db = Db::new().await;
    db.run(
        "drop function jobs.workers; create function jobs.workers() returns table (id text, host text, pid integer, version text, topics text[],
           tasks text[], slots integer, held bigint, started_at timestamptz, heartbeat_at timestamptz, alive boolean, paused_at timestamptz)
         language sql as $$ select 'x', 'h', 1, 'v', '{}'::text[], '{}'::text[], 1, 1::bigint, now(), now(), true, null::timestamptz $$",
    )
    .await;
    let said = run(&mut on(&db.url, &["inspect", "workers"]));
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("cannot be read") && said.err.contains("newer than this program"), "{said:?}");
}

/// Whoever may write the table can make a run of nothing.
#[tokio::test]
async fn a_run_of_no_job_hides_no_other() {
    let db = unconstrained().await;
    db.run("select jobs.publish('odd.gone', null); select jobs.publish('odd.there', null); select jobs.consume('odd.%', 2)").await;
    db.run("update jobs.batch set jobs = array[null]::jobs.open_job[] where (jobs[1]).task = 'odd.gone'")
        .await;
    let counted = said(&db, &["inspect", "--json"]).json();
    assert_eq!(list(&counted, "tasks", "task"), ["(unreadable)", "odd.there"]);
    for arguments in [&["inspect", "jobs"][..], &["inspect", "jobs", "--state", "running"]] {
        assert!(said(&db, arguments).data().contains("odd.there"));
    }
}
