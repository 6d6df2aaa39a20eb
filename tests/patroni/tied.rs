//! Programs that end with the test, however it ends, and the server that one of them has started with it.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Waits until standard input ends, which the kernel sees to, then ends the program and the server of these
/// data.
const TIE: &str = r#"data=$1; shift; exec 3<&0; "$@" 3<&- </dev/null & p=$!
cat <&3 >/dev/null; kill -9 $p 2>/dev/null; server=$(head -n 1 "$data/postmaster.pid" 2>/dev/null)
[ -n "$server" ] && [ "$(cat /proc/$server/comm)" = postgres ] && kill -9 $server; wait $p"#;

pub(crate) struct Tied(Child);

impl Tied {
    /// Starts `command`, whose output goes to `log`; `data` is the folder of a server that it may start.
    pub(crate) fn start(command: &[String], data: &Path, log: &Path) -> Self {
        let log = File::options().create(true).append(true).open(log).expect("a log");
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", TIE, "tied"]).arg(data).args(command).current_dir("/");
        shell.stdin(Stdio::piped()).stdout(log.try_clone().expect("a log")).stderr(log);
        Tied(shell.spawn().expect("sh"))
    }

    /// Ends the program and its server without a word.
    pub(crate) fn kill(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

impl Drop for Tied {
    fn drop(&mut self) {
        self.kill();
    }
}
