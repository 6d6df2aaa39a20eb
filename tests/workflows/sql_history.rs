//! Random histories: sessions that publish, claim, end, retry, cancel and add at the same time, and are
//! killed at random. Whatever happens, the counters are those of the rows, and all that can end ends.

use pgjobs_tests::{Db, until};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection};

use crate::sql_flow::{Flow, assert_right};

/// `PGJOBS_WORKFLOWS=long`: thousands of calls of each session; else what takes some seconds.
fn calls() -> usize {
    if std::env::var("PGJOBS_WORKFLOWS").is_ok_and(|long| long == "long") { 4000 } else { 120 }
}

/// What a session may be told: it was killed or cancelled, met others, or asked for what cannot be.
const EXPECTED: [&str; 8] = ["57P01", "57014", "40001", "40P01", "55P03", "P0001", "P0002", "25P02"];

/// A workflow of up to eight nodes with edges of all kinds.
fn workflow(random: &mut fastrand::Rng) -> (Value, Value) {
    let mut nodes = Vec::new();
    for at in 0..random.usize(1..9) {
        let mut node = json!({"name": format!("n{at}"), "task": (["a", "b", "c", "d"][random.usize(..4)]), "max_retries": random.u8(1..3)});
        let parents: Vec<usize> = (0..at).filter(|_| random.u8(..3) == 0).collect();
        node["after"] = parents.iter().map(|parent| edge(random, *parent)).collect();
        match (parents.first(), random.u8(..8)) {
            (Some(parent), 0) => node["each"] = json!({"node": format!("n{parent}"), "param": "y"}),
            (_, 1..4) => node["each"] = json!(vec![json!({}); [0, 1, 3, 70, 130][random.usize(..5)]]),
            (Some(parent), 4..7) => {
                node["bind"] = json!({"x": {"node": format!("n{parent}"), "as": (["value", "results", "handle"][random.usize(..3)])}})
            }
            _ => {}
        }
        if random.bool() {
            node["undo"] = json!({"task": "u", "bind": {"v": format!("n{at}")}});
        }
        nodes.push(node);
    }
    let policy = ["hold", "cancel", "cancel_all", "continue", "compensate"][random.usize(..5)];
    let options = if random.u8(..10) == 0 {
        json!({"on_failure": policy, "timeout": 0.5})
    } else {
        json!({"on_failure": policy})
    };
    (json!(nodes), options)
}

fn edge(random: &mut fastrand::Rng, parent: usize) -> Value {
    let node = format!("n{parent}");
    match random.u8(..10) {
        0 => json!({"node": node, "when": "failure"}),
        1 => json!({"node": node, "when": "ended"}),
        2 => json!({"node": node, "condition": 1}),
        3..6 => json!({"node": node, "on_failure": (["hold", "cancel", "continue"][random.usize(..3)])}),
        _ => json!(node),
    }
}

/// Ends some runs, in one call or in an open transaction of some isolation.
fn end(random: &mut fastrand::Rng) -> String {
    let some = random.u8(1..40);
    if random.u8(..5) == 0 {
        let isolation = ["read committed", "repeatable read", "serializable"][random.usize(..3)];
        let (sleep, end) = (random.u8(..60), ["commit", "commit", "rollback"][random.usize(..3)]);
        return format!(
            "begin isolation level {isolation}; select jobs.ack(r.job_id, '7', r.lease) from (select * from jobs._runs order by random() limit 1) r; select pg_sleep({sleep} / 1000.0); {end}"
        );
    }
    let outcome = ["success", "success", "success", "fail", "retry", "release"][random.usize(..6)];
    format!(
        "select jobs.settle(s.ids, s.leases, array_fill('{outcome}'::text, array[cardinality(s.ids)]), array_fill('{}'::jsonb, array[cardinality(s.ids)]), null, array_fill(0::float8, array[cardinality(s.ids)]))
         from (select array_agg(r.job_id::text) as ids, array_agg(r.lease) as leases from (select * from jobs._runs order by random() limit {some}) r) s where s.ids is not null",
        ["1", "[1, 2, 3]", "null"][random.usize(..3)]
    )
}

/// What operators and time do.
fn disturb(random: &mut fastrand::Rng) -> String {
    let of = "(select w.id from jobs.workflow w order by w.id desc offset floor(random() * 12) limit 1)";
    let (node, some) = (random.u8(..5), random.u8(1..30));
    match random.u8(..12) {
        0 => format!("select jobs.cancel_workflow({of})"),
        1 => format!("select jobs.cancel_workflow({of}, 'n{node}')"),
        2 | 3 => format!("select jobs.retry_workflow({of})"),
        4 => format!("select jobs.retry_workflow({of}, 'n{node}')"),
        5 => format!("select jobs.retry(array(select f.job_id::text from jobs.node_failure f order by random() limit {some}))"),
        6 => "select jobs.cancel(array(select q.job_id::text from jobs.job_queue q order by random() limit 3), 0)".to_owned(),
        7 => "select jobs.edit(q.job_id, '{\"priority\": 2}') from (select job_id from jobs.pending order by random() limit 1) q".to_owned(),
        8 => "select jobs.purge('a', 1)".to_owned(),
        9 => format!("begin isolation level repeatable read; select count(*) from jobs.node; select pg_sleep(0.02); select jobs.cancel_workflow({of}); commit"),
        10 => "select jobs.add_nodes(r.job_id, r.lease, jsonb_build_array(jsonb_build_object('name', 'g' || random(), 'task', 'a'))) from (select * from jobs._runs order by random() limit 1) r".to_owned(),
        _ => "update jobs.worker set expires_at = now() - interval '1 s' where random() < 0.2".to_owned(),
    }
}

/// One session: makes its calls, and connects again when it was killed.
async fn session(db: &Db, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut connection = named(db).await;
    for _ in 0..calls() {
        let call = match random.u8(..20) {
            0..2 => {
                let (nodes, options) = workflow(&mut random);
                format!(
                    "select case when (select count(*) from jobs.workflow where ended_at is null) < 15 then jobs.publish_workflow('{nodes}', null, '{options}') end"
                )
            }
            2..8 => format!(
                "do $$ declare w uuid := gen_random_uuid(); begin
                   perform jobs.register_worker(w, 'h', 1, 'v', '{{}}', '{{a,b,c,d,u}}', 100, 3600);
                   perform jobs.claim(w, '{{a,b,c,d,u}}', {}, gen_random_uuid()); end $$",
                [1, 5, 64, 200][random.usize(..4)]
            ),
            8..15 => end(&mut random),
            15..18 => disturb(&mut random),
            _ => "select jobs.maintain()".to_owned(),
        };
        if let Err(error) = sqlx::raw_sql(AssertSqlSafe(call.clone())).execute(&mut connection).await {
            let code =
                error.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned();
            assert!(
                code.is_empty() || code.starts_with("PT") || EXPECTED.contains(&&*code),
                "{call}: {error}"
            );
            // The pool of the test is not killed: only what has this name.
            connection = named(db).await;
        }
    }
}

async fn named(db: &Db) -> PgConnection {
    use sqlx::Connection;
    let options = db.options().application_name("history");
    loop {
        // It may be killed while it connects.
        if let Ok(connection) = PgConnection::connect_with(&options).await {
            return connection;
        }
    }
}

/// Kills and cancels sessions until the others have done.
async fn kill(db: &Db, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    loop {
        tokio::time::sleep(std::time::Duration::from_millis(random.u64(20..300))).await;
        let how = ["pg_terminate_backend", "pg_cancel_backend"][random.usize(..2)];
        db.run(&format!("select {how}(pid) from pg_stat_activity where datname = current_database() and application_name = 'history' order by random() limit 1")).await;
    }
}

async fn play(seed: u64) {
    let db = Db::new().await;
    db.run("select jobs.set_limit('some', 'd', '{\"max\": 20}'); select jobs.set_limit('turns', 'c', '{\"key\": [\"x\"], \"in_order\": true}')").await;
    let sessions = async {
        tokio::join!(
            session(&db, seed),
            session(&db, seed + 1),
            session(&db, seed + 2),
            session(&db, seed + 3)
        )
    };
    tokio::select! { _ = sessions => {}, () = kill(&db, seed) => {} }
    db.run("update jobs.worker set expires_at = now() - interval '1 s'").await;
    let flow = Flow::on(&db).await;
    until("all jobs have ended and all deltas are applied", async || {
        db.run("update jobs.pending set scheduled_at = now() - interval '1 s' where ready_seq is null and bucket is null; select jobs.maintain(10000), jobs._leave_deltas()").await;
        flow.finish().await;
        db.one::<i64>("select (select count(*) from jobs.pending) + (select count(*) from jobs.batch) + (select count(*) from jobs.node_delta)").await == 0
    })
    .await;
    assert_right(&db).await;
    let ended: i64 = db.one("select count(*) from jobs.workflow where ended_at is null").await;
    assert_eq!(ended, 0, "seed {seed}: a workflow of which nothing runs has not ended");
    let (workflows, jobs): (i64, i64) =
        (db.one("select count(*) from jobs.workflow").await, db.one("select count(*) from jobs.job").await);
    eprintln!("seed {seed}: {workflows} workflows, {jobs} ended jobs");
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_and_states_hold_after_any_history() {
    for seed in [10, 20] {
        play(seed).await;
    }
}
