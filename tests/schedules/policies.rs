//! What happens to ticks that are late, that overlap, or whose schedule somebody changed.

use std::time::Duration;

use pgjobs_tests::Db;

const HOUR: Duration = Duration::from_secs(3600);

/// A database whose clock stands at noon.
async fn noon() -> Db {
    let db = Db::with_clock().await;
    db.run("update jobs.test_clock set at = '2030-06-15 12:00:00+00'").await;
    db
}

/// The ticks of pending jobs as hours and minutes, in order.
async fn published(db: &Db) -> Vec<String> {
    db.all("select to_char((meta->'tick'->>'at')::timestamptz at time zone 'UTC', 'DD HH24:MI') from jobs.pending order by id").await
}

/// The log, oldest first: outcomes and reasons.
async fn log(db: &Db, name: &str) -> Vec<String> {
    db.all(&format!(
        "select concat_ws(' ', outcome, reason) from jobs.schedule_log('{name}', 200) order by number"
    ))
    .await
}

async fn hourly(db: &Db, more: &str) {
    db.run(&format!("select jobs.set_schedule('s', 'report', i_every => '1 h'{more})")).await;
}

#[tokio::test]
async fn a_tick_publishes_when_its_time_has_come_and_not_before() {
    let db = noon().await;
    hourly(&db, ", i_body => '{\"args\": [7]}', i_priority => 5, i_max_retries => 2, i_timeout => 9, i_meta => '{\"tenant\": 3}'").await;
    db.advance(Duration::from_secs(3599)).await;
    assert_eq!(db.one::<i32>("select jobs.tick()").await, 0);
    db.advance(Duration::from_secs(1)).await;
    assert_eq!(db.one::<i32>("select jobs.tick()").await, 1);
    assert_eq!(db.one::<i32>("select jobs.tick()").await, 0, "once");
    let job: String = db
        .one("select concat_ws(' ', task, body, priority, max_retries, timeout, meta) from jobs.pending")
        .await;
    assert_eq!(
        job,
        r#"report {"args": [7]} 5 2 9.00 {"tick": {"at": "2030-06-15T13:00:00Z", "schedule": "s"}, "tenant": 3}"#
    );
    let next: bool = db.one("select next_at = jobs.now() + interval '1 h' from jobs.get_schedule('s')").await;
    assert!(next);
}

#[tokio::test]
async fn of_late_ticks_none_the_last_or_all_are_published() {
    for (catch_up, expected, told) in [
        (
            "skip",
            vec![],
            "missed came late, and catch_up is skip, overlap is allow; so all since 2030-06-15T13:00:00Z",
        ),
        (
            "last",
            vec!["15 16:00"],
            "missed came late, and catch_up is last, overlap is allow; so all since 2030-06-15T13:00:00Z",
        ),
        ("all", vec!["15 13:00", "15 14:00", "15 15:00", "15 16:00"], ""),
    ] {
        let db = noon().await;
        hourly(&db, &format!(", i_catch_up => '{catch_up}'")).await;
        db.advance(4 * HOUR + Duration::from_secs(300)).await;
        db.run("select jobs.tick()").await;
        assert_eq!(published(&db).await, expected, "{catch_up}");
        let log = log(&db, "s").await;
        assert_eq!(log.iter().any(|line| line.starts_with("missed")), catch_up != "all", "{log:?}");
        assert!(log.iter().any(|line| line.contains(told)), "{log:?}");
    }
}

/// After a year without workers, a schedule of every minute makes up for its limit and no more, at once.
#[tokio::test]
async fn catching_up_never_floods() {
    let db = noon().await;
    db.run("select jobs.set_schedule('s', 'report', i_cron => '* * * * *', i_zone => 'Europe/Berlin', i_catch_up => 'all', i_catch_up_limit => 3)").await;
    db.run("select jobs.set_schedule('t', 'report', i_cron => '* 1 1 1 *')").await;
    db.run("update jobs.test_clock set at = '2031-06-15 12:00:20+00'").await;
    let started = std::time::Instant::now();
    db.run("select jobs.tick()").await;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!(published(&db).await, ["15 11:58", "15 11:59", "15 12:00", "01 01:59"]);
}

#[tokio::test]
async fn a_tick_a_moment_late_is_on_time() {
    let db = noon().await;
    hourly(&db, ", i_catch_up => 'skip'").await;
    db.advance(HOUR + Duration::from_secs(59)).await;
    db.run("select jobs.tick()").await;
    assert_eq!(published(&db).await, ["15 13:00"]);
    assert_eq!(log(&db, "s").await[1..], ["published"]);
}

#[tokio::test]
async fn with_overlap_skip_a_tick_waits_for_no_job_of_the_one_before() {
    let db = noon().await;
    hourly(&db, ", i_overlap => 'skip'").await;
    let ticks = |db: Db| async move {
        db.advance(HOUR).await;
        db.run("select jobs.tick()").await;
        db
    };
    let db = ticks(db).await;
    let db = ticks(db).await; // pending
    db.run("create table held as select job_id, lease from jobs.consume(1)").await;
    let db = ticks(db).await; // running
    db.run("select jobs.nack(job_id, 'x', null, true, lease) from held").await;
    let db = ticks(db).await; // to be retried
    db.run("select jobs.cancel(array(select job_id::text from held))").await;
    let db = ticks(db).await;
    let log = log(&db, "s").await;
    let outcomes: Vec<&str> = log.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(outcomes, ["set", "published", "skipped", "skipped", "skipped", "published"], "{log:?}");
    let in_the_way: bool = db.one("select bool_and(l.job_id = h.job_id) from jobs.schedule_log('s') l, held h where l.outcome = 'skipped'").await;
    assert!(in_the_way);
}

#[tokio::test]
async fn an_edit_holds_at_the_next_tick_and_never_fires_a_past_one() {
    let db = noon().await;
    hourly(&db, "").await;
    db.advance(2 * HOUR).await; // two ticks are due, and nobody ticked
    db.run("select jobs.set_schedule('s', 'other', i_every => '30 min')").await;
    assert_eq!(db.one::<i32>("select jobs.tick()").await, 0);
    db.advance(HOUR / 2).await;
    db.run("select jobs.tick()").await;
    assert_eq!(
        db.all::<String>("select task || ' ' || (meta->'tick'->>'at') from jobs.pending").await,
        ["other 2030-06-15T14:30:00Z"]
    );
    // The same times: what is due stays due, so that a deployment that says it again loses nothing.
    db.advance(HOUR / 2).await;
    db.run("select jobs.set_schedule('s', 'third', i_every => '30 min')").await;
    db.run("select jobs.tick()").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.pending where task = 'third'").await, 1);
    // Deleted and made anew in one transaction.
    db.run("begin; select jobs.drop_schedule('s'); select jobs.set_schedule('s', 'fourth', i_every => '10 min'); commit").await;
    db.advance(HOUR / 6).await;
    db.run("select jobs.tick()").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.pending where task = 'fourth'").await, 1);
}

#[tokio::test]
async fn a_pause_stops_ticks_and_says_who_and_why() {
    let db = noon().await;
    hourly(&db, "").await;
    db.run("select jobs.pause_schedule('s', 'the office moves')").await;
    db.advance(3 * HOUR).await;
    assert_eq!(db.one::<i32>("select jobs.tick()").await, 0);
    let why: String = db.one("select code || ' ' || message from jobs.explain_schedule('s') limit 1").await;
    assert!(
        why.contains("paused") && why.contains("'postgres'") && why.contains("the office moves"),
        "{why}"
    );
    db.run("select jobs.run_schedule('s')").await;
    assert_eq!(published(&db).await, ["15 15:00"], "a person may run it");
    db.run("select jobs.resume_schedule('s', false)").await;
    assert_eq!(db.one::<i32>("select jobs.tick()").await, 0, "nothing is made up for");
    db.run("select jobs.pause_schedule('s')").await;
    db.advance(2 * HOUR).await;
    db.run("select jobs.resume_schedule('s'); select jobs.tick()").await;
    assert_eq!(published(&db).await, ["15 15:00", "15 17:00"], "the last of the pause");
    // Set once more by a deployment, it stays paused.
    db.run("select jobs.pause_schedule('s')").await;
    hourly(&db, "").await;
    assert!(db.one::<bool>("select paused_at is not null from jobs.get_schedule('s')").await);
}

#[tokio::test]
async fn a_one_off_is_due_once_and_has_ended() {
    let db = noon().await;
    db.run("select jobs.set_schedule('s', 'report', i_at => '2030-06-15 12:30+00')").await;
    db.advance(HOUR).await;
    db.run("select jobs.tick(); select jobs.tick()").await;
    assert_eq!(published(&db).await, ["15 12:30"]);
    assert_eq!(db.one::<String>("select code from jobs.explain_schedule('s') limit 1").await, "ended");
    db.run("select jobs.set_schedule('s', 'report', i_at => '2030-06-15 12:30+00')").await; // once more: as it was
    let (code, message) =
        db.refusal("select jobs.set_schedule('t', 'report', i_at => '2030-06-15 12:30+00')").await;
    assert!(code == "PT400" && message.contains("never be due"), "{code} {message}");
}

#[tokio::test]
async fn jitter_delays_each_tick_by_a_part_of_its_own() {
    let db = noon().await;
    db.run("select jobs.set_schedule('s' || g, 'report', i_every => '1 h', i_jitter => '10 min') from generate_series(1, 50) g").await;
    let late: Vec<f64> = db
        .all("select extract(epoch from due_at - next_at)::float8 from jobs.schedules() order by due_at")
        .await;
    assert!(late.iter().all(|late| (0.0..600.0).contains(late)), "{late:?}");
    assert!(late[10] > 20.0 && late[40] < 580.0 && late[40] > late[10] + 100.0, "spread: {late:?}");
    db.advance(HOUR + Duration::from_secs(600)).await;
    db.run("select jobs.tick(100)").await;
    assert_eq!(
        db.one::<i64>("select count(*) from jobs.pending where meta->'tick'->>'at' = '2030-06-15T13:00:00Z'")
            .await,
        50
    );
}

#[tokio::test]
async fn a_backfill_publishes_each_time_of_a_period() {
    let db = noon().await;
    hourly(&db, "").await;
    db.run("select jobs.backfill_schedule('s', '2030-06-01 00:00+00', '2030-06-01 03:00+00')").await;
    assert_eq!(published(&db).await, ["01 00:00", "01 01:00", "01 02:00", "01 03:00"]);
    let (code, message) = db.refusal("select jobs.backfill_schedule('s', '2020-01-01', '2030-01-01')").await;
    assert!(code == "PT413" && message.contains("1000"), "{code} {message}");
    assert_eq!(db.one::<i64>("select count(*) from jobs.pending").await, 4, "all or nothing");
}

#[tokio::test]
async fn a_schedule_whose_job_is_refused_says_so_and_stops_no_other() {
    let db = noon().await;
    db.run("select jobs.set_schedule('bad', 'checked', '{\"args\": [\"canary\"]}', i_every => '1 h')").await;
    db.run("select jobs.set_schedule('good', 'report', i_every => '1 h')").await;
    db.run(r#"select jobs.register_tasks('[{"name": "checked", "args_schema": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
        "params": [{"name": "n", "type": "i64", "required": true}], "result_schema": true, "retries": 3, "timeout": 60, "priority": 0}]')"#).await;
    db.advance(HOUR).await;
    assert_eq!(db.one::<i32>("select jobs.tick()").await, 2);
    assert_eq!(db.all::<String>("select task from jobs.pending").await, ["report"]);
    let log = log(&db, "bad").await;
    assert!(
        log[1].starts_with("failed") && log[1].contains("arguments do not fit") && !log[1].contains("canary"),
        "{log:?}"
    );
    assert!(db.one::<bool>("select next_at > jobs.now() from jobs.get_schedule('bad')").await, "it goes on");
    let codes: Vec<String> = db.all("select code from jobs.explain_schedule('bad')").await;
    assert_eq!(codes, ["scheduled", "tick_failed", "arguments_do_not_fit", "no_worker"]);
}

/// What a task declares as unique holds for its schedules as for every publisher.
#[tokio::test]
async fn a_tick_of_a_unique_task_keeps_the_job_that_holds_the_key() {
    let db = noon().await;
    db.run(r#"select jobs.register_tasks('[{"name": "report", "args_schema": {}, "params": [], "result_schema": true, "retries": 3, "timeout": 60, "priority": 0,
        "unique": {"arguments": []}}]')"#).await;
    hourly(&db, ", i_catch_up => 'all'").await;
    let held: String = db.one("select job_id from jobs.publish('report')").await;
    db.advance(2 * HOUR).await;
    db.run("select jobs.tick()").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.pending").await, 1);
    assert_eq!(log(&db, "s").await[1..], ["skipped another job holds the unique key of its task"; 2]);
    assert_eq!(db.one::<String>("select jobs.run_schedule('s')").await, held);
    // A publisher that has not ended keeps no worker from its heartbeats.
    db.run("select jobs.cancel(array(select job_id::text from jobs.pending))").await;
    let mut publisher = db.pool.begin().await.unwrap();
    sqlx::raw_sql("select jobs.publish('report')").execute(&mut *publisher).await.unwrap();
    db.advance(HOUR).await;
    let started = std::time::Instant::now();
    db.run("select jobs.maintain()").await;
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert_eq!(log(&db, "s").await.last().unwrap(), "delayed error 55P03: tried every 5 seconds");
    publisher.rollback().await.unwrap();
    db.advance(Duration::from_secs(5)).await;
    db.run("select jobs.tick()").await;
    assert_eq!(published(&db).await, ["15 15:00"]);
}

/// An error that is not the job's fault: the tick is tried again and not lost.
#[tokio::test]
async fn after_another_error_the_same_tick_is_tried_again() {
    let db = noon().await;
    hourly(&db, "").await;
    db.run("create or replace function jobs._publish_ticks(i_schedule jobs.schedule, i_ticks timestamptz[], i_now timestamptz) returns jobs.published
        language plpgsql as $$ begin raise disk_full; end $$").await;
    db.advance(HOUR).await;
    for _ in 0..3 {
        db.run("select jobs.tick()").await;
        db.advance(Duration::from_secs(5)).await;
    }
    let log = log(&db, "s").await;
    assert_eq!(log[1..], ["delayed error 53100: tried every 5 seconds"], "said once");
    assert!(
        db.one::<bool>("select next_at = '2030-06-15 13:00+00' from jobs.get_schedule('s')").await,
        "the tick is kept"
    );
}

/// A day is 23 hours long in some sessions now and then.
#[tokio::test]
async fn ticks_do_not_depend_on_the_time_zone_of_the_session() {
    let db = noon().await;
    db.run("update jobs.test_clock set at = '2030-03-25 12:00+00'").await;
    db.run("select jobs.set_schedule('s', 'report', i_every => '1 day', i_catch_up => 'all', i_catch_up_limit => 3)").await;
    db.run("update jobs.test_clock set at = '2030-04-01 12:00+00'").await;
    db.run("set timezone = 'Europe/Berlin'; select jobs.tick(); reset timezone").await;
    assert_eq!(published(&db).await, ["30 00:00", "31 00:00", "01 00:00"]);
    // On the very day, whose end is 23 hours after its beginning.
    let db = noon().await;
    db.run("update jobs.test_clock set at = '2030-03-25 12:00+00'").await;
    db.run("select jobs.set_schedule('s', 'report', i_every => '1 day')").await;
    db.run("update jobs.test_clock set at = '2030-03-31 12:00+00'").await;
    db.run("set timezone = 'Europe/Berlin'; select jobs.tick(); reset timezone").await;
    assert_eq!(published(&db).await, ["31 00:00"]);
}

#[tokio::test]
async fn what_is_not_published_is_in_the_log_whatever_the_reason() {
    let db = noon().await;
    hourly(&db, "").await;
    db.advance(3 * HOUR).await;
    db.run("select jobs.set_schedule('s', 'report', i_every => '2 h')").await;
    let since = "; so all since 2030-06-15T13:00:00Z";
    assert_eq!(log(&db, "s").await[1], format!("missed its times were changed{since}"));
    db.run("select jobs.pause_schedule('s')").await;
    db.advance(2 * HOUR).await;
    db.run("select jobs.resume_schedule('s', false)").await;
    assert_eq!(log(&db, "s").await[4], "missed resumed without them");
    // Set once more, resumed once more: nothing happened, and nothing is written.
    db.run("select jobs.set_schedule('s', 'report', i_every => '2 h'); select jobs.resume_schedule('s')")
        .await;
    assert_eq!(log(&db, "s").await.len(), 6);
}

/// An hour of promotions, or another schedule, does not keep a schedule from its ticks.
#[tokio::test]
async fn a_due_schedule_ticks_beside_many_jobs_that_come_due() {
    let db = noon().await;
    db.run("select jobs.publish('a', i_scheduled_at => jobs.now() + interval '1 min') from generate_series(1, 5000)").await;
    hourly(&db, "").await;
    db.advance(HOUR).await;
    assert!(db.one::<f64>("select jobs.maintain()").await <= 0.0, "more is to do");
    assert_eq!(db.one::<i64>("select count(*) from jobs.pending where task = 'report'").await, 1);
}

#[tokio::test]
async fn making_up_for_a_thousand_ticks_takes_a_moment() {
    let db = noon().await;
    db.run("select jobs.set_schedule('s', 'report', i_cron => '* * * * *', i_zone => 'Europe/Berlin', i_catch_up => 'all', i_catch_up_limit => 1000)").await;
    db.advance(72 * HOUR).await;
    let started = std::time::Instant::now();
    db.run("select jobs.tick()").await;
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert_eq!(db.one::<i64>("select count(distinct meta) from jobs.pending").await, 1000);
    assert_eq!(
        log(&db, "s").await.last().unwrap().split(' ').next(),
        Some("missed"),
        "written last, so that it stays"
    );
}

/// A zone that is gone stops its own schedule and no other.
#[tokio::test]
async fn a_schedule_that_cannot_be_computed_stops_no_other() {
    let db = noon().await;
    db.run("select jobs.set_schedule('bad', 'report', i_cron => '@hourly'); select jobs.set_schedule('good', 'report', i_every => '1 h')").await;
    db.run("update jobs.schedule set cron = '0 * * * * *' where name = 'bad'").await;
    db.advance(HOUR).await;
    db.run("select jobs.tick()").await;
    assert_eq!(published(&db).await, ["15 13:00"]);
    assert_eq!(log(&db, "bad").await[1..], ["delayed error PT400: tried every 5 seconds"]);
}

#[tokio::test]
async fn the_log_keeps_the_last_entries() {
    let db = noon().await;
    hourly(&db, "").await;
    for _ in 0..3 {
        db.run("select jobs.backfill_schedule('s', '2030-06-01', '2030-06-05')").await;
    }
    assert_eq!(db.one::<i64>("select count(*) from jobs.schedule_entry").await, 200);
    assert_eq!(db.one::<i64>("select count(*) from jobs.schedule_log('s', 200)").await, 200);
}

#[tokio::test]
async fn what_is_no_schedule_is_refused_with_the_reason() {
    let db = noon().await;
    for (arguments, reason) in [
        ("'s', 'report'", "exactly one of cron, every and at"),
        ("'s', 'report', i_cron => '@daily', i_every => '1 h'", "exactly one"),
        ("'', 'report', i_every => '1 h'", "name of a schedule"),
        ("'s', '', i_every => '1 h'", "task name"),
        ("'s', 'report', i_every => '1 month'", "without months"),
        ("'s', 'report', i_every => '0.5 s'", "1 second"),
        ("'s', 'report', i_every => '1.5 s'", "whole seconds"),
        ("'s', 'report', i_every => '1 min', i_jitter => '10 min'", "longer than the time between two ticks"),
        ("'s', 'report', i_cron => '0 0 30 2 *'", "never be due"),
        ("'s', 'report', i_cron => '0 0 * * *', i_zone => 'Mars/Base'", "no time zone"),
        ("'s', 'report', i_every => '1 h', i_catch_up => 'some'", "catch_up"),
        ("'s', 'report', i_every => '1 h', i_catch_up_limit => 0", "catch_up_limit"),
        ("'s', 'report', i_every => '1 h', i_overlap => 'never'", "overlap"),
        ("'s', 'report', i_every => '1 h', i_jitter => '2 days'", "jitter"),
        ("'s', 'report', i_every => '1 h', i_gap => 'jump'", "gap"),
        ("'s', 'report', i_every => '1 h', i_fold => 'third'", "fold"),
        ("'s', 'report', i_every => '1 h', i_timeout => 0", "timeout"),
        ("'s', 'report', i_every => '1 h', i_meta => '[]'", "meta"),
    ] {
        let (code, message) = db.refusal(&format!("select jobs.set_schedule({arguments})")).await;
        assert!(code == "PT400" && message.contains(reason), "{arguments}: {code} {message}");
    }
    for call in [
        "pause_schedule",
        "resume_schedule",
        "run_schedule",
        "get_schedule",
        "schedule_log",
        "schedule_ticks",
        "explain_schedule",
    ] {
        let (code, message) = db.refusal(&format!("select jobs.{call}('nobody')")).await;
        assert!(code == "PT404" && message.contains("'nobody'"), "{call}: {code} {message}");
    }
    assert!(!db.one::<bool>("select jobs.drop_schedule('nobody')").await);
}
