use std::{
    fs::{self, File},
    hash::{DefaultHasher, Hash, Hasher},
    io::Write,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    LocalPostgres, LocalPostgresBuilder,
    address::{Address, DEFAULT_PORT},
    cache::Cache,
    error::{LocalPostgresError, Result, files},
    folder::{RunFolder, temporary_place},
    launch::{RETRY, START_LIMIT, blocking, lasting_version, server},
    launched::{Keeper, Launched},
    postmaster::Postmaster,
    site::Site,
    watchdog::Watchdog,
};

/// How long the server stays after the last program has gone: the next one often comes at once.
const LINGER: Duration = Duration::from_secs(5);
/// A folder without a server is left behind, by a machine that crashed, when it stays for so long.
const ABANDONED: Duration = Duration::from_secs(3);
/// The pipe that every program holds open that uses the server.
const USERS: &str = "users";

/// Joins the server of this name, or starts it.
///
/// A program holds a lock while it joins or starts, so that at any time one program decides what the folder
/// says. The kernel releases the lock of a program that dies.
pub(crate) async fn start(builder: LocalPostgresBuilder, name: String) -> Result<LocalPostgres> {
    let (site, path, _lock) = blocking(move || prepare(builder, &name)).await?;
    let mut without_server = None;
    let deadline = Instant::now() + START_LIMIT;
    while is_there(&path, &site)? && Instant::now() < deadline {
        if let Some(server) = join(&site, &path).await {
            return Ok(server);
        }
        // It is being stopped and will be gone, or nobody is left to remove it.
        let is_alive = Postmaster::read(&path.join("data")).is_some_and(|postmaster| postmaster.is_alive());
        let since = *without_server.get_or_insert_with(Instant::now);
        if is_alive {
            without_server = None;
        } else if since.elapsed() > ABANDONED {
            fs::remove_dir_all(&path).map_err(files("remove", &path))?;
        }
        tokio::time::sleep(RETRY).await;
    }
    let launched = blocking({
        let site = Arc::clone(&site);
        move || launch(&site, path)
    });
    launched.await?.ready(&site, deadline.max(Instant::now() + START_LIMIT)).await
}

fn prepare(builder: LocalPostgresBuilder, name: &str) -> Result<(Arc<Site>, PathBuf, File)> {
    let site = Site::prepare(builder)?;
    let mut hasher = DefaultHasher::new();
    (site.user.uid(), &site.binaries.bindir).hash(&mut hasher);
    let folder = format!("pgjobs-{name}-{:08x}", hasher.finish() as u32);
    let lock = Cache::open(&site.user)?.entry(&format!("{folder}.lock"));
    let file = File::create(&lock).map_err(files("create", &lock))?;
    file.lock().map_err(files("lock", &lock))?;
    let path = temporary_place(&site.user).join(folder);
    Ok((Arc::new(site), path, file))
}

/// Whether the folder exists; an error when somebody else made it, who could read what is sent to the server.
fn is_there(path: &Path, site: &Site) -> Result<bool> {
    let Ok(folder) = fs::symlink_metadata(path) else { return Ok(false) };
    if folder.is_dir() && folder.uid() == site.user.uid() && folder.mode() & 0o077 == 0 {
        return Ok(true);
    }
    let reason = "it belongs to another user or others may enter it; remove it".to_owned();
    Err(LocalPostgresError::DataDir { path: path.to_owned(), reason })
}

/// The server, if it answers and goes on answering.
async fn join(site: &Site, path: &Path) -> Option<LocalPostgres> {
    let mut users = open(&path.join(USERS))?;
    // The watchdog reads this when it waits for somebody to come back.
    users.write_all(b"\n").ok()?;
    let address = Address { socket_dir: path.to_owned(), port: DEFAULT_PORT };
    let version = lasting_version(&address).await?;
    let data_dir = path.join("data");
    let pid = Postmaster::read(&data_dir)?.pid;
    Some(server(site, address, data_dir, pid, version, Some(Watchdog::shared(users))))
}

fn launch(site: &Site, path: PathBuf) -> Result<Launched> {
    let folder = RunFolder::create_at(&site.user, path)?;
    let pipe = folder.path().join(USERS);
    let failed = |reason: String| LocalPostgresError::Program { program: "mkfifo".to_owned(), reason };
    let made = Command::new("mkfifo").arg(&pipe).status().map_err(|error| failed(error.to_string()))?;
    if !made.success() {
        return Err(failed(made.to_string()));
    }
    // Open for writing first: to open it for reading waits for a writer.
    let users = File::options().read(true).write(true).open(&pipe).map_err(files("open", &pipe))?;
    let input = File::open(&pipe).map_err(files("open", &pipe))?;
    Launched::new(site, folder, Keeper::Shared { input, users, linger: LINGER })
}

/// Opened for both, it does not wait for somebody who reads.
fn open(pipe: &Path) -> Option<File> {
    let is_pipe = fs::symlink_metadata(pipe).is_ok_and(|pipe| !pipe.is_file() && !pipe.is_dir());
    if !is_pipe {
        return None;
    }
    File::options().read(true).write(true).open(pipe).ok()
}
