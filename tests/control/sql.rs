//! Commands in SQL: arguments, receipts, rights, and how long they are kept.

use std::time::Duration;

use pgjobs_tests::{Db, until};
use sqlx::Executor;

const WORKER: &str = "00000000-0000-7000-8000-000000000000";

/// A worker that knows all commands, without loops.
async fn register(db: &Db) {
    db.run(&format!("select jobs.register_worker('{WORKER}', 'h', 1, 'v', '{{*}}', '{{a.b}}', 9, 3600, '{{cancel,ping,pause,slots,log}}')")).await;
}

async fn beat(db: &Db, arguments: &str) -> Option<String> {
    db.one(&format!("select commands::text from jobs.beat('{WORKER}'{arguments})")).await
}

#[tokio::test]
async fn wrong_commands_are_refused_with_the_remedy() {
    let db = Db::new().await;
    register(&db).await;
    for (call, words) in [
        ("jobs.control('dance', i_topic => '*')", "a command is one of ping"),
        ("jobs.control('cancel', i_topic => '*')", "a command is one of ping"),
        ("jobs.control(null, i_topic => '*')", "a command is one of ping"),
        ("jobs.control('ping')", "a command needs workers or a topic"),
        ("jobs.control('ping', i_topic => '')", "a command needs workers or a topic"),
        ("jobs.control('ping', i_topic => '*', i_expires_seconds => 0)", "expires after 1 to 86400"),
        ("jobs.control('ping', i_topic => '*', i_details => '{\"a\": 1}')", "takes no details"),
        ("jobs.control('slots', i_topic => '*')", "needs i_details"),
        ("jobs.control('slots', i_topic => '*', i_details => '{\"slots\": 0}')", "needs i_details"),
        ("jobs.control('slots', i_topic => '*', i_details => '{\"slots\": 2.5}')", "needs i_details"),
        ("jobs.control('log', i_topic => '*', i_details => '{\"filter\": \"\"}')", "needs i_details"),
        ("jobs.cancel('{x}', 3601)", "the grace of a cancel"),
        ("jobs.cancel('{x}', null)", "the grace of a cancel"),
    ] {
        let (code, message) = db.refusal(&format!("select * from {call}")).await;
        assert_eq!(code, "PT400", "{call}: {message}");
        assert!(message.contains(words), "{call}: {message}");
    }
    let unknown = "select * from jobs.control('ping', '{11111111-1111-1111-1111-111111111111}')";
    assert_eq!(db.refusal(unknown).await.0, "PT404");
    assert_eq!(db.one::<i64>("select count(*) from jobs.command").await, 0);
}

#[tokio::test]
async fn a_command_goes_to_the_workers_of_a_topic() {
    let db = Db::new().await;
    register(&db).await;
    for (topic, sent) in [("*", 1), ("a.*", 1), ("a.b", 1), ("a", 0), ("b.*", 0)] {
        let control = format!("select count(*) from jobs.control('ping', i_topic => '{topic}')");
        assert_eq!(db.one::<i64>(&control).await, sent, "{topic}");
    }
}

#[tokio::test]
async fn a_command_is_sent_until_its_receipt_and_has_one_answer() {
    let db = Db::new().await;
    register(&db).await;
    let id = db.one::<i64>("select command from jobs.control('ping', i_topic => '*')").await;
    for _ in 0..2 {
        let sent = beat(&db, "").await.expect("the answer before may have been lost");
        assert!(sent.contains("\"ping\""), "{sent}");
    }
    let receipt = |state: &str, answer: &str| {
        format!(", i_receipts => '[{{\"id\": {id}, \"state\": \"{state}\", \"answer\": \"{answer}\"}}]'")
    };
    assert_eq!(beat(&db, &receipt("applied", "first")).await, None);
    beat(&db, &receipt("refused", "second")).await;
    let state = "select state || ' ' || answer from jobs.commands()";
    assert_eq!(db.one::<String>(state).await, "applied first");
}

#[tokio::test]
async fn a_worker_answers_only_commands_to_itself() {
    let db = Db::new().await;
    register(&db).await;
    let other = db.worker(&["a"]).await.id;
    db.run("update jobs.worker set commands = '{ping}'").await;
    let id = db.one::<i64>(&format!("select command from jobs.control('ping', '{{{other}}}')")).await;
    beat(&db, &format!(", i_receipts => '[{{\"id\": {id}, \"state\": \"applied\"}}]'")).await;
    assert_eq!(db.one::<String>("select state from jobs.commands()").await, "sent");
}

#[tokio::test]
async fn nothing_is_sent_after_its_time_but_a_late_receipt_counts() {
    let db = Db::with_clock().await;
    register(&db).await;
    let id = db
        .one::<i64>("select command from jobs.control('ping', i_topic => '*', i_expires_seconds => 10)")
        .await;
    db.advance(Duration::from_secs(10)).await;
    assert_eq!(beat(&db, "").await, None);
    let state = "select state from jobs.commands()";
    assert_eq!(db.one::<String>(state).await, "expired");
    beat(&db, &format!(", i_receipts => '[{{\"id\": {id}, \"state\": \"applied\"}}]'")).await;
    assert_eq!(db.one::<String>(state).await, "applied", "the worker knows what it did");
}

#[tokio::test]
async fn commands_are_kept_for_a_week() {
    let db = Db::with_clock().await;
    register(&db).await;
    db.run("select * from jobs.control('ping', i_topic => '*')").await;
    for (days, state) in [(6, Some("expired")), (2, None)] {
        db.advance(Duration::from_secs(days * 86_400)).await;
        db.run("select jobs.maintain_partitions()").await;
        assert_eq!(
            db.all::<String>("select state from jobs.command").await.first().map(String::as_str),
            state
        );
    }
}

#[tokio::test]
async fn the_leases_in_a_cancel_are_shown_to_nobody() {
    let db = Db::new().await;
    register(&db).await;
    db.run("select jobs.publish('a.b')").await;
    db.run(&format!(
        "select * from jobs.claim('{WORKER}', '{{a.b}}', 1, '22222222-2222-2222-2222-222222222222')"
    ))
    .await;
    db.run("select jobs.cancel(array(select job_id::text from jobs.running), i_grace_seconds => 7)").await;
    assert!(
        db.one::<bool>("select details::text like '%22222222%' from jobs.command").await,
        "the worker needs it"
    );
    let shown = db.one::<String>("select details::text from jobs.commands()").await;
    assert_eq!(shown, r#"{"jobs": 1, "grace": 7}"#);
    let audit = db.one::<String>("select string_agg(a::text, '') from jobs.audit a").await;
    assert!(!audit.contains("22222222"), "{audit}");
}

#[tokio::test]
async fn each_control_is_in_the_audit() {
    let db = Db::new().await;
    register(&db).await;
    db.run("select * from jobs.control('pause', i_topic => 'a.*', i_reason => 'deploy')").await;
    let audit = "select concat_ws(' ', action, target, reason, details ->> 'kind', details #>> '{workers,0}') from jobs.audit";
    assert_eq!(db.all::<String>(audit).await, [format!("control a.* deploy pause {WORKER}")]);
}

#[tokio::test]
async fn a_cancel_waits_for_whoever_has_the_run_locked() {
    let db = Db::new().await;
    db.run("select jobs.publish('a') from generate_series(1, 3); select count(*) from jobs.consume(3)").await;
    let mut other = db.connect().await;
    other.execute("begin; select lease from jobs.batch for update").await.unwrap();
    let pool = db.pool.clone();
    let cancel = tokio::spawn(async move {
        let cancel = "select count(*) from jobs.cancel(array(select job_id::text from jobs.running))";
        sqlx::query_scalar::<_, i64>(cancel).fetch_one(&pool).await.unwrap()
    });
    let waits = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    until("it waits", async || db.one::<i64>(waits).await == 1).await;
    other.execute("commit").await.unwrap();
    assert_eq!(cancel.await.unwrap(), 3);
    assert_eq!(db.one::<i64>("select jobs.count('cancelled')").await, 3);
}

/// Its lease has run out, and nobody has declared it dead: it may beat again and go on.
#[tokio::test]
async fn a_cancel_is_told_to_a_worker_that_is_late() {
    let db = Db::with_clock().await;
    db.run(&format!(
        "select jobs.register_worker('{WORKER}', 'h', 1, 'v', '{{*}}', '{{a.b}}', 9, 30, '{{cancel}}')"
    ))
    .await;
    db.run(&format!(
        "select jobs.publish('a.b'); select jobs.claim('{WORKER}', '{{a.b}}', 1, gen_random_uuid())"
    ))
    .await;
    db.advance(Duration::from_secs(31)).await;
    db.run("select jobs.cancel(array(select job_id::text from jobs.running))").await;
    assert!(beat(&db, "").await.expect("a command").contains("cancel"));
}

#[tokio::test]
async fn a_beat_takes_what_can_be_meant_and_fails_for_nothing_else() {
    let db = Db::new().await;
    register(&db).await;
    let id = db.one::<i64>("select command from jobs.control('ping', i_topic => '*')").await;
    let good = format!(r#"{{"id": {id}, "state": "applied", "answer": "yes"}}"#);
    for odd in [
        "null",
        "1",
        r#"{"id": 1.4, "state": "applied"}"#,
        r#"{"id": 1e30, "state": "applied"}"#,
        r#"{"id": 1, "state": "sent"}"#,
        r#"{"id": "1", "state": "applied"}"#,
        r#"{"id": 1}"#,
        "{}",
    ] {
        db.run("update jobs.command set state = 'sent', answer = null, answered_at = null").await;
        beat(&db, &format!(", i_receipts => '[{odd}, {good}]'")).await;
        assert_eq!(db.one::<String>("select state from jobs.commands()").await, "applied", "{odd}");
        beat(&db, &format!(", i_receipts => '{odd}'")).await;
    }
    for odd in ["null", "1", "[]", r#"{"slots": 0}"#, r#"{"slots": 1e30}"#] {
        beat(&db, &format!(", i_status => '{odd}'")).await;
        assert_eq!(db.one::<i32>("select slots from jobs.worker").await, 9, "{odd}");
    }
    beat(&db, r#", i_status => '{"slots": 7, "paused": true}'"#).await;
    assert_eq!(db.one::<i32>("select slots from jobs.worker where paused_at is not null").await, 7);
}
