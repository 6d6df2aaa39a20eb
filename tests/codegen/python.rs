//! The generated module passes a strict type checker, and works with asyncpg and a real worker.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tokio::process::Command as Tool;
use tokio::sync::OnceCell;

use crate::support::{client, declared, here, odd, tool, worker};

static PACKAGES: OnceCell<PathBuf> = OnceCell::const_new();

/// Where the packages are; installed by the first test that asks.
async fn packages() -> &'static Path {
    PACKAGES
        .get_or_init(|| async {
            let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("codegen-python");
            if !folder.join("asyncpg").exists() || !folder.join("asyncpg-stubs").exists() {
                install(&folder);
            }
            folder
        })
        .await
}

fn install(folder: &Path) {
    let unfinished = folder.with_extension(std::process::id().to_string());
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--root-user-action=ignore", "--disable-pip-version-check"]);
    pip.arg("--target")
        .arg(&unfinished)
        .args(["asyncpg>=0.30", "asyncpg-stubs", "mypy>=1.15"])
        .stdin(Stdio::null());
    let installed = pip.status().is_ok_and(|status| status.success());
    assert!(installed, "this test needs python3 with pip, and a package registry that pip can reach");
    let _ = fs::remove_dir_all(folder);
    fs::rename(&unfinished, folder).expect("the packages in place");
}

/// A folder with the generated module, and a program beside it.
fn folder(source: &str, program: &str) -> PathBuf {
    let name = format!("codegen-{program}-{}", std::process::id());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("demo.py"), source).expect("written");
    let program = here("clients").join(program).with_extension("py");
    if program.exists() {
        fs::copy(&program, folder.join(program.file_name().expect("a name"))).expect("copied");
    }
    folder
}

async fn python(folder: &Path, arguments: &[&str]) -> Tool {
    let mut python = Tool::new("python3");
    python.args(arguments).current_dir(folder);
    python.env("PYTHONPATH", packages().await).env("PYTHONDONTWRITEBYTECODE", "1");
    python
}

const MYPY: [&str; 5] = ["-m", "mypy", "--strict", "--no-error-summary", "--cache-dir=/dev/null"];

#[tokio::test]
async fn it_passes_a_strict_checker_and_works() {
    let db = declared().await;
    let folder = folder(&client(&db, "python"), "client");
    tool(
        python(&folder, &[&MYPY[..], &["demo.py", "client.py"]].concat()).await.arg("--python-version=3.11"),
    )
    .await;

    let working = tokio::spawn(worker(&db).run());
    tool(&mut python(&folder, &["client.py", &db.url]).await).await;
    working.abort();
    fs::remove_dir_all(folder).expect("removed");
}

#[tokio::test]
async fn odd_tasks_pass_as_well() {
    let folder = folder(&client(&odd().await, "python"), "odd");
    tool(python(&folder, &[&MYPY[..], &["demo.py"]].concat()).await.arg("--python-version=3.11")).await;
    tool(&mut python(&folder, &["demo.py"]).await).await;
    fs::remove_dir_all(folder).expect("removed");
}

#[tokio::test]
async fn a_checker_refuses_what_the_tasks_do_not_take() {
    let db = declared().await;
    let folder = folder(&client(&db, "python"), "wrong");
    let said = python(&folder, &[&MYPY[..], &["wrong.py"]].concat()).await.output().await.expect("mypy");
    let said = String::from_utf8_lossy(&said.stdout);
    let refused = |line: usize| said.contains(&format!("wrong.py:{line}: error"));
    let source = fs::read_to_string(here("clients/wrong.py")).expect("read");
    for (line, n) in source.lines().zip(1..) {
        assert_eq!(refused(n), line.ends_with("# refused"), "{line}: {said}");
    }
    fs::remove_dir_all(folder).expect("removed");
}
