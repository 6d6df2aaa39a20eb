//! Pauses: no claim takes the jobs of a paused topic, and nothing else changes.

use std::time::Duration;

use pgjobs_tests::Db;

use crate::sessions::{as_role, code, one, role};

/// What is ready, in order, and where it stands in the queue.
async fn queue(db: &Db) -> Vec<String> {
    db.all(
        "select concat_ws(' ', task, body, ready_seq, retries, attempt) from jobs.pending order by ready_seq",
    )
    .await
}

#[tokio::test]
async fn no_claim_takes_a_job_of_a_paused_topic_and_all_take_the_others() {
    let db = Db::new().await;
    let worker = db.worker(&["mail.send", "mail.index", "bill"]).await;
    db.run("select jobs.publish('mail.send', to_jsonb(g)) from generate_series(1, 2) g; select jobs.publish('bill', '9')").await;
    db.run("select jobs.publish_arrays('{mail.index}', array_fill('5'::jsonb, array[64]), null, null, null, null, null, i_pack => true)").await;
    let before = queue(&db).await;
    db.run("select jobs.pause_topic('mail.*')").await;
    assert_eq!(worker.claim(100).await.bodies(), [9]);
    assert!(worker.claim(100).idle().await.is_empty(), "an idle worker");
    assert_eq!(db.one::<i64>("select count(*) from jobs.consume(100)").await, 0, "a plain client");
    assert_eq!(queue(&db).await, before[..2].iter().chain(&before[3..]).cloned().collect::<Vec<_>>());
    db.run("select jobs.publish('mail.send', '3')").await;
    assert!(db.one::<bool>("select jobs.resume_topic('mail.*')").await);
    assert_eq!(worker.claim(100).tasks(&["mail.send"]).await.bodies(), [1, 2, 3]);
    assert_eq!(worker.claim(100).await.len(), 64);
    assert!(!db.one::<bool>("select jobs.resume_topic('mail.*')").await, "it is not paused");
}

#[tokio::test]
async fn a_paused_task_is_paused_under_each_of_its_names() {
    let db = Db::new().await;
    db.run(
        r#"select jobs.register_tasks('[{"name": "mail.send", "aliases": ["send_mail"], "retries": 3, "timeout": 60, "priority": 0,
             "args_schema": {}, "result_schema": true}]')"#,
    )
    .await;
    db.run("select jobs.publish('send_mail'); select jobs.publish('mail.send'); select jobs.publish('mail.sending')").await;
    db.run("select jobs.pause_topic('mail.send')").await;
    let taken: Vec<String> = db.all("select task::text from jobs.consume(10)").await;
    assert_eq!(taken, ["mail.sending"]);
    db.run("select jobs.resume_topic('mail.send'); select jobs.pause_topic('send_*')").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.consume(10)").await, 0, "by its other name");
    let said: String = db
        .one("select e.code from jobs.pending q, jobs.explain(q.job_id) e where q.task = 'mail.send' limit 1")
        .await;
    assert_eq!(said, "paused");
    db.run("select jobs.pause_topic('*')").await;
    db.run("select jobs.publish('other'); select jobs.resume_topic('send_*')").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.consume(10)").await, 0, "another topic covers all");
}

/// A plain client makes ready no more jobs than it asks for: paused ones must not take their places.
#[tokio::test]
async fn paused_jobs_that_come_due_or_expire_hold_up_no_plain_client() {
    let db = Db::with_clock().await;
    let later = "i_scheduled_at => jobs.now() + interval '1 minute'";
    db.run(&format!(
        "select jobs.publish('paused.a', {later}) from generate_series(1, 20);
         select jobs.publish('paused.b', i_timeout => 60) from generate_series(1, 20); select jobs.consume(20);
         select jobs.publish('free', i_timeout => 90); select jobs.consume(1);
         select jobs.publish('free', i_scheduled_at => jobs.now() + interval '90 s');
         select jobs.pause_topic('paused.*')"
    ))
    .await;
    db.advance(Duration::from_secs(100)).await;
    assert_eq!(
        db.one::<String>("select task::text from jobs.consume(1)").await,
        "free",
        "the one that was due"
    );
    db.run("select jobs.consume(1)").await;
    assert_eq!(
        db.one::<i64>("select count(*) from jobs.pending where task = 'free'").await,
        1,
        "the one that expired"
    );
}

#[tokio::test]
async fn a_pause_that_has_ended_is_deleted() {
    let db = Db::with_clock().await;
    db.run("select jobs.pause_topic('a', jobs.now() + interval '1 hour'), jobs.pause_topic('b')").await;
    db.advance(Duration::from_secs(3601)).await;
    db.run("select jobs.maintain_partitions()").await;
    assert_eq!(db.all::<String>("select topic::text from jobs.pause").await, ["b"]);
}

#[tokio::test]
async fn a_pause_ends_by_itself_at_its_time() {
    let db = Db::with_clock().await;
    db.run("select jobs.publish('a'); select jobs.pause_topic('a', jobs.now() + interval '1 hour')").await;
    db.advance(Duration::from_secs(3599)).await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.consume(1)").await, 0);
    assert_eq!(db.one::<i64>("select count(*) from jobs.pauses()").await, 1);
    db.advance(Duration::from_secs(1)).await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.pauses()").await, 0);
    assert!(!db.one::<bool>("select jobs.resume_topic('a')").await, "it has ended");
    assert_eq!(db.one::<i64>("select count(*) from jobs.consume(1)").await, 1);
}

#[tokio::test]
async fn explain_says_who_paused_a_task_why_and_until_when() {
    let db = Db::new().await;
    db.run("select jobs.publish('a', '1')").await;
    let explain = "select e.code || ': ' || e.message from jobs.pending q, jobs.explain(q.job_id) e limit 1";
    db.run("select jobs.pause_topic('a')").await;
    let said: String = db.one(explain).await;
    assert!(
        said.starts_with("paused: the topic 'a' is paused since ") && said.ends_with(", until it is resumed")
    );
    db.run(r"select jobs.pause_topic('*', '2100-01-01', E'a note \x1b[2J'); select jobs.resume_topic('a')")
        .await;
    let said: String = db.one(explain).await;
    assert!(said.contains("until 2100-01-01") && said.ends_with(r": a note \u{1b}[2J"), "{said}");
    db.run("select jobs.resume_topic('*')").await;
    assert!(!db.one::<String>(explain).await.contains("pause"));
}

#[tokio::test]
async fn a_pause_that_cannot_be_meant_is_refused() {
    let db = Db::new().await;
    for (call, said) in [
        ("select jobs.pause_topic('')", "a pause needs a topic of 1 to 200 characters"),
        ("select jobs.pause_topic(repeat('x', 201))", "a pause needs a topic of 1 to 200 characters"),
        ("select jobs.pause_topic('a', 'infinity')", "out of range"),
        ("select jobs.pause_topic('a', now() - interval '1 s')", "the pause would be over"),
        ("select jobs.pause_topic('a', null, repeat('x', 1001))", "at most 1000 characters"),
    ] {
        let (code, message) = db.refusal(call).await;
        assert!(code == "PT400" && message.contains(said), "{call}: {code} {message}");
    }
    assert_eq!(db.one::<i64>("select count(*) from jobs.pauses()").await, 0);
}

#[tokio::test]
async fn administrators_pause_and_the_audit_says_who() {
    let db = Db::new().await;
    for (name, of, expected) in
        [("w", "jobs_worker", "42501"), ("r", "jobs_reader", "42501"), ("a", "jobs_admin", "ok")]
    {
        role(&db, name, of).await;
        let mut session = as_role(&db, name).await;
        assert_eq!(code(&mut session, "select jobs.pause_topic('a', null, 'why')").await, expected, "{of}");
    }
    let mut reader = as_role(&db, "r").await;
    assert_eq!(one::<String>(&mut reader, "select note from jobs.pauses()").await, "why");
    let audit: String =
        db.one("select concat_ws(' ', action, target, reason, count(*) over ()) from jobs.audit").await;
    assert_eq!(audit, "pause_topic a why 1");
}
