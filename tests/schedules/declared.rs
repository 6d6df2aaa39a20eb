//! Schedules that the code declares with its tasks.

use std::time::Duration;

use pgjobs::define::linked_tasks;
use pgjobs::schedule::{self, CatchUp, Overlap, Schedule};
use pgjobs::{Job, Task, Worker, task};
use pgjobs_tests::Db;

/// What is declared, as the database is told.
fn declaration(schedules: &str) -> String {
    format!(
        r#"select jobs.register_tasks('[{{"name": "t", "args_schema": {{}}, "result_schema": {{}}, "params": [], "retries": 3, "timeout": 60, "priority": 0, "schedules": {schedules}}}]')"#
    )
}

/// A database whose clock stands at half past an hour: near a full one, an hourly schedule would tick as well.
async fn at_half_past() -> Db {
    let db = Db::with_clock().await;
    db.run("update jobs.test_clock set at = date_trunc('hour', at) + interval '90 minutes'").await;
    db
}

async fn names(db: &Db) -> Vec<String> {
    db.all("select name || ' ' || coalesce(cron, every::text) from jobs.schedules()").await
}

#[tokio::test]
async fn code_makes_changes_and_drops_its_schedules() {
    let db = at_half_past().await;
    db.run(&declaration(r#"[{"name": "a", "cron": "@daily"}, {"name": "b", "every": "90 s"}]"#)).await;
    assert_eq!(names(&db).await, ["a @daily", "b 00:01:30"]);
    let entries = "select count(*) from jobs.schedule_entry";
    let before: i64 = db.one(entries).await;
    db.run(&declaration(r#"[{"name": "a", "cron": "@daily"}, {"name": "b", "every": "90 s"}]"#)).await;
    assert_eq!(db.one::<i64>(entries).await, before, "declared again: nothing is written");
    db.run(&declaration(r#"[{"name": "a", "cron": "@hourly"}]"#)).await;
    assert_eq!(names(&db).await, ["a @hourly", "b 00:01:30"]);
    db.advance(Duration::from_secs(90)).await;
    db.run("select jobs.tick()").await;
    assert_eq!(names(&db).await, ["a @hourly"], "dropped instead of ticking");
    assert_eq!(db.one::<i64>("select count(*) from jobs.pending").await, 0);
}

/// While a worker of an older release lives, what it declares ticks on.
#[tokio::test]
async fn a_schedule_goes_with_the_last_worker_that_declares_it() {
    let db = at_half_past().await;
    db.run(&declaration(r#"[{"name": "b", "every": "90 s"}]"#)).await;
    db.run("select jobs.register_worker('00000000-0000-7000-8000-000000000000', 'h', 1, 'v', '{*}', '{t}', 10, 3600)").await;
    db.advance(Duration::from_secs(1)).await;
    db.run(&declaration("[]")).await;
    db.advance(Duration::from_secs(90)).await;
    db.run("select jobs.tick()").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.pending").await, 1);
    let codes: Vec<String> = db.all("select code from jobs.explain_schedule('b') limit 1").await;
    assert_eq!(codes, ["undeclared"]);
    db.run("select jobs.unregister_worker('00000000-0000-7000-8000-000000000000')").await;
    db.advance(Duration::from_secs(90)).await;
    db.run("select jobs.tick()").await;
    assert_eq!(names(&db).await, [""; 0]);
}

#[tokio::test]
async fn an_operators_word_stays_until_the_code_says_something_else() {
    let db = at_half_past().await;
    let daily = declaration(r#"[{"name": "a", "cron": "@daily"}]"#);
    db.run(&daily).await;
    db.run("select jobs.set_schedule('a', 't', i_cron => '0 5 * * *'); select jobs.pause_schedule('a')")
        .await;
    db.run(&daily).await;
    assert_eq!(names(&db).await, ["a 0 5 * * *"]);
    assert!(db.one::<bool>("select declared and edited from jobs.get_schedule('a')").await);
    db.run(&declaration(r#"[{"name": "a", "cron": "@hourly"}]"#)).await;
    assert_eq!(names(&db).await, ["a @hourly"]);
    assert!(
        db.one::<bool>(
            "select declared and not edited and paused_at is not null from jobs.get_schedule('a')"
        )
        .await
    );
}

#[tokio::test]
async fn a_wrong_declaration_is_refused_and_a_taken_name_left_alone() {
    let db = at_half_past().await;
    for (schedules, reason) in [
        (r#"[{"name": "a", "crn": "@daily"}]"#, "unknown key 'crn'"),
        (r#"[{"cron": "@daily"}]"#, "a name"),
        (r#"7"#, "at most 100"),
        (r#"[{"name": "a", "cron": "often"}]"#, "1 fields"),
        (r#"[{"name": "a", "every": "soon"}]"#, "schedule 'a'"),
        (r#"[{"name": "a", "cron": "@daily", "zone": 7}]"#, "no time zone"),
    ] {
        let (code, message) = db.refusal(&declaration(schedules)).await;
        assert!(code == "PT400" && message.contains(reason), "{schedules}: {code} {message}");
    }
    db.run("select jobs.set_schedule('a', 'other', i_every => '1 h')").await;
    db.run(&declaration(r#"[{"name": "a", "cron": "@daily"}]"#)).await;
    assert_eq!(names(&db).await, ["a 01:00:00"], "a warning");
}

#[tokio::test]
async fn the_schedule_of_a_renamed_task_goes_with_it() {
    let db = at_half_past().await;
    db.run(&declaration(r#"[{"name": "t", "every": "90 s"}, {"name": "nightly", "every": "90 s"}]"#)).await;
    let renamed = declaration(r#"[{"name": "new", "every": "90 s"}, {"name": "nightly", "every": "1 h"}]"#);
    db.run(&renamed.replace(r#""name": "t", "#, r#""name": "new.t", "aliases": ["t"], "#)).await;
    assert_eq!(
        db.all::<String>("select name || ' ' || task from jobs.schedules() where undeclared_at is null")
            .await,
        ["new new.t", "nightly new.t"]
    );
    db.advance(Duration::from_secs(90)).await;
    db.run("select jobs.tick()").await;
    assert_eq!(names(&db).await, ["new 00:01:30", "nightly 01:00:00"]);
    assert_eq!(db.all::<String>("select task from jobs.pending").await, ["new.t"]);
}

/// Of two programs that declare one name for their tasks, the first keeps it.
#[tokio::test]
async fn a_name_that_another_tasks_code_has_is_left_alone() {
    let db = at_half_past().await;
    let theirs = declaration(r#"[{"name": "a", "every": "90 s"}]"#)
        .replace(r#""name": "t", "#, r#""name": "theirs", "#);
    db.run(&theirs).await;
    db.run(&declaration(r#"[{"name": "a", "every": "1 h"}]"#)).await;
    assert_eq!(
        db.all::<String>("select task || ' ' || every from jobs.schedules()").await,
        ["theirs 00:01:30"]
    );
}

#[tokio::test]
async fn what_was_made_by_hand_stays_by_hand() {
    let db = at_half_past().await;
    db.run("select jobs.set_schedule('a', 't', i_every => '1 h', i_priority => 9)").await;
    db.run(&declaration(r#"[{"name": "a", "every": "90 s"}, {"name": "b", "every": "90 s"}]"#)).await;
    assert_eq!(names(&db).await, ["a 01:00:00", "b 00:01:30"]);
    // Left out of the code, and then wanted by an operator: it stays.
    db.run(&declaration("[]")).await;
    db.run("select jobs.set_schedule('b', 't', i_every => '30 s')").await;
    db.advance(Duration::from_secs(30)).await;
    db.run("select jobs.tick()").await;
    assert_eq!(names(&db).await, ["a 01:00:00", "b 00:00:30"]);
    assert_eq!(db.one::<i64>("select count(*) from jobs.pending").await, 1);
}

/// A transaction that has changed schedules and stays open is warned of, and waited for a moment alone.
#[tokio::test]
async fn a_worker_starts_beside_a_transaction_that_holds_its_schedules() {
    let db = at_half_past().await;
    db.run(&declaration(r#"[{"name": "a", "every": "90 s"}, {"name": "b", "every": "90 s"}]"#)).await;
    let mut holder = db.pool.begin().await.unwrap();
    sqlx::raw_sql("select jobs.pause_schedule('a'); select jobs.pause_schedule('b')")
        .execute(&mut *holder)
        .await
        .unwrap();
    let started = std::time::Instant::now();
    db.run(&declaration("[]")).await;
    db.run(&declaration(r#"[{"name": "a", "every": "30 s"}, {"name": "b", "every": "30 s"}]"#)).await;
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    holder.rollback().await.unwrap();
    assert_eq!(names(&db).await, ["a 00:01:30", "b 00:01:30"]);
}

/// Says hello every second.
#[task(
    name = "schedules.hello",
    every = "1s",
    overlap = "skip",
    schedule(name = "schedules.nightly", cron = "30 2 * * *", zone = "Europe/Berlin")
)]
async fn hello(#[inject] job: &Job, #[default(7)] number: i64) -> Result<(String, i64), pgjobs::TaskError> {
    let tick = job.tick().ok_or("no tick")?;
    Ok((format!("{} {}", tick.schedule, tick.at.timestamp_subsec_millis()), number))
}

#[tokio::test]
async fn a_worker_saves_its_schedules_and_the_task_sees_its_tick() {
    let db = Db::new().await;
    assert!(linked_tasks().unwrap().iter().any(|task| task.name == "schedules.hello"));
    let worker = Worker::new(db.pool.clone()).topic("schedules.*").start().await.unwrap();
    pgjobs_tests::until("three runs", || async {
        db.one::<i64>("select count(*) from jobs.job where status = 'success'").await >= 3
    })
    .await;
    worker.shutdown().await;
    let results: Vec<String> = db.all("select distinct result::text from jobs.job").await;
    assert_eq!(results, [r#"["schedules.hello 0", 7]"#]);
    let names: Vec<String> = db.all("select name from jobs.schedules()").await;
    assert_eq!(names, ["schedules.hello", "schedules.nightly"]);
}

#[tokio::test]
async fn a_program_makes_schedules_in_its_own_transaction() {
    let db = at_half_past().await;
    db.run("update jobs.test_clock set at = '2030-06-15 12:00:00+00'").await;
    let mut tx = db.pool.begin().await.unwrap();
    let saved = Schedule::new("of.7", &hello::new().number(9))
        .cron("0 7 * * mon-fri")
        .zone(chrono_tz::Europe::Berlin)
        .catch_up(CatchUp::All)
        .catch_up_limit(5)
        .overlap(Overlap::Skip)
        .priority(4)
        .meta("tenant", 7)
        .save(&mut *tx)
        .await
        .unwrap();
    assert_eq!(saved.next_at.unwrap().to_rfc3339(), "2030-06-17T05:00:00+00:00");
    assert_eq!(schedule::list(&db.pool, "*").await.unwrap().len(), 0, "not before the commit");
    tx.commit().await.unwrap();
    let listed = schedule::list(&db.pool, "of.*").await.unwrap();
    assert_eq!((listed.len(), listed[0].priority, listed[0].catch_up_limit), (1, Some(4), 5));
    assert_eq!(schedule::next_ticks(&db.pool, "of.7", 2).await.unwrap().len(), 2);
    let job = schedule::run(&db.pool, "of.7").await.unwrap();
    let body: String = db.one("select body::text from jobs.pending").await;
    assert_eq!(body, r#"{"args": [], "kwargs": {"number": 9}}"#);
    assert_eq!(schedule::log(&db.pool, "of.7", 5).await.unwrap()[0].job_id.as_deref(), Some(job.as_str()));
    schedule::pause(&db.pool, "of.7", Some("moving")).await.unwrap();
    assert_eq!(schedule::explain(&db.pool, "of.7").await.unwrap()[0].code, "paused");
    schedule::resume(&db.pool, "of.7", true).await.unwrap();
    let (from, to) = ("2030-06-10T00:00:00Z".parse().unwrap(), "2030-06-14T00:00:00Z".parse().unwrap());
    assert_eq!(schedule::backfill(&db.pool, "of.7", from, to).await.unwrap().len(), 4);
    assert_eq!(schedule::preview(&db.pool, "@daily", "UTC", 3, None).await.unwrap().len(), 3);
    assert!(
        schedule::drop(&db.pool, "of.7").await.unwrap() && !schedule::drop(&db.pool, "of.7").await.unwrap()
    );
    assert_eq!(schedule::tick(&db.pool, 10).await.unwrap(), 0);
    let error = Schedule::new("of.7", &hello::new()).cron("nonsense").save(&db.pool).await.unwrap_err();
    assert!(error.to_string().contains("1 fields instead of five"), "{error}");
    assert_eq!(hello::DEF.schedules.len(), 2);
}
