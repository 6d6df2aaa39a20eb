//! Programs that live no longer than the test that started them.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use pgjobs::local_postgres::LocalPostgres;

/// Ends the program when standard input ends, which the kernel sees to however the test ends.
const TIE: &str = r#"exec 3<&0; "$@" 3<&- </dev/null & p=$!
(cat <&3 >/dev/null; kill -9 $p 2>/dev/null) & exec 3<&-; wait $p; kill $! 2>/dev/null"#;

/// A program that is killed when this is dropped.
pub struct ChildProcess(Child);

impl ChildProcess {
    /// Starts it as the user who runs the server.
    pub fn start(server: &LocalPostgres, program: &Path, arguments: &[&str]) -> Self {
        ChildProcess::tie(as_server_user(server, Path::new("/bin/sh")), program, arguments)
    }

    /// Starts it as whoever runs the test.
    pub fn start_as_me(program: &Path, arguments: &[&str]) -> Self {
        ChildProcess::tie(Command::new("/bin/sh"), program, arguments)
    }

    fn tie(mut command: Command, program: &Path, arguments: &[&str]) -> Self {
        command.args(["-c", TIE, "tied"]).arg(program).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        ChildProcess(command.spawn().expect("sh"))
    }
}

impl ChildProcess {
    /// Ends it at once.
    pub fn kill(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

/// PostgreSQL and PgBouncer refuse to run as root: whoever owns the server's files runs them.
pub fn as_server_user(server: &LocalPostgres, program: &Path) -> Command {
    let owner = std::fs::metadata(server.data_dir()).expect("the server's files");
    let mut command = Command::new(program);
    command.current_dir("/").stdin(Stdio::null());
    if std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0) {
        command.uid(owner.uid()).gid(owner.gid());
    }
    command
}

/// A folder that this user owns, under a name of its own.
pub fn folder(server: &LocalPostgres, purpose: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("pgjobs-{purpose}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    let owner = std::fs::metadata(server.data_dir()).expect("the server's files");
    let _ = std::os::unix::fs::chown(&folder, Some(owner.uid()), Some(owner.gid()));
    folder
}
