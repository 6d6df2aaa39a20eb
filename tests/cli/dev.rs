//! `dev`.

use std::path::Path;
use std::process::Command;

use pgjobs_tests::until;
use sqlx::Connection;

use crate::app::{Running, bare, folder, run};

fn here(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = bare(arguments);
    command.current_dir(folder);
    command
}

#[test]
fn it_serves_the_folder_it_runs_in_and_keeps_the_data() {
    let folder = folder();
    let mut dev = Running::start(&mut here(&folder, &["dev"]));
    let line = dev.line();
    assert!(line.starts_with("export DATABASE_URL='postgresql:///"), "{line}");
    assert_eq!(run(&mut here(&folder, &["dev", "--print"])).data(), line);

    let said = run(&mut here(&folder, &["publish", "app.add", "--args", "[1, 2]", "--wait"]));
    assert!(said.err.contains("using the database of `app dev`"), "{said:?}");
    assert_eq!(said.data(), "3", "its worker is at work");
    let below = folder.join("src/bin");
    std::fs::create_dir_all(&below).unwrap();
    assert_eq!(run(&mut here(&below, &["dev", "--print"])).data(), line, "found from below");
    assert!(run(&mut here(&below, &["inspect"])).data().contains("app.add"));
    let said = run(&mut here(&folder, &["dev"]));
    assert!(said.code == Some(1) && said.err.contains("`app worker` for one more worker"), "{said:?}");
    let said = run(&mut here(&folder, &["dev", "--destroy", "--yes"]));
    assert_eq!(said.code, Some(1), "it runs: {said:?}");
    dev.signal("-INT");
    let said = dev.end();
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(run(&mut here(&folder, &["inspect"])).code, Some(3), "it is gone");

    let mut dev = Running::start(&mut here(&folder, &["dev", "--json"]));
    let document: serde_json::Value = serde_json::from_str(&dev.line()).unwrap();
    assert!(document["database_url"].as_str().unwrap().starts_with("postgresql:///"));
    assert!(run(&mut here(&folder, &["inspect"])).data().contains("app.add"), "the job is still there");
    dev.signal("-TERM");
    assert_eq!(dev.end().code, Some(0));

    assert_eq!(run(&mut here(&folder, &["dev", "--destroy"])).code, Some(2), "nobody can be asked");
    assert!(run(&mut here(&folder, &["dev", "--destroy", "--yes"])).data().starts_with("removed "));
    assert!(run(&mut here(&folder, &["dev", "--destroy", "--yes"])).data().starts_with("nothing at "));
}

#[test]
fn several_servers_run_side_by_side_with_one_worker() {
    let folder = folder();
    let mut dev = Running::start(&mut here(&folder, &["dev", "--ephemeral", "--servers", "2"]));
    let line = dev.line();
    assert!(line.starts_with("export PGJOBS_SERVERS='s1=postgresql:///"), "{line}");
    assert!(line.contains(" s2=postgresql:///"), "{line}");
    assert_eq!(run(&mut here(&folder, &["dev", "--print"])).data(), line);
    let listed = run(&mut here(&folder, &["servers", "list", "--json"])).json();
    for (nth, name) in ["s1", "s2"].into_iter().enumerate() {
        let server = &listed["servers"][nth];
        assert_eq!((&server["server"], &server["state"]), (&name.into(), &"up".into()), "{listed}");
        let publish = ["publish", "app.add", "--args", "[1, 2]", "--wait", "--on", name];
        assert_eq!(run(&mut here(&folder, &publish)).data(), "3", "the worker is at work on {name}");
    }
    assert_eq!(run(&mut here(&folder, &["publish", "app.add", "--args", "[1, 2]"])).code, Some(2));
    dev.signal("-INT");
    assert_eq!(dev.end().code, Some(0));
    run(&mut here(&folder, &["dev", "--destroy", "--yes"])).data();
}

#[tokio::test]
async fn one_of_several_servers_that_is_down_does_not_hide_the_others() {
    let folder = folder();
    let mut dev = Running::start(&mut here(&folder, &["dev", "--ephemeral", "--servers", "2"]));
    let line = dev.line();
    let first = line.split_once("s1=").unwrap().1.split([' ', '\'']).next().unwrap();
    let mut connection = sqlx::PgConnection::connect(first).await.unwrap();
    let pid = "select split_part(pg_read_file('postmaster.pid'), e'\n', 1)";
    let pid: String = sqlx::query_scalar(pid).fetch_one(&mut connection).await.unwrap();
    assert!(Command::new("kill").args(["-9", pid.trim()]).status().unwrap().success());
    until("it is down", async || sqlx::PgConnection::connect(first).await.is_err()).await;
    let said = run(&mut here(&folder, &["inspect", "--json"]));
    assert_eq!((said.code, &said.json()["away"][0]["server"]), (Some(4), &"s1".into()), "{said:?}");
    let drained = run(&mut here(&folder, &["servers", "drain", "s2", "--json"])).json();
    assert_eq!(drained["server"], "s2");
    let destroyed = run(&mut here(&folder, &["dev", "--destroy", "--yes"]));
    assert!(destroyed.code == Some(1) && destroyed.err.contains("stop it first"), "{destroyed:?}");
    dev.signal("-INT");
    dev.end();
}

#[test]
fn an_ephemeral_one_keeps_nothing() {
    let folder = folder();
    let mut dev = Running::start(&mut here(&folder, &["dev", "--ephemeral"]));
    dev.line();
    run(&mut here(&folder, &["publish", "app.nobody"])).data();
    dev.signal("-INT");
    assert_eq!(dev.end().code, Some(0));
    let mut dev = Running::start(&mut here(&folder, &["dev", "--ephemeral"]));
    dev.line();
    assert!(run(&mut here(&folder, &["inspect"])).data().contains("no jobs"));
    dev.signal("-INT");
    assert_eq!(dev.end().code, Some(0));
    run(&mut here(&folder, &["dev", "--destroy", "--yes"])).data();
}
