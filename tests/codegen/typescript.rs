//! The generated module passes a strict compiler, and works with postgres.js and a real worker.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use pgjobs_tests::Db;
use tokio::process::Command as Tool;

use crate::support::{client, declared, here, odd, tool, worker};

const PACKAGES: [&str; 3] = ["postgres@3", "typescript@5", "@types/node@20"];

/// Where the packages are; installed by the first run.
fn packages() -> PathBuf {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("codegen-typescript");
    if !folder.join("node_modules").exists() {
        let unfinished = folder.with_extension(std::process::id().to_string());
        fs::create_dir_all(&unfinished).expect("a folder");
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"]).arg(&unfinished);
        let installed = npm.args(PACKAGES).stdin(Stdio::null()).status().is_ok_and(|status| status.success());
        assert!(
            installed,
            "this test needs node 18 or newer with npm, and a package registry that npm can reach"
        );
        let _ = fs::remove_dir_all(&folder);
        fs::rename(&unfinished, &folder).expect("the packages in place");
    }
    folder
}

/// A folder inside that of the packages, where node finds them.
fn folder(source: &str, name: &str) -> PathBuf {
    let folder = packages().join(format!("{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("package.json"), r#"{"type": "module"}"#).expect("written");
    fs::write(folder.join("demo.ts"), source).expect("written");
    fs::copy(here("clients/client.ts"), folder.join("client.ts")).expect("copied");
    folder
}

async fn compile(folder: &Path, files: &[&str]) {
    let compiler = folder.join("../node_modules/typescript/bin/tsc");
    let mut node = Tool::new("node");
    node.arg(compiler).current_dir(folder).args([
        "--strict",
        "--noUncheckedIndexedAccess",
        "--noUnusedLocals",
    ]);
    node.args([
        "--exactOptionalPropertyTypes",
        "--module",
        "nodenext",
        "--target",
        "es2022",
        "--strictNullChecks",
    ])
    .args(files);
    tool(&mut node).await;
}

/// The server's socket folder, its port, the database and the user.
fn address(db: &Db) -> [String; 4] {
    let options = db.options();
    let socket = options.get_socket().map(|socket| socket.display().to_string()).expect("a socket");
    let database = options.get_database().unwrap_or_default().to_owned();
    [socket, options.get_port().to_string(), database, options.get_username().to_owned()]
}

#[tokio::test]
async fn it_passes_a_strict_compiler_and_works() {
    let db = declared().await;
    let folder = folder(&client(&db, "typescript"), "client");
    compile(&folder, &["demo.ts", "client.ts"]).await;

    let working = tokio::spawn(worker(&db).run());
    tool(Tool::new("node").arg("client.js").args(address(&db)).current_dir(&folder)).await;
    working.abort();
    fs::remove_dir_all(folder).expect("removed");
}

#[tokio::test]
async fn odd_tasks_pass_as_well() {
    let folder = folder(&client(&odd().await, "typescript"), "odd");
    compile(&folder, &["demo.ts"]).await;
    tool(Tool::new("node").arg("demo.js").current_dir(&folder)).await;
    fs::remove_dir_all(folder).expect("removed");
}
