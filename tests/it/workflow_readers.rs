//! What people and programs see of workflows: lists, nodes, results, and why a node waits.

use std::time::{Duration, Instant};

use pgjobs_tests::{Db, Lateness, amount};

use crate::sessions::{as_role, code, one, role};

/// What follows from an end follows at the commit, so each is sent by itself: fetch has succeeded, one of three jobs of rows has failed, publish is held, and alert waits for publish.
const HELD: [&str; 4] = [
    r#"select jobs.publish_workflow('[{"name": "fetch", "task": "mail.fetch"},
      {"name": "rows", "task": "pay.rows", "each": [{"args": [1]}, {"args": [2]}, {"args": [3]}], "max_retries": 1, "after": ["fetch"], "keep_results": true},
      {"name": "publish", "task": "mail.publish", "after": [{"node": "rows", "condition": [7]}]},
      {"name": "alert", "task": "mail.alert", "after": [{"node": "publish", "when": "failure"}]}]', 'catalogue', '{"meta": {"tenant": 7}}')"#,
    r#"select jobs.ack(c.job_id, '{"a": 1.50}', c.lease) from jobs.consume_topic('mail.fetch', 1) c"#,
    r#"select jobs.nack(c.job_id, 'boom', i_lease => c.lease) from jobs.consume_topic('pay.rows', 1) c"#,
    r#"select jobs.ack(c.job_id, to_jsonb('row'::text), c.lease) from jobs.consume_topic('pay.rows', 2) c"#,
];

async fn held() -> Db {
    let db = Db::new().await;
    hold(&db).await;
    db
}

async fn hold(db: &Db) {
    for statement in HELD {
        db.run(statement).await;
    }
}

const NODES: &str = "select concat_ws(' ', n.name, n.state, n.jobs, n.open, n.failed, n.is_group, n.after) from jobs.workflow_nodes(1) n";

#[tokio::test]
async fn a_workflow_is_shown_with_its_nodes_in_their_order() {
    let db = held().await;
    let shown = "select concat_ws(' ', w.name, w.state, w.on_failure, w.meta, w.nodes, w.open, w.failed, w.running, w.ended_at is not null) from jobs.workflow(1) w";
    assert_eq!(db.one::<String>(shown).await, r#"catalogue failed hold {"tenant": 7} 4 2 1 0 t"#);
    assert_eq!(
        db.all::<String>(NODES).await,
        [
            "fetch success 1 0 0 f []",
            r#"rows failed 3 0 1 t [{"node": "fetch", "when": "success", "state": "met"}]"#,
            r#"publish waiting 0 0 0 f [{"node": "rows", "when": "success", "condition": [7]}]"#,
            r#"alert waiting 0 0 0 f [{"node": "publish", "when": "failure"}]"#,
        ]
    );
    for (call, refusal) in [
        ("jobs.workflow(2)", ("PT404", "there is no workflow 2")),
        ("jobs.workflow(null)", ("PT404", "there is no workflow null")),
        ("jobs.workflow_nodes(2)", ("PT404", "there is no workflow 2")),
        ("jobs.node_results(1, 'none')", ("PT404", "workflow 1 has no node 'none'")),
        ("jobs.node_results(1, null)", ("PT404", "workflow 1 has no node null")),
        ("jobs.explain_workflow(1, 'none')", ("PT404", "workflow 1 has no node 'none'")),
        ("jobs.workflow_result(2)", ("PT404", "there is no workflow 2")),
        ("jobs.workflows('odd')", ("PT400", "a workflow is in no state 'odd'")),
        ("jobs.workflows(i_limit => -1)", ("PT400", "i_limit is a number of at least 0, not -1")),
    ] {
        let (code, message) = db.refusal(&format!("select {call}")).await;
        assert_eq!((&*code, &*message), refusal, "{call}");
    }
}

#[tokio::test]
async fn pages_of_workflows_go_by_state_name_and_number() {
    let db = Db::new().await;
    db.run(
        r#"select jobs.publish_workflow('[{"name": "a", "task": "t"}]', (array['import.a', 'import.b', null, 'x_y'])[1 + n % 4]) from generate_series(1, 8) n;
           select jobs.cancel_workflow(n) from generate_series(2, 8, 2) n"#,
    )
    .await;
    for (call, ids) in [
        ("", "8 7 6 5 4 3 2 1"),
        ("i_limit => 3", "8 7 6"),
        ("i_before => 6, i_limit => 2", "5 4"),
        ("'cancelled'", "8 6 4 2"),
        ("'running', i_before => 5", "3 1"),
        ("null, 'import.b'", "5 1"),
        ("'running', 'import.b'", "5 1"),
        ("'cancelled', 'import.b'", ""),
        ("null, 'import.*'", "8 5 4 1"),
        ("'cancelled', 'import.*', 8", "4"),
        ("null, 'x_*'", "7 3"),
        ("null, 'xy*'", ""),
        ("i_limit => 0", ""),
    ] {
        let found = format!(
            "select coalesce(string_agg(w.id::text, ' ' order by w.id desc), '') from jobs.workflows({call}) w"
        );
        assert_eq!(db.one::<String>(&found).await, ids, "{call}");
    }
}

#[tokio::test]
async fn it_is_said_what_each_node_waits_for_and_how_it_ended() {
    let db = held().await;
    let said = "select n.name || ' ' || e.code || ': ' || regexp_replace(e.message, '[0-9]{4}-.*?[)]', 'T') from jobs.node n, jobs.explain_workflow(1, n.name) e order by n.id";
    assert_eq!(
        db.all::<String>(said).await,
        [
            "fetch success: it succeeded at T",
            "rows failed: it failed at T, 1 of 3 jobs failed",
            "publish parent_failed: it is held: 'rows' failed, and it runs only when that succeeds",
            "alert waits_for: it waits for 'publish': waiting",
        ]
    );
    let whole = "select string_agg(e.code || ': ' || regexp_replace(e.message, '[0-9]{4}-.*?[)]', 'T'), ' | ') from jobs.explain_workflow(1) e";
    assert_eq!(
        db.one::<String>(whole).await,
        "failed: it cannot go on since T: 1 of 4 nodes failed, 2 waiting; `pgjobs workflow retry 1` resumes it | parent_failed: failed: 'rows'"
    );
    db.run("select jobs.retry_workflow(1)").await;
    let running = "select string_agg(e.code || ': ' || regexp_replace(e.message, '[0-9]{4}-.*?[)]', 'T'), ' | ') from jobs.explain_workflow(1, 'rows') e";
    assert_eq!(db.one::<String>(running).await, "running: it runs since T: 2 of 3 jobs have ended");
    db.run("select jobs.cancel_workflow(1, i_reason => 'no more')").await;
    assert!(db.one::<String>(whole).await.starts_with("cancelled: it was cancelled at T: no more"));
}

#[tokio::test]
async fn a_job_says_of_which_node_it_is_until_it_has_succeeded() {
    let db = held().await;
    let part = "select e.message from jobs.explain((select max(job_id) from jobs.node_failure)) e where e.code = 'part_of_workflow'";
    let said = "it is job 1 of 3 of the node 'rows' of workflow 1, 'catalogue'";
    assert_eq!(db.one::<String>(part).await, said, "a failed one");
    let job: String = db.one("select job_id::text from jobs.node_failure").await;
    let part =
        format!("select e.details->>'node' from jobs.explain('{job}') e where e.code = 'part_of_workflow'");
    db.run("select jobs.retry_workflow(1)").await;
    assert_eq!(db.all::<String>(&part).await, ["rows"], "one that waits in the queue");
    db.run("select jobs.consume_topic('pay.rows', 1)").await;
    assert_eq!(db.all::<String>(&part).await, ["rows"], "one that runs");
    db.run("select jobs.publish('plain')").await;
    let plain =
        "select string_agg(e.code, ' ') from jobs.pending q, jobs.explain(q.job_id) e where q.task = 'plain'";
    assert!(!db.one::<String>(plain).await.contains("part_of_workflow"));
    // A group of many jobs is packed where no plain client has consumed lately.
    let db = Db::new().await;
    db.run(
        r#"select jobs.publish_workflow(jsonb_build_array(jsonb_build_object('name', 'many', 'task', 'many', 'each', (select jsonb_agg('{}'::jsonb) from generate_series(1, 100)))))"#,
    )
    .await;
    let packed: String = db
        .one("select (jobs[3]).job_id::text from jobs.pending where task = 'many' and size > 1 limit 1")
        .await;
    let part =
        format!("select e.details->>'nth' from jobs.explain('{packed}') e where e.code = 'part_of_workflow'");
    assert_eq!(db.all::<String>(&part).await, ["2"], "one in a packed row");
}

#[tokio::test]
async fn results_come_in_pages_and_in_order_with_the_errors() {
    let db = Db::new().await;
    db.run(
        r#"select jobs.publish_workflow(jsonb_build_array(jsonb_build_object('name', 'many', 'task', 'many', 'keep_results', true, 'max_retries', 1, 'each', (select jsonb_agg(jsonb_build_object('args', jsonb_build_array(n))) from generate_series(0, 149) n))));
           create table public.held as select * from jobs.consume_topic('many', 1)"#,
    )
    .await;
    while db.one::<i64>("select count(*) from public.held").await < 150 {
        db.run("insert into public.held select * from jobs.consume_topic('many', 150)").await;
    }
    db.run(
        r#"select jobs.nack(h.job_id, 'odd', i_lease => h.lease) from public.held h where h.body->'args' = '[7]';
           select jobs.cancel(array(select h.job_id::text from public.held h where h.body->'args' = '[120]'), i_reason => 'no');
           select jobs.ack(h.job_id, h.body->'args'->0, h.lease) from (select * from public.held order by random()) h where h.body->'args' not in ('[7]', '[120]')"#,
    )
    .await;
    let mut after = -1;
    let mut seen = Vec::new();
    loop {
        let page = format!(
            "select concat_ws(' ', r.nth, r.state, r.result, r.error) from jobs.node_results(1, 'many', {after}, 40) r"
        );
        let page = db.all::<String>(&page).await;
        let Some(last) = page.last() else { break };
        after = last.split(' ').next().unwrap().parse().unwrap();
        seen.extend(page);
    }
    let expected = (0..150).map(|n| match n {
        7 => "7 failed odd".to_owned(),
        120 => "120 cancelled cancelled by postgres: no".to_owned(),
        n => format!("{n} success {n}"),
    });
    assert_eq!(seen, expected.collect::<Vec<_>>());
    let own = "select count(*) from jobs.node_results(1, 'many') r join public.held h on h.job_id = r.job_id and h.body->'args'->0 = to_jsonb(r.nth)";
    assert_eq!(db.one::<i64>(own).await, 150, "each has the id of its job");
}

#[tokio::test]
async fn the_result_of_a_workflow_is_that_of_its_last_node() {
    let db = Db::new().await;
    db.run(
        r#"select jobs.publish_workflow('[{"name": "a", "task": "a"}, {"name": "b", "task": "b", "after": ["a"]}]');
           select jobs.publish_workflow('[{"name": "a", "task": "a"}, {"name": "b", "task": "b", "each": [{}, {}]}]');
           select jobs.publish_workflow('[{"name": "a", "task": "a"}, {"name": "b", "task": "b", "after": ["a"]}]', null, '{"result": "a"}')"#,
    )
    .await;
    assert_eq!(db.one::<String>("select r::text from jobs.workflow_result(1) r").await, "(running,,)");
    for task in ["a", "b"] {
        db.run(&format!(
            "select jobs.ack(c.job_id, to_jsonb(c.task), c.lease) from jobs.consume_topic('{task}', 9) c"
        ))
        .await;
    }
    for (workflow, result) in [(1, r#""b""#), (2, r#"{"a": "a", "b": ["b", "b"]}"#), (3, r#""a""#)] {
        let found =
            format!("select concat_ws(' ', r.state, r.result) from jobs.workflow_result({workflow}) r");
        assert_eq!(db.one::<String>(&found).await, format!("success {result}"));
    }
}

#[tokio::test]
async fn a_reader_sees_no_results_and_a_restricted_one_its_tasks_alone() {
    let db = held().await;
    role(&db, "flow_reader", "jobs_reader").await;
    let mut reader = as_role(&db, "flow_reader").await;
    assert_eq!(code(&mut reader, "select jobs.node_results(1, 'fetch')").await, "42501");
    assert_eq!(code(&mut reader, "select jobs.shown_node_results(1, 'fetch')").await, "42501");
    assert_eq!(code(&mut reader, "select jobs.workflow_result(1)").await, "42501");
    let edge = "select after::text from jobs.workflow_nodes(1) where name = 'publish'";
    assert_eq!(
        one::<String>(&mut reader, edge).await,
        r#"[{"node": "rows", "when": "success"}]"#,
        "no condition, which is compared with results"
    );
    db.run("select jobs.grant_topic('flow_reader', 'mail.*'); select jobs.publish_workflow('[{\"name\": \"a\", \"task\": \"pay.a\"}]')").await;
    let counts =
        "select string_agg(concat_ws(' ', w.id, w.nodes, w.open, w.failed), ', ') from jobs.workflows() w";
    assert_eq!(
        one::<String>(&mut reader, counts).await,
        "1 3 2 0",
        "the counts of its nodes, and no other workflow"
    );
    let explained =
        "select details->>'nodes' || ' ' || (details->>'open') from jobs.explain_workflow(1) limit 1";
    assert_eq!(one::<String>(&mut reader, explained).await, "3 2", "explained by the same counts");
    let nodes = "select string_agg(concat_ws(' ', n.name, n.after), ', ') from jobs.workflow_nodes(1) n";
    assert_eq!(
        one::<String>(&mut reader, nodes).await,
        r#"fetch [], publish [], alert [{"node": "publish", "when": "failure"}]"#
    );
    let said = "select string_agg(e.message || coalesce(e.details::text, ''), ' ') from unnest(array['publish', null]) n, jobs.explain_workflow(1, n) e";
    assert!(!one::<String>(&mut reader, said).await.contains("rows"), "no name of another's node");
    for call in [
        "jobs.workflow(2)",
        "jobs.workflow_nodes(2)",
        "jobs.explain_workflow(2)",
        "jobs.explain_workflow(1, 'rows')",
    ] {
        assert_eq!(code(&mut reader, &format!("select {call}")).await, "PT404", "{call}");
    }
}

#[tokio::test]
async fn a_restricted_worker_reads_results_of_its_tasks_alone() {
    let db = held().await;
    role(&db, "flow_worker", "jobs_worker").await;
    db.run("select jobs.grant_topic('flow_worker', 'mail.*')").await;
    let mut worker = as_role(&db, "flow_worker").await;
    assert_eq!(
        one::<String>(&mut worker, "select result::text from jobs.node_results(1, 'fetch')").await,
        r#"{"a": 1.50}"#
    );
    assert_eq!(code(&mut worker, "select jobs.node_results(1, 'rows')").await, "PT404");
}

#[tokio::test]
async fn people_see_no_result_that_a_task_calls_sensitive() {
    let db = Db::new().await;
    db.run(
        r#"select jobs.register_tasks('[{"name": "a", "retries": 3, "timeout": 60, "priority": 0, "args_schema": true,
             "result_schema": {"type": "object", "properties": {"token": {"type": "string", "writeOnly": true}}}}]');
           select jobs.publish_workflow('[{"name": "a", "task": "a"}]');
           select jobs.ack(c.job_id, '{"token": "geheim", "n": 1}', c.lease) from jobs.consume_topic('a', 1) c"#,
    )
    .await;
    let shown = "select result::text from jobs.shown_node_results(1, 'a')";
    assert_eq!(db.one::<String>(shown).await, r#"{"n": 1, "token": "(sensitive)"}"#);
}

#[tokio::test]
async fn a_workflow_that_is_held_for_a_day_is_a_problem_until_it_is_retried() {
    let db = Db::with_clock().await;
    hold(&db).await;
    let problem = "select concat_ws(' | ', severity, message, found, allowed, remedy) from jobs.problems() where code = 'workflows_held'";
    assert_eq!(db.all::<String>(problem).await, [""; 0], "not yet");
    db.advance(Duration::from_secs(86_401)).await;
    assert_eq!(
        db.all::<String>(problem).await,
        [
            "warning | 1 workflows failed and wait for a retry, the first since 24 h: 'catalogue' | 86401 | 86400 | `pgjobs workflow list --state failed` lists them; \
          `pgjobs workflow retry 1` resumes one, `pgjobs workflow cancel 1` gives it up"
        ]
    );
    assert_eq!(
        db.one::<f64>("select value from jobs.metrics('workflows') where labels->>'state' = 'failed'").await,
        1.0
    );
    db.run("select jobs.retry_workflow(1)").await;
    assert_eq!(db.all::<String>(problem).await, [""; 0]);
    let states = "select string_agg(m.labels->>'state' || ' ' || m.value, ' ' order by m.labels->>'state') from jobs.metrics('workflows') m";
    assert_eq!(db.one::<String>(states).await, "compensating 0 failed 0 running 1");
}

#[tokio::test]
async fn the_end_of_a_watched_workflow_is_an_event() {
    let db = Db::new().await;
    hold(&db).await;
    let position: String = db.one("select jobs.event_position()").await;
    db.run("select jobs.watch('workflow.cat*'); select jobs.retry_workflow(1)").await;
    db.run("select jobs.cancel_workflow(1)").await;
    db.run(r#"select jobs.publish_workflow('[{"name": "a", "task": "a"}]', 'other'); select jobs.cancel_workflow(2)"#).await;
    let told = format!(
        "select concat_ws(' ', e.kind, e.task, e.job_id, e.details) from jobs.events_after('{position}') e where e.task is not null"
    );
    assert_eq!(
        db.all::<String>(&told).await,
        [r#"workflow_ended workflow.catalogue 1 {"state": "cancelled", "workflow": 1}"#],
        "of those whose topic is watched"
    );
}

/// Beside a million workflows that have ended, where there is time to make them.
#[tokio::test]
async fn readers_of_workflows_cost_little_beside_all_that_have_ended() {
    let lateness = Lateness::watch();
    let db = Db::new().await;
    hold(&db).await;
    let ended: u32 = amount(100_000, 1_000_000);
    let history = "insert into jobs.workflow (name, state, created_at, ended_at, nodes, open, published_by)
           select 'w' || n % 1000, case when n % 100 = 0 then 'cancelled' else 'success' end::jobs.workflow_state, now(), now(), 1, 0, 'x' from generate_series(1, {ended}) n;
         insert into jobs.node (workflow, name, task, state, is_group, keeps_results, waits, job_id)
           select n, 'a', 'a', 'success', false, false, 0, md5(n::text) from generate_series(2, {ended} + 1) n;
         analyze jobs.workflow, jobs.node";
    db.run(&history.replace("{ended}", &ended.to_string())).await;
    let mut session = db.connect().await;
    for (call, most) in [
        ("jobs.workflows()", 200),
        ("jobs.workflows('failed')", 200),
        ("jobs.workflows('cancelled', i_before => 50000)", 200),
        ("jobs.workflows(null, 'w77')", 200),
        ("jobs.workflows(null, 'w77*')", 500),
        ("jobs.workflows('failed', 'cat*')", 200),
        ("jobs.workflows(null, 'none*')", 1000),
        ("jobs.workflow(1)", 100),
        ("jobs.workflow_nodes(50000)", 100),
        ("jobs.workflow_nodes(1, array['publish', 'none'])", 100),
        ("jobs.explain_workflow(1, 'publish')", 100),
        ("jobs.node_results(1, 'rows')", 100),
        ("jobs.metrics('workflows')", 200),
        ("jobs._problems_of_workflows()", 200),
    ] {
        let mut took = Duration::MAX;
        for _ in 0..4 {
            let start = Instant::now();
            one::<i64>(&mut session, &format!("select count(*) from {call}")).await;
            took = took.min(start.elapsed());
        }
        println!("{call} beside {ended} workflows: {took:?}");
        assert!(took < lateness.allow(Duration::from_millis(most)), "{call}: {took:?}");
    }
}
