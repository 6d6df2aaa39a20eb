//! The reader's terminals.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Instant;

use crate::running::{PATIENCE, Running};
use crate::words::Ids;

/// The commands that run on until Ctrl-C, each in a terminal of its own.
const RUN_ON: [&str; 3] = ["dev", "worker", "dashboard"];

pub(crate) struct Shell {
    folder: PathBuf,
    ids: Ids,
    running: BTreeMap<&'static str, Running>,
}

impl Shell {
    /// In an empty folder, in which a release seems to be built.
    pub(crate) fn new() -> Self {
        let folder = std::env::temp_dir()
            .join(format!("letters-{}", std::process::id()))
            .join("letters");
        fs::create_dir_all(folder.join("target/release")).expect("a folder");
        symlink(
            env!("CARGO_BIN_EXE_letters"),
            folder.join("target/release/letters"),
        )
        .expect("a link");
        Shell {
            folder,
            ids: Ids::default(),
            running: BTreeMap::new(),
        }
    }

    /// Does what a block of this page shows, and returns the number of its commands.
    pub(crate) fn follow(&mut self, page: &str, block: &str) -> usize {
        self.ids.turn_to(page);
        let mut commands = 0;
        let mut lines = block.lines().peekable();
        while let Some(line) = lines.next() {
            let mut shown = Vec::new();
            while let Some(line) = lines.next_if(|line| !line.starts_with("$ ")) {
                shown.push(line);
            }
            commands += 1;
            match line.strip_prefix("$ ") {
                Some(command) => self.run(page, command, &shown),
                None if line == "^C" => self.stop_worker(page, &shown),
                None => panic!("{page}: a command, not `{line}`"),
            }
        }
        commands
    }

    fn run(&mut self, page: &str, command: &str, shown: &[&str]) {
        if is_not_run(command) {
            return;
        }
        let command = self.ids.of_this_run(command);
        let runs_on = RUN_ON.into_iter().find(|name| {
            command.split(' ').any(|word| word == *name) && !command.contains("--print")
        });
        let outcome = match runs_on {
            Some(name) => self.begin(name, &command, shown),
            None => self.until_it_prints(&command, shown),
        };
        outcome.unwrap_or_else(|printed| panic!("{page}: $ {command}{printed}"));
    }

    fn begin(&mut self, name: &'static str, command: &str, shown: &[&str]) -> Result<(), String> {
        self.running.remove(name);
        let running = Running::start(command, &self.folder);
        running.begins_with(shown, &mut self.ids)?;
        self.running.insert(name, running);
        Ok(())
    }

    /// Runs a command. One that only looks is repeated until it sees what the page shows, since a reader
    /// waits a moment before he types it.
    fn until_it_prints(&mut self, command: &str, shown: &[&str]) -> Result<(), String> {
        let until = Instant::now() + PATIENCE;
        loop {
            let mut ids = self.ids.clone();
            let outcome = Running::start(command, &self.folder).prints(shown, &mut ids);
            if outcome.is_ok() || !only_looks(command) || Instant::now() > until {
                self.ids = ids;
                return outcome;
            }
        }
    }

    /// Ends the worker as Ctrl-C does; what it prints then is shown.
    fn stop_worker(&mut self, page: &str, shown: &[&str]) {
        let worker = self.running.remove("worker").expect("a worker that runs");
        worker.interrupt();
        let outcome = worker.prints(shown, &mut self.ids);
        outcome.unwrap_or_else(|printed| panic!("{page}: ^C{printed}"));
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        self.running.clear();
        Running::start("cargo run -q -- dev --destroy --yes", &self.folder).end();
        let _ = fs::remove_dir_all(self.folder.parent().expect("its folder"));
    }
}

/// Commands that build, and pauses. The reader's tests are run by the cargo that runs this one.
fn is_not_run(command: &str) -> bool {
    let first = [
        "cargo new",
        "cargo add",
        "cargo test",
        "cargo build",
        "cd ",
        "sleep ",
    ];
    first.iter().any(|first| command.starts_with(first))
}

fn only_looks(command: &str) -> bool {
    let verbs = [
        " inspect",
        " explain ",
        " show ",
        " list",
        " doctor",
        "curl ",
    ];
    verbs.iter().any(|verb| command.contains(verb))
}
