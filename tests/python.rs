//! The original's client, the Python package pgjobs 0.2.1, works on our schema unchanged.
//!
//! The package and a current asyncpg are installed from the registry into the target folder, once.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use pgjobs::{NewJob, TaskError, Worker, task};
use pgjobs_tests::Db;
use serde_json::{Value, json};

#[task(name = "math.add")]
async fn add(a: i64, #[default(2)] b: i64) -> Result<i64, TaskError> {
    Ok(a + b)
}

/// Where the packages are; installed by the first test that asks.
fn packages() -> &'static Path {
    static PACKAGES: OnceLock<PathBuf> = OnceLock::new();
    PACKAGES.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-pgjobs-0.2.1");
        if !folder.join("jobs/api.py").exists() || !folder.join("asyncpg").exists() {
            install(&folder);
        }
        folder
    })
}

fn install(folder: &Path) {
    let unfinished = folder.with_extension(std::process::id().to_string());
    let status = Command::new("python3")
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--root-user-action=ignore",
            "--disable-pip-version-check",
            "--no-deps",
            "--target",
        ])
        .arg(&unfinished)
        .args(["pgjobs==0.2.1", "asyncpg>=0.30"])
        .stdin(Stdio::null())
        .status();
    let installed = status.is_ok_and(|status| status.success());
    assert!(installed, "this test needs python3 with pip, and a package registry that pip can reach");
    let _ = std::fs::remove_dir_all(folder);
    std::fs::rename(&unfinished, folder).expect("the packages in place");
}

/// Runs the client with what it prints as the answer.
async fn python(db: &Db, args: &[&str]) -> Value {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
    let mut command = tokio::process::Command::new("python3");
    command.arg("-W").arg("ignore").arg(scripts.join("client.py")).arg(&db.url).args(args);
    let path = std::env::join_paths([packages(), scripts.as_path()]).expect("a path");
    command.env("PYTHONPATH", path).env("PYTHONDONTWRITEBYTECODE", "1").env("TZ", "UTC").stdin(Stdio::null());
    let output = command.output().await.expect("python3");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{args:?}: {out}{err}");
    serde_json::from_str(out.trim()).unwrap_or(Value::Null)
}

#[tokio::test]
async fn the_clients_own_calls_keep_their_contract() {
    let db = Db::new().await;
    python(&db, &["contract"]).await;
}

#[tokio::test]
async fn schedules_are_made_edited_and_explained_from_python_alone() {
    let db = Db::new().await;
    python(&db, &["schedules"]).await;
}

#[tokio::test]
async fn unique_and_postponed_jobs_are_made_from_python_alone() {
    let db = Db::new().await;
    python(&db, &["unique"]).await;
}

#[tokio::test]
async fn what_a_rust_task_does_not_take_is_refused_when_python_publishes_it() {
    let db = Db::new().await;
    Worker::new(db.pool.clone()).topic("math.*").burst().run().await.unwrap();
    let words = "task 'math.add': arguments do not fit: `a`: expected i64, found string";
    let said = python(&db, &["refused"]).await;
    assert_eq!(said[0], "PT422");
    assert!(said[1].as_str().is_some_and(|said| said.starts_with(words) && !said.contains("4111")), "{said}");
}

#[tokio::test]
async fn python_publishes_rust_works_python_reads_the_result() {
    let db = Db::new().await;
    let ids = python(&db, &["publish"]).await;
    let report = Worker::new(db.pool.clone()).topic("math.*").burst().run().await.unwrap();
    assert_eq!((report.succeeded, report.failed), (13, 0));

    let id = |name: &str| ids[name].as_str().expect("an id").to_owned();
    let bulk: Vec<&str> = ids["bulk"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    let (single, named, soon, later) = (id("single"), id("named"), id("soon"), id("later"));
    let rows = python(&db, &["read", &single, &named, &soon, &later, bulk[9]]).await;
    assert_eq!(
        rows,
        json!([["success", "3"], ["success", "42"], ["success", "12"], ["pending", null], ["success", "18"]]),
        "naive UTC times came out right: one was due, one is not"
    );
}

#[tokio::test]
async fn rust_publishes_python_works_rust_reads_the_result() {
    let db = Db::new().await;
    let single = NewJob::named("py_tasks.double").arg(4).publish(&db.pool).await.unwrap();
    let named =
        NewJob::named("py_tasks.double").kwarg("n", 1).kwarg("times", 3).publish(&db.pool).await.unwrap();
    let failing = NewJob::named("py_tasks.fail").retries(1).publish(&db.pool).await.unwrap();
    python(&db, &["work", "3"]).await;
    assert_eq!(single.wait(&db.pool).await.unwrap(), json!({"doubled": 8}));
    assert_eq!(named.wait(&db.pool).await.unwrap(), json!({"doubled": 8}));
    assert!(failing.wait(&db.pool).await.unwrap_err().to_string().contains("ended as failed"));
}

/// The package's worker asks for any job; what it cannot import costs the job a run.
#[tokio::test]
async fn the_packages_worker_takes_tasks_of_others_unless_it_is_given_names() {
    let db = Db::new().await;
    NewJob::named("math.add").arg(1).publish(&db.pool).await.unwrap();
    NewJob::named("py_tasks.double").arg(4).publish(&db.pool).await.unwrap();
    python(&db, &["work", "1", "py_tasks.double"]).await;
    assert_eq!(db.one::<i32>("select retries from jobs.all where task = 'math.add'").await, 0, "left alone");

    NewJob::named("py_tasks.double").arg(4).publish(&db.pool).await.unwrap();
    python(&db, &["work", "2"]).await;
    assert_eq!(db.one::<i32>("select retries from jobs.all where task = 'math.add'").await, 1, "tried");
}
