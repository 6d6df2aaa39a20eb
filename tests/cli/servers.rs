//! Several servers: what reads asks all of them, and what changes something takes one.

use std::process::Command;

use pgjobs_tests::Db;
use serde_json::Value;

use crate::app::{Printed, bare, folder, on, run};

/// A password that no output may show.
const CANARY: &str = "canary9S";

/// Two servers.
pub(crate) struct Servers {
    pub(crate) eu: Db,
    pub(crate) us: Db,
}

impl Servers {
    pub(crate) async fn new() -> Self {
        Servers { eu: Db::new().await, us: Db::new().await }
    }

    /// Both, as the variable lists them.
    pub(crate) fn both(&self) -> String {
        format!("eu={} us={}", self.eu.url, self.us.url)
    }

    /// Both, and one that nobody listens for.
    fn with_gone(&self) -> String {
        format!("{} gone=postgresql://ana:{CANARY}@127.0.0.1:1/shop", self.both())
    }

    /// A command on both.
    pub(crate) fn on(&self, arguments: &[&str]) -> Command {
        listed(&self.both(), arguments)
    }
}

/// A command on the servers of this list.
pub(crate) fn listed(servers: &str, arguments: &[&str]) -> Command {
    let mut command = bare(arguments);
    command.env("PGJOBS_SERVERS", servers);
    command
}

/// Publishes on a server and returns the job's id.
fn published(servers: &Servers, name: &str, task: &str) -> String {
    run(&mut servers.on(&["publish", task, "--on", name])).data()
}

fn servers_of(rows: &Value) -> Vec<(&str, &str)> {
    let rows = rows.as_array().expect("rows");
    rows.iter()
        .map(|row| (row["server"].as_str().unwrap_or("-"), row["task"].as_str().unwrap_or("-")))
        .collect()
}

#[tokio::test]
async fn what_reads_asks_all_servers_and_says_whose_each_row_is() {
    let servers = Servers::new().await;
    published(&servers, "eu", "mail.send");
    published(&servers, "us", "shop.pay");
    let jobs = run(&mut servers.on(&["inspect", "jobs", "--json"]));
    assert_eq!(jobs.code, Some(0), "{jobs:?}");
    let newest_first = [("us", "shop.pay"), ("eu", "mail.send")];
    assert_eq!(servers_of(&jobs.json()["jobs"]), newest_first, "{jobs:?}");
    assert_eq!(jobs.json().get("away"), None);
    let text = run(&mut servers.on(&["inspect", "jobs"])).data();
    assert!(text.lines().next().is_some_and(|head| head.starts_with("Server  Job")), "{text}");
    assert!(text.lines().nth(1).is_some_and(|row| row.starts_with("us ")), "{text}");

    let one = run(&mut servers.on(&["inspect", "jobs", "--limit", "1", "--json"])).json();
    assert_eq!(servers_of(&one["jobs"]), [("us", "shop.pay")]);
    let before = one["next"].as_str().expect("a page follows").to_owned();
    let next = run(&mut servers.on(&["inspect", "jobs", "--before", &before, "--json"])).json();
    assert_eq!(servers_of(&next["jobs"]), [("eu", "mail.send")], "pages are over all servers");

    let overview = run(&mut servers.on(&["inspect", "--json"])).json();
    assert_eq!(servers_of(&overview["tasks"]), [("eu", "mail.send"), ("us", "shop.pay")]);
    let top = run(&mut servers.on(&["top", "--once", "--json"])).json();
    assert_eq!(servers_of(&top["tasks"]), [("eu", "mail.send"), ("us", "shop.pay")]);
    assert_eq!(top["totals"]["ready"], 2);
    let page = run(&mut servers.on(&["top", "--once"])).data();
    assert!(page.contains("eu/mail.send") && page.contains("us/shop.pay"), "{page}");
}

#[tokio::test]
async fn a_list_of_all_servers_is_one_list_with_one_limit() {
    let servers = Servers::new().await;
    for (name, topic) in [("eu", "a.*"), ("us", "b.*"), ("eu", "c.*")] {
        run(&mut servers.on(&["pause", topic, "--on", name])).data();
    }
    let audit = run(&mut servers.on(&["audit", "--limit", "2", "--json"])).json()["audit"].clone();
    let targets: Vec<_> = audit.as_array().expect("rows").iter().map(|row| row["target"].as_str()).collect();
    assert_eq!(targets, [Some("c.*"), Some("b.*")], "the newest of both: {audit}");
    for arguments in [["audit", "--before", "7"].as_slice(), &["workflow", "list", "--before", "7"]] {
        let said = run(&mut servers.on(arguments));
        assert!(said.code == Some(2) && said.err.contains("say which server with --on"), "{said:?}");
    }
}

#[tokio::test]
async fn one_of_several_is_read_as_if_there_were_no_others() {
    let servers = Servers::new().await;
    published(&servers, "eu", "mail.send");
    let alone = run(&mut on(&servers.eu.url, &["inspect", "tasks", "--json"]));
    for arguments in
        [&["inspect", "tasks", "--json", "--on", "eu"][..], &["--on", "eu", "inspect", "tasks", "--json"]]
    {
        assert_eq!(run(&mut servers.on(arguments)).json(), alone.json());
    }
    let only = format!("eu={}", servers.eu.url);
    assert_eq!(run(&mut listed(&only, &["inspect", "tasks", "--json"])).json(), alone.json());
    let arguments = run(&mut bare(&["inspect", "tasks", "--json", "--server", &only]));
    assert_eq!(arguments.json(), alone.json(), "the same by the arguments");
}

/// Commands that read, and the field of the document that has their rows.
const READERS: [(&[&str], &str); 17] = [
    (&["inspect"], "tasks"),
    (&["check"], "findings"),
    (&["inspect", "jobs"], "jobs"),
    (&["inspect", "tasks"], "tasks"),
    (&["inspect", "workers"], "workers"),
    (&["inspect", "pauses"], "pauses"),
    (&["inspect", "statistics"], "tasks"),
    (&["inspect", "errors"], "errors"),
    (&["schedule", "list"], "schedules"),
    (&["limit", "list"], "limits"),
    (&["workflow", "list"], "workflows"),
    (&["operation", "list"], "operations"),
    (&["audit"], "audit"),
    (&["unique", "list"], "unique_keys"),
    (&["retention", "list"], "rules"),
    (&["watch", "list"], "watches"),
    (&["control", "receipts"], "receipts"),
];

#[tokio::test]
async fn a_server_that_is_away_is_one_warning_and_exit_code_4() {
    let servers = Servers::new().await;
    published(&servers, "eu", "mail.send");
    for (arguments, rows) in READERS {
        let said = run(&mut listed(&servers.with_gone(), arguments));
        assert_eq!(said.code, Some(4), "{arguments:?}: {said:?}");
        assert!(!said.out.is_empty(), "{arguments:?} prints what the others say: {said:?}");
        assert_eq!(said.err.lines().count(), 1, "{arguments:?}: {said:?}");
        assert!(
            said.err.starts_with("warning: ") && said.err.contains("server gone: cannot reach"),
            "{said:?}"
        );
        let said = run(&mut listed(&servers.with_gone(), &[arguments, &["--json"]].concat()));
        let document = said.json();
        assert_eq!((said.code, &document["away"][0]["server"]), (Some(4), &"gone".into()), "{said:?}");
        assert!(document[rows].is_array() && document.get("error").is_none(), "{arguments:?}: {document}");
        assert!(!format!("{said:?}").contains(CANARY), "{said:?}");
    }
}

#[tokio::test]
async fn when_no_server_answers_the_command_fails() {
    let both = format!("a=postgresql://ana:{CANARY}@127.0.0.1:1/x b=postgresql://ana:{CANARY}@127.0.0.1:2/y");
    for (arguments, _) in READERS {
        let said = run(&mut listed(&both, arguments));
        assert_eq!((said.code, said.out.as_str()), (Some(3), ""), "{arguments:?}: {said:?}");
        for name in ["server a: cannot reach database `x`", "server b: cannot reach database `y`"] {
            assert!(said.err.contains(name), "{name}: {said:?}");
        }
        assert!(!said.err.contains(CANARY), "{said:?}");
    }
    let listed = run(&mut listed(&both, &["servers", "list", "--json"]));
    assert_eq!(
        (listed.code, listed.json()["servers"][1]["state"].as_str()),
        (Some(3), Some("away")),
        "{listed:?}"
    );
}

#[tokio::test]
async fn a_command_that_changes_something_takes_one_server() {
    let servers = Servers::new().await;
    for arguments in [
        &["publish", "mail.send"][..],
        &["migrate"],
        &["cancel", "--topic", "*", "--yes"],
        &["retry", "0199d1f2a4b07c3e8f5a6b7c8d9e0f12"],
        &["pause", "mail.*"],
        &["limit", "set", "one", "--topic", "mail.*", "--max", "1"],
        &["schedule", "set", "nightly", "mail.send", "--every", "1h"],
        &["control", "ping", "--all"],
        &["watch", "add", "mail.*"],
        &["signal", "go"],
    ] {
        let said = run(&mut servers.on(arguments));
        assert_eq!(said.code, Some(2), "{arguments:?}: {said:?}");
        assert!(
            said.err.contains("there are eu, us: say which one with --on NAME"),
            "{arguments:?}: {said:?}"
        );
    }
    run(&mut servers.on(&["pause", "mail.*", "--on", "us"])).data();
    let paused = "select count(*) from jobs.pauses()";
    assert_eq!((servers.eu.one::<i64>(paused).await, servers.us.one::<i64>(paused).await), (0, 1));
    let said = run(&mut servers.on(&["pause", "mail.*", "--on", "ap"]));
    assert!(said.code == Some(2) && said.err.contains("--on names no server: there are eu, us"), "{said:?}");
    let said = run(&mut on(&servers.eu.url, &["inspect", "--on", "eu"]));
    assert!(said.code == Some(2) && said.err.contains("none has a name"), "{said:?}");
    let said = run(servers.on(&["inspect", "--server", "eu=@x", "--dsn-file"]).arg("x"));
    assert!(said.code == Some(2) && said.err.contains("leave one out"), "{said:?}");
}

#[tokio::test]
async fn a_job_is_found_on_whichever_server_it_is() {
    let servers = Servers::new().await;
    let id = published(&servers, "us", "shop.pay");
    let explained = run(&mut servers.on(&["explain", &id, "--json"])).json();
    assert_eq!((&explained["server"], &explained["job_id"]), (&"us".into(), &id.as_str().into()));
    assert!(run(&mut servers.on(&["explain", &id])).data().contains("on the server us"));
    let shown = run(&mut servers.on(&["inspect", "job", &id, "--json"])).json();
    assert_eq!((&shown["server"], &shown["task"]), (&"us".into(), &"shop.pay".into()));
    assert!(run(&mut servers.on(&["inspect", "job", &id])).data().contains("\nServer           us\n"));
    let found = run(&mut listed(&servers.with_gone(), &["explain", &id]));
    assert_eq!(found.code, Some(0), "the server that has it answered: {found:?}");

    let unknown = "0199d1f2a4b07c3e8f5a6b7c8d9e0f12";
    for arguments in [["explain", unknown].as_slice(), &["inspect", "job", unknown]] {
        let said = run(&mut servers.on(arguments));
        assert!(said.code == Some(1) && said.err.contains("no server has the job"), "{said:?}");
        let said = run(&mut listed(&servers.with_gone(), arguments));
        assert!(said.code == Some(3) && said.err.contains("not all answered: server gone"), "{said:?}");
    }
}

#[tokio::test]
async fn a_schedule_is_read_on_the_server_that_has_it() {
    let servers = Servers::new().await;
    let set = |name: &str| {
        run(&mut servers.on(&["schedule", "set", "nightly", "a.b", "--every", "1h", "--on", name]))
    };
    set("us").data();
    for arguments in [["schedule", "show", "nightly"].as_slice(), &["schedule", "explain", "nightly"]] {
        assert_eq!(run(&mut servers.on(arguments)).code, Some(0), "{arguments:?}");
    }
    assert_eq!(run(&mut servers.on(&["schedule", "list", "--json"])).json()["schedules"][0]["server"], "us");
    let said = run(&mut servers.on(&["schedule", "show", "daily"]));
    assert!(said.code == Some(1) && said.err.contains("no server has the schedule `daily`"), "{said:?}");
    set("eu").data();
    let said = run(&mut servers.on(&["schedule", "show", "nightly"]));
    assert!(said.code == Some(2) && said.err.contains("eu, us have the schedule `nightly`"), "{said:?}");
    run(&mut servers.on(&["schedule", "show", "nightly", "--on", "eu"])).data();
}

#[tokio::test]
async fn the_doctor_looks_at_every_server_and_misses_one_that_is_away() {
    let servers = Servers::new().await;
    published(&servers, "us", "shop.pay");
    let said = run(&mut listed(&servers.with_gone(), &["doctor", "--json"]));
    assert_eq!(said.code, Some(1), "{said:?}");
    let document = said.json();
    let problems = document["problems"].as_array().expect("problems");
    let of = |code: &str| {
        problems.iter().find(|problem| problem["code"] == code).unwrap_or_else(|| panic!("{said:?}"))
    };
    assert_eq!(of("server_away")["server"], "gone");
    let without = of("no_worker");
    assert_eq!((&without["server"], &without["found"]), (&"us".into(), &1.into()));
    assert!(
        without["remedy"].as_str().is_some_and(|remedy| remedy.contains("`pgjobs worker --on us`")),
        "{without}"
    );
    let text = run(&mut listed(&servers.with_gone(), &["doctor"]));
    assert!(
        text.out.contains("error server_away on gone: ") && text.out.contains("error no_worker on us: "),
        "{text:?}"
    );
    assert!(!format!("{said:?}{text:?}").contains(CANARY), "{text:?}");
}

/// Every way to name servers, as loud as can be.
fn tried(text: &str) -> Vec<Printed> {
    let mut said = Vec::new();
    for arguments in [
        &["inspect", "-vvv"][..],
        &["inspect", "--json", "-vvv"],
        &["doctor", "-vvv"],
        &["servers", "list", "-vvv"],
        &["servers", "drain", "eu", "-vvv"],
        &["servers", "add", text, "-vvv"],
        &["worker", "-vvv", "--log", "json"],
        &["publish", "a", "-vvv"],
        &["dashboard", "--listen", "127.0.0.1:0", "-vvv"],
    ] {
        said.push(run(listed(text, arguments).env("RUST_LOG", "trace")));
        said.push(run(bare(arguments).args(["--server", text]).env("RUST_LOG", "trace")));
    }
    said
}

#[test]
fn no_output_about_servers_holds_a_password() {
    for text in [
        format!("eu=postgresql://ana:{CANARY}@127.0.0.1:1/shop"),
        format!("eu=postgresql://ana@127.0.0.1:1/shop?password={CANARY}"),
        format!("eu=postgresql://ana:{CANARY}@127.0.0.1:port/shop"),
        format!("EU=postgresql://ana:{CANARY}@127.0.0.1:1/shop"),
        format!("postgresql://ana:{CANARY}@127.0.0.1:1/shop"),
        format!("eu=postgresql://ana:{CANARY}/x@127.0.0.1:1/shop"),
    ] {
        for said in tried(&text) {
            assert!(said.code == Some(2) || said.code == Some(3), "{text}: {said:?}");
            assert!(!format!("{said:?}").contains(CANARY), "{text}: {said:?}");
        }
    }
    let misplaced = format!("postgresql://ana:{CANARY}@127.0.0.1:1/shop");
    for arguments in [
        ["inspect", "--server", "eu", &misplaced].as_slice(),
        &["servers", "add", "eu=@x", &misplaced],
        &[&misplaced],
    ] {
        let said = run(&mut bare(arguments));
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(!format!("{said:?}").contains(CANARY) && said.err.contains("not shown"), "{said:?}");
    }
}

#[tokio::test]
async fn a_password_is_refused_in_the_arguments_and_taken_from_a_file() {
    let servers = Servers::new().await;
    let text = format!("eu=postgresql://ana:{CANARY}@127.0.0.1:1/shop");
    let said = run(&mut bare(&["inspect", "--server", &text]));
    assert!(said.code == Some(2) && said.err.contains("PGJOBS_SERVERS"), "{said:?}");
    let file = folder().join("eu");
    std::fs::write(&file, format!("{}\n", servers.eu.url)).expect("written");
    let (named, by_file) = (format!("us={}", servers.us.url), format!("eu=@{}", file.display()));
    let said = run(&mut bare(&["servers", "list", "--json", "--server", &named, "--server", &by_file]));
    let document = said.json();
    let states: Vec<&Value> =
        document["servers"].as_array().unwrap().iter().map(|row| &row["state"]).collect();
    assert_eq!((said.code, states), (Some(0), vec![&"up".into(), &"up".into()]), "{document}");
}
