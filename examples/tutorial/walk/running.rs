//! A command, while it runs.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::words::Ids;

/// `cargo run` with the programs that are built already, and `curl` for machines that lack it.
const COMMANDS: &str = r#"
cargo() {
    shift; program=letters
    while [ $# -gt 0 ]; do
        case "$1" in --bin) program=$2; shift ;; --) shift; break ;; esac
        shift
    done
    case "$program" in
        letters) "$LETTERS" "$@" ;;
        sign-up) "$SIGN_UP" "$@" ;;
        catalogue) "$CATALOGUE" "$@" ;;
    esac
}
curl() { WALK_GET=$2 "$WALK" --exact running::get --nocapture | grep '^body: ' | cut -c7-; }
"#;

/// The longest time for what a page shows to be printed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What each command says first, and the pages show once.
const SAID_ONCE: &str = "using the database of ";

pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    /// Starts it as a process group of its own, without a database in the environment. Both outputs are one.
    pub(crate) fn start(command: &str, folder: &Path) -> Self {
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", &format!("exec 2>&1\n{COMMANDS}\n{command}")])
            .current_dir(folder)
            .process_group(0);
        shell.stdin(Stdio::null()).stdout(Stdio::piped());
        shell
            .env("LETTERS", env!("CARGO_BIN_EXE_letters"))
            .env("SIGN_UP", env!("CARGO_BIN_EXE_sign-up"));
        shell
            .env("CATALOGUE", env!("CARGO_BIN_EXE_catalogue"))
            .env("WALK", std::env::current_exe().expect("this program"));
        shell.env("RUST_BACKTRACE", "0");
        for name in [
            "DATABASE_URL",
            "PGHOST",
            "PGHOSTADDR",
            "PGDATABASE",
            "PGUSER",
            "PGPASSWORD",
            "RUST_LOG",
        ] {
            shell.env_remove(name);
        }
        let mut child = shell.spawn().expect("a shell");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            output
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        Running { child, lines }
    }

    /// Whether it prints these lines and ends; if not, what it printed. `…` stands for any number of lines.
    pub(crate) fn prints(self, shown: &[&str], ids: &mut Ids) -> Result<(), String> {
        let outcome = self.read(shown, ids, false);
        self.end();
        outcome
    }

    /// The same for a command that runs on after these lines.
    pub(crate) fn begins_with(&self, shown: &[&str], ids: &mut Ids) -> Result<(), String> {
        self.read(shown, ids, true)
    }

    fn read(&self, shown: &[&str], ids: &mut Ids, runs_on: bool) -> Result<(), String> {
        let until = Instant::now() + PATIENCE;
        let mut read = String::new();
        let mut rest = shown.iter().copied().peekable();
        let mut may_be_any = rest.next_if_eq(&"…").is_some();
        while !(runs_on && rest.peek().is_none()) {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                break;
            };
            read.push_str(&format!("\n  {line}"));
            if rest.next_if(|next| ids.is_as_shown(&line, next)).is_some() {
                may_be_any = rest.next_if_eq(&"…").is_some();
            } else if !may_be_any && !line.starts_with(SAID_ONCE) {
                return Err(format!("{read}\nThe page shows next: {:?}", rest.peek()));
            }
        }
        rest.peek().map_or(Ok(()), |next| {
            Err(format!("{read}\nThe page shows next: {next}"))
        })
    }

    pub(crate) fn interrupt(&self) {
        let group = format!("-{}", self.child.id());
        let killed = Command::new("kill").args(["-INT", "--", &group]).status();
        assert!(killed.expect("kill").success());
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) {
        self.wait();
    }

    fn wait(&mut self) {
        while self.lines.recv_timeout(PATIENCE).is_ok() {}
        self.child.wait().expect("its end");
    }
}

/// Ctrl-C, for what runs on.
impl Drop for Running {
    fn drop(&mut self) {
        if self.child.try_wait().expect("its state").is_none() {
            self.interrupt();
            self.wait();
        }
    }
}

/// Not a test by itself: what `curl` is here.
#[test]
fn get() {
    use std::io::{Read, Write};
    let Ok(url) = std::env::var("WALK_GET") else {
        return;
    };
    let (host, path) = url
        .trim_start_matches("http://")
        .split_once('/')
        .expect("a path");
    let mut stream = std::net::TcpStream::connect(host).expect("a connection");
    write!(
        stream,
        "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
    )
    .expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    body.lines().for_each(|line| println!("body: {line}"));
}
