//! What the database measures.

use std::time::{Duration, Instant};

use pgjobs_tests::{Db, Lateness};
use sqlx::Executor;
use sqlx::postgres::PgPoolOptions;

use crate::serving::{Serving, value};

/// The value of a series of jobs.metrics, with the value of its only or its second label.
async fn number(db: &Db, name: &str, labels: &str) -> f64 {
    let query = format!(
        "select coalesce((select m.value from jobs.metrics() m where m.name = '{name}' and m.labels = '{labels}'), -1)"
    );
    db.one(&query).await
}

async fn open(db: &Db, task: &str, state: &str) -> f64 {
    number(db, "pgjobs_open_jobs", &format!(r#"{{"task": "{task}", "state": "{state}"}}"#)).await
}

async fn blocked(db: &Db, reason: &str) -> f64 {
    number(db, "pgjobs_blocked_jobs", &format!(r#"{{"task": "mail.send", "reason": "{reason}"}}"#)).await
}

fn declaration(name: &str) -> String {
    format!(
        r#"{{"name": "{name}", "args_schema": true, "result_schema": true, "retries": 3, "timeout": 60, "priority": 0, "slo": 30}}"#
    )
}

async fn declare(db: &Db, name: &str) {
    db.run(&format!("select jobs.register_tasks('[{}]')", declaration(name))).await;
}

#[tokio::test]
async fn a_task_without_jobs_is_shown_as_zero_in_every_state() {
    let db = Db::new().await;
    declare(&db, "mail.send").await;
    for state in ["ready", "scheduled", "backoff", "running"] {
        assert_eq!(open(&db, "mail.send", state).await, 0.0, "{state}");
    }
    let task = r#"{"task": "mail.send"}"#;
    assert_eq!(number(&db, "pgjobs_oldest_ready_seconds", task).await, 0.0);
    assert_eq!(number(&db, "pgjobs_failed_jobs_last_hour", task).await, 0.0);
    assert_eq!(number(&db, "pgjobs_slo_seconds", task).await, 30.0);
    assert_eq!(number(&db, "pgjobs_schedule_lag_seconds", "{}").await, 0.0);
    assert_eq!(number(&db, "pgjobs_live_workers", "{}").await, 0.0);
    assert_eq!(number(&db, "pgjobs_problem", r#"{"code": "no_worker"}"#).await, 0.0);
    assert_eq!(
        number(&db, "pgjobs_oldest_snapshot_seconds", r#"{"holder": "prepared_transaction"}"#).await,
        0.0
    );
}

#[tokio::test]
async fn jobs_are_counted_by_task_and_state() {
    let db = Db::with_clock().await;
    declare(&db, "mail.send").await;
    db.run(
        "select jobs.publish('mail.send') from generate_series(1, 3);
         select jobs.publish_arrays(array_fill('mail.send'::text, array[100]), array_fill('1'::jsonb, array[100]), null, null, null, null, null, i_pack => true);
         select jobs.publish('mail.send', i_scheduled_at => jobs.now() + interval '1 h');
         select jobs.publish('mail.send', i_priority => 9, i_max_retries => 2)",
    )
    .await;
    let worker = db.worker(&["mail.send"]).await;
    let claim = worker.claim(1).await;
    assert_eq!(open(&db, "mail.send", "running").await, 1.0);
    db.run(&format!("select jobs.nack('{}', 'no')", claim.jobs[0].job_id)).await;
    for (state, jobs) in [("ready", 103.0), ("scheduled", 1.0), ("backoff", 1.0), ("running", 0.0)] {
        assert_eq!(open(&db, "mail.send", state).await, jobs, "{state}");
    }
    db.advance(Duration::from_secs(90)).await;
    assert_eq!(number(&db, "pgjobs_oldest_ready_seconds", r#"{"task": "mail.send"}"#).await, 90.0);
}

#[tokio::test]
async fn what_blocks_ready_jobs_is_told_apart() {
    let db = Db::new().await;
    db.run("select jobs.publish('mail.send') from generate_series(1, 2)").await;
    assert_eq!((blocked(&db, "paused").await, blocked(&db, "no_worker").await), (0.0, 2.0));
    let _worker = db.worker(&["mail.send"]).await;
    assert_eq!((blocked(&db, "paused").await, blocked(&db, "no_worker").await), (0.0, 0.0));
    db.run("select jobs.pause_topic('mail.*')").await;
    assert_eq!((blocked(&db, "paused").await, blocked(&db, "no_worker").await), (2.0, 0.0));
}

#[tokio::test]
async fn failures_of_the_last_hour_are_counted_and_older_ones_are_not() {
    let db = Db::new().await;
    db.run(
        "select jobs.publish('mail.send', i_max_retries => 1) from generate_series(1, 3);
         select jobs.nack(c.job_id, 'no') from jobs.consume(3) c;
         update jobs.job set complete_on = complete_on - interval '61 min' where id = (select min(id) from jobs.job)",
    )
    .await;
    assert_eq!(number(&db, "pgjobs_failed_jobs_last_hour", r#"{"task": "mail.send"}"#).await, 2.0);
}

#[tokio::test]
async fn two_hundred_tasks_have_series_of_their_own_and_the_rest_one() {
    let db = Db::new().await;
    db.run("select jobs.publish('task.' || to_char(g, 'fm000')) from generate_series(1, 210) g").await;
    declare(&db, "zz.declared").await;
    let tasks = "select count(distinct m.labels->>'task') from jobs.metrics('tasks') m";
    assert_eq!(db.one::<i64>(tasks).await, 201);
    assert_eq!(open(&db, "zz.declared", "ready").await, 0.0, "what is declared comes first");
    assert_eq!(open(&db, "task.199", "ready").await, 1.0);
    assert_eq!(open(&db, "other", "ready").await, 11.0);
}

#[tokio::test]
async fn jobs_under_an_alias_count_for_their_task() {
    let db = Db::new().await;
    let declared = declaration("mail.send").replace("\"slo\"", "\"aliases\": [\"mail.old\"], \"slo\"");
    db.run(&format!("select jobs.register_tasks('[{declared}]'); select jobs.publish('mail.old')")).await;
    assert_eq!(open(&db, "mail.send", "ready").await, 1.0);
    assert_eq!(open(&db, "mail.old", "ready").await, -1.0, "no series of its own");
}

#[tokio::test]
async fn a_snapshot_and_a_schedule_that_is_late_are_seen() {
    let db = Db::with_clock().await;
    let mut session = db.connect().await;
    session.execute("begin isolation level repeatable read").await.unwrap();
    session.execute("select 1").await.unwrap();
    db.run("select jobs.set_schedule('s', 'a', i_every => '1 h'); update jobs.test_clock set at = (select s.due_at from jobs.schedule s) + interval '40 s'").await;
    assert_eq!(number(&db, "pgjobs_schedule_lag_seconds", "{}").await, 40.0);
    let held = number(&db, "pgjobs_oldest_snapshot_seconds", r#"{"holder": "idle_in_transaction"}"#).await;
    assert!(held >= 40.0, "by the clock of the test: {held}");
}

#[tokio::test]
async fn an_unknown_group_is_refused_and_a_known_one_is_measured_alone() {
    let db = Db::new().await;
    let (code, message) = db.refusal("select jobs.metrics('queues')").await;
    assert_eq!((&*code, &*message), ("PT400", "'queues' is no group of metrics"));
    let names: Vec<String> = db.all("select distinct m.name from jobs.metrics('problems') m").await;
    assert_eq!(names, ["pgjobs_problem"]);
}

/// Every kind that the documentation names, but those of the command alone.
#[tokio::test]
async fn every_kind_of_problem_has_a_series() {
    let db = Db::new().await;
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/src/doctor.md")).unwrap();
    let mut documented: Vec<&str> =
        page.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0)).collect();
    let elsewhere = ["schema_behind", "clock_difference", "standby_away", "server_away"];
    documented.retain(|code| !elsewhere.contains(code));
    documented.sort_unstable();
    let shown: Vec<String> =
        db.all("select m.labels->>'code' from jobs.metrics('problems') m order by 1").await;
    assert_eq!(shown, documented);
}

#[tokio::test]
async fn an_slo_that_is_missed_is_a_problem_until_the_job_runs() {
    let db = Db::with_clock().await;
    declare(&db, "mail.send").await;
    let worker = db.worker(&["mail.send"]).await;
    db.run("select jobs.publish('mail.send')").await;
    let problem = "select coalesce((select p.message || ' ' || p.found || ' ' || p.allowed from jobs.problems() p where p.code = 'slo_missed'), 'none')";
    db.advance(Duration::from_secs(30)).await;
    assert_eq!(db.one::<String>(problem).await, "none", "it has not missed it yet");
    db.advance(Duration::from_secs(1)).await;
    let said: String = db.one(problem).await;
    assert_eq!(
        said,
        "a job of the task 'mail.send' waits for 31 s, and the task has an slo of 30 s 31 30.00"
    );
    worker.claim(1).await;
    assert_eq!(db.one::<String>(problem).await, "none");
}

#[tokio::test]
async fn an_slo_out_of_range_is_refused_and_one_is_kept() {
    let db = Db::new().await;
    for wrong in ["0", "2592001", "\"30\"", "-1"] {
        let declared = declaration("a").replace("30}", &format!("{wrong}}}"));
        let (code, message) = db.refusal(&format!("select jobs.register_tasks('[{declared}]')")).await;
        assert_eq!(code, "PT400", "{wrong}");
        assert!(message.contains("slo: 0.01 to 2592000 seconds"), "{message}");
    }
    declare(&db, "a").await;
    assert_eq!(db.one::<f64>("select t.slo::float8 from jobs.tasks() t").await, 30.0);
    let without = declaration("a").replace(", \"slo\": 30", "");
    db.run(&format!("select jobs.register_tasks('[{without}]')")).await;
    assert_eq!(db.one::<i64>("select count(t.slo) from jobs.tasks() t").await, 0);
}

#[tokio::test]
async fn they_are_served_as_text_with_what_each_metric_means() {
    let db = Db::new().await;
    declare(&db, "a\\\\\\\"b").await;
    let worker = Serving::start(&db, &["--topic", "app.add"]).await;
    let (status, text) = worker.get("/metrics/database").await;
    assert_eq!(status, 200, "{text}");
    assert_eq!(value(&text, "pgjobs_live_workers"), Some(1.0), "{text}");
    assert_eq!(value(&text, r#"pgjobs_open_jobs{state="ready",task="a\\\"b"}"#), Some(0.0), "{text}");
    for line in text.lines().filter(|line| line.starts_with("# TYPE ")) {
        assert!(text.contains(&line.replace(" gauge", " ").replace("# TYPE", "# HELP")), "no help: {line}");
    }
}

#[tokio::test]
async fn a_role_without_the_right_is_told_which_one_it_lacks() {
    let db = Db::new().await;
    let role = format!("measures_{}", std::process::id());
    db.run(&format!("create role {role} login in role jobs_worker")).await;
    let pool = PgPoolOptions::new().connect_lazy_with(db.options().username(&role));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/metrics/database", listener.local_addr().unwrap());
    let router = pgjobs::web::metrics(pool);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let answer = reqwest::get(&url).await.unwrap();
    assert_eq!(answer.status(), 503);
    assert!(answer.text().await.unwrap().contains("grant jobs_reader"));
    db.run(&format!("grant jobs_reader to {role}")).await;
    assert_eq!(reqwest::get(&url).await.unwrap().status(), 200);
}

/// A million jobs, half of them ready in the queues of 200 tasks, and as many ended ones, that statistics know
/// nothing of.
#[tokio::test]
async fn a_look_takes_a_fraction_of_a_second_beside_a_million_jobs() {
    let (db, lateness) = (Db::new().await, Lateness::watch());
    db.run(
        "insert into jobs.pending (id, job_id, task, created_at, scheduled_at, ready_seq)
         select g, jobs._new_job_id(jobs._id_time(now()), g), 'noop' || g % 200, now(), case when g % 2 = 0 then now() + interval '1 d' end,
           case when g % 2 = 1 then g end from generate_series(1, 1000000) g;
         insert into jobs.job (id, job_id, task, retries, max_retries, priority, timeout, status, created_at, complete_on, attempt)
         select g, jobs._new_job_id(jobs._id_time(now()), g), 'noop' || g % 200, 0, 3, 0, 60, case when g % 2 = 0 then 'failed' else 'success' end::jobs.job_status, now(), now(), 1
         from generate_series(1, 1000000) g",
    )
    .await;
    let mut session = db.connect().await;
    let mut took = Duration::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        session.execute("select jobs.metrics()").await.unwrap();
        took = took.min(start.elapsed());
    }
    println!("metrics beside a million jobs: {took:?}");
    assert!(took < lateness.allow(Duration::from_millis(400)), "{took:?}");
}

#[tokio::test]
async fn limits_say_how_much_of_them_is_in_use() {
    let db = Db::new().await;
    db.run(
        r#"select jobs.set_limit('each', 'mail.*', '{"key": ["customer"], "max": 1}'), jobs.set_limit('often', 'mail.*', '{"rates": ["9/s"]}');
           select jobs.publish('mail.send', '{"kwargs": {"customer": 7}}') from generate_series(1, 3); select jobs.consume(5)"#,
    )
    .await;
    let limit = r#"{"limit": "each"}"#;
    for (what, expected) in [("held", 1.0), ("max", 1.0), ("blocked", 2.0)] {
        assert_eq!(number(&db, &format!("pgjobs_limit_{what}"), limit).await, expected, "{what}");
    }
    let often = r#"{"limit": "often"}"#;
    assert_eq!(number(&db, "pgjobs_limit_max", often).await, -1.0, "it has none");
    assert_eq!(number(&db, "pgjobs_limit_held", often).await, 1.0);
}
