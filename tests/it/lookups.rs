//! What asks for one job, or a page, locks a few partitions of history, however many there are.

use pgjobs_tests::{Db, amount};
use sqlx::{AssertSqlSafe, Connection, Executor};

/// So many days of history, with room for more: a partition for each.
const DAYS: u32 = amount(120, 400);

/// A database that has kept jobs of so many days.
async fn kept() -> Db {
    let db = Db::new().await;
    db.run(&HISTORY.replace("{days}", &DAYS.to_string())).await;
    db
}

/// Three kinds of ids: of the last hour, of long ago, and of the original, which tell no time.
const HISTORY: &str = "
update jobs.config set history_days = {days} + 100;
select count(jobs._make_partition(current_date - g)) from generate_series(1, {days}) g;
insert into jobs.job (id, job_id, task, retries, max_retries, priority, timeout, status, created_at, complete_on, attempt)
select g, jobs._new_job_id(jobs._id_time(now() - g * interval '1 day'), g), 'noop', 0, 3, 0, 60, 'failed', now(),
  now() - g * interval '1 day' + interval '1 minute', 1 from generate_series(0, {days} - 1) g;
insert into jobs.job (id, job_id, task, retries, max_retries, priority, timeout, status, created_at, complete_on, attempt)
select 1000 + g, md5(g::text), 'original', 0, 3, 0, 60, 'success', now(), now() - g * interval '1 day', 1 from generate_series(0, {days} - 1, 50) g;
select jobs.register_worker('00000000-0000-7000-8000-000000000000', 'h', 1, 'v', '{*}', '{noop}', 100, 3600);
create table ids as select job_id::text as id, complete_on, task from jobs.job;
";

/// Each public function, called with jobs of every age where it takes one.
const CALLS: &[(&str, &str)] = &[
    ("backfill_schedule", "select jobs.set_schedule('s', 'noop', i_every => '1 h'); select jobs.backfill_schedule('s', now() - interval '5 h', now())"),
    ("drop_schedule", "select jobs.set_schedule('s', 'noop', i_every => '1 h'); select jobs.drop_schedule('s')"),
    ("explain_schedule", "select jobs.set_schedule('s', 'noop', i_every => '1 h'); select jobs.explain_schedule('s')"),
    ("get_schedule", "select jobs.set_schedule('s', 'noop', i_every => '1 h'); select jobs.get_schedule('s')"),
    ("next_ticks", "select jobs.next_ticks('0 7 * * *')"),
    ("pause_schedule", "select jobs.set_schedule('s', 'noop', i_every => '1 h'); select jobs.pause_schedule('s')"),
    ("resume_schedule", "select jobs.set_schedule('s', 'noop', i_every => '1 h'); select jobs.resume_schedule('s')"),
    ("run_schedule", "select jobs.set_schedule('s', 'noop', i_every => '1 h', i_overlap => 'skip'); select jobs.run_schedule('s')"),
    ("schedule_body", "select jobs.schedule_body('s')"),
    ("schedule_log", "select jobs.set_schedule('s', 'noop', i_every => '1 h'); select jobs.schedule_log('s')"),
    ("schedule_ticks", "select jobs.set_schedule('s', 'noop', i_every => '1 h'); select jobs.schedule_ticks('s')"),
    ("schedules", "select jobs.schedules()"),
    ("set_schedule", "select jobs.set_schedule('s', 'noop', i_cron => '0 7 * * *', i_zone => 'Europe/Berlin')"),
    (
        "tick",
        "select jobs.set_schedule('s', 'noop', i_every => '1 h', i_overlap => 'skip'); select jobs.run_schedule('s');
         update jobs.schedule set due_at = now(), next_at = now(); select jobs.tick()",
    ),
    ("ack", "select jobs.publish('noop'); select jobs.ack(job_id, '1', lease) from jobs.consume(1)"),
    ("await_results", "select jobs.await_results(1)"),
    ("sample_not_ready", "select jobs.sample_not_ready('noop', 5)"),
    ("open_bodies", "select jobs.open_bodies(array(select id from ids order by complete_on limit 5))"),
    (
        "cancel",
        "select jobs.publish('noop'); select jobs.cancel(array(select job_id::text from jobs.job_queue))",
    ),
    (
        "set_validation",
        "select jobs.register_tasks('[{\"name\": \"t\", \"retries\": 3, \"timeout\": 60, \"priority\": 0, \"args_schema\": {}, \"result_schema\": {}}]'); select jobs.set_validation('t', 'off')",
    ),
    (
        "claim",
        "select jobs.publish('noop'); select jobs.claim('00000000-0000-7000-8000-000000000000', '{noop}', 1, gen_random_uuid())",
    ),
    ("consume", "select jobs.publish('noop'); select jobs.consume(1); select jobs.consume('noop', 1)"),
    ("consume_topic", "select jobs.publish('noop'); select jobs.consume_topic('noop', 1)"),
    (
        "count",
        "select jobs.count('failed'); select jobs.count('success'); select jobs.count('pending'); select jobs.count('running')",
    ),
    ("count_lost", "select jobs.count_lost('{noop}', now())"),
    ("count_workers", "select jobs.count_workers('00000000-0000-7000-8000-000000000000')"),
    ("ended_lately", "select jobs.ended_lately()"),
    (
        "explain",
        "select jobs.explain(id) from ids where task = 'original'; select jobs.explain((select min(id) from ids))",
    ),
    (
        "fail_next",
        "select jobs.register_worker('00000000-0000-7000-8000-0000000000f1', 'h', 1, 'v', '{}', '{noop}', 1, 10);
         select jobs.fail_next('00000000-0000-7000-8000-0000000000f1', '{noop}', gen_random_uuid(), 'x')",
    ),
    ("fetch", "select jobs.fetch('00000000-0000-7000-8000-000000000000', gen_random_uuid())"),
    (
        "find",
        "select jobs.find(i_num => 10); select jobs.find('failed', 'noop', null, 3); select jobs.find('success', null, (select max(id) from ids), 3)",
    ),
    ("flow", "select jobs.flow()"),
    ("open_counts", "select jobs.open_counts()"),
    (
        "search",
        "select jobs.search(i_num => 10); select jobs.search('failed', 'noop', i_num => 3); select jobs.search('ready', i_text => 'x', i_look => 100)",
    ),
    ("shown", "select jobs.shown(id) from ids order by id limit 1"),
    (
        "get",
        "select jobs.get(id) from ids where task = 'original'; select jobs.get(id) from ids order by id limit 1",
    ),
    ("grant_topic", "select jobs.grant_topic(current_user, 'a')"),
    (
        "heartbeat",
        "select jobs.publish('noop'); create table c as select * from jobs.consume(1); select jobs.heartbeat(job_id, lease) from c",
    ),
    ("beat", "select alive from jobs.beat('00000000-0000-7000-8000-000000000000')"),
    ("commands", "select id from jobs.commands()"),
    (
        "control",
        "select jobs.register_worker('00000000-0000-7000-8000-0000000000f2', 'h', 1, 'v', '{}', '{noop}', 1, 10, '{ping}');
         select command from jobs.control('ping', i_topic => '*'); select alive from jobs.beat('00000000-0000-7000-8000-0000000000f2')",
    ),
    ("held_by", "select jobs.held_by('00000000-0000-7000-8000-000000000000')"),
    ("read_ready", "select jobs.read_ready('noop')"),
    ("job_log", "select jobs.job_log(max(id)), jobs.job_log(max(id), null) from ids"),
    ("note_progress", "select jobs.note_progress('00000000-0000-7000-8000-000000000000', '[]')"),
    ("progress_of", "select jobs.progress_of(array(select id from ids order by id desc limit 2))"),
    (
        "set_progress",
        "select jobs.publish('noop'); create table c as select * from jobs.consume(1); select jobs.set_progress(job_id, 1, 2, 'x', lease) from c;
           select jobs.progress_of(array(select job_id::text from c)); select jobs.job_log(job_id) from c",
    ),
    (
        "nack",
        "select jobs.publish('noop', i_max_retries => 1); select jobs.nack(job_id, 'x', null, true, lease) from jobs.consume(1)",
    ),
    ("now", "select jobs.now()"),
    ("overview", "select jobs.overview()"),
    ("sees_task", "select jobs.sees_task(), jobs.sees_task('noop')"),
    (
        "own_task",
        r#"select jobs.register_tasks('[{"name": "owned", "args_schema": {}, "result_schema": true, "retries": 3, "timeout": 60, "priority": 0}]');
           select jobs.own_task('owned', current_user)"#,
    ),
    ("sample_keys", "select jobs.sample_keys('noop', 5, 5)"),
    ("pause_topic", "select jobs.pause_topic('noop')"),
    ("pauses", "select jobs.pauses()"),
    ("draining", "select jobs.set_draining(true); select jobs.draining()"),
    ("set_draining", "select jobs.set_draining(true); select jobs.set_draining(false)"),
    ("set_limit", "select jobs.set_limit('l', 'noop', '{\"max\": 1}'); select jobs.set_limit('l', null, '{\"max\": 2}')"),
    ("drop_limit", "select jobs.set_limit('l', 'noop', '{\"max\": 1}'); select jobs.drop_limit('l')"),
    ("check_limits", "select jobs.set_limit('l', 'noop', '{\"max\": 1}'); select jobs.check_limits()"),
    ("acquire", "select jobs.set_limit('l', 'noop', '{\"rates\": [\"1/h\"]}'); select jobs.acquire('l'), jobs.acquire('l')"),
    ("limits", "select jobs.set_limit('l', 'noop', '{\"max\": 1}'); select jobs.limits('noop'), jobs.limits()"),
    (
        "limit_keys",
        r#"select jobs.set_limit('l', 'limited', '{"key": ["a"], "max": 1}'); select jobs.publish('limited') from generate_series(1, 3);
           select jobs.consume_topic('limited', 3); select jobs.limit_keys('l'); select jobs.explain(job_id) from jobs.pending where bucket is not null"#,
    ),
    (
        "block_key",
        r#"select jobs.set_limit('l', 'noop', '{"key": ["a"], "max": 1}'); select jobs.block_key('l', '1', '2100-01-01', 'x'); select jobs.limit_keys('l')"#,
    ),
    (
        "release_key",
        r#"select jobs.set_limit('l', 'noop', '{"max": 1}'); select jobs.block_key('l', null, '2100-01-01'); select jobs.release_key('l')"#,
    ),
    (
        "blocked_keys",
        r#"select jobs.set_limit('l', 'noop', '{"max": 1}'); select jobs.block_key('l', null, '2100-01-01'); select jobs.blocked_keys()"#,
    ),
    ("publish_workflow", r#"select jobs.publish_workflow('[{"name": "n", "task": "noop"}, {"name": "m", "task": "noop", "each": [1, 2], "after": ["n"]}]')"#),
    ("cancel_workflow", r#"select jobs.publish_workflow('[{"name": "n", "task": "noop"}, {"name": "m", "task": "noop", "each": [1, 2], "after": ["n"]}]'); select jobs.cancel_workflow((select max(id) from jobs.workflow), 'n'), jobs.cancel_workflow((select max(id) from jobs.workflow))"#),
    ("retry_workflow", r#"select jobs.publish_workflow('[{"name": "n", "task": "noop"}, {"name": "m", "task": "noop", "each": [1, 2], "after": ["n"]}]'); select jobs.cancel_workflow((select max(id) from jobs.workflow)); select jobs.retry_workflow((select max(id) from jobs.workflow))"#),
    ("add_nodes", r#"select jobs.publish_workflow('[{"name": "n", "task": "noop"}, {"name": "m", "task": "noop", "each": [1, 2], "after": ["n"]}]'); select jobs.add_nodes(c.job_id, c.lease, '[{"name": "o", "task": "noop", "after": ["n"]}]', '{m}') from jobs.consume_topic('noop', 1000) c where c.job_id = (select job_id from jobs.node where name = 'n' order by id desc limit 1)"#),
    ("workflow", r#"select jobs.publish_workflow('[{"name": "n", "task": "noop"}, {"name": "m", "task": "noop", "each": [1, 2], "after": ["n"]}]'); select jobs.workflow((select max(id) from jobs.workflow))"#),
    ("workflows", r#"select jobs.publish_workflow('[{"name": "n", "task": "noop"}, {"name": "m", "task": "noop", "each": [1, 2], "after": ["n"]}]'); select jobs.workflows(), jobs.workflows('running', 'x')"#),
    ("workflow_nodes", r#"select jobs.publish_workflow('[{"name": "n", "task": "noop"}, {"name": "m", "task": "noop", "each": [1, 2], "after": ["n"]}]'); select jobs.workflow_nodes((select max(id) from jobs.workflow))"#),
    ("explain_workflow", r#"select jobs.publish_workflow('[{"name": "n", "task": "noop"}, {"name": "m", "task": "noop", "each": [1, 2], "after": ["n"]}]'); select jobs.explain_workflow((select max(id) from jobs.workflow))"#),
    ("workflow_result", r#"select jobs.publish_workflow('[{"name": "n", "task": "noop"}, {"name": "m", "task": "noop", "each": [1, 2], "after": ["n"]}]'); select jobs.workflow_result((select max(id) from jobs.workflow))"#),
    ("node_results", r#"select jobs.publish_workflow('[{"name": "n", "task": "noop"}, {"name": "m", "task": "noop", "each": [1, 2], "after": ["n"]}]'); select jobs.node_results((select max(id) from jobs.workflow), 'm')"#),
    ("shown_node_results", r#"select jobs.publish_workflow('[{"name": "n", "task": "noop"}, {"name": "m", "task": "noop", "each": [1, 2], "after": ["n"]}]'); select jobs.shown_node_results((select max(id) from jobs.workflow), 'm')"#),
    (
        "begin_steps",
        "select jobs.publish('noop'); select jobs.begin_steps(job_id, lease), jobs.save_step(job_id, lease, 'a'), jobs.begin_steps(job_id, lease) from jobs.consume(1)",
    ),
    ("find_step", "select jobs.publish('noop'); select jobs.save_step(job_id, lease, 'a'), jobs.find_step(job_id, lease, 'a') from jobs.consume(1)"),
    ("save_step", "select jobs.publish('noop'); select jobs.save_step(job_id, lease, 'a', '1'), jobs.ack(job_id) from jobs.consume(1)"),
    ("sleep", "select jobs.publish('noop'); select jobs.sleep(job_id, lease, 'a', 1) from jobs.consume(1)"),
    (
        "await_signal",
        "select jobs.publish('noop'); select jobs.await_signal(job_id, lease, 'a', 9), jobs.settle(array[job_id::text], array[lease], '{snooze}') from jobs.consume(1); select jobs.cancel(array(select job_id::text from jobs.pending))",
    ),
    (
        "signal",
        "select jobs.publish('noop'); select jobs.await_signal(job_id, lease, 'a', 9), jobs.settle(array[job_id::text], array[lease], '{snooze}') from jobs.consume(1); select jobs.signal('a'); select jobs.signal('a')",
    ),
    ("steps", "select jobs.steps((jobs.publish('noop')).job_id)"),
    ("unknown_steps", "select jobs.unknown_steps('{noop}', '{a}')"),
    ("step_value", "select jobs.step_value((jobs.publish('noop')).job_id, 'a')"),
    ("watch", "select jobs.watch('noop')"),
    ("unwatch", "select jobs.watch('noop'); select jobs.unwatch('noop')"),
    ("watches", "select jobs.watches()"),
    ("event_position", "select jobs.event_position()"),
    ("events_after", "select jobs.watch('noop'); select jobs.publish('noop'); select jobs.events_after()"),
    ("await_events", "select jobs.await_events(1)"),
    ("announce_events", "select jobs.announce_events()"),
    ("problems", "select jobs.problems()"),
    ("metrics", "select jobs.metrics()"),
    ("keep_statistics", "select jobs.keep_statistics(true)"),
    ("statistics", "select jobs.statistics('*'), jobs.statistics('noop', jobs.now() - interval '29 days')"),
    ("task_statistics", "select jobs.task_statistics('*', jobs.now() - interval '29 days')"),
    ("errors", "select jobs.errors()"),
    ("server_health", "select jobs.server_health()"),
    ("standby", "select jobs.standby()"),
    ("promote", "select jobs.promote()"),
    ("publish", "select jobs.publish('noop')"),
    (
        "publish_arrays",
        "select jobs.publish_arrays('{noop}', '{null}', null, null, null, null, null, array[jobs._new_job_id(jobs._id_time(now()), 1)::text])",
    ),
    (
        "publish_bulk",
        "select jobs.publish_bulk(array[('noop', null, null, null, null, null)::jobs.bulk_job])",
    ),
    ("publish_json", "select jobs.publish_json('[{\"task\": \"noop\"}]')"),
    (
        "publish_unique",
        r#"select jobs.publish_unique('{noop}', '{null}', array['{"key": 1}'::jsonb]); select jobs.publish_unique('{noop}', '{null}', array['{"key": 1}'::jsonb])"#,
    ),
    ("purge", "select jobs.publish('noop'); select jobs.purge('noop')"),
    ("register_tasks", "select jobs.register_tasks('[]')"),
    ("register_worker", "select jobs.register_worker(gen_random_uuid(), 'h', 1, 'v', '{}', '{}', 1, 10)"),
    (
        "result",
        "select jobs.result(id) from ids where task = 'original'; select jobs.result((select min(id) from ids))",
    ),
    ("results", "select jobs.results(array(select id from ids order by id desc limit 2))"),
    ("maintain_partitions", "select jobs.maintain_partitions()"),
    ("audit_log", "select jobs.audit_log('noop')"),
    ("cancel_operation", "select jobs.start_operation('retry', 'noop'); select jobs.cancel_operation((select max(id) from jobs.operation))"),
    ("drop_keep", "select jobs.keep('noop', null, 1); select jobs.drop_keep('noop')"),
    ("edit", "select jobs.edit(min(id), i_priority => 1) from ids where task = 'noop'; select jobs.edit(max(id), i_priority => 1) from ids where task = 'noop'"),
    ("get_operation", "select jobs.start_operation('retry', 'none'); select jobs.get_operation((select max(id) from jobs.operation))"),
    ("keep", "select jobs.keep('noop', null, 1)"),
    ("keep_rules", "select jobs.keep_rules()"),
    ("operations", "select jobs.operations()"),
    ("pause_operation", "select jobs.start_operation('retry', 'noop'); select jobs.pause_operation((select max(id) from jobs.operation))"),
    ("preview_operation", "select jobs.preview_operation('retry', '*'); select jobs.preview_operation('cancel', '*')"),
    ("redrive", "select jobs.redrive(array(select id from ids where task = 'noop' order by id limit 2))"),
    ("resume_operation", "select jobs.start_operation('retry', 'noop'); select jobs.resume_operation((select max(id) from jobs.operation))"),
    ("start_operation", "select jobs.start_operation('redrive', 'noop')"),
    // It goes through all days, and keeps locks of those alone on which it finds jobs: one at a time with a
    // rate.
    (
        "step_operation",
        "select jobs.start_operation('retry', 'none'); select jobs.step_operation((select max(id) from jobs.operation), 10);
         select jobs.start_operation('cancel', '*'); select jobs.step_operation((select max(id) from jobs.operation), 10)",
    ),
    ("retry", "select jobs.retry(array(select id from ids where task = 'noop' order by id limit 2))"),
    (
        "release_unique_key",
        r#"select jobs.publish('noop', i_unique => '{"key": 1}'); select jobs.release_unique_key('noop', '[1]')"#,
    ),
    ("unique_keys", "select jobs.unique_keys()"),
    ("resume_topic", "select jobs.pause_topic('noop'); select jobs.resume_topic('noop')"),
    ("revoke_topic", "select jobs.revoke_topic('nobody', 'a')"),
    (
        "settle",
        "select jobs.settle(array(select id from ids order by id desc limit 3), array_fill(gen_random_uuid(), array[3]), i_batch_indexes => '{0,0,0}')",
    ),
    ("start", "select jobs.start('00000000-0000-7000-8000-000000000000', '{}', '{}')"),
    ("sweep", "select jobs.sweep()"),
    ("tasks", "select jobs.tasks()"),
    ("tasks_in_use", "select jobs.tasks_in_use()"),
    ("maintain", "select jobs.maintain()"),
    ("topic_grants", "select jobs.topic_grants()"),
    ("release", "select jobs.release('00000000-0000-7000-8000-000000000000', gen_random_uuid())"),
    ("unregister_worker", "select jobs.unregister_worker('00000000-0000-7000-8000-000000000000')"),
    ("unusable", "select jobs.unusable()"),
    ("workers", "select jobs.workers()"),
];

/// Locks for `max_connections` transactions of this many each fit into the lock table of a server with
/// default settings.
const MOST: i64 = 64;

#[tokio::test]
async fn no_function_locks_every_partition_of_history() {
    let db = kept().await;
    let public: Vec<String> = db
        .all("select distinct proname::text from pg_proc where pronamespace = 'jobs'::regnamespace and proname !~ '^_' and prokind = 'f' order by 1")
        .await;
    let mut called: Vec<&str> = CALLS.iter().map(|(name, _)| *name).collect();
    called.sort_unstable();
    assert_eq!(public, called, "each public function has its call here (a procedure ends its transaction)");
    let mut session = db.connect().await;
    let mut too_many = Vec::new();
    for (setting, (name, call)) in ["reset all", "set enable_partition_pruning = off"]
        .iter()
        .flat_map(|s| CALLS.iter().map(move |call| (s, call)))
    {
        let mut transaction = session.begin().await.unwrap();
        transaction.execute(*setting).await.unwrap();
        transaction.execute(AssertSqlSafe(*call)).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let locks: i64 = sqlx::query_scalar(
            "select count(*) from pg_locks l join pg_class c on c.oid = l.relation
             where l.pid = pg_backend_pid() and c.relnamespace = 'jobs'::regnamespace and (c.relname ~ '^job_[0-9]' or c.relname ~ '^job_default')",
        )
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
        transaction.rollback().await.unwrap();
        if locks > MOST {
            too_many.push((setting, name, locks));
        }
    }
    assert!(too_many.is_empty(), "locks on history: {too_many:?}");
}

#[tokio::test]
async fn every_job_is_found_whatever_its_age_and_whoever_made_its_id() {
    let db = kept().await;
    let found: i64 =
        db.one("select count(*) from ids i, lateral jobs.get(i.id) g where g.job_id = i.id").await;
    assert_eq!(found, db.one::<i64>("select count(*) from ids").await);
    assert_eq!(db.one::<i64>("select count(*) from ids i, lateral jobs.explain(i.id)").await, found);
    // A clock that was wrong: ids of times to come, and of times after the job's end.
    db.run(
        "insert into jobs.job (id, job_id, task, retries, max_retries, priority, timeout, status, created_at, complete_on, attempt)
         select 5000 + g, jobs._new_job_id(jobs._id_time(now() + (30 - 40 * g) * interval '1 day'), g), 'wrong', 0, 3, 0, 60, 'failed', now(),
           now() - g * interval '300 days', 1 from generate_series(0, 1) g",
    )
    .await;
    let wrong = "select count(*) from (select job_id from jobs.job where task = 'wrong') w, lateral jobs.get(w.job_id)";
    assert_eq!(db.one::<i64>(wrong).await, 2);
    let retried = "select count(*) from jobs.retry(array(select id from ids where task = 'noop') || array(select job_id::text from jobs.job where task = 'wrong'))";
    assert_eq!(db.one::<i64>(retried).await, i64::from(DAYS) + 2);
    assert_eq!(db.one::<i64>("select count(*) from jobs.job where status = 'failed'").await, 0);
}

#[tokio::test]
async fn a_page_of_history_holds_the_newest_of_all_its_days() {
    let db = kept().await;
    // Made long ago, ended now: by its id it belongs at the end.
    let late =
        "insert into jobs.job (id, job_id, task, retries, max_retries, priority, timeout, status, created_at, complete_on, attempt)
         select 9000, jobs._new_job_id(jobs._id_time(now() - ({days} - 1) * interval '1 day' - interval '1 minute'), 1), 'late', 0, 3, 0, 60, 'failed', now(), now(), 1";
    db.run(&late.replace("{days}", &DAYS.to_string())).await;
    for (state, topic) in
        [("null", "null"), ("'failed'", "null"), ("'failed'", "'noop'"), ("'success'", "null")]
    {
        let pages = format!(
            "with recursive p(id, n) as (
               select '~'::varchar collate \"C\", 1
               union all
               select (select min(f.job_id)::varchar collate \"C\" from jobs.find({state}, {topic}, p.id, 50) f), p.n + 1 from p where p.id is not null
             ) select string_agg(f.job_id, ',' order by p.n, f.job_id desc) from p, lateral jobs.find({state}, {topic}, p.id, 50) f
             where p.id is not null"
        );
        let expected = format!(
            "select string_agg(job_id, ',' order by job_id desc) from jobs.all
             where ({state}::text is null or status = {state}) and ({topic}::text is null or task = {topic})"
        );
        assert_eq!(db.one::<String>(&pages).await, db.one::<String>(&expected).await, "{state} {topic}");
    }
}

/// Recent failures are shown however much else has ended.
#[tokio::test]
async fn the_overview_counts_the_newest_and_says_what_it_did_not_count() {
    let db = Db::new().await;
    db.run(
        "insert into jobs.job (id, job_id, task, retries, max_retries, priority, timeout, status, created_at, complete_on, attempt)
         select g, jobs._new_job_id(jobs._id_time(now() - interval '1 day'), g), 'old', 0, 3, 0, 60, 'success', now(), now() - interval '1 day', 1
         from generate_series(1, 3000) g;
         insert into jobs.job (id, job_id, task, retries, max_retries, priority, timeout, status, created_at, complete_on, attempt)
         select g, jobs._new_job_id(jobs._id_time(now()), g), 'bad', 0, 3, 0, 60, 'failed', now(), now(), 1 from generate_series(1, 500) g;
         select count(jobs.publish('many')) from generate_series(1, 1500); select jobs.publish('few')",
    )
    .await;
    let rows = "select string_agg(concat_ws(' ', task, ready, success, failed, exact), ', ' order by task) from jobs.overview";
    assert_eq!(
        db.one::<String>(&format!("{rows}()")).await,
        "bad 0 0 500 t, few 1 0 0 t, many 1500 0 0 t, old 0 3000 0 t"
    );
    assert_eq!(
        db.one::<String>(&format!("{rows}(1000)")).await,
        "bad 0 0 500 f, few 1 0 0 f, many 500 0 0 f, old 0 500 0 f"
    );
}

/// Old history is of no account, however much of it there is, and neither is what lies behind the newest blocks.
#[tokio::test]
async fn rates_are_of_what_ended_lately_also_in_a_large_history() {
    let db = Db::with_clock().await;
    db.run("update jobs.test_clock set at = date_trunc('day', now() at time zone 'UTC') at time zone 'UTC' + interval '12 h'").await;
    let ended = |ago: &str, task: &str, status: &str, number: u32| {
        format!(
            "insert into jobs.job (id, job_id, task, retries, max_retries, priority, timeout, status, created_at, complete_on, attempt)
             select g, jobs._new_job_id(jobs._id_time(now() - interval '2 days'), g), '{task}', 0, 3, 0, 60, '{status}', now(),
               jobs.now() - interval '{ago}', 1 from generate_series(1, {number}) g"
        )
    };
    let lately = "select coalesce(string_agg(concat_ws(' ', task, success, failed, cancelled, seconds), ', ' order by task), 'none')
                  from jobs.ended_lately";
    assert_eq!(db.one::<String>(&format!("{lately}()")).await, "none");
    for (ago, task, status, number) in [
        ("1 day", "yesterday", "success", 100),
        ("50 s", "before", "success", 30_000),
        ("0 s", "now", "success", 30),
        ("9 s", "now", "failed", 2),
        ("0 s", "other", "cancelled", 1),
    ] {
        db.run(&ended(ago, task, status, number)).await;
    }
    assert_eq!(db.one::<String>(&format!("{lately}()")).await, "now 30 2 0 10, other 0 0 1 10");
    // More than it reads: they are counted over the time that is read.
    db.run(&ended("3 s", "fast", "success", 60_000)).await;
    let fast = "select concat_ws(' ', e.success between 1000 and 59999, e.seconds) from jobs.ended_lately(10) e where e.task = 'fast'";
    assert_eq!(db.one::<String>(fast).await, "t 3");
    for odd in ["0", "61", "-1", "null"] {
        let (code, message) = db.refusal(&format!("select jobs.ended_lately({odd})")).await;
        assert!(code == "PT400" && message.contains("from 1 to 60"), "{odd}: {message}");
    }
}

/// As jobs.find has it: a word that is no state counts nothing by mistake.
#[tokio::test]
async fn a_count_of_what_is_no_state_is_refused() {
    let db = Db::new().await;
    for state in ["'weird'", "'ready'", "''", "null"] {
        let (code, message) = db.refusal(&format!("select jobs.count({state})")).await;
        assert!(
            code == "PT400" && message.contains("a state is one of pending, running"),
            "{state}: {message}"
        );
    }
}

/// No claim could ever bring it to a worker.
#[tokio::test]
async fn a_job_whose_body_cannot_be_sent_stays_ended() {
    let db = Db::new().await;
    db.run(
        "create table ids as select g, jobs._new_job_id(jobs._id_time(now()), g)::text as id from generate_series(1, 8) g;
         insert into jobs.job (id, job_id, task, body, retries, max_retries, priority, timeout, status, created_at, complete_on, attempt)
         select g, id, 'noop', case when g > 1 then (select jsonb_agg(1e131000::numeric) from generate_series(1, 2100)) end, 0, 3, 0, 60, 'failed', now(), now(), 1
         from ids",
    )
    .await;
    let (code, message) = db.refusal("select jobs.retry(array(select id from ids where g > 1))").await;
    assert!(code == "PT413" && message.contains(" and 2 more"), "{code} {message}");
    let back: Vec<String> = db.all("select r from jobs.retry(array(select id from ids)) r").await;
    assert_eq!(back, db.all::<String>("select id from ids where g = 1").await);
    assert_eq!(db.one::<i64>("select count(*) from jobs.job where status = 'failed'").await, 7);
}

/// A day of history has 24 hours wherever a session's time zone changes its clocks.
#[tokio::test]
async fn jobs_are_found_and_found_once_on_the_days_when_clocks_change() {
    let db = Db::new().await;
    db.run(
        "insert into jobs.job (id, job_id, task, retries, max_retries, priority, timeout, status, created_at, complete_on, attempt)
         select g.id, jobs._new_job_id(jobs._id_time(g.ended - interval '1 minute'), g.id), 'noop', 0, 3, 0, 60, 'failed', g.ended, g.ended, 1
         from (values (1, timestamptz '2026-03-08 23:30+00'), (2, '2026-11-01 23:30+00'), (3, '2026-11-02 00:30+00')) g(id, ended)",
    )
    .await;
    let mut session = db.connect().await;
    session.execute("set timezone = 'America/New_York'").await.unwrap();
    for call in [
        "select array_agg(id order by id) from jobs.find('failed')",
        "select array_agg(g.id order by g.id) from jobs.job j, lateral jobs.get(j.job_id) g",
        "select array_agg(j.id order by j.id) from jobs.job j, lateral jobs.result(j.job_id) g",
        "select array_agg(j.id order by j.id) from jobs.results(array(select job_id::text from jobs.job)) g join jobs.job j using (job_id)",
    ] {
        let found: Vec<i64> = sqlx::query_scalar(call).fetch_one(&mut session).await.unwrap();
        assert_eq!(found, [1, 2, 3], "{call}");
    }
}
