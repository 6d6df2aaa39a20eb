//! Every example as a real process, on a machine without a database: it ends well and says what it should.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Whether the variable has to go: it names a database (PGJOBS_… says where PostgreSQL itself is, and
/// stays), or it is what the cargo that runs this test says about it, which would make build scripts
/// run again.
fn has_to_go(name: &str) -> bool {
    let database = name == "DATABASE_URL" || (name.starts_with("PG") && !name.starts_with("PGJOBS_"));
    database || name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
}

/// What the example prints when nothing names a database. In the root of the workspace and without
/// `--package`, as a user runs it: what `cargo test` has built is not built again.
fn run(example: &str, arguments: &[&str]) -> String {
    let output = command(example, arguments).output().unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{example} ended with {}:\n{stdout}\n{stderr}", output.status);
    assert!(stderr.contains("stops and is removed with this program"), "it says what database it uses");
    stdout
}

fn command(example: &str, arguments: &[&str]) -> Command {
    let mut cargo = program("--example", example);
    cargo.arg("--").args(arguments);
    cargo
}

/// Of this kind, `--example` or `--bin`.
fn program(kind: &str, name: &str) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    cargo.args(["run", "--quiet", kind, name]).env("RUST_BACKTRACE", "0");
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(has_to_go) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// The words of the line that begins with `first`.
fn line<'t>(text: &'t str, first: &str) -> Vec<&'t str> {
    let mut lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    lines.find(|words| words.first() == Some(&first)).unwrap_or_else(|| panic!("no line begins with {first}"))
}

/// A folder of known files, removed at the end of the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("pgjobs-quickstart-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn write(&self, path: &str, content: &[u8]) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn quickstart_counts_every_file_once() {
    let folder = Folder::new("known");
    for number in 0..60 {
        folder.write(&format!("{}/{number}.txt", number % 7), format!("file {number}\nof many\n").as_bytes());
    }
    folder.write("copy.txt", b"file 1\nof many\n");
    folder.write("target/built.txt", b"left out");
    folder.write(".git/config", b"left out");
    folder.write("image.bin", b"\x7f\0\0left out");
    folder.write("giant.txt", &vec![b'a'; 2 << 20]);

    let shown = run("quickstart", &[folder.0.to_str().unwrap(), "--workers", "2"]);

    assert!(shown.contains("published 125 jobs for 61 files in one transaction"));
    assert!(shown.contains("125 of 125 jobs have ended"));
    // task, jobs, success, failed, attempts
    assert_eq!(line(&shown, "quickstart.tasks.count")[1..5], ["61", "61", "0", "61"]);
    assert_eq!(line(&shown, "quickstart.tasks.digest")[1..5], ["61", "61", "0", "61"]);
    assert_eq!(line(&shown, "quickstart.tasks.unsteady")[1..5], ["1", "1", "0", "3"]);
    assert_eq!(line(&shown, "quickstart.tasks.hopeless")[1..5], ["1", "0", "1", "1"]);
    assert_eq!(line(&shown, "quickstart.tasks.later")[1..5], ["1", "1", "0", "1"]);
    assert!(shown.contains("61 files hold 122 lines and 244 words; 1 are copies of another"));
    assert!(shown.contains("in run 1: the file was never written"));
    assert!(shown.contains("122 jobs on files in "));
    assert!(shown.contains("125 jobs in "));
}

#[test]
fn quickstart_works_on_this_repository_when_no_folder_is_named() {
    let shown = run("quickstart", &[]);
    let counts = line(&shown, "quickstart.tasks.count");
    assert!(counts[1].parse::<u32>().unwrap() > 100);
    assert_eq!((counts[1], counts[3]), (counts[2], "0"));
    assert_eq!(counts[1..5], line(&shown, "quickstart.tasks.digest")[1..5]);
}

#[test]
fn quickstart_leaves_its_dashboard_open_until_it_is_interrupted() {
    let folder = Folder::new("stay");
    folder.write("one", b"1");
    let mut command = command("quickstart", &[folder.0.to_str().unwrap(), "--stay"]);
    let mut running = command.stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0).spawn().unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines().map(Result::unwrap);
    let first = lines.next().unwrap();
    let address = first.strip_prefix("dashboard: http://").unwrap_or_else(|| panic!("{first}"));
    assert!(lines.any(|line| line == "the dashboard stays open; Ctrl-C ends it"));
    let mut page = TcpStream::connect(address).unwrap();
    write!(page, "GET /jobs?state=failed HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut shown = String::new();
    page.read_to_string(&mut shown).unwrap();
    assert!(shown.starts_with("HTTP/1.1 200") && shown.contains("hopeless"), "{shown}");
    let group = format!("-{}", running.id());
    assert!(Command::new("kill").args(["-INT", "--", &group]).status().unwrap().success());
    assert!(running.wait().unwrap().success());
}

#[test]
fn metrics_are_what_a_monitor_reads() {
    let shown = run("metrics", &[]);
    for (name, outcome, number) in [
        ("pgjobs_settled_total", "success", "3"),
        ("pgjobs_settled_total", "failed", "1"),
        ("pgjobs_published_total", "published", "5"),
        ("pgjobs_open_jobs", "ready", "1"),
        ("pgjobs_failed_jobs_last_hour", "", "1"),
        ("pgjobs_slo_seconds", "", "30"),
    ] {
        let is_it = |line: &str| {
            line.starts_with(name) && line.contains(outcome) && line.split(' ').next_back() == Some(number)
        };
        assert!(shown.lines().any(|line| is_it(line.trim())), "{name} {outcome} {number}: {shown}");
    }
}

#[test]
fn a_run_links_to_its_request_or_is_a_part_of_its_trace() {
    let shown = run("otel", &[]);
    for line in [
        "POST /sign-ups: a trace\n",
        "pgjobs.run otel.letter: a trace, linked to `POST /sign-ups`\n",
        "smtp: within `pgjobs.run otel.letter`\n",
        "pgjobs.run otel.preview: within `POST /sign-ups`\n",
    ] {
        assert!(shown.contains(line), "{line} is not in\n{shown}");
    }
}

#[test]
fn a_web_server_answers_with_results_and_has_the_dashboard() {
    let shown = run("axum_app", &[]);
    for line in [
        "cat.png: 201 small-cat.png\n",
        "large-dog.png: 202, ask later\n",
        "and later: 200 small-large-dog.png\n",
        "the dashboard for \"\": 401, false\n",
        "the dashboard for \"x-user: mara\\r\\n\": 200, true\n",
    ] {
        assert!(shown.contains(line), "{line} is not in\n{shown}");
    }
}

#[test]
fn transactional_keeps_order_and_job_together() {
    let shown = run("transactional", &[]);
    assert!(shown.contains("committed: the purchase is there, its job is pending"));
    assert!(shown.contains("rolled back: 0 purchases, no job"));
    assert_eq!(shown.matches("purchase confirmed to").count(), 6);
    assert!(!shown.contains("bob@example.org"));
}

#[test]
fn retries_shows_the_row_after_every_kind_of_failure() {
    let shown = run("retries", &[]);
    let (first, ended) = shown.split_once("when all have ended").unwrap();
    // state, attempt, retries, max_retries
    assert_eq!(line(first, "retries.question_mark")[1..5], ["pending", "1", "1", "2"]);
    assert_eq!(line(first, "retries.retry_in")[1..5], ["pending", "1", "1", "2"]);
    assert_eq!(line(first, "retries.fatal")[1..5], ["failed", "1", "0", "2"]);
    assert_eq!(line(first, "retries.snooze")[1..5], ["pending", "1", "0", "1"]);
    assert_eq!(line(first, "retries.panic")[1..5], ["pending", "1", "1", "2"]);
    assert_eq!(line(first, "retries.timeout")[1..5], ["pending", "1", "1", "2"]);

    assert_eq!(line(ended, "retries.question_mark")[1..3], ["failed", "2"]);
    assert_eq!(line(ended, "retries.retry_in")[1..3], ["success", "2"]);
    assert_eq!(line(ended, "retries.fatal")[1..3], ["failed", "1"]);
    assert_eq!(line(ended, "retries.snooze")[1..3], ["success", "2"]);
    assert_eq!(line(ended, "retries.panic")[1..3], ["failed", "2"]);
    assert_eq!(line(ended, "retries.timeout")[1..3], ["failed", "2"]);
    for error in
        ["invalid digit", "too many requests", "the account is closed", "panicked: index", "timed out"]
    {
        assert!(ended.contains(error), "{error}");
    }
}

#[test]
fn layers_see_and_change_how_runs_end() {
    let shown = run("layers", &[]);
    for line in [
        "task `layers.refund`: a publish layer of this program refused the job: no refunds today",
        "attempt 1 of layers.charge succeeded with \"charged ana\"",
        "attempt 1 of layers.charge runs again later",
        "attempt 1 of layers.charge failed: the account is closed",
        "layers.charge with priority 7 is success",
        "layers.charge with priority 7 is pending",
        "layers.charge with priority 7 is failed",
    ] {
        assert!(shown.contains(line), "{line} is not in\n{shown}");
    }
}

#[test]
fn a_batch_handler_runs_many_jobs_in_one_call() {
    let shown = run("batch", &[]);
    for line in ["one request with bomb\n", "dog is indexed, 3 bytes\n", "hen is indexed, 3 bytes\n"] {
        assert!(shown.contains(line), "{line} is not in\n{shown}");
    }
    assert_eq!(shown.matches("is indexed").count(), 8);
    for lost in ["blank is not indexed", "bomb is not indexed"] {
        assert_eq!(shown.matches(lost).count(), 1, "{shown}");
    }
    let requests = shown.lines().filter(|line| line.starts_with("one request with")).count();
    assert!(requests <= 8 + 8, "ten jobs and four repeated ones, most of them together:\n{shown}");
}

#[test]
fn meta_travels_to_the_run_and_into_sql() {
    let shown = run("meta", &[]);
    for line in [
        "invoice 2 of tenant 8 is sent\n",
        "invoice 3 of tenant 7 is sent with a letter",
        r#"of tenant 7: {"tenant": 7, "request": "8c1f"} and {"tags": ["vip"], "tenant": 7, "request": "8c1f"}"#,
    ] {
        assert!(shown.contains(line), "{line} is not in\n{shown}");
    }
}

#[test]
fn events_shows_each_customer_their_own_export() {
    let shown = run("events", &[]);
    for customer in ["ada:", "bob:"] {
        assert_eq!(line(&shown, customer)[1..], ["queued,", "picked,", "progress,", "completed"]);
    }
}

#[test]
fn progress_shows_a_bar_and_a_log() {
    let shown = run("progress", &[]);
    for line in
        ["33 %: b.csv", "3 files, 3 of Some(3.0) done", "info importing {\"file\": \"a.csv\"}", "info done "]
    {
        assert!(shown.contains(line), "{line} is not in\n{shown}");
    }
}

#[test]
fn schedules_tick_are_paused_and_explained() {
    let shown = run("schedules", &[]);
    for line in [
        "schedules.report.of.7 is due 0 7 * * mon-fri in Europe/Berlin",
        "it publishes nothing: paused",
        "report of customer 7",
        "looked for new orders, at a full second: true",
        "paused: they are on holiday",
        "run: by",
    ] {
        assert!(shown.contains(line), "{line} is not in\n{shown}");
    }
}

#[test]
fn redrive_publishes_failed_jobs_anew_and_says_who_did_it() {
    let shown = run("redrive", &[]);
    for line in [
        "3 jobs have timed out",
        "operation: done, 3 of 3 jobs",
        "sent to bea@example.org, with the key of the first try: true",
        "sent to ana@example.org",
        "re-driven: true",
        "start_operation: the relay is back",
        "edit: no address",
        "redrive: the address is right now",
        "kept: success for 1 day",
        "keep: ",
    ] {
        assert!(shown.contains(line), "{line} is not in\n{shown}");
    }
}

#[test]
fn testing_lives_through_a_week() {
    let shown = run("testing", &[]);
    for line in
        ["now: 0 reminders", "after a day: 1 reminder", "after 5 days more: 6 reminders, 1 of them late"]
    {
        assert!(shown.contains(line), "{line} is not in\n{shown}");
    }
}

#[test]
fn keys_have_their_servers_and_leave_one_that_drains() {
    let shown = run("servers", &[]);
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[0].starts_with("the invoice of customer 4711 lies on "), "{shown}");
    assert_eq!(lines[1], "100 customers on us", "{shown}");
    let done = |server: &str| line(&shown, server)[1].parse::<u32>().unwrap();
    assert_eq!((done("eu:") + done("us:"), done("us:") >= 100), (101, true), "{shown}");
}

#[test]
fn a_paused_letter_waits_and_says_why() {
    let shown = run("pause", &[]);
    for line in
        ["bill of customer 7\n", "why not the letter: paused: the topic 'pause.letter' is paused since "]
    {
        assert!(shown.contains(line), "{line} is not in\n{shown}");
    }
    assert!(shown.ends_with("letter to ann\n"), "{shown}");
}

#[test]
fn limits_hold_and_say_what_they_keep_back() {
    let shown = run("limits", &[]);
    for line in [
        "account 7: 1\naccount 7: 2\naccount 7: 3\n",
        "at most 2 imports of customer 1 at once\n",
        "why not file 9: key_closed: the limit 'imports' is closed for its key until ",
        "imported file 9 of customer 2\n",
        "imports: Some(10) at once\n",
        "limits.post/account: Some(1) at once\n",
    ] {
        assert!(shown.contains(line), "{line} is not in\n{shown}");
    }
}

#[test]
fn an_order_that_cannot_be_packed_is_refunded() {
    let shown = run("order", &[]);
    for line in [
        "order 1: a parcel with one teapot is on its way to Lisbon\n",
        "order 2: 1900 cents refunded\n",
        "order 2: sorry, there is no unicorn\n",
        "order 2 is compensated: a node failed\n",
        "  ship       cancelled\n",
    ] {
        assert!(shown.contains(line), "{line} is not in\n{shown}");
    }
    assert!(!shown.contains("order 1: 1900 cents refunded"), "{shown}");
}

#[test]
fn words_of_a_folder_are_counted_by_a_job_for_each_ten_files() {
    let folder = Folder::new("words");
    for number in 0..25 {
        folder.write(&format!("{number}.txt"), b"apple banana banana\n");
    }
    folder.write("image.bin", b"apple");
    let shown = run("map_reduce", &[folder.0.to_str().unwrap()]);
    assert_eq!(shown, "    50 banana\n    25 apple\nlist: 1 jobs\ncount: 3 jobs\ntop: 1 jobs\n");
}

#[test]
fn a_schedule_starts_a_workflow_whose_report_comes() {
    let shown = run("nightly_report", &[]);
    assert!(shown.contains("nightly.start is due at 0 3 * * *\n"), "{shown}");
    assert!(shown.contains(": 4 shops sold for 10000\n"), "{shown}");
}

#[test]
fn unique_jobs_are_published_once_and_postponed_ones_run_once() {
    let shown = run("unique", &[]);
    for line in [
        "twice in Rust: Published, Existing, the same job: true\n",
        "and in SQL: the same job: true\n",
        "five edits: [Published, Replaced, Replaced, Replaced, Replaced]\n",
        "is indexed as of revision 5\n",
        "on paper\n",
        "once it has ended: Published\n",
    ] {
        assert!(shown.contains(line), "{line} is not in\n{shown}");
    }
    assert_eq!(shown.matches("is indexed").count(), 1);
}

#[test]
fn an_order_in_steps_waits_for_a_person_and_is_charged_once() {
    let shown = run("approval", &[]);
    assert_eq!(shown.matches(": charged\n").count(), 3, "{shown}");
    assert_eq!(shown.matches(": thank you\n").count(), 2, "{shown}");
    for line in [
        "the second order: waits_for_signal (3)\n",
        "the worker has ended; another one goes on\n",
        ": approved by ada, receipt ",
        ": approved by grace, receipt ",
        ": nobody approved it, receipt ",
        "2 orders are booked\n",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
}

#[test]
fn a_cancel_reaches_the_code_and_a_drained_worker_ends() {
    let shown = run("cancel", &[]);
    for line in [
        "pieces, and removed\n",
        ": the customer took it back\n",
        "notes.txt: uploaded\n",
        "the worker has ended: 1 succeeded, 2 lost\n",
        "cancel applied: 1 stopped by themselves (the customer took it back)\n",
        "cancel applied: 1 cut off (disk full)\n",
        "drain applied: ends when its last run has ended: ",
    ] {
        assert!(shown.contains(line), "{line} is not in\n{shown}");
    }
}

#[test]
fn topics_divide_the_work_between_two_programs() {
    let shown = run("topics", &[]);
    assert_eq!(shown.matches("mail-worker: shop.mail.welcome in").count(), 4);
    assert_eq!(shown.matches("mail-worker: shop.mail.receipt in").count(), 2);
    assert_eq!(shown.matches("billing-worker: shop.billing.charge in").count(), 2);
    assert!(shown.contains("mail-worker: 6 jobs, bye"), "it was asked to end and ended in order");
    assert!(shown.contains("billing-worker: 2 jobs, bye"));
    let table = shown.lines().skip_while(|line| !line.starts_with("worker"));
    let rows: Vec<Vec<&str>> = table.skip(1).map(|row| row.split_whitespace().collect()).collect();
    assert_eq!(
        rows.iter().map(|row| row[1..].join(" ")).collect::<Vec<_>>(),
        ["shop.billing.charge 2", "shop.mail.receipt 2", "shop.mail.welcome 4"]
    );
    assert_ne!(rows[0][0], rows[1][0]);
    assert_eq!(rows[1][0], rows[2][0]);
}

/// What `curl` would be told.
fn ask(address: &str, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json"
    );
    write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_shop_takes_an_order_and_delivers_it_without_a_database() {
    let mut command = program("--bin", "shop-web");
    command.env("LISTEN", "127.0.0.1:0").stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    let mut running = command.spawn().unwrap();
    let lines = BufReader::new(running.stdout.take().unwrap()).lines().map(Result::unwrap);
    let said: Vec<String> = lines.take(3).collect();
    let address =
        said.last().and_then(|line| line.strip_prefix("shop: http://")).unwrap_or_else(|| panic!("{said:?}"));
    assert!(
        said[0].contains("/jobs (log in as admin with ") && said[1].contains("DATABASE_URL='postgres"),
        "{said:?}"
    );

    assert!(ask(address, "GET", "/", "").contains(&format!(" {address}/customers")));
    ask(address, "POST", "/customers", r#"{"address": "ada@example.org"}"#);
    ask(address, "POST", "/orders", r#"{"customer": 1, "item": "teapot", "count": 2}"#);
    // Before the parcel is handed over, or after it: the signal is kept.
    assert!(ask(address, "POST", "/orders/1/delivered", r#""Lisbon""#).contains(r#"{"heard":true}"#));
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut shown = String::new();
    while !shown.contains(r#""state":"success""#) {
        assert!(Instant::now() < deadline, "{shown}");
        std::thread::sleep(Duration::from_millis(50));
        shown = ask(address, "GET", "/orders/1", "");
    }
    assert!(ask(address, "GET", "/jobs", "").starts_with("HTTP/1.1 303"), "the dashboard asks for a login");

    let group = format!("-{}", running.id());
    assert!(Command::new("kill").args(["-INT", "--", &group]).status().unwrap().success());
    assert!(running.wait().unwrap().success());
}

/// An example that is not listed is not found.
#[test]
fn every_example_is_listed_and_tested() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let manifest = fs::read_to_string(root.join("examples/Cargo.toml")).unwrap();
    let (list, tests) =
        (fs::read_to_string(root.join("examples/README.md")).unwrap(), include_str!("examples.rs"));
    let examples = manifest.split("[[example]]").skip(1).filter_map(|example| example.split('"').nth(1));
    let examples: Vec<&str> = examples.collect();
    assert!(examples.len() >= 17, "{examples:?}");
    for example in examples {
        assert!(list.contains(&format!("| `{example}` |")), "{example} is not in examples/README.md");
        assert!(tests.contains(&format!("run(\"{example}\"")), "{example} is not run by a test");
    }
}

#[test]
fn library_tasks_are_linked_by_name() {
    let shown = run("library_tasks", &[]);
    for task in ["shop.billing.charge", "shop.billing.total", "shop.mail.receipt", "shop.mail.welcome"] {
        assert!(shown.contains(&format!("linked: {task} (")), "{task}");
    }
    assert!(shown.contains("shop.billing.total: 2240"));
}

#[test]
fn burst_leaves_what_is_for_later() {
    let shown = run("burst", &[]);
    for report in ["made north.pdf", "made south.pdf", "made east.pdf", "made west.pdf"] {
        assert!(shown.contains(report), "{report}");
    }
    assert!(shown.contains("4 succeeded, 0 failed"));
    assert!(shown.contains("left for later: 1 job, pending"));
}

#[test]
fn sql_trigger_publishes_for_a_rust_task() {
    let shown = run("sql_trigger", &[]);
    for label in ["Porto: POR-0001", "Lisbon: LIS-0002", "Faro: FAR-0003"] {
        assert!(shown.contains(label), "{label}");
    }
}
