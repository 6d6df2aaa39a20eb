//! `top`.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use pgjobs_tests::{Db, ended, until};

use crate::app::{bare, on, run};
use crate::rights::user;

/// A job of each kind, and what `top` has to say of them.
async fn busy() -> Db {
    let db = Db::new().await;
    db.run("select jobs.publish('shop.pay'); select jobs.publish('shop.pay'); select jobs.publish('mail.send', i_max_retries => 1);
            select jobs.nack(job_id, 'a secret', null, true, lease) from jobs.consume('mail.send', 1);
            select jobs.consume('shop.pay', 1)").await;
    db
}

#[tokio::test]
async fn one_page_is_printed_as_text_for_a_role_that_only_reads() {
    let db = busy().await;
    let said = run(&mut on(&user(&db, "tops", Some("jobs_reader")).await, &["top", "--once"]));
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{said:?}");
    assert_eq!(said.out.lines().count(), 24, "{said:?}");
    for word in ["pgjobs top", "ready 1 (oldest", "shop.pay", "mail.send", "Ends/s", "Worker", "problem"] {
        assert!(said.out.contains(word), "{word}: {said:?}");
    }
    assert!(!said.out.contains('\x1b') && !said.out.contains("secret"), "{said:?}");
    let said = run(&mut on(&user(&db, "publishes", Some("jobs_publisher")).await, &["top", "--once"]));
    assert!(said.code == Some(1) && said.err.contains("the role jobs_reader"), "{said:?}");
}

#[tokio::test]
async fn one_page_is_a_document_with_the_rates_of_each_task() {
    let db = busy().await;
    db.run("create role top_gone; select jobs.grant_topic('top_gone', 'a'); drop role top_gone").await;
    let document = run(&mut on(&db.url, &["top", "--once", "--json"])).json();
    let task = |name: &str| {
        let tasks = document["tasks"].as_array().unwrap();
        tasks.iter().find(|task| task["task"] == name).unwrap_or_else(|| panic!("{document}")).clone()
    };
    let (pay, mail) = (task("shop.pay"), task("mail.send"));
    assert_eq!((&pay["ready"], &pay["running"], &pay["per_second"]), (&1.into(), &1.into(), &0.0.into()));
    assert!(mail["failed_per_second"].as_f64().is_some_and(|rate| rate > 0.0), "{mail}");
    assert_eq!(document["totals"]["ready"], 1);
    assert_eq!(document["problems"][0]["code"], "grant_of_no_role", "{document}");
    assert!(!document.to_string().contains("secret"), "{document}");
}

#[test]
fn it_needs_a_terminal_or_is_told_to_print_once() {
    let said = run(&mut bare(&["top"]));
    assert!(said.code == Some(2) && said.err.contains("--once"), "{said:?}");
    let said = run(&mut bare(&["top", "--json"]));
    assert!(said.code == Some(2) && said.err.contains("--once"), "{said:?}");
}

/// The program on a terminal of its own, 80 by 24.
struct Terminal {
    script: Child,
    screen: std::sync::Arc<std::sync::Mutex<Vec<u8>>>,
}

impl Terminal {
    fn start(db: &Db) -> Self {
        let app = on(&db.url, &[]);
        let line = format!("stty rows 24 cols 80; exec '{}' top", app.get_program().to_str().unwrap());
        let mut script = Command::new("script");
        script.args(["-qfec", &line, "/dev/null"]).env("DATABASE_URL", &db.url).env("TERM", "xterm-256color");
        let pipes = script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut script = pipes.spawn().expect("script");
        let mut out = script.stdout.take().expect("stdout");
        let screen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let filled = screen.clone();
        std::thread::spawn(move || {
            let mut some = [0; 4096];
            while let Ok(read @ 1..) = out.read(&mut some) {
                filled.lock().unwrap().extend_from_slice(&some[..read]);
            }
        });
        Terminal { script, screen }
    }

    fn shows(&self, what: &str) -> bool {
        String::from_utf8_lossy(&self.screen.lock().unwrap()).contains(what)
    }

    fn press(&mut self, keys: &str) {
        let keyboard = self.script.stdin.as_mut().expect("stdin");
        keyboard.write_all(keys.as_bytes()).and_then(|()| keyboard.flush()).expect("a key");
    }

    /// Its end; the usual screen and the cursor are back.
    async fn end(mut self) -> Option<i32> {
        let code = ended(&mut self.script).code();
        until("the usual screen is back", async || self.shows("\x1b[?1049l")).await;
        assert!(self.shows("\x1b[?25h"), "the cursor is shown again");
        code
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.script.kill();
        let _ = self.script.wait();
    }
}

#[tokio::test]
async fn on_a_terminal_it_goes_on_takes_keys_and_gives_the_terminal_back() {
    let db = busy().await;
    let mut page = Terminal::start(&db);
    until("the page is there", async || page.shows("\x1b[?1049h") && page.shows("shop.pay")).await;
    db.run("select jobs.publish('later.on')").await;
    until("it is drawn anew", async || page.shows("later.on")).await;
    page.press("?");
    until("the help", async || page.shows("Help")).await;
    page.press("?p");
    until("it stands still", async || page.shows("stopped")).await;
    page.press("q");
    assert_eq!(page.end().await, Some(0));
}

#[tokio::test]
async fn a_signal_gives_the_terminal_back() {
    let db = busy().await;
    let page = Terminal::start(&db);
    until("the page is there", async || page.shows("shop.pay")).await;
    let children = format!("/proc/{0}/task/{0}/children", page.script.id());
    let pid = std::fs::read_to_string(children).expect("its process");
    assert!(Command::new("kill").args(["-TERM", pid.trim()]).status().expect("kill").success());
    assert_eq!(page.end().await, Some(0));
}
