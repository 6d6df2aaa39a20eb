//! The page without a database or a terminal.

use chrono::{DateTime, TimeDelta, Utc};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::json;
use uuid::Uuid;

use super::frame::text;
use super::snapshot::{Pace, Snapshot};
use super::state::{Asks, Sort, State};
use crate::inspect::{EndedLately, Problem, Severity, Standby, TaskCounts, WorkerRow};

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

fn counts(task: &str, ready: i64, running: i64, failed: i64) -> TaskCounts {
    let oldest_ready = (ready > 0).then(|| now() - TimeDelta::seconds(ready));
    let (task, exact) = (task.to_owned(), ready < 1000);
    TaskCounts { task, ready, scheduled: 2, running, success: 0, failed, cancelled: 0, oldest_ready, exact }
}

fn ended(task: &str, success: i64, failed: i64) -> EndedLately {
    EndedLately { task: task.to_owned(), success, failed, cancelled: 0, seconds: 10.0 }
}

fn worker(host: &str, alive: bool, paused: bool) -> WorkerRow {
    WorkerRow {
        id: Uuid::nil(),
        host: host.to_owned(),
        pid: 7,
        version: "0.3.0".to_owned(),
        topics: vec!["mail.*".to_owned()],
        tasks: Vec::new(),
        slots: 16,
        held: 5,
        started_at: now(),
        heartbeat_at: now() - TimeDelta::seconds(2),
        alive,
        paused_at: paused.then(now),
    }
}

fn problem() -> Problem {
    Problem {
        code: "no_worker".to_owned(),
        severity: Severity::Error,
        message: "3 jobs wait and no worker has their task".to_owned(),
        found: 3,
        allowed: 0,
        remedy: String::new(),
        details: json!({}),
    }
}

fn snapshot(tasks: Vec<TaskCounts>, ended: &[EndedLately]) -> Snapshot {
    let workers =
        vec![worker("lost", false, false), worker("db\u{1b}[2J", true, false), worker("b", true, true)];
    let paused = ["shop.*".parse().unwrap()];
    let snapshot = Snapshot::of("shop on \u{202e}db1", (tasks, ended), &paused, workers, vec![problem()]);
    Snapshot { at: now(), ..snapshot }
}

fn example() -> Snapshot {
    let tasks = vec![counts("mail.a", 7, 3, 0), counts("shop.b\u{1b}[31m", 1500, 1, 4), counts("z", 0, 9, 0)];
    snapshot(tasks, &[ended("mail.a", 100, 0), ended("z", 4, 1)])
}

#[test]
fn a_page_of_80_by_24_holds_every_pane() {
    let page = text(&example(), &State::default(), (80, 24));
    assert_eq!(page.len(), 24);
    assert!(page.iter().all(|line| line.chars().count() <= 80), "{page:#?}");
    let whole = page.join("\n");
    for said in [
        "pgjobs top  shop on \\u{202e}db1  00:00:00 UTC",
        "ready 1,507+ (oldest 25m)  scheduled 6+  running 13+",
        "ends 11/s  fails 0.1/s  10 in 32 slots of 2 workers",
        "Task",
        "shop.b\\u{1b}[31m (paused)",
        "1,500+",
        "Worker (3)",
        "db\\u{1b}[2J:7 0.3.0",
        "5/16",
        "paused",
        "lost",
        "1 problem: `pgjobs doctor`",
        "error no_worker: 3 jobs wait",
        "q end",
    ] {
        assert!(whole.contains(said), "{said}: {page:#?}");
    }
    let place = |what: &str| page.iter().position(|line| line.starts_with(what)).unwrap();
    assert!(place("shop.b") < place("mail.a") && place("mail.a") < place("z "), "the most ready first");
    assert!(place("lost:7") > place("b:7"), "those that live first: {page:#?}");
}

#[test]
fn a_page_of_a_standby_says_how_old_it_is() {
    let standby = Standby { streaming: true, replayed_at: None, seconds: 12.4, bytes: 7 };
    let page = text(&Snapshot { standby: Some(standby), ..example() }, &State::default(), (80, 24));
    assert!(page[0].starts_with("pgjobs top  standby, 12 seconds old  shop on"), "{page:#?}");
}

#[test]
fn a_page_of_several_servers_says_what_is_where() {
    let all = vec![(Some("eu".to_owned()), example()), (Some("us".to_owned()), example())];
    let both = Snapshot { at: now(), ..Snapshot::of_all("eu, us", all) };
    let page = text(&both, &State::default(), (80, 24)).join("\n");
    for said in [
        "pgjobs top  eu, us  00:00:00 UTC",
        "ready 3,014+ (oldest 25m)  scheduled 12+  running 26+",
        "20 in 32 slots of 2 workers", // the same processes, at both
        "us/mail.a",
        "eu/b:7",
        "2 problems",
        "error us/no_worker: 3 jobs wait",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
}

#[test]
fn an_empty_installation_is_said_to_be_empty() {
    let empty = Snapshot::of("x", (Vec::new(), &[]), &[], Vec::new(), Vec::new());
    let page = text(&empty, &State::default(), (80, 24)).join("\n");
    for said in [
        "no jobs",
        "no worker",
        "No problems",
        "ready 0  scheduled 0  running 0\nends 0/s  fails 0/s  0 in 0 slots of 0 workers",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
}

#[test]
fn no_size_of_a_terminal_is_too_small_or_too_large() {
    let many = (0..300).map(|n| counts(&format!("task.{n:03}"), n, 0, 0)).collect();
    let mut state = State { help: true, above: 299, ..State::default() };
    let snapshot = snapshot(many, &[]);
    for size in [(1, 1), (80, 3), (10, 24), (80, 24), (400, 200)] {
        for help in [true, false] {
            state.help = help;
            assert_eq!(text(&snapshot, &state, size).len(), usize::from(size.1), "{size:?}");
        }
    }
    let end = text(&snapshot, &state, (80, 24)).join("\n");
    assert!(end.contains("task.000") && end.contains("/300"), "the last ones: {end}");
}

#[test]
fn keys_sort_move_stop_and_end() {
    let (mut state, snapshot) = (State::default(), example());
    let key = |code| KeyEvent::new(code, KeyModifiers::NONE);
    let mut firsts = Vec::new();
    for _ in 0..6 {
        firsts.push(state.sorted(&snapshot)[0].counts.task.split('\u{1b}').next().unwrap().to_owned());
        assert_eq!(state.press(key(KeyCode::Char('s')), 3), Asks::Draw);
    }
    assert_eq!(firsts, ["shop.b", "z", "mail.a", "z", "shop.b", "mail.a"]);
    assert_eq!(state.sort, Sort::Ready, "around once");
    for (code, above) in
        [(KeyCode::Up, 0), (KeyCode::Down, 1), (KeyCode::End, 2), (KeyCode::Down, 2), (KeyCode::PageUp, 0)]
    {
        state.press(key(code), 3);
        assert_eq!(state.above, above, "{code:?}");
    }
    state.press(key(KeyCode::Char('p')), 3);
    assert!(state.stopped && text(&snapshot, &state, (80, 24))[0].contains("stopped"));
    state.press(key(KeyCode::Char('?')), 3);
    assert!(text(&snapshot, &state, (80, 24)).join("").contains("Help"));
    assert_eq!(state.press(key(KeyCode::Esc), 3), Asks::Draw, "closes the help");
    assert_eq!(state.press(key(KeyCode::Char('x')), 3), Asks::Nothing);
    assert_eq!(state.press(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL), 3), Asks::End);
    assert_eq!(state.press(key(KeyCode::Char('q')), 3), Asks::End);
}

#[test]
fn trouble_is_said_over_the_last_page() {
    let state = State { trouble: Some("no answer\u{1b}".to_owned()), ..State::default() };
    let page = text(&example(), &state, (80, 24));
    assert!(page[0].contains("no answer\\u{1b}") && page.join("").contains("mail.a"), "{page:#?}");
}

#[test]
fn a_database_that_takes_long_is_asked_less_often() {
    use std::time::Duration;
    let pace = Pace::new(Duration::from_secs(1));
    assert_eq!(pace.pause(Duration::from_millis(10)), Duration::from_millis(990));
    assert_eq!(pace.pause(Duration::from_secs(2)), Duration::from_secs(8));
}
