//! `dashboard`.

use std::io::{Read, Write};
use std::net::TcpStream;

use pgjobs_tests::Db;

use crate::app::{Running, bare, folder, on, run};

/// The answer to a GET of this path.
pub(crate) fn get(url: &str, path: &str) -> String {
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text");
    answer
}

#[tokio::test]
async fn a_dashboard_of_this_machine_makes_a_password_and_asks_for_it() {
    let db = Db::new().await;
    let mut dashboard = Running::start(&mut on(&db.url, &["dashboard", "--listen", "127.0.0.1:0", "--json"]));
    let document: serde_json::Value = serde_json::from_str(&dashboard.line()).expect("one document");
    let url = document["url"].as_str().expect("an address");
    assert_eq!(document["user"], "operator");
    assert!(document["password"].as_str().is_some_and(|password| password.len() >= 32), "{document}");
    assert!(get(url, "/jobs").starts_with("HTTP/1.1 303"), "nobody looks without it");
    assert!(get(url, "/login").contains("type=\"password\""));
    dashboard.signal("-INT");
    assert_eq!(dashboard.end().code, Some(0));
}

#[test]
fn other_machines_are_let_in_only_when_it_is_said_who() {
    let refused = |arguments: &[&str], password: Option<&str>| {
        let mut command = on("postgresql://none.invalid/x", &[&["dashboard"], arguments].concat());
        command.env_remove("PGJOBS_DASHBOARD_PASSWORD");
        if let Some(password) = password {
            command.env("PGJOBS_DASHBOARD_PASSWORD", password);
        }
        let said = run(&mut command);
        assert_eq!(said.code, Some(2), "{arguments:?}: {said:?}");
        said.err
    };
    let said = refused(&["--listen", "0.0.0.0:0"], None);
    assert!(said.contains("PGJOBS_DASHBOARD_PASSWORD or --users"), "{said}");
    assert!(refused(&["--listen", "[::]:0"], None).contains("nobody is said to log in"));
    let said = refused(&["--listen", "0.0.0.0:0"], Some("short"));
    assert!(said.contains("fewer than 12 characters") && !said.contains("short\""), "{said}");
    assert!(refused(&["--role", "boss"], None).contains("viewer, operator or admin"));
    let file = folder().join("users");
    std::fs::write(&file, "mara:operator:00\n").expect("written");
    let said = refused(&["--users", file.to_str().expect("text")], None);
    assert!(said.contains("line 1") && said.contains("64 hexadecimal digits"), "{said}");
    assert_eq!(run(&mut bare(&["dashboard", "--users", "/none"])).code, Some(2));
}
