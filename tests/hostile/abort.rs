//! A task that takes its whole process with it (decision 0004: a lost run is charged).

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pgjobs::NewJob;
use pgjobs_tests::Db;

/// What a supervisor does: starts the worker again whenever it ended.
struct Supervised {
    db_url: String,
    child: Child,
    deaths: usize,
}

impl Supervised {
    fn start(db: &Db) -> Self {
        Supervised { db_url: db.url.clone(), child: spawn(&db.url), deaths: 0 }
    }

    fn look_after(&mut self) {
        if self.child.try_wait().expect("its status").is_some() {
            self.deaths += 1;
            self.child = spawn(&self.db_url);
        }
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(url: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_app"));
    command.args(["worker", "--topic", "app.*", "--lease", "1s", "--concurrency", "8", "--poll", "100ms"]);
    command.env("DATABASE_URL", url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the worker")
}

#[tokio::test]
async fn a_task_that_aborts_its_process_fails_and_takes_no_other_along() {
    const BYSTANDERS: i64 = 60;
    let db = Db::new().await;
    let pill = NewJob::named("app.abort").retries(3).publish(&db.pool).await.unwrap();
    for _ in 0..BYSTANDERS {
        // One run more than the pill has: each death may charge them one.
        NewJob::named("app.slow").arg(0.3).retries(4).publish(&db.pool).await.unwrap();
    }
    let mut worker = Supervised::start(&db);
    let deadline = Instant::now() + Duration::from_secs(180);
    while db.one::<i64>("select count(*) from jobs.job").await < BYSTANDERS + 1 {
        worker.look_after();
        assert!(Instant::now() < deadline, "not all ended");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let error = pill.wait(&db.pool).await.unwrap_err().to_string();
    assert!(error.ends_with("lost: the worker died"), "{error}");
    // A job that its worker had claimed ahead, and that began in the last second, is not known to have begun: once, it runs
    // uncharged.
    let attempts = pill.fetch(&db.pool).await.unwrap().attempt;
    assert_eq!(worker.deaths, usize::try_from(attempts).unwrap());
    assert!((3..=4).contains(&attempts), "{attempts} runs");
    let well = "select count(*) from jobs.job where task = 'app.slow' and status = 'success'";
    assert_eq!(db.one::<i64>(well).await, BYSTANDERS, "no bystander failed");
    let charged: Vec<i64> = db
        .all("select count(*) from jobs.job where task = 'app.slow' and retries > 0 group by retries order by retries")
        .await;
    println!("bystanders that were charged 1, 2, 3 runs: {charged:?} of {BYSTANDERS}");
    assert!(!charged.is_empty(), "the pill died alone: the test shows nothing");
}
