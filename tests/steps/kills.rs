//! Workers that die at every point of a job in steps.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pgjobs_tests::{Db, amount};

/// A worker process; killed when the test ends.
struct Process(Child);

impl Process {
    fn start(db: &Db) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_app"));
        command.args([
            "worker",
            "--topic",
            "app.journey",
            "--topic",
            "app.child",
            "--lease",
            "1s",
            "--poll",
            "50ms",
        ]);
        command.env("DATABASE_URL", &db.url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Process(command.spawn().expect("the worker"))
    }

    fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("its status").is_some()
    }

    fn kill(&mut self) {
        let _ = self.0.kill();
        self.0.wait().expect("its end");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// `dying` has a row while processes die at the points of a journey; `died` says where they have.
const TABLES: &str = "
    create table effect (id bigint generated always as identity, journey bigint, name text);
    create table dying ();
    create table died (journey bigint, point integer, primary key (journey, point))";

async fn publish(db: &Db, journeys: i64) {
    db.run(&format!(
        "select jobs.publish('app.journey', jsonb_build_object('args', jsonb_build_array(n)), i_max_retries => 1000) from generate_series(1, {journeys}) n"
    ))
    .await;
}

const SUCCEEDED: &str = "select count(*) from jobs.job where task = 'app.journey' and status = 'success'";

/// What is true of every journey, whatever happened on its way.
async fn check(db: &Db, journeys: i64) {
    let effects = "select count(*) from (select journey from effect where name = 'exactly once' group by 1 having count(*) = 1) j";
    assert_eq!(
        db.one::<i64>(effects).await,
        journeys,
        "an effect in the transaction of its step is there once"
    );
    let effects = "select count(distinct journey) from effect where name = 'once more'";
    assert_eq!(db.one::<i64>(effects).await, journeys, "any other is there at least once");
    // The result is of the first step that was recorded, and a job of each journey was published.
    let results =
        "select count(*) from jobs.job j join effect e on e.id = (j.result)::bigint and e.name = 'once more'
                   where j.task = 'app.journey' and e.journey = (j.body -> 'args' ->> 0)::bigint";
    assert_eq!(db.one::<i64>(results).await, journeys);
    let children = "select count(*) || ' ' || count(distinct coalesce(a.body -> 'kwargs' ->> 'journey', a.body -> 'args' ->> 0)) from jobs.\"all\" a where a.task = 'app.child'";
    assert_eq!(db.one::<String>(children).await, format!("{journeys} {journeys}"));
    let left = "select (select count(*) from jobs.checkpoint) + (select count(*) from jobs.signal_waiter) + (select count(*) from jobs.resumable)";
    assert_eq!(db.one::<i64>(left).await, 0);
}

#[tokio::test]
async fn a_process_that_dies_at_each_point_leaves_each_effect_as_promised() {
    let db = Db::new().await;
    db.run(TABLES).await;
    db.run("insert into dying default values").await;
    publish(&db, 1).await;
    let mut worker = Process::start(&db);
    let mut is_sent = false;
    let began = Instant::now();
    while db.one::<i64>(SUCCEEDED).await == 0 {
        if worker.has_ended() {
            worker = Process::start(&db);
        }
        if !is_sent && db.one::<i64>("select count(*) from jobs.signal_waiter").await == 1 {
            is_sent = db.one("select jobs.signal('go/1', '\"go\"')").await;
        }
        assert!(
            began.elapsed() < Duration::from_secs(180),
            "{:?}",
            db.all::<i32>("select point from died").await
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let points: Vec<i32> = db.all("select point from died order by 1").await;
    assert_eq!(points, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    let twice: i64 = db.one("select count(*) from effect where name = 'once more'").await;
    assert_eq!(twice, 2, "the process died between the effect and its record, once");
    check(&db, 1).await;
}

#[tokio::test]
async fn workers_killed_at_random_break_no_journey() {
    let journeys = i64::from(amount(30, 1000));
    let db = Db::new().await;
    db.run(TABLES).await;
    publish(&db, journeys).await;
    let progress = "select (select count(*) from effect) + (select count(*) from jobs.job)";
    let (mut kills, began) = (0, Instant::now());
    while db.one::<i64>(SUCCEEDED).await < journeys {
        let mut worker = Process::start(&db);
        let before: i64 = db.one(progress).await;
        let enough = fastrand::i64(1..20);
        // Signals come at any time: before, while and after the jobs ask for them.
        while db.one::<i64>(progress).await < before + enough && db.one::<i64>(SUCCEEDED).await < journeys {
            db.run(&format!("select jobs.signal('go/' || n, '\"go\"') from generate_series(1, {journeys}) n where random() < 0.02")).await;
            assert!(began.elapsed() < Duration::from_secs(600), "{}", db.one::<i64>(SUCCEEDED).await);
        }
        worker.kill();
        kills += 1;
    }
    assert!(kills >= 3, "{kills}");
    check(&db, journeys).await;
}
