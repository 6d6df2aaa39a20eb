//! Further problems: of what people have set, of slow workers, of settings; what a look costs.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use pgjobs_tests::{Db, Lateness, until};

use crate::doctor::{DAY, HOUR, MINUTE, gone, later, look, mended_by, seen};

#[tokio::test]
async fn a_schedule_that_nobody_ticks_is_named_and_ticked() {
    let db = Db::with_clock().await;
    db.run("select jobs.set_schedule('hourly', 'a', i_every => '1 h')").await;
    db.run("update jobs.test_clock set at = (select s.due_at from jobs.schedule s) + interval '60 s'").await;
    assert_eq!(look(&db, "schedule_overdue").await, None, "a minute is allowed");
    later(&db, 1).await;
    mended_by(&db, "schedule_overdue", "the schedule 'hourly' is due since", 1).await;
}

#[tokio::test]
async fn a_schedule_that_was_forgotten_or_has_no_worker_is_named() {
    let db = Db::with_clock().await;
    db.run("select jobs.set_schedule('s', 'a', i_every => '100 d'); select jobs.pause_schedule('s')").await;
    later(&db, 7 * DAY).await;
    assert_eq!(look(&db, "schedule_paused").await, None);
    later(&db, DAY).await;
    let (message, commands) = seen(&db, "schedule_paused").await;
    assert!(message.starts_with("the schedule 's' is paused for 8 days, by 'postgres'"), "{message}");
    assert_eq!(commands, ["pgjobs schedule resume 's'", "pgjobs schedule drop 's'"]);
    let worker = db.worker(&["b"]).await;
    db.run("select jobs.resume_schedule('s')").await;
    gone(&db, "schedule_paused").await;
    let (message, _) = seen(&db, "schedule_without_worker").await;
    assert!(message.contains("'s' publishes jobs of the task 'a'"), "{message}");
    db.worker(&["a"]).await;
    gone(&db, "schedule_without_worker").await;
    drop(worker);
}

#[tokio::test]
async fn a_schedule_whose_jobs_are_refused_is_named_with_the_reason() {
    let db = Db::with_clock().await;
    db.run("select jobs.set_schedule('s', 'a', i_every => '1 h')").await;
    let declare = r#"select jobs.register_tasks('[{"name": "a", "retries": 3, "timeout": 60, "priority": 0, "result_schema": true,
        "params": [{"name": "to", "type": "String", "required": true}],
        "args_schema": {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}}]')"#;
    db.run(declare).await;
    later(&db, HOUR + 1).await;
    db.run("select jobs.tick()").await;
    let (message, commands) = seen(&db, "schedule_fails").await;
    assert!(message.contains("the last 1 ticks of the schedule 's' published nothing"), "{message}");
    assert_eq!(commands, ["pgjobs schedule explain 's'"]);
    db.run(r#"select jobs.set_schedule('s', 'a', '{"args": ["me"]}', i_every => '1 h')"#).await;
    later(&db, HOUR + 1).await;
    db.run("select jobs.tick()").await;
    gone(&db, "schedule_fails").await;
}

#[tokio::test]
async fn a_pause_under_which_jobs_pile_up_is_named() {
    let db = Db::with_clock().await;
    db.run("select jobs.publish('mail.send'); select jobs.pause_topic('mail.*')").await;
    later(&db, HOUR).await;
    assert_eq!(look(&db, "paused").await, None);
    assert_eq!(look(&db, "no_worker").await, None, "nobody misses what is paused");
    later(&db, 1).await;
    let (message, commands) = seen(&db, "paused").await;
    assert!(message.contains("jobs of 1 tasks under it are ready"), "{message}");
    assert_eq!(commands, ["pgjobs resume 'mail.*'"]);
    db.run("select jobs.resume_topic('mail.*')").await;
    gone(&db, "paused").await;
    seen(&db, "no_worker").await;
}

#[tokio::test]
async fn jobs_that_wait_long_are_told_from_workers_that_are_full() {
    let db = Db::with_clock().await;
    let worker = db.worker(&["a"]).await;
    db.run("select jobs.publish('a') from generate_series(1, 10)").await;
    later(&db, 5 * MINUTE).await;
    assert_eq!(look(&db, "jobs_wait").await, None);
    later(&db, 1).await;
    let (message, commands) = seen(&db, "jobs_wait").await;
    assert!(message.ends_with("its 1 live workers hold 0 jobs in 9 slots"), "{message}");
    assert!(commands[0].starts_with("pgjobs explain 0"), "{commands:?}");
    let taken = worker.claim(9).ahead(8).await;
    assert_eq!(taken.len(), 9);
    gone(&db, "jobs_wait").await;
    let (_, commands) = seen(&db, "workers_busy").await;
    assert_eq!(commands, ["pgjobs worker --topic 'a'"]);
    later(&db, 6 * MINUTE).await;
    let (message, _) = seen(&db, "prefetch_stuck").await;
    assert!(message.contains("claimed 8 jobs 6 min ago and has not begun them"), "{message}");
    assert_eq!(worker.release(taken.lease).await, 9);
    gone(&db, "prefetch_stuck").await;
    gone(&db, "workers_busy").await;
}

#[tokio::test]
async fn a_worker_with_a_late_heartbeat_is_named_until_it_sends_one() {
    let db = Db::with_clock().await;
    let worker = db.worker(&["a"]).await;
    later(&db, 40 * MINUTE).await;
    assert_eq!(look(&db, "worker_late").await, None);
    later(&db, 1).await;
    let (message, _) = seen(&db, "worker_late").await;
    assert!(message.contains("process 1 on 'host' sent its last heartbeat 40 min ago"), "{message}");
    assert!(worker.heartbeat().await);
    gone(&db, "worker_late").await;
    let (message, _) = seen(&db, "worker_release").await;
    assert!(message.starts_with("1 live workers run release '1', and the schema is of "), "{message}");
    db.run("update jobs.schema_functions set release = '1'").await;
    gone(&db, "worker_release").await;
}

#[tokio::test]
async fn dead_rows_that_pile_up_are_named_and_cleaned_up() {
    let db = Db::new().await;
    db.worker(&["a"]).await;
    db.run("alter table jobs.worker set (autovacuum_enabled = off)").await;
    db.run(
        "insert into jobs.worker select r.* from jobs.worker w, generate_series(1, 100001) g,
           lateral jsonb_populate_record(w, jsonb_build_object('id', md5(g::text)::uuid)) r;
         delete from jobs.worker",
    )
    .await;
    until("the statistics have appeared", async || look(&db, "dead_rows").await.is_some()).await;
    mended_by(&db, "dead_rows", "jobs.worker has 100002 dead rows", 0).await;
}

#[tokio::test]
async fn an_owner_who_may_not_see_sessions_is_named() {
    let db = Db::new().await;
    let owner: String = db.one("select current_database() || '_owner'").await;
    db.run(&format!(
        "create role {owner}; grant usage on schema jobs to {owner}; grant execute on all functions in schema jobs to {owner};
         alter function jobs._problems_of_sessions() owner to {owner}"
    ))
    .await;
    mended_by(&db, "sessions_hidden", "old snapshots and idle transactions are not found", 0).await;
}

#[tokio::test]
async fn a_task_whose_last_ten_jobs_failed_is_named_until_one_succeeds() {
    let db = Db::with_clock().await;
    let fail = "select jobs.publish('a', i_max_retries => 1); select jobs.nack(c.job_id, 'a secret') from jobs.consume(1) c;";
    db.run(&fail.repeat(9)).await;
    assert_eq!(look(&db, "task_fails").await, None);
    db.run(fail).await;
    let (message, _) = seen(&db, "task_fails").await;
    assert!(message.contains("the last 10 jobs of the task 'a'") && !message.contains("secret"), "{message}");
    db.run("select jobs.publish('a'); select jobs.ack(c.job_id) from jobs.consume(1) c").await;
    gone(&db, "task_fails").await;
}

#[tokio::test]
async fn arguments_that_will_fail_are_named_by_their_path_alone() {
    let db = Db::new().await;
    db.run(r#"select jobs.publish('a', '{"kwargs": {"to": "a secret"}}')"#).await;
    db.run(
        r#"select jobs.register_tasks('[{"name": "a", "retries": 3, "timeout": 60, "priority": 0, "result_schema": true,
             "params": [{"name": "to", "type": "i64", "required": true}],
             "args_schema": {"type": "object", "properties": {"to": {"type": "integer"}}, "required": ["to"]}}]')"#,
    )
    .await;
    let (message, _) = seen(&db, "arguments_do_not_fit").await;
    assert!(message.contains("`to`") && !message.contains("secret"), "{message}");
    let all: String = db.one("select string_agg(p::text, ' ') from jobs.problems() p").await;
    assert!(!all.contains("secret"), "{all}");
    db.run("select jobs.cancel(array(select job_id::text from jobs.job_queue))").await;
    gone(&db, "arguments_do_not_fit").await;
}

#[tokio::test]
async fn settings_that_stop_clients_are_named_and_reset() {
    let db = Db::new().await;
    let database: String = db.one("select current_database()::text").await;
    db.run(&format!("alter database {database} set default_transaction_isolation = 'serializable'")).await;
    mended_by(&db, "setting_in_the_way", "the database has the setting default_transaction_isolation", 0)
        .await;
    db.run(&format!("alter role jobs_worker in database {database} set default_transaction_read_only = on"))
        .await;
    mended_by(&db, "setting_in_the_way", "nothing can be published", 0).await;
    db.run("alter table jobs.pending set (autovacuum_enabled = off)").await;
    mended_by(&db, "autovacuum_off", "for jobs.pending", 0).await;
    let worker = db.worker(&["a"]).await;
    db.run("update jobs.config set notify = false").await;
    mended_by(&db, "notify_off", "1 live workers", 0).await;
    drop(worker);
    db.run("alter sequence jobs.audit_id_seq maxvalue 100; select setval('jobs.audit_id_seq', 80)").await;
    mended_by(&db, "sequence_near_end", "jobs.audit_id_seq has used 80.0 %", 0).await;
}

#[tokio::test]
async fn owners_and_grants_of_roles_that_are_gone_are_named() {
    let db = Db::new().await;
    let gone_role: String = db.one("select current_database() || '_gone'").await;
    db.run(&format!("create role {gone_role}; select jobs.grant_topic('{gone_role}', 'a')")).await;
    db.run(
        r#"select jobs.register_tasks('[{"name": "a", "retries": 3, "timeout": 60, "priority": 0, "args_schema": {}, "result_schema": true}]')"#,
    )
    .await;
    db.run(&format!("select jobs.own_task('a', '{gone_role}'); drop role {gone_role}")).await;
    mended_by(&db, "grant_of_no_role", "1 topic grants", 0).await;
    let (message, commands) = seen(&db, "owner_missing").await;
    assert!(message.contains(&gone_role), "{message}");
    db.run(&commands[0].replace("a_role", "postgres")).await;
    gone(&db, "owner_missing").await;
}

#[tokio::test]
async fn keys_without_a_job_and_a_clock_that_went_back_are_named() {
    let db = Db::with_clock().await;
    db.run(r#"select jobs.publish('a', i_unique => '{"key": "a secret"}')"#).await;
    assert_eq!(look(&db, "key_without_job").await, None);
    db.run("delete from jobs.pending").await; // as somebody with rights on the table may do
    let (message, _) = seen(&db, "key_without_job").await;
    assert!(message.starts_with("1 unique keys of 'a'") && !message.contains("secret"), "{message}");
    db.run(r#"select jobs.release_unique_key('a', '["a secret"]')"#).await;
    gone(&db, "key_without_job").await;
    db.run("select jobs.maintain_partitions(); update jobs.test_clock set at = at - interval '2 min'").await;
    mended_by(&db, "clock_went_back", "the server's clock shows", 1).await;
}

/// A million jobs, half of them ready in the queues of 200 tasks, that statistics know nothing of.
#[tokio::test]
async fn a_look_takes_a_fraction_of_a_second_beside_a_million_jobs() {
    let (db, lateness) = (Db::new().await, Lateness::watch());
    db.run(
        "insert into jobs.pending (id, job_id, task, created_at, scheduled_at, ready_seq)
         select g, jobs._new_job_id(jobs._id_time(now()), g), 'noop' || g % 200, now(), case when g % 2 = 0 then now() + interval '1 d' end,
           case when g % 2 = 1 then g end from generate_series(1, 1000000) g;
         select setval('jobs.job_number', 1000000)",
    )
    .await;
    let mut session = db.connect().await;
    let mut took = Duration::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        let found: i64 = crate::sessions::one(&mut session, "select count(*) from jobs.problems()").await;
        took = took.min(start.elapsed());
        assert!(found > 0, "no worker lives");
    }
    println!("problems beside a million jobs: {took:?}");
    assert!(took < lateness.allow(Duration::from_millis(200)), "{took:?}");
}

/// The kinds of problems: those that the functions return, and those of the command.
async fn codes(db: &Db) -> BTreeSet<String> {
    let found: Vec<String> = db
        .all(
            "select distinct m[1] from pg_proc p,
               regexp_matches(p.prosrc, '(?:select|row[(]|then|else) ?''([a-z_]+)''(?=, ''(?:error|warning)''|, case| else | end, ''warning'')', 'g') m
             where p.pronamespace = 'jobs'::regnamespace and p.proname like '#_problems#_of#_%' escape '#'",
        )
        .await;
    found
        .into_iter()
        .filter(|code| code != "error")
        .chain(["schema_behind", "clock_difference", "standby_away", "server_away"].map(str::to_owned))
        .collect()
}

#[tokio::test]
async fn every_kind_of_problem_is_documented_and_no_other() {
    let db = Db::new().await;
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src/doctor.md");
    let page = std::fs::read_to_string(page).unwrap();
    let documented: BTreeSet<String> = page
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned()))
        .collect();
    let codes = codes(&db).await;
    assert!(codes.len() > 30, "{codes:?}");
    assert_eq!(documented, codes);
}

/// What a remedy calls is there.
#[tokio::test]
async fn every_function_that_a_remedy_calls_exists() {
    let db = Db::new().await;
    let missing: Vec<String> = db
        .all(
            "select distinct m[1] from pg_proc p, regexp_matches(p.prosrc, '`select ([a-z_.]+)[(]', 'g') m
             where p.pronamespace = 'jobs'::regnamespace and p.proname like '#_problems#_of#_%' escape '#'
               and not exists (select from pg_proc f where f.pronamespace = 'jobs'::regnamespace and 'jobs.' || f.proname = m[1]
                               or f.pronamespace = 'pg_catalog'::regnamespace and f.proname = m[1])",
        )
        .await;
    assert!(missing.is_empty(), "{missing:?}");
}
