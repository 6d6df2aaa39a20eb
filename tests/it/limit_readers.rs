//! What limits hold and what they keep back, as people read it.

use std::time::{Duration, Instant};

use pgjobs_tests::{Db, Lateness};

use crate::sessions::{as_role, code, one, role};

/// Why these jobs do not run: code and message, without the moments.
async fn explained(db: &Db, which: &str) -> Vec<String> {
    db.all(&format!(
        "select regexp_replace(e.code || ': ' || e.message, '[0-9]{{4}}-[^()]* UTC \\(in [^)]*\\)|[0-9a-f]{{32}}', '?', 'g')
         from jobs.pending q, jobs.explain(q.job_id) e where {which} and e.code not in ('unknown_task', 'no_worker') order by q.id, e.code"
    ))
    .await
}

/// A limit of one job for each customer, under which two customers have three jobs each, of which the first
/// run.
async fn one_for_each_customer() -> Db {
    let db = Db::with_clock().await;
    db.run(
        r#"select jobs.set_limit('each', 'mail.*', '{"key": ["customer"], "max": 1}');
           select jobs.publish('mail.send', jsonb_build_object('kwargs', jsonb_build_object('customer', g % 2))) from generate_series(1, 6) g;
           select jobs.consume_topic('mail.*', 10)"#,
    )
    .await;
    db
}

#[tokio::test]
async fn limits_say_what_is_held_what_waits_and_which_keys_are_closed() {
    let db = one_for_each_customer().await;
    db.run(
        r#"select jobs.set_limit('all', '*', '{"max": 50, "rates": ["100/s", {"rate": "1000/h", "burst": 5}]}');
           select jobs.block_key('each', '[1]', jobs.now() + interval '1 h'), jobs.block_key('each', '"new"', 'infinity', 'told to')"#,
    )
    .await;
    let said =
        "select concat_ws(' ', name, topic, key, max, rates, held, blocked, keys, closed) from jobs.limits";
    assert_eq!(
        db.all::<String>(&format!("{said}()")).await,
        ["all * 50 {100/s,1000/h} 0 0 0 0", "each mail.* {customer} 1 2 4 3 2"]
    );
    assert_eq!(db.all::<String>(&format!("{said}('bill')")).await, ["all * 50 {100/s,1000/h} 0 0 0 0"]);
    assert_eq!(db.all::<String>(&format!("{said}('mail.send')")).await.len(), 2, "those over a task");
    assert_eq!(
        db.all::<String>(
            "select concat_ws(' ', key, held, blocked, closed_until, reason) from jobs.limit_keys('each')"
        )
        .await
        .len(),
        3
    );
    assert_eq!(
        db.all::<String>(
            "select concat_ws(' ', key, held, blocked, closed_until - jobs.now(), reason) from jobs.limit_keys('each') where closed_until < 'infinity' or closed_until is null"
        )
        .await,
        ["[1] 1 2 01:00:00", "[0] 1 2"]
    );
    db.run("select jobs.ack(job_id) from jobs.running where body->'kwargs'->>'customer' = '0'").await;
    assert_eq!(
        db.one::<i64>("select held from jobs.limits('mail.send') where name = 'each'").await,
        1,
        "a slot is free before a claim counts it"
    );
    assert_eq!(db.one::<i64>("select count(*) from jobs.consume_topic('mail.*', 10)").await, 1);
    assert_eq!(
        db.all::<String>(
            "select concat_ws(' ', key, held, blocked) from jobs.limit_keys('each', 2) order by key"
        )
        .await,
        [r#"["new"] 0 0"#, "[1] 1 2"],
        "closed ones come first"
    );
}

#[tokio::test]
async fn explain_says_which_limit_keeps_a_blocked_job_back() {
    let db = one_for_each_customer().await;
    let first = "q.body->'kwargs'->>'customer' = '1'";
    assert_eq!(
        explained(&db, first).await,
        [
            "blocked: it waits for a slot of the limit 'each': it is the next of its key",
            "limit_reached: the limit 'each' has no free slot for its key: 1 of 1 are held (by ?)",
            "blocked: it waits for a slot of the limit 'each': 1 job of its key is before it",
            "limit_reached: the limit 'each' has no free slot for its key: 1 of 1 are held (by ?)",
        ]
    );
    let holder = "select (select j.job_id from jobs.running j where j.body = q.body) = e.details->'jobs'->>0 and e.details->'key' = '[1]'
      from jobs.pending q, jobs.explain(q.job_id) e where q.body->'kwargs'->>'customer' = '1' and e.code = 'limit_reached' limit 1";
    assert!(db.one::<bool>(holder).await, "the details name the job that holds the slot, and the key");
    db.run("select jobs.block_key('each', '1', jobs.now() + interval '1 h', E'told \\x1b[2J')").await;
    assert_eq!(
        explained(&db, first).await[1],
        r"key_closed: the limit 'each' is closed for its key until ?: told \u{1b}[2J"
    );
    db.run("select jobs.drop_limit('each')").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.pending where bucket is not null").await, 0);
}

#[tokio::test]
async fn explain_says_which_limit_without_key_keeps_a_ready_job_back() {
    let db = Db::with_clock().await;
    db.run(
        r#"select jobs.set_limit('few', '*', '{"max": 1}'); select jobs.publish('a'), jobs.publish('a'); select jobs.consume(5)"#,
    )
    .await;
    assert_eq!(
        explained(&db, "true").await,
        [
            "limit_reached: the limit 'few' has no free slot: 1 of 1 are held (by ?)",
            "queued: it is the next of its task in the queue"
        ]
    );
    db.run(r#"select jobs.set_limit('few', null, '{"max": null, "rates": ["1/m"]}'); select jobs.consume(5); select jobs.publish('a')"#).await;
    assert_eq!(
        explained(&db, "true").await,
        [
            "queued: it is the next of its task in the queue",
            "rate_limited: the limit 'few' lets the next job start at ? (1/m)"
        ]
    );
    db.advance(Duration::from_secs(61)).await;
    assert_eq!(explained(&db, "true").await, ["queued: it is the next of its task in the queue"]);
}

#[tokio::test]
async fn a_key_in_order_is_held_by_a_job_that_runs_or_waits_for_its_next_run() {
    let db = Db::with_clock().await;
    db.run(
        r#"select jobs.set_limit('line', 'post', '{"key": ["account"], "in_order": true}');
           select jobs.publish('post', '{"kwargs": {"account": 1}}', i_max_retries => 3) from generate_series(1, 2); select jobs.consume(5)"#,
    )
    .await;
    assert_eq!(
        explained(&db, "q.bucket is not null").await[1],
        "key_held: the limit 'line' runs the jobs of a key one after another: job ? runs"
    );
    assert_eq!(db.one::<i64>("select count(*) from jobs.blocked_keys()").await, 0, "it runs");
    db.run("select jobs.nack(job_id, 'x', jobs.now() + interval '1 h') from jobs.running").await;
    assert_eq!(
        explained(&db, "q.bucket is not null").await[1],
        "key_held: the limit 'line' runs the jobs of a key one after another: job ? waits for its next run, scheduled for ?"
    );
    let held_up = "select concat_ws(' ', b.name, b.key, b.closed_by = q.job_id, b.reason, b.closed_until - jobs.now(), b.blocked, b.oldest is not null)
      from jobs.blocked_keys() b, jobs.pending q where q.bucket is null";
    assert_eq!(db.one::<String>(held_up).await, "line [1] t it waits for its next run 01:00:00 1 t");
    assert_eq!(db.one::<i64>("select count(*) from jobs.blocked_keys('other.*')").await, 0);
}

#[tokio::test]
async fn a_dead_job_in_order_closes_its_key_until_it_is_released() {
    let db = Db::new().await;
    db.run(
        r#"select jobs.set_limit('line', 'post', '{"key": ["account"], "in_order": true, "on_dead": "hold"}');
           select jobs.publish('post', '{"kwargs": {"account": 1}}', i_max_retries => 1) from generate_series(1, 2); select jobs.consume(5);
           select jobs.nack(job_id, 'x') from jobs.running; select jobs.consume(5)"#,
    )
    .await;
    let said = explained(&db, "true").await;
    assert_eq!(
        said[1],
        "key_closed: the limit 'line' is closed for its key until it is opened by `pgjobs limit release`, by job ?: a job in order is dead"
    );
    assert!(
        db.one::<bool>("select closed_by = (select job_id from jobs.job) from jobs.blocked_keys()").await
    );
    assert!(db.one::<bool>("select jobs.release_key('line', '1')").await);
    assert!(!db.one::<bool>("select jobs.release_key('line', '[1]')").await, "it is open");
    assert_eq!(db.one::<i64>("select count(*) from jobs.consume(5)").await, 1);
    assert_eq!(
        db.one::<String>(
            "select concat_ws(' ', action, target, details) from jobs.audit_log('line', 'release_key')"
        )
        .await,
        r#"release_key line {"key": [1]}"#
    );
}

#[tokio::test]
async fn a_closed_key_starts_no_job_until_its_time() {
    let db = Db::with_clock().await;
    db.run(
        r#"select jobs.set_limit('api', '*', '{"key": ["host"], "max": 5}');
           select jobs.block_key('api', '"a.example"', jobs.now() + interval '1 min');
           select jobs.block_key('api', '"b.example"', jobs.now() - interval '1 min');
           select jobs.publish('get', jsonb_build_object('kwargs', jsonb_build_object('host', h))) from unnest(array['a.example', 'b.example']) h"#,
    )
    .await;
    let taken = "select body->'kwargs'->>'host' from jobs.consume(5)";
    assert_eq!(db.all::<String>(taken).await, ["b.example"], "that time was over");
    db.advance(Duration::from_secs(30)).await;
    db.run("select jobs.block_key('api', '\"a.example\"', jobs.now() + interval '1 s')").await;
    db.advance(Duration::from_secs(29)).await;
    assert_eq!(db.all::<String>(taken).await, [""; 0], "it is closed for longer");
    db.advance(Duration::from_secs(2)).await;
    assert_eq!(db.all::<String>(taken).await, ["a.example"]);
}

#[tokio::test]
async fn keys_and_limits_that_do_not_exist_are_refused() {
    let db = Db::new().await;
    db.run(r#"select jobs.set_limit('two', 'a', '{"key": ["x", "y"], "max": 1}'), jobs.set_limit('none', 'a', '{"max": 1}')"#).await;
    for (call, state, said) in [
        ("jobs.limit_keys('no')", "PT404", "there is no limit 'no'"),
        ("jobs.block_key('no', '1', now())", "PT404", "there is no limit 'no'"),
        ("jobs.release_key(null)", "PT404", "there is no limit null"),
        (
            "jobs.block_key('two', '1', now())",
            "PT400",
            "a key of the limit 'two' has 2 values, and this has 1",
        ),
        ("jobs.release_key('two')", "PT400", "a key of the limit 'two' has 2 values, and this has 0"),
        ("jobs.release_key('none', '1')", "PT400", "a key of the limit 'none' has 0 values, and this has 1"),
        (
            "jobs.block_key('none', null, null)",
            "PT400",
            "a key is closed until a time, and this is none or out of range",
        ),
        (
            "jobs.block_key('none', null, '20000-01-01')",
            "PT400",
            "a key is closed until a time, and this is none or out of range",
        ),
        (
            "jobs.block_key('none', null, '2100-01-01', repeat('x', 1001))",
            "PT400",
            "the reason for closing a key has at most 1000 characters",
        ),
        ("jobs.limit_keys('two', -1)", "PT400", ""),
    ] {
        let (found, message) = db.refusal(&format!("select {call}")).await;
        assert!(found == state && message.contains(said), "{call}: {found} {message}");
    }
}

#[tokio::test]
async fn readers_see_limits_and_no_keys() {
    let db = one_for_each_customer().await;
    role(&db, "limit_reader", "jobs_reader").await;
    let mut reader = as_role(&db, "limit_reader").await;
    assert_eq!(one::<i64>(&mut reader, "select blocked from jobs.limits()").await, 4);
    for call in ["jobs.limit_keys('each')", "jobs.blocked_keys()"] {
        assert_eq!(code(&mut reader, &format!("select {call}")).await, "42501");
    }
    let job: String = db.one("select job_id::text from jobs.pending limit 1").await;
    let seen: String = one(
        &mut reader,
        &format!(
            "select string_agg(details::text, '') from jobs.explain('{job}') where code = 'limit_reached'"
        ),
    )
    .await;
    assert!(seen.contains(r#""name": "each""#) && !seen.contains("key"), "{seen}");
}

#[tokio::test]
async fn a_sensitive_argument_is_not_shown_as_a_key() {
    let db = Db::new().await;
    db.run(
        r#"select jobs.register_tasks('[{"name": "a", "retries": 3, "timeout": 60, "priority": 0, "result_schema": true,
             "args_schema": {"type": "object", "properties": {"token": {"type": "string", "writeOnly": true}, "host": {"type": "string"}}}}]');
           select jobs.set_limit('both', 'a', '{"key": ["host", "token"], "max": 1}');
           select jobs.publish('a', '{"kwargs": {"host": "h", "token": "canary"}}') from generate_series(1, 2); select jobs.consume(5)"#,
    )
    .await;
    assert_eq!(
        db.one::<String>("select key::text from jobs.limit_keys('both')").await,
        r#"["h", "(sensitive)"]"#
    );
    let said: String =
        db.one("select string_agg(e::text, '') from jobs.pending q, jobs.explain(q.job_id) e").await;
    assert!(said.contains("(sensitive)") && !said.contains("canary"), "{said}");
    db.run(r#"select jobs.block_key('both', '["h", "canary"]', 'infinity')"#).await;
    assert_eq!(
        db.one::<String>("select key::text from jobs.blocked_keys()").await,
        r#"["h", "(sensitive)"]"#
    );
}

#[tokio::test]
async fn a_worker_may_close_a_key_of_what_it_may_consume() {
    let db = Db::new().await;
    db.run(r#"select jobs.set_limit('all', '*', '{"max": 9}'), jobs.set_limit('eu', 'eu.*', '{"max": 9}')"#)
        .await;
    role(&db, "limit_worker", "jobs_worker").await;
    db.run("select jobs.grant_topic('limit_worker', 'eu.*')").await;
    let mut worker = as_role(&db, "limit_worker").await;
    one::<String>(&mut worker, "select jobs.block_key('eu', null, '2100-01-01')::text").await;
    assert_eq!(code(&mut worker, "select jobs.block_key('all', null, '2100-01-01')").await, "PT403");
    assert_eq!(code(&mut worker, "select jobs.release_key('eu')").await, "42501");
    assert_eq!(db.all::<String>("select name::text from jobs.blocked_keys()").await, ["eu"]);
}

#[tokio::test]
async fn a_key_that_is_closed_for_long_is_a_problem_until_it_is_released() {
    let db = one_for_each_customer().await;
    let problem = "select concat_ws(' | ', severity, message, found, allowed, remedy) from jobs.problems() where code = 'key_closed'";
    db.run("select jobs.block_key('each', '1', 'infinity'); select jobs.block_key('each', '\"nobody waits\"', 'infinity')").await;
    assert_eq!(db.all::<String>(problem).await, [""; 0], "not yet");
    db.advance(Duration::from_secs(7200)).await;
    assert_eq!(
        db.all::<String>(problem).await,
        [
            "warning | 1 keys of the limit 'each' are closed, and the first job behind them waits for 2 h | 7200 | 3600 | \
          `pgjobs limit show 'each'` lists them; `pgjobs limit release 'each'` with a key opens it"
        ]
    );
    db.run("select jobs.release_key('each', '1')").await;
    assert_eq!(db.all::<String>(problem).await, [""; 0]);
}

#[tokio::test]
async fn a_dead_job_whose_limit_pauses_is_a_problem_at_once() {
    let db = Db::new().await;
    db.run(
        r#"select jobs.set_limit('line', 'post', '{"key": ["account"], "in_order": true, "on_dead": "pause"}');
           select jobs.publish('post', '{"kwargs": {"account": 1}}', i_max_retries => 1) from generate_series(1, 2); select jobs.consume(5);
           select jobs.nack(job_id, 'x') from jobs.running"#,
    )
    .await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.problems() where code = 'key_closed'").await, 1);
}

/// Beside a million blocked jobs, half of them of one key.
#[tokio::test]
async fn readers_of_limits_cost_little_beside_a_million_blocked_jobs() {
    let lateness = Lateness::watch();
    let db = Db::new().await;
    db.run(
        r#"select jobs.set_limit('each', 'mail.*', '{"key": ["customer"], "max": 1}');
           insert into jobs.pending (id, job_id, task, body, priority, ready_seq, created_at, max_retries, timeout, bucket, bytes)
             select g, '01a228d1c7d97000' || lpad(to_hex(g), 16, '0'), 'mail.send', '{}', 0, g, now(), 3, 60,
               jobs._bucket_id(l.id, to_jsonb(array[case when g % 2 = 0 then 1 else g end])), 30 from generate_series(1, 1000000) g, jobs.job_limit l;
           insert into jobs.bucket (id, version, key, held, waits)
             select jobs._bucket_id(l.id, k.key), 1, k.key, 1, true from jobs.job_limit l, generate_series(1, 1000000, 2) g, to_jsonb(array[g]) k(key);
           analyze jobs.pending, jobs.bucket"#,
    )
    .await;
    let mut session = db.connect().await;
    let deep = format!("jobs.explain('01a228d1c7d97000' || lpad(to_hex({}), 16, '0'))", 900_000);
    for (call, most) in [
        ("jobs.limits()", 1000),
        ("jobs.limit_keys('each')", 1000),
        ("jobs.blocked_keys()", 1000),
        (deep.as_str(), 300),
        ("jobs.overview(10000)", 300),
    ] {
        let mut took = Duration::MAX;
        for _ in 0..4 {
            let start = Instant::now();
            one::<i64>(&mut session, &format!("select count(*) from {call}")).await;
            took = took.min(start.elapsed());
        }
        println!("{call} beside a million blocked jobs: {took:?}");
        assert!(took < lateness.allow(Duration::from_millis(most)), "{call}: {took:?}");
    }
}
