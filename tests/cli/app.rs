//! The user's own binary, run and watched.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use pgjobs_tests::{ended, output};
use serde_json::Value;

/// Variables that would change what a command does.
const UNSET: [&str; 11] = [
    "PGJOBS_SERVERS",
    "PGJOBS_READ_DSN",
    "DATABASE_URL",
    "PGHOST",
    "PGPORT",
    "PGDATABASE",
    "PGUSER",
    "PGPASSWORD",
    "RUST_LOG",
    "NO_COLOR",
    "COLUMNS",
];

/// A command of the program, without a database, in a folder of its own.
pub(crate) fn bare(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_app"));
    command.args(arguments).current_dir(folder());
    for name in UNSET {
        command.env_remove(name);
    }
    command
}

/// A command of the program on a database.
pub(crate) fn on(url: &str, arguments: &[&str]) -> Command {
    let mut command = bare(arguments);
    command.env("DATABASE_URL", url);
    command
}

/// A folder that nothing else uses.
pub(crate) fn folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("cli-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&path).expect("folder");
    path
}

/// What a command printed, and its exit code.
#[derive(Debug)]
pub(crate) struct Printed {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Printed {
    /// Its one JSON document.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.out.lines().count(), 1, "one document on one line: {self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Its data, after the exit code 0.
    pub(crate) fn data(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out.trim_end().to_owned()
    }
}

pub(crate) fn run(command: &mut Command) -> Printed {
    let Output { status, stdout, stderr } = output(command);
    Printed { code: status.code(), out: text(&stdout), err: text(&stderr) }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// A command that goes on; it is killed when the test ends before it.
pub(crate) struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let out = BufReader::new(child.stdout.take().expect("stdout"));
        Running { child, out }
    }

    /// Its next line of data.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("stdout");
        assert!(line.ends_with('\n'), "it ended early: {line}");
        line.trim_end().to_owned()
    }

    /// The first line on stderr that has this; those after it are read and dropped.
    pub(crate) fn error_line(&mut self, part: &str) -> String {
        let lines = BufReader::new(self.child.stderr.take().expect("stderr")).lines();
        let mut lines = lines.map_while(Result::ok);
        let found = lines.by_ref().find(|line| line.contains(part)).expect("the line");
        std::thread::spawn(move || lines.for_each(drop));
        found
    }

    /// Sends a signal, such as `-INT`.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().expect("kill").success());
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Printed {
        let code = ended(&mut self.child).code();
        let (mut out, mut err) = (String::new(), String::new());
        self.out.read_to_string(&mut out).expect("stdout");
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut err).expect("stderr");
        }
        Printed { code, out, err }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
