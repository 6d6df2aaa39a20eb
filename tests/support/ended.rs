//! A program that does not end fails its test, and a test that does not end fails its program.

use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use crate::NEVER;

/// What the command prints until it ends; panics with that when it does not end.
pub fn output(command: &mut Command) -> Output {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let pid = child.id().to_string();
    let (tell, told) = channel();
    thread::spawn(move || tell.send(child.wait_with_output()));
    let output = told.recv_timeout(NEVER).unwrap_or_else(|_| {
        let _ = Command::new("kill").args(["-9", &pid]).status();
        let said = told.recv().expect("the thread lives").expect("its output");
        panic!("{command:?} did not end within {NEVER:?}: {said:?}")
    });
    output.expect("its output")
}

/// How the program ended; panics when it does not end.
pub fn ended(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + NEVER;
    loop {
        if let Some(status) = child.try_wait().expect("its status") {
            return status;
        }
        assert!(Instant::now() < deadline, "the program did not end within {NEVER:?}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// The longest that the tests of one program take on a busy machine, and some.
const LONGEST: Duration = Duration::from_secs(30 * 60);

/// Ends this program when a test never ends: the test harness has named it by then, and would wait for ever.
pub(crate) fn watch_program() {
    thread::spawn(|| {
        thread::sleep(LONGEST);
        eprintln!("ended after {LONGEST:?}: a test named above as running does not end");
        std::process::exit(1);
    });
}
