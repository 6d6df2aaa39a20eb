use std::{
    fs::File,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use super::{
    LocalPostgres,
    address::{Address, DEFAULT_PORT},
    error::{LocalPostgresError, Result},
    folder::RunFolder,
    launch::{RETRY, START_LIMIT, server},
    log::Log,
    postmaster::Postmaster,
    site::{Data, Site},
    watchdog::Watchdog,
};

const SCRIPT: &str = include_str!("watchdog.sh");
const STARTING_UP: &str = "57P03";

/// Whose end the server waits for.
pub(crate) enum Keeper {
    /// This program's.
    Own,
    /// Of all programs that hold this pipe: `input` is its end for the watchdog, `users` this program's.
    /// After the last it waits for another for as long as `linger`.
    Shared { input: File, users: File, linger: Duration },
}

/// A server that was started and may not answer yet.
#[derive(Debug)]
pub(crate) struct Launched {
    address: Address,
    data_dir: PathBuf,
    log: Log,
    watchdog: Watchdog,
}

impl Launched {
    pub(crate) fn new(site: &Site, folder: RunFolder, keeper: Keeper) -> Result<Self> {
        let socket_dir = folder.path().to_owned();
        let (template, data_dir, log) = match &site.data {
            Data::Ephemeral(template) => (template.data(), socket_dir.join("data"), folder.log_path()),
            Data::Kept(path) => (PathBuf::new(), path.clone(), path.join("server.log")),
        };
        let watchdog = spawn(site, &[&socket_dir, &template, &data_dir, &log], keeper)?;
        let opened = folder.hand_over()?;
        let log = if site.kept_dir().is_some() { Log::Named(log) } else { Log::Open(opened) };
        Ok(Self { address: Address { socket_dir, port: DEFAULT_PORT }, data_dir, log, watchdog })
    }

    pub(crate) async fn ready(mut self, site: &Site, deadline: Instant) -> Result<LocalPostgres> {
        loop {
            match self.address.ask_version().await {
                Ok(version) => return Ok(self.answered(site, version)),
                Err(error) if is_final(&error) => return Err(refused(error)),
                Err(_) if self.watchdog.has_ended() => {
                    return Err(LocalPostgresError::Ended { log: self.log.tail() });
                }
                Err(_) if Instant::now() >= deadline => {
                    return Err(LocalPostgresError::NotReady {
                        seconds: START_LIMIT.as_secs(),
                        log: self.log.tail(),
                    });
                }
                Err(_) => tokio::time::sleep(RETRY).await,
            }
        }
    }

    fn answered(self, site: &Site, version: String) -> LocalPostgres {
        let watchdog = self.watchdog.started();
        let pid = Postmaster::read(&self.data_dir).map_or(0, |postmaster| postmaster.pid);
        server(site, self.address, self.data_dir, pid, version, Some(watchdog))
    }
}

fn spawn(site: &Site, paths: &[&PathBuf], keeper: Keeper) -> Result<Watchdog> {
    let (input, linger, users) = match keeper {
        Keeper::Own => (Stdio::piped(), Duration::ZERO, None),
        Keeper::Shared { input, users, linger } => (Stdio::from(input), linger, Some(users)),
    };
    let postgres = site.binaries.program("postgres");
    let mut command = site.user.command("/bin/sh");
    command
        .args(["-c", &script(), "pgjobs-watchdog"])
        .args(paths)
        .arg(linger.as_secs().to_string())
        .arg(&postgres);
    command.args(site.arguments(paths[0]));
    // The program's output must end with the program, so the server may not keep it open.
    command.stdin(input).stdout(Stdio::null()).stderr(Stdio::null());
    // Ctrl-C in a terminal reaches the program's process group only; the server is in another one and stays
    // until the program is done.
    command.process_group(0);
    let child = command.spawn().map_err(|error| LocalPostgresError::Program {
        program: postgres.display().to_string(),
        reason: format!("{error} (as user {})", site.user.name()),
    })?;
    Ok(Watchdog::new(child, users))
}

/// The script without its comments, because every user sees it in the list of processes.
fn script() -> String {
    let lines: Vec<&str> = SCRIPT.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    lines.join("\n")
}

/// Whether the refusal is final. A server that is starting refuses for a while; any other refusal will not go
/// away.
fn is_final(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.code().as_deref() != Some(STARTING_UP))
}

fn refused(source: sqlx::Error) -> LocalPostgresError {
    LocalPostgresError::Database { action: "connect to the server just started".to_owned(), source }
}
