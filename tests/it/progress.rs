//! What workers and clients say of runs, in SQL.

use std::cell::Cell;
use std::time::Duration;

use pgjobs_tests::{ClaimedJob, Db, ManualWorker};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

/// A worker says this of a run.
async fn note(db: &Db, worker: &ManualWorker<'_>, job: &ClaimedJob, what: Value) {
    let mut run = json!({ "lease": job.lease, "run": job.batch_index, "job": job.job_id });
    run.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
    let call = sqlx::query("select jobs.note_progress($1, $2)").bind(worker.id).bind(json!([run]));
    call.execute(&db.pool).await.unwrap();
}

/// What is known of a job: the attempt, how much is done, the note.
async fn known(db: &Db, job: &str) -> String {
    let rows = "select string_agg(concat_ws(' ', p.attempt, p.done, p.note), ', ') from jobs.progress_of(array['$job']) p";
    db.one::<Option<String>>(&rows.replace("$job", job)).await.unwrap_or_default()
}

async fn log(db: &Db, job: &str) -> String {
    let rows = "select string_agg(concat_ws(' ', l.position, l.level, l.message), ', ' order by l.position) from jobs.job_log('$job') l";
    db.one::<Option<String>>(&rows.replace("$job", job)).await.unwrap_or_default()
}

fn lines(first: i32, texts: &[&str]) -> Value {
    let lines: Vec<Value> =
        texts.iter().map(|text| json!(["2026-11-29T12:00:00Z", "info", "here", text, null])).collect();
    json!({ "logs": [[first, lines]] })
}

/// A job that the worker runs.
async fn running(db: &Db, worker: &ManualWorker<'_>) -> ClaimedJob {
    db.run("select jobs.publish('a')").await;
    worker.claim(1).await.jobs.remove(0)
}

#[tokio::test]
async fn the_newest_report_counts_also_when_an_older_one_comes_later() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    let job = running(&db, &worker).await;
    note(&db, &worker, &job, json!({ "version": 1, "done": 1 })).await;
    note(&db, &worker, &job, json!({ "version": 3, "done": 3, "note": "third" })).await;
    note(&db, &worker, &job, json!({ "version": 2, "done": 2, "note": "second" })).await;
    assert_eq!(known(&db, &job.job_id).await, "1 3 third");
}

#[tokio::test]
async fn only_the_run_that_has_the_lease_is_heard() {
    let db = Db::new().await;
    let (worker, other) = (db.worker(&["a"]).await, db.worker(&["a"]).await);
    let lost = running(&db, &worker).await;
    note(&db, &other, &lost, json!({ "version": 1, "done": 1 })).await;
    assert_eq!(known(&db, &lost.job_id).await, "", "another worker knows the lease");
    // As a sweep does: the job is another worker's.
    worker.release(lost.lease).await;
    let now = other.claim(1).await.jobs.remove(0);
    note(&db, &other, &now, json!({ "version": 1, "done": 1 })).await;
    note(&db, &worker, &lost, json!({ "version": 9, "done": 9 })).await;
    note(&db, &worker, &lost, lines(1, &["too late"])).await;
    assert_eq!(known(&db, &now.job_id).await, "2 1", "the second attempt alone");
    assert_eq!(log(&db, &now.job_id).await, "");
}

#[tokio::test]
async fn a_worker_that_was_declared_dead_is_not_heard() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    let job = running(&db, &worker).await;
    db.run("update jobs.worker set lost_at = now()").await;
    note(&db, &worker, &job, json!({ "version": 1, "done": 1 })).await;
    assert_eq!(known(&db, &job.job_id).await, "");
}

#[tokio::test]
async fn the_run_that_ended_the_job_is_heard_after_its_end() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    let job = running(&db, &worker).await;
    db.run("select jobs.publish('a') from generate_series(1, 2)").await;
    let cancelled = worker.claim(2).await.jobs.remove(0); // its batch goes on
    db.run(&format!("select jobs.ack('{}', null, '{}')", job.job_id, job.lease)).await;
    db.run(&format!("select jobs.cancel(array['{}'])", cancelled.job_id)).await;
    for job in [&job, &cancelled] {
        note(&db, &worker, job, json!({ "version": 7, "done": 7 })).await;
        note(&db, &worker, job, lines(1, &["the last"])).await;
    }
    assert_eq!(known(&db, &job.job_id).await, "1 7");
    assert_eq!(log(&db, &job.job_id).await, "1000001 info the last");
    assert_eq!(known(&db, &cancelled.job_id).await, "", "this run did not end it");
}

#[tokio::test]
async fn lines_that_are_sent_twice_are_stored_once() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    let job = running(&db, &worker).await;
    let (one, two) = (lines(1, &["one", "two"]), lines(3, &["three"]));
    let both = json!({ "logs": [one["logs"][0], two["logs"][0]] });
    for lines in [one, both.clone(), both] {
        note(&db, &worker, &job, lines).await;
    }
    assert_eq!(log(&db, &job.job_id).await, "1000001 info one, 1000002 info two, 1000003 info three");
    let ask =
        |call: &str| format!("select array(select l.position from jobs.job_log('{}', {call}) l)", job.job_id);
    assert_eq!(db.one::<Vec<i64>>(&ask("1000001, 1")).await, [1_000_002]);
    assert_eq!(db.one::<Vec<i64>>(&ask("null, 2")).await, [1_000_002, 1_000_003], "the last ones, in order");
}

#[tokio::test]
async fn a_run_that_is_wrongly_called_new_is_stored_all_the_same() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    let job = running(&db, &worker).await;
    for (version, first) in [(1, 1), (2, 2), (2, 2)] {
        let mut what = lines(first, &["line"]);
        what.as_object_mut()
            .unwrap()
            .extend(json!({ "new": true, "version": version, "done": version }).as_object().unwrap().clone());
        note(&db, &worker, &job, what).await;
    }
    assert_eq!(known(&db, &job.job_id).await, "1 2");
    assert_eq!(log(&db, &job.job_id).await, "1000001 info line, 1000002 info line");
}

#[tokio::test]
async fn what_cannot_be_stored_is_a_warning_and_no_error() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    let job = running(&db, &worker).await;
    note(&db, &worker, &job, json!({ "version": 1, "done": "much" })).await;
    note(&db, &worker, &job, json!({ "version": 1, "done": 1, "logs": 5 })).await;
    assert_eq!(known(&db, &job.job_id).await, "");
    let (code, message) = db.refusal(&format!("select jobs.note_progress('{}', '5')", worker.id)).await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("PT400", "progress is an array of runs, not of type number")
    );
}

#[tokio::test]
async fn a_heartbeat_does_not_wait_for_whoever_has_locked_the_progress() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    let job = running(&db, &worker).await;
    note(&db, &worker, &job, json!({ "version": 1, "done": 1 })).await;
    let mut session = db.connect().await;
    sqlx::raw_sql("begin; lock table jobs.progress").execute(&mut session).await.unwrap();
    let report = json!([{ "lease": job.lease, "run": job.batch_index, "version": 2, "done": 2 }]);
    let beat = format!("select alive from jobs.beat('{}', i_progress => '{report}')", worker.id);
    assert!(db.one::<bool>(&beat).await);
    sqlx::raw_sql("rollback").execute(&mut session).await.unwrap();
    assert!(db.one::<bool>(&beat).await);
    assert_eq!(known(&db, &job.job_id).await, "1 2");
}

#[tokio::test]
async fn a_plain_client_reports_under_its_lease() {
    let db = Db::new().await;
    db.run("select jobs.publish('a')").await;
    let job = db.consume(1).await.remove(0);
    let say = |what: &str| {
        format!("select jobs.set_progress('{}', {what}, i_lease => '{}')", job.job_id, job.lease)
    };
    db.run(&say("1, 4, 'first'")).await;
    db.run(&say("2, 4, repeat('x', 2000)")).await;
    let note: i32 =
        db.one(&format!("select length(note) from jobs.progress_of(array['{}'])", job.job_id)).await;
    assert_eq!(note, 1000);
    let explained = format!("select message from jobs.explain('{}') where code = 'progress'", job.job_id);
    assert!(
        db.one::<String>(&explained).await.starts_with("attempt 1 has done 2 of 4 (50 %), as it said at ")
    );
    let foreign = format!("select jobs.set_progress('{}', 3, i_lease => gen_random_uuid())", job.job_id);
    assert_eq!(db.refusal(&foreign).await.0, "PT409", "another run has it");
    assert_eq!(db.refusal(&say("'NaN'")).await.0, "PT400");
    assert_eq!(db.refusal(&say("1, 'Infinity'")).await.0, "PT400");
    let under_another =
        format!("select jobs.set_progress('{}', 3, i_lease => gen_random_uuid())", job.job_id);
    assert_eq!(db.refusal(&under_another).await, ("PT409".to_owned(), "lease_lost".to_owned()));
    db.run(&format!("select jobs.ack('{}', null, '{}')", job.job_id, job.lease)).await;
    assert_eq!(db.refusal(&say("3")).await, ("PT409".to_owned(), "lease_lost".to_owned()));
    let bare = format!("select jobs.set_progress('{}', 3)", job.job_id);
    assert_eq!(db.refusal(&bare).await.0, "P0001");
}

#[tokio::test]
async fn readers_see_numbers_and_neither_notes_nor_logs() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    let job = running(&db, &worker).await;
    note(&db, &worker, &job, json!({ "version": 1, "done": 1, "note": "secret" })).await;
    let mut session = db.connect().await;
    let as_role = async |session: &mut _, role: &str, what: &str| {
        let call = format!("set role {role}; {what}; reset role").replace("$job", &job.job_id);
        sqlx::raw_sql(sqlx::AssertSqlSafe(call)).execute(session).await
    };
    let seen = "create temporary table seen as select 1 as done, null::text as note limit 0";
    as_role(&mut session, "none", seen).await.unwrap();
    as_role(&mut session, "none", "grant insert on seen to public").await.unwrap();
    let keep = "insert into seen select p.done, p.note from jobs.progress_of(array['$job']) p";
    for role in ["jobs_reader", "jobs_worker", "jobs_admin"] {
        as_role(&mut session, role, keep).await.unwrap();
    }
    let notes: Vec<Option<String>> = sqlx::query_scalar("select note from seen order by note nulls first")
        .fetch_all(&mut session)
        .await
        .unwrap();
    assert_eq!(notes, [None, Some("secret".to_owned()), Some("secret".to_owned())]);
    let refused = as_role(&mut session, "jobs_reader", "select from jobs.job_log('$job')").await;
    assert!(refused.is_err_and(|error| error.to_string().contains("permission denied")));
}

#[tokio::test]
async fn a_day_of_progress_is_dropped_whole_when_it_is_old() {
    let db = Db::with_clock().await;
    let worker = db.worker(&["a"]).await;
    let job = running(&db, &worker).await;
    note(&db, &worker, &job, json!({ "version": 1, "done": 1 })).await;
    note(&db, &worker, &job, lines(1, &["one"])).await;
    let stray = "select count(*) from jobs.progress_default";
    assert_eq!(db.one::<i64>(stray).await, 0, "the first report made its partition");
    let partitions = "select count(*) from jobs._run_partitions()";
    assert_eq!(db.one::<i64>(partitions).await, 6);
    for _ in 0..16 {
        db.advance(Duration::from_secs(86_400)).await;
        db.run("select jobs.maintain_partitions()").await;
        assert!(db.one::<i64>(partitions).await <= 2 * 17);
    }
    assert_eq!((known(&db, &job.job_id).await, log(&db, &job.job_id).await), Default::default());
    assert_eq!(
        db.one::<i64>("select count(*) from jobs._run_partitions() p where p.day < jobs.now()::date - 14")
            .await,
        0
    );
}

#[tokio::test]
async fn progress_without_partitions_is_kept_and_deleted_later() {
    let db = Db::with_clock().await;
    let worker = db.worker(&["a"]).await;
    let first = running(&db, &worker).await;
    note(&db, &worker, &first, json!({ "version": 1, "done": 1 })).await;
    db.advance(Duration::from_secs(4 * 86_400)).await; // nobody made partitions
    let job = running(&db, &worker).await;
    note(&db, &worker, &job, json!({ "version": 1, "done": 1 })).await;
    note(&db, &worker, &job, lines(1, &["one"])).await;
    let stray =
        "select (select count(*) from jobs.progress_default) + (select count(*) from jobs.log_default)";
    assert_eq!(db.one::<i64>(stray).await, 2);
    db.run("select jobs.maintain_partitions()").await;
    assert_eq!(
        (known(&db, &job.job_id).await, log(&db, &job.job_id).await),
        ("1 1".into(), "1000001 info one".into())
    );
    for _ in 0..16 {
        db.advance(Duration::from_secs(86_400)).await;
        db.run("select jobs.maintain_partitions()").await;
    }
    assert_eq!(db.one::<i64>(stray).await, 0);
}

/// Settles a run as a success that has said this.
async fn ended(db: &Db, job: &ClaimedJob, said: &str) {
    let call = sqlx::query(
        "select jobs.settle(array[$1], array[$2], i_batch_indexes => array[$3], i_said => array[$4])",
    );
    let call = call.bind(job.job_id.clone()).bind(job.lease).bind(job.batch_index).bind(said);
    call.execute(&db.pool).await.unwrap();
}

#[tokio::test]
async fn what_a_run_says_with_its_success_is_shown_like_what_it_said_before() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    let job = running(&db, &worker).await;
    let line = |text: &str| json!(["2026-11-29T12:00:00Z", "info", "here", text, null]);
    let said = json!({ "done": 4.5, "total": null, "note": "n", "logs": [[1, [line("one"), line("two")]]] });
    ended(&db, &job, &said.to_string()).await;
    assert_eq!(known(&db, &job.job_id).await, "1 4.5 n");
    assert_eq!(log(&db, &job.job_id).await, "1000001 info one, 1000002 info two");
    let last = format!("select message from jobs.job_log('{}', null, 1)", job.job_id);
    assert_eq!(db.one::<String>(&last).await, "two");
    let after = format!("select message from jobs.job_log('{}', 1000001)", job.job_id);
    assert_eq!(db.all::<String>(&after).await, ["two"]);
}

#[tokio::test]
async fn what_cannot_be_read_of_a_run_says_nothing_and_fails_nothing() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    let long = format!(r#"{{"done": 1, "note": "{}"}}"#, "x".repeat(9000));
    for said in ["rubbish", "null", "[]", r#"{"done": "x"}"#, r#"{"done": 1e999}"#, r#"{"logs": 1}"#, &long] {
        let job = running(&db, &worker).await;
        ended(&db, &job, said).await;
        assert_eq!(known(&db, &job.job_id).await, "", "{said}");
        assert_eq!(log(&db, &job.job_id).await, "", "{said}");
    }
    assert_eq!(db.count("success").await, 7);
}

/// Makes the partitions of today while `call` is about to do so: it has seen that they are missing and waits,
/// for 25 ms at most, until they are there.
async fn beside_one_who_makes(db: &Db, partitions: &str, table: &str, call: impl Future<Output = ()>) {
    let mut first = db.pool.begin().await.unwrap();
    let make = format!("select jobs.{partitions}((jobs.now() at time zone 'utc')::date, null)");
    sqlx::query(AssertSqlSafe(make)).execute(&mut *first).await.unwrap();
    let waits =
        format!("select exists (select from pg_locks where relation = '{table}'::regclass and not granted)");
    let has_ended = Cell::new(false);
    let call = async { has_ended.set((call.await, true).1) };
    let commit = async {
        while !has_ended.get() && !db.one::<bool>(&waits).await {}
        first.commit().await.unwrap();
    };
    tokio::join!(call, commit);
}

#[tokio::test]
async fn partitions_that_another_session_makes_meanwhile_are_no_error() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    let job = running(&db, &worker).await;
    let report = note(&db, &worker, &job, json!({ "version": 1, "done": 1 }));
    beside_one_who_makes(&db, "_change_run_partitions", "jobs.log", report).await;
    assert_eq!(known(&db, &job.job_id).await, "1 1");
    let watch = db.run("select jobs.watch('a')");
    beside_one_who_makes(&db, "_change_event_partitions", "jobs.event", watch).await;
}
