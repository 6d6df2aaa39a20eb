//! Runs this test program again in another role and looks at processes.

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use pgjobs::{
    local_postgres::{Database, LocalPostgres, LocalPostgresBuilder},
    sqlx::ConnectOptions,
};

/// `nobody`. It must be a user that exists, as initdb asks for its name.
const ORDINARY: u32 = 65_534;
const ROLE: &str = "LP_ROLE";
/// Begins each line of a helper; the test harness prints lines of its own.
const MARK: &str = "helper: ";

/// What this program does when it runs as a helper.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Role {
    /// Starts a server and another child, tells about them and waits to be killed.
    Hold,
    /// Waits for ctrl-c and uses the server after it.
    Interrupted,
    /// Tells its own uid and that of the server.
    Answer,
    /// Starts a server, on LP_DATA_DIR if set, and tells the outcome.
    Fail,
    /// Leaves installed servers aside and allows the download.
    Download,
    /// Describes the database that the environment names.
    Database,
}

/// Not a test of its own: what the helper does.
#[tokio::test]
async fn act() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    match role.as_str() {
        "Hold" => hold().await,
        "Interrupted" => interrupted().await,
        "Answer" => answer().await,
        "Fail" => fail().await,
        "Download" => download().await,
        "Database" => database().await,
        other => panic!("no role `{other}`"),
    }
}

/// A server on any machine: one that has no PostgreSQL fetches it.
pub(crate) fn builder() -> LocalPostgresBuilder {
    LocalPostgres::builder().allow_download(true)
}

fn tell(text: impl std::fmt::Display) {
    // Past the harness, which would hold the text back until the end.
    use std::io::Write;
    let text = text.to_string();
    let lines: String = text.lines().map(|line| format!("\n{MARK}{line}\n")).collect();
    std::io::stdout().write_all(lines.as_bytes()).unwrap();
    std::io::stdout().flush().unwrap();
}

#[expect(clippy::zombie_processes, reason = "the child is to outlive this program")]
async fn hold() {
    let server = builder().start().await.unwrap();
    let mut sleep = Command::new("sleep");
    let child =
        sleep.arg("600").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    tell(server.data_dir().parent().unwrap().display());
    tell(server.pid());
    tell(child.id());
    std::future::pending::<()>().await;
}

async fn interrupted() {
    let server = builder().start().await.unwrap();
    let interrupt = tokio::signal::ctrl_c();
    let mut interrupt = std::pin::pin!(interrupt);
    // The first poll installs the handler.
    assert!(poll_once(interrupt.as_mut()).await.is_none());
    tell("ready");
    interrupt.await.unwrap();
    server.options().connect().await.unwrap();
    server.create_database("after").await.unwrap();
    tell("answered after ctrl-c");
    server.stop().await.unwrap();
}

async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}

async fn answer() {
    let server = builder().start().await.unwrap();
    server.options().connect().await.unwrap();
    tell(own_uid());
    tell(fs::metadata(server.data_dir()).unwrap().uid());
    server.stop().await.unwrap();
}

async fn fail() {
    let builder = LocalPostgres::builder();
    let builder = match std::env::var_os("LP_DATA_DIR") {
        Some(path) => builder.data_dir(path),
        None => builder,
    };
    match builder.start().await {
        Ok(server) => tell(server.describe()),
        Err(error) => tell(error),
    }
}

async fn download() {
    match builder().start().await {
        Ok(server) => tell(server.describe()),
        Err(error) => tell(error),
    }
}

async fn database() {
    match Database::from_env_or_local(builder()).await {
        Ok(database) => tell(database.describe()),
        Err(error) => tell(error),
    }
}

impl Role {
    pub(crate) fn spawn(self) -> Helper {
        self.command().start()
    }

    pub(crate) fn spawn_with_groups(self, groups: &str) -> Helper {
        let program = std::env::current_exe().unwrap();
        let mut command = Command::new("setpriv");
        command.arg(format!("--groups={groups}")).arg(program);
        HelperCommand::new(self, command).start()
    }

    pub(crate) fn command(self) -> HelperCommand {
        HelperCommand::new(self, Command::new(std::env::current_exe().unwrap()))
    }

    /// Root becomes somebody else; anybody else stays. The program is copied, as others may not be
    /// able to reach where it was built.
    pub(crate) fn command_as_ordinary_user(self, folder: &TempFolder) -> HelperCommand {
        if !is_root() {
            return self.command();
        }
        let copy = folder.path().join("program");
        fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::chown(folder.path(), Some(ORDINARY), Some(ORDINARY)).unwrap();
        let mut command = Command::new(copy);
        command.uid(ORDINARY).gid(ORDINARY).current_dir("/");
        HelperCommand::new(self, command)
    }
}

/// A helper that is about to start, with nothing but a PATH in its environment.
pub(crate) struct HelperCommand(Command);

impl HelperCommand {
    fn new(role: Role, mut command: Command) -> Self {
        command.args(["--exact", "helper::act", "--nocapture"]).env_clear();
        // An ordinary user cannot reach root's own Python; the system's folders come first.
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", path).env(ROLE, format!("{role:?}"));
        for name in
            ["PIP_CERT", "PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_DEFAULT_TIMEOUT", "HOME", "PYENV_VERSION"]
        {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        if matches!(role, Role::Download) {
            // pip's progress does not belong into the report of the tests.
            command.env("PGJOBS_PG_BINDIR", "download").stderr(Stdio::null());
        }
        Self(command)
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    pub(crate) fn start(mut self) -> Helper {
        self.0.stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0);
        let mut child = self.0.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Helper { child, output }
    }
}

/// This program in a role; it is killed when the value goes.
pub(crate) struct Helper {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Helper {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line that the helper tells.
    pub(crate) fn line(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "the helper ended early");
            if let Some(told) = line.strip_prefix(MARK) {
                return told.trim_end().to_owned();
            }
        }
    }

    /// All further lines, when the helper has ended.
    pub(crate) fn rest(&mut self) -> String {
        let mut text = String::new();
        self.output.read_to_string(&mut text).unwrap();
        text.lines().filter_map(|line| line.strip_prefix(MARK)).map(|line| format!("{line}\n")).collect()
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn ended_well(&mut self) -> bool {
        self.rest();
        self.child.wait().unwrap().success()
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder that other users can enter, removed at the end.
pub(crate) struct TempFolder(PathBuf);

impl TempFolder {
    pub(crate) fn for_everybody() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = PathBuf::from(format!("/tmp/pgjobs-test-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempFolder {
    /// Servers that were only dropped may be writing their last files.
    fn drop(&mut self) {
        eventually("the test's folder can be removed", || fs::remove_dir_all(&self.0).is_ok());
    }
}

pub(crate) fn is_root() -> bool {
    own_uid() == 0
}

fn own_uid() -> u32 {
    fs::metadata("/proc/self").unwrap().uid()
}

/// What the system tells about a process that lives; a zombie does not.
pub(crate) fn status_of(pid: u32) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    (!field(&status, "State:").trim().starts_with('Z')).then_some(status)
}

pub(crate) fn field<'a>(status: &'a str, name: &str) -> &'a str {
    status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default()
}

pub(crate) fn kill(signal: &str, target: &str) {
    let status = Command::new("kill").args([signal, "--", target]).status().unwrap();
    assert!(status.success(), "kill {signal} {target}");
}

/// Waits for something that another process does; there is no event to wait for.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(180);
    while !holds() {
        assert!(Instant::now() < deadline, "not within 180 s: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
