//! Unique keys: one job at a time under each, whoever publishes and however a job ends.

use std::time::Duration;

use pgjobs_tests::{Db, waiting};
use sqlx::Executor;

use crate::sessions::{as_role, code, role};

/// Declares `invoice(customer, region = "eu", note?)` with an alias, unique as given.
async fn declared(db: &Db, unique: &str) {
    db.run(&format!(
        r#"select jobs.register_tasks('[{{"name": "invoice", "aliases": ["bill"], "retries": 3, "timeout": 60, "priority": 0, "result_schema": true,
             "params": [{{"name": "customer", "type": "i64", "required": true}}, {{"name": "region", "type": "String", "required": false}},
                        {{"name": "note", "type": "Option", "required": false}}],
             "args_schema": {{"type": "object"}}, "unique": {unique}}}]')"#
    ))
    .await;
}

const BY_CUSTOMER: &str = r#"{"arguments": ["customer", "region"], "defaults": {"region": "eu"}}"#;

/// The outcomes of a call, and how many different jobs it returned.
async fn publish(db: &Db, bodies: &str, unique: &str) -> String {
    db.one(&format!(
        "select string_agg(p.outcome, ' ') || ' of ' || count(distinct p.job_id)
         from jobs.publish_unique('{{a}}', array[{bodies}]::jsonb[], array['{unique}'::jsonb]) p"
    ))
    .await
}

/// The keys that are held, each with the state of its holder.
async fn keys(db: &Db) -> Vec<String> {
    db.all("select concat_ws(' ', name, key, coalesce(state, 'nobody')) from jobs.unique_keys()").await
}

#[tokio::test]
async fn every_way_to_publish_meets_the_same_holder() {
    let db = Db::new().await;
    declared(&db, BY_CUSTOMER).await;
    let first: String = db.one(r#"select (jobs.publish('invoice', '{"args": [7]}')).job_id::text"#).await;
    for again in [
        r#"select (jobs.publish('invoice', '{"kwargs": {"customer": 7.0, "note": "x"}}')).job_id::text"#,
        r#"select (jobs.publish('bill', '{"args": [7, "eu"]}')).job_id::text"#,
        r#"select (jobs.publish('invoice', '{"args": [8]}', i_unique => '{"key": [7, "eu"]}')).job_id::text"#,
        r#"select (jobs.publish('invoice', '{"kwargs": {"customer": 7, "region": "eu"}}', i_checked => true,
             i_unique => '{"arguments": ["customer", "region"]}')).job_id::text"#,
        r#"select job_id::text from jobs.publish_bulk(array[('invoice', '{"args": [7]}', null, null, null, null)::jobs.bulk_job])"#,
        r#"select job_id::text from jobs.publish_json('[{"task": "bill", "body": {"kwargs": {"customer": 7}}}]')"#,
        r#"select job_id::text from jobs.publish_json('[{"task": "other", "unique": {"name": "invoice", "key": [7, "eu"]}}]')"#,
        r#"select (jobs.publish_arrays('{invoice}', array['{"args": [7]}'::jsonb], null, null, null, null, null))[1]::text"#,
        r#"select job_id::text from jobs.publish_unique('{invoice}', array['{"args": [7]}'::jsonb])"#,
    ] {
        assert_eq!(db.one::<String>(again).await, first, "{again}");
    }
    assert_eq!(keys(&db).await, [r#"invoice [7, "eu"] pending"#]);
    assert_eq!(db.pending_rows().await, 1);
}

#[tokio::test]
async fn an_existing_job_is_returned_without_its_body() {
    let db = Db::new().await;
    let unique = r#"'{"key": 1}'"#;
    db.run(&format!(
        r#"select jobs.publish('a', '"secret"', i_meta => '{{"by": "me"}}', i_unique => {unique})"#
    ))
    .await;
    let shown: String = db
        .one(&format!("select concat_ws(' ', task, body is null, meta is null, max_retries) from jobs.publish('a', i_unique => {unique})"))
        .await;
    assert_eq!(shown, "a t t 3");
}

#[tokio::test]
async fn a_publisher_may_say_otherwise_than_the_task() {
    let db = Db::new().await;
    declared(&db, BY_CUSTOMER).await;
    let publish = async |unique: &str| {
        db.run(&format!(r#"select jobs.publish('invoice', '{{"args": [7]}}', i_unique => {unique})"#)).await;
        keys(&db).await.len()
    };
    assert_eq!(publish("null").await, 1);
    assert_eq!(publish(r#"'{"arguments": ["note"]}'"#).await, 2);
    assert_eq!(publish(r#"'{"key": "mine"}'"#).await, 3);
    assert_eq!(publish("'false'").await, 3, "not unique at all");
    assert_eq!(db.pending_rows().await, 4);
    let refused = db
        .refusal(
            r#"select jobs.publish('invoice', '{"args": [7]}', i_unique => '{"on_conflict": "refuse"}')"#,
        )
        .await;
    assert!(refused.0 == "PT409" && refused.1.contains("holds the unique key (pending)"), "{refused:?}");
}

#[tokio::test]
async fn jobs_of_one_call_meet_each_other() {
    let db = Db::new().await;
    assert_eq!(
        publish(&db, "'0', '0'", r#"{"key": 0, "until": "1 hour"}"#).await,
        "published existing of 1",
        "for a time"
    );
    db.run("select jobs.purge('a')").await;
    assert_eq!(publish(&db, "'1', '2'", r#"{"key": 1}"#).await, "published existing of 1");
    assert_eq!(db.one::<String>("select string_agg(body::text, ' ') from jobs.pending").await, "1");
    assert_eq!(
        publish(&db, "'3', '4', '5'", r#"{"key": 2, "on_conflict": "replace"}"#).await,
        "published replaced replaced of 1"
    );
    assert_eq!(publish(&db, "'6'", r#"{"key": 2, "on_conflict": "replace"}"#).await, "replaced of 1");
    assert_eq!(db.all::<String>("select body::text from jobs.pending order by id").await, ["1", "6"]);
    let refused = db
        .refusal(r#"select jobs.publish_unique('{a}', '{1,2}', array['{"key": 3, "on_conflict": "refuse"}'::jsonb])"#)
        .await;
    assert_eq!(
        refused,
        ("PT409".to_owned(), "job 2 of 2: job 1 of this call has the same unique key".to_owned())
    );
}

#[tokio::test]
async fn calls_of_unique_and_other_jobs_keep_their_order() {
    let db = Db::new().await;
    db.run(
        r#"create table p as select * from jobs.publish_unique('{a,b,a,b}', '{1,2,3,4}', array['{"key": 1}', null, '{"key": 1}', null]::jsonb[])
             with ordinality p(job_id, outcome, at)"#,
    )
    .await;
    let outcomes: Vec<String> =
        db.all("select p.outcome || ' ' || g.body from p, jobs.get(p.job_id) g order by p.at").await;
    assert_eq!(outcomes, ["published 1", "published 2", "existing 1", "published 4"]);
}

/// How a job ends, and whether it gives its key up: not between its runs.
#[tokio::test]
async fn the_end_of_a_job_gives_its_key_up_and_a_retry_does_not() {
    const RETRIED: &str = "select jobs.nack(job_id, 'x', jobs.now()) from jobs.consume(1)";
    for (ends, call) in [
        (true, "select jobs.ack(job_id) from jobs.consume(1)"),
        (true, "select jobs.cancel(array(select job_id::text from jobs.pending))"),
        (true, "select jobs.cancel(array(select job_id::text from jobs.consume(1)))"),
        (true, "select jobs.purge('a')"),
        (
            true,
            "select jobs.nack((select job_id from jobs.pending), 'x', null, false) from generate_series(1, 3)",
        ),
        (true, "select jobs.settle(array[job_id]::text[], array[lease], '{fail}') from jobs.consume(1)"),
        (false, RETRIED),
        (false, "select jobs.settle(array[job_id]::text[], array[lease], '{snooze}') from jobs.consume(1)"),
        (false, "select jobs.settle(array[job_id]::text[], array[lease], '{release}') from jobs.consume(1)"),
        (false, "select jobs.nack((select job_id from jobs.pending), 'x', null, false)"),
    ] {
        let db = Db::new().await;
        assert_eq!(publish(&db, "'1'", r#"{"key": 1}"#).await, "published of 1");
        db.run(call).await;
        let expected = if ends { "published of 1" } else { "existing of 1" };
        assert_eq!(keys(&db).await.is_empty(), ends, "the row goes with the job: {call}");
        assert_eq!(publish(&db, "'2'", r#"{"key": 1}"#).await, expected, "{call}");
    }
    let db = Db::new().await;
    publish(&db, "'1'", r#"{"key": 1}"#).await;
    for _ in 0..3 {
        db.run(RETRIED).await;
    }
    assert!(keys(&db).await.is_empty(), "its last run failed");
}

#[tokio::test]
async fn a_sweep_gives_up_the_key_of_a_job_that_has_no_run_left() {
    let db = Db::with_clock().await;
    db.run(r#"select jobs.publish('a', i_max_retries => 2, i_unique => '{"key": 1}')"#).await;
    for (run, expected) in [(1, "existing of 1"), (2, "published of 1")] {
        let worker = db.worker_with_lease(&["a"], 10).await;
        assert_eq!(worker.claim(1).await.started(), 1);
        db.advance(Duration::from_secs(11)).await;
        db.run("select jobs.sweep()").await;
        assert_eq!(publish(&db, "'2'", r#"{"key": 1}"#).await, expected, "run {run}");
    }
}

/// In each kind of batch: alone, with others, its own, and an idle worker's.
#[tokio::test]
async fn a_claim_gives_up_the_key_of_a_job_that_is_unique_until_it_starts() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    let unique = r#"{"key": 1, "until": "started"}"#;
    for claim in 0..4 {
        assert_eq!(publish(&db, "'1'", unique).await, "published of 1");
        assert_eq!(publish(&db, "'1'", unique).await, "existing of 1");
        if claim > 0 {
            db.publish_many("a", 1..=3).await;
        }
        let claimed = match claim {
            2 => worker.claim(4).own_batch(&["a"]).await,
            3 => worker.claim(4).idle().await,
            _ => worker.claim(4).await,
        };
        assert_eq!(claimed.started(), if claim > 0 { 4 } else { 1 });
        assert!(keys(&db).await.is_empty(), "{claim}");
    }
    assert_eq!(publish(&db, "'1'", unique).await, "published of 1");
    db.run("select jobs.consume(1)").await;
    assert!(keys(&db).await.is_empty(), "a plain client");
}

#[tokio::test]
async fn a_key_that_is_held_for_a_time_ends_by_itself() {
    let db = Db::with_clock().await;
    let unique = r#"{"key": 1, "until": "1 hour"}"#;
    assert_eq!(publish(&db, "'1'", unique).await, "published of 1");
    db.run("select jobs.ack(job_id) from jobs.consume(1)").await;
    assert_eq!(publish(&db, "'2'", unique).await, "existing of 1", "although it has ended");
    assert_eq!(keys(&db).await, ["a [1] ended"]);
    db.advance(Duration::from_secs(3600)).await;
    assert_eq!(keys(&db).await, ["a [1] nobody"]);
    assert_eq!(publish(&db, "'3'", unique).await, "published of 1");
    db.advance(Duration::from_secs(3600)).await;
    db.run("select jobs._maintain_partitions()").await;
    assert!(keys(&db).await.is_empty(), "nobody has to publish for it to go");
}

/// A hundred a second for the ten minutes between two calls.
#[tokio::test]
async fn as_many_keys_go_in_a_call_as_may_have_ended_since_the_last() {
    let db = Db::new().await;
    let keys = "insert into jobs.unique_key (name, key, job_id, until)
        select 'a', n::text, 'gone', jobs.now() - interval '1 s' from generate_series(1, 60000) n";
    db.run(keys).await;
    db.run("select jobs._maintain_partitions()").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.unique_key").await, 0);
}

#[tokio::test]
async fn a_replaced_job_is_as_the_last_publisher_wants_it() {
    let db = Db::with_clock().await;
    db.run(r#"select jobs.publish('a', '1', i_max_retries => 5, i_unique => '{"key": 1}')"#).await;
    db.run("select jobs.nack(job_id, 'x', jobs.now() + interval '1 hour') from jobs.consume(1)").await;
    db.run(
        r#"select jobs.publish('a', '2', jobs.now() + interval '1 minute', 7, 3, 2, i_meta => '{"n": 2}', i_unique => '{"key": 1, "on_conflict": "replace"}')"#,
    )
    .await;
    let shown = "select concat_ws(' ', j.body, j.retries, j.max_retries, j.attempt, j.timeout, j.priority, j.scheduled_at - jobs.now(), j.meta, j.traceback is null)
                 from jobs.all j";
    assert_eq!(db.one::<String>(shown).await, r#"2 0 2 1 7.00 3 00:01:00 {"n": 2} t"#);
    db.run(r#"select jobs.publish('a', '3', i_unique => '{"key": 1, "on_conflict": "replace"}')"#).await;
    assert_eq!(db.one::<String>("select body::text from jobs.consume(1)").await, "3", "due at once");
    db.run(r#"select jobs.publish('a', '4', i_unique => '{"key": 1, "on_conflict": "replace"}')"#).await;
    assert_eq!(db.all::<String>("select body::text from jobs.all").await, ["3"], "a running job is kept");
}

/// Debounce: each publish moves it, and not for ever.
#[tokio::test]
async fn a_postponed_job_runs_after_the_last_publish_or_its_longest_wait() {
    let db = Db::with_clock().await;
    let unique = r#"{"key": 1, "on_conflict": "postpone", "wait": 5, "max_wait": "12 s"}"#;
    let waits = async |body: &str| {
        publish(&db, &format!("'{body}'"), unique).await;
        db.one::<f64>("select extract(epoch from scheduled_at - jobs.now())::float8 from jobs.pending").await
    };
    assert_eq!(waits("1").await, 5.0);
    db.advance(Duration::from_secs(4)).await;
    assert_eq!(waits("2").await, 5.0);
    db.advance(Duration::from_secs(4)).await;
    assert_eq!(waits("3").await, 4.0, "12 seconds after the first");
    db.advance(Duration::from_secs(4)).await;
    db.run("select jobs.promote()").await;
    assert_eq!(db.all::<String>("select body::text from jobs.consume(5)").await, ["3"]);
    assert_eq!(waits("4").await, 5.0, "the key went with the start");
}

#[tokio::test]
async fn a_retry_by_hand_takes_the_key_again_or_names_the_holder() {
    let db = Db::new().await;
    let failed = async |body: &str| {
        publish(&db, &format!("'{body}'"), r#"{"key": 1}"#).await;
        db.run("select jobs.settle(array[job_id]::text[], array[lease], '{fail}') from jobs.consume(1)")
            .await;
    };
    failed("1").await;
    failed("2").await;
    let retry = "select jobs.retry(array(select job_id::text from jobs.job order by id))";
    db.run(retry).await;
    let open: Vec<String> = db.all("select body::text from jobs.pending").await;
    assert_eq!(
        (open.len(), keys(&db).await),
        (1, vec!["a [1] pending".to_owned()]),
        "one of the two: {open:?}"
    );
    let holder: String = db.one("select job_id::text from jobs.pending").await;
    let refused = db.refusal(retry).await;
    assert!(refused.0 == "PT409" && refused.1.contains(&format!("(held by {holder})")), "{refused:?}");
    assert_eq!(publish(&db, "'3'", r#"{"key": 1}"#).await, "existing of 1");
    db.run("select jobs.ack(job_id) from jobs.consume(1)").await;
    db.run("select jobs.retry(array(select job_id::text from jobs.job where status = 'failed'))").await;
    assert_eq!(keys(&db).await, ["a [1] pending"]);
}

#[tokio::test]
async fn a_long_key_becomes_a_hash() {
    let db = Db::new().await;
    let long = "x".repeat(5000);
    assert_eq!(publish(&db, "'1'", &format!(r#"{{"key": "{long}"}}"#)).await, "published of 1");
    assert_eq!(publish(&db, "'1'", &format!(r#"{{"key": "{long}"}}"#)).await, "existing of 1");
    assert_eq!(publish(&db, "'1'", &format!(r#"{{"key": "{long}y"}}"#)).await, "published of 1");
    let found = keys(&db).await;
    assert!(found.iter().all(|key| key.starts_with("a sha256:") && key.len() < 100), "{found:?}");
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_with_what_can() {
    let db = Db::new().await;
    for (unique, message) in [
        ("7", "unique: it is an object, or false"),
        (r#"{"keys": 1}"#, "unique: unknown key 'keys'; its keys are name, key, arguments, until"),
        (r#"{"key": 1, "arguments": []}"#, "unique: give its key or the names of its arguments, not both"),
        (r#"{"arguments": [7]}"#, "unique: arguments: at most 100 names of arguments"),
        (r#"{"name": ""}"#, "unique: name: 1 to 200 characters"),
        (r#"{"key": 1, "until": "later"}"#, "unique: until is a time above 0"),
        (r#"{"key": 1, "until": -5}"#, "unique: until is a time above 0"),
        (r#"{"key": 1, "on_conflict": "ignore"}"#, "unique: on_conflict: keep, replace, postpone or refuse"),
        (r#"{"key": 1, "wait": 5}"#, "unique: only on_conflict \"postpone\" has a wait"),
    ] {
        for publish in [
            format!("select jobs.publish('a', i_unique => '{unique}')"),
            format!(r#"select jobs.publish_json('[{{"task": "a", "unique": {unique}}}]')"#),
        ] {
            let refusal = db.refusal(&publish).await;
            assert!(refusal.0 == "PT400" && refusal.1.contains(message), "{publish}: {refusal:?}");
        }
    }
    let unbound = r#"select jobs.publish('a', '{"args": [7]}', i_unique => '{"arguments": ["customer"]}')"#;
    assert!(db.refusal(unbound).await.1.contains("nobody has declared which positional argument is which"));
    assert_eq!(db.one::<i64>("select count(*) from jobs.all").await, 0);
}

#[tokio::test]
async fn a_declaration_that_cannot_be_meant_is_refused() {
    let db = Db::new().await;
    for (unique, message) in [
        (r#"{"arguments": ["custommer"]}"#, "task 'invoice': unique: it has no argument 'custommer'"),
        (r#"{"key": 7}"#, "task 'invoice': unique: a task declares arguments"),
        (r#"{"until": "never"}"#, "task 'invoice': unique: until is a time"),
    ] {
        let declare = format!(
            r#"select jobs.register_tasks('[{{"name": "invoice", "retries": 3, "timeout": 60, "priority": 0, "result_schema": true, "args_schema": true,
                 "params": [{{"name": "customer", "type": "i64", "required": true}}], "unique": {unique}}}]')"#
        );
        let refusal = db.refusal(&declare).await;
        assert!(refusal.0 == "PT400" && refusal.1.contains(message), "{refusal:?}");
    }
    declared(&db, BY_CUSTOMER).await;
    declared(&db, "null").await;
    db.run(r#"select jobs.publish('invoice', '{"args": [7]}') from generate_series(1, 2)"#).await;
    assert_eq!(db.pending_rows().await, 2, "no longer unique");
}

/// Else it could hold the keys of tasks that it may not publish, or change their jobs.
#[tokio::test]
async fn a_restricted_role_uses_the_names_of_its_own_tasks() {
    let db = Db::new().await;
    role(&db, "unique_web", "jobs_publisher").await;
    db.run("select jobs.grant_topic('unique_web', 'web.*')").await;
    db.run(r#"select jobs.publish('mail', i_unique => '{"name": "web.shared", "key": 1}')"#).await;
    let mut web = as_role(&db, "unique_web").await;
    for (unique, expected) in [
        (r#"{"key": 2}"#, "ok"),
        (r#"{"key": 2, "name": "web.x"}"#, "ok"),
        (r#"{"key": 2, "name": "mail"}"#, "PT403"),
        (r#"{"key": 1, "name": "web.shared"}"#, "ok"),
        (r#"{"key": 1, "name": "web.shared", "on_conflict": "replace"}"#, "PT403"),
    ] {
        let publish = format!("select jobs.publish('web.a', i_unique => '{unique}')");
        assert_eq!(code(&mut web, &publish).await, expected, "{unique}");
    }
    assert_eq!(code(&mut web, "select jobs.unique_keys()").await, "42501");
}

#[tokio::test]
async fn explain_says_that_a_job_holds_a_key_and_not_which() {
    let db = Db::new().await;
    db.run(r#"select jobs.publish('a', i_unique => '{"key": "secret"}')"#).await;
    let reasons = "select string_agg(e.code || ' ' || e.message || ' ' || e.details, '; ') from jobs.all j, jobs.explain(j.job_id) e";
    for consume in ["", "select jobs.consume(1)"] {
        db.run(consume).await;
        let said: String = db.one(reasons).await;
        assert!(said.contains("holds_unique_key it holds a unique key of 'a' until it has ended"), "{said}");
        assert!(!said.contains("secret"), "{said}");
    }
    db.run("select jobs.release_unique_key('a', '[\"secret\"]')").await;
    assert!(!db.one::<String>(reasons).await.contains("holds_unique_key"));
    assert_eq!(db.refusal("select jobs.release_unique_key('a', '[1]')").await.0, "PT404");
}

/// (The next job holds the key until its end: its call has no time by which to find what is over.)
#[tokio::test]
async fn a_key_whose_time_is_over_is_free_for_a_job_without_a_time() {
    let db = Db::with_clock().await;
    let outcome = async |until: &str| -> String {
        let call = "select outcome from jobs.publish_unique('{a}', '{1}', array['{\"key\": 1, \"until\": \"$until\"}'::jsonb])";
        db.one(&call.replace("$until", until)).await
    };
    assert_eq!(outcome("1 hour").await, "published");
    db.run("select jobs.ack(job_id) from jobs.consume(1)").await;
    assert_eq!(outcome("ended").await, "existing");
    db.advance(Duration::from_secs(3600)).await;
    assert_eq!(outcome("ended").await, "published");
}

#[tokio::test]
async fn explain_says_until_when_a_job_holds_a_key_for_a_time() {
    let db = Db::with_clock().await;
    db.run(r#"select jobs.publish('a', i_unique => '{"key": "secret", "until": "1 hour"}')"#).await;
    let reasons = "select coalesce(string_agg(e.message || ' ' || e.details || (e.until > jobs.now()), '; ') filter (where e.code = 'holds_unique_key'), '')
        from jobs.all j, jobs.explain(j.job_id) e";
    // It holds the key while it waits, while it runs, and when it has ended.
    for next in ["", "select jobs.consume(1)", "select jobs.ack(r.job_id) from jobs.running r"] {
        db.run(next).await;
        let said: String = db.one(reasons).await;
        assert!(
            said.starts_with("it holds a unique key of 'a' until 2")
                && said.ends_with("\"until\": \"time\"}true"),
            "{said}"
        );
        assert!(!said.contains("secret"), "{said}");
    }
    db.advance(Duration::from_secs(3600)).await;
    assert_eq!(db.one::<String>(reasons).await, "");
}

/// An operator takes a key away and rolls back, while the job ends and does not wait for that.
#[tokio::test]
async fn a_key_whose_job_is_gone_is_free() {
    let db = Db::new().await;
    publish(&db, "'1'", r#"{"key": 1}"#).await;
    let mut operator = db.connect().await;
    operator.execute("begin; select jobs.release_unique_key('a', '[1]')").await.unwrap();
    let mut settling = db.connect().await;
    settling
        .execute("set statement_timeout = '20s'; select jobs.ack(job_id) from jobs.consume(1)")
        .await
        .unwrap();
    operator.execute("rollback").await.unwrap();
    assert_eq!(keys(&db).await, ["a [1] nobody"]);
    assert_eq!(publish(&db, "'2', '3'", r#"{"key": 1}"#).await, "published existing of 1");
}

#[tokio::test]
async fn a_key_that_changes_hands_while_somebody_waits_goes_on_to_who_waits() {
    let db = Db::new().await;
    for (end, expected) in [("rollback", 1), ("select jobs.purge('a'); commit", 1), ("commit", 1)] {
        let (mut first, second) = (db.connect().await, db.connect().await);
        first.execute(r#"begin; select jobs.publish('a', '1', i_unique => '{"key": 1}')"#).await.unwrap();
        let second = waiting(
            &db,
            second,
            r#"select job_id, outcome from jobs.publish_unique('{a}', '{2}', array['{"key": 1}'::jsonb])"#
                .to_owned(),
        )
        .await;
        first.execute(sqlx::AssertSqlSafe(end.to_owned())).await.unwrap();
        second.await.unwrap().unwrap();
        assert_eq!((db.pending_rows().await, keys(&db).await.len()), (expected, 1), "{end}");
        db.run("select jobs.purge('a')").await;
    }
}

#[tokio::test]
async fn ending_a_job_waits_for_no_publisher_of_its_key() {
    let db = Db::new().await;
    publish(&db, "'1'", r#"{"key": 1}"#).await;
    let mut publisher = db.connect().await;
    publisher.execute(r#"begin; select jobs.publish('a', '2', i_unique => '{"key": 1}')"#).await.unwrap();
    let mut settling = db.connect().await;
    settling
        .execute("set statement_timeout = '20s'; select jobs.ack(job_id) from jobs.consume(1)")
        .await
        .unwrap();
    publisher.execute("commit").await.unwrap();
    assert!(keys(&db).await.is_empty());
}

/// Whoever waits for a key has not taken a later one, however the call names them.
#[tokio::test]
async fn a_call_takes_its_keys_in_their_order() {
    let db = Db::new().await;
    let (mut first, second) = (db.connect().await, db.connect().await);
    first.execute(r#"begin; select jobs.publish('a', '1', i_unique => '{"key": 2}')"#).await.unwrap();
    let call = r#"select outcome from jobs.publish_unique('{a}', '{2,2}', array['{"key": 3}', '{"key": 2}']::jsonb[])"#;
    let second = waiting(&db, second, call.to_owned()).await;
    first.execute("set local statement_timeout = '20s'").await.unwrap();
    first.execute(r#"select jobs.publish('a', '1', i_unique => '{"key": 3}'); commit"#).await.unwrap();
    let outcomes: Vec<String> =
        second.await.unwrap().unwrap().iter().map(|row| sqlx::Row::get(row, 0)).collect();
    assert_eq!(outcomes, ["existing", "existing"]);
}

/// Whoever waits for a job that it is to replace has not locked a later one, however the call names them.
#[tokio::test]
async fn a_call_changes_holders_in_the_order_of_their_ids() {
    let db = Db::new().await;
    let replace = r#"{"key": 1, "on_conflict": "replace"}', '{"key": 2, "on_conflict": "replace"}"#;
    let call =
        format!("select outcome from jobs.publish_unique('{{a}}', '{{1,2}}', array['{replace}']::jsonb[])");
    db.run(&call).await;
    let ids: Vec<String> = db.all("select job_id::text from jobs.pending order by job_id").await;
    let mut first = db.connect().await;
    let lock = |id: &str| format!("select from jobs.pending where job_id = '{id}' for update");
    first.execute(sqlx::AssertSqlSafe(format!("begin; {}", lock(&ids[0])))).await.unwrap();
    let second = waiting(&db, db.connect().await, call).await;
    let both = format!("set local statement_timeout = '20s'; {}; commit", lock(&ids[1]));
    first.execute(sqlx::AssertSqlSafe(both)).await.unwrap();
    second.await.unwrap().unwrap();
}

/// When a job is due that is published with this, a minute after noon where the clock stands.
async fn due_in(db: &Db, unique: &str) -> Option<f64> {
    let publish = format!(
        "select extract(epoch from p.scheduled_at - jobs.now())::float8 from jobs.publish('debounced', i_unique => '{unique}') p"
    );
    sqlx::query_scalar(sqlx::AssertSqlSafe(publish)).fetch_one(&db.pool).await.unwrap()
}

#[tokio::test]
async fn the_last_publisher_says_how_long_it_waits_up_to_the_longest_wait() {
    let db = Db::with_clock().await;
    let with = |key: u32, more: &str| format!(r#"{{"key": {key}, "on_conflict": "postpone"{more}}}"#);
    assert_eq!(due_in(&db, &with(1, r#", "wait": 60, "max_wait": 5"#)).await, Some(5.0), "the first, too");
    assert_eq!(due_in(&db, &with(2, r#", "max_wait": 60"#)).await, None, "without a wait at once");
    assert_eq!(due_in(&db, &with(2, r#", "max_wait": 60"#)).await, None, "also the second time");
    assert_eq!(due_in(&db, &with(3, r#", "wait": 600"#)).await, Some(600.0));
    assert_eq!(due_in(&db, &with(3, r#", "wait": 5"#)).await, Some(5.0), "a shorter wait, too");
    db.advance(std::time::Duration::from_secs(4)).await;
    assert_eq!(due_in(&db, &with(3, r#", "wait": 20, "max_wait": 10"#)).await, Some(6.0));
}

#[tokio::test]
async fn a_call_overrides_what_a_task_declares_and_names_real_arguments() {
    let db = Db::new().await;
    db.run(r#"select jobs.register_tasks('[{"name": "index", "args_schema": {}, "result_schema": true, "retries": 3, "timeout": 60, "priority": 0,
        "params": [{"name": "document", "type": "i64", "required": true}], "unique": {"arguments": ["document"], "on_conflict": "postpone", "wait": 5, "max_wait": 60}}]')"#)
        .await;
    let publish = r#"select job_id::text from jobs.publish('index', '{"args": [1]}', i_unique => '{"on_conflict": "keep"}')"#;
    assert_eq!(db.one::<String>(publish).await, db.one::<String>(publish).await);
    let (code, message) = db
        .refusal(
            r#"select jobs.publish('index', '{"args": [1]}', i_unique => '{"arguments": ["documnet"]}')"#,
        )
        .await;
    assert!(code == "PT400" && message.contains("no argument 'documnet'"), "{code} {message}");
}
