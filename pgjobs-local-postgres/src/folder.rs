use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use super::{
    error::{Result, files},
    identity::ServerUser,
};

/// A socket's path must fit into 108 bytes on Linux and 104 on macOS.
const LONGEST_SOCKET: usize = 100;
const SOCKET: &str = ".s.PGSQL.65535";

/// The temporary folder of one running server: its socket and, when ephemeral, its data and log.
#[derive(Debug)]
pub(crate) struct RunFolder {
    path: PathBuf,
    /// The log of an ephemeral server, kept open so that its end can be read after the folder is removed.
    log: File,
    handed_over: bool,
}

impl RunFolder {
    pub(crate) fn create(user: &ServerUser) -> Result<Self> {
        Self::fill(user, create_unique(&temporary_place(user))?)
    }

    /// The same under a name that other programs know; an error when it exists.
    pub(crate) fn create_at(user: &ServerUser, path: PathBuf) -> Result<Self> {
        DirBuilder::new().mode(0o700).create(&path).map_err(files("create", &path))?;
        Self::fill(user, path)
    }

    fn fill(user: &ServerUser, path: PathBuf) -> Result<Self> {
        let log_path = path.join("server.log");
        let log = File::options().read(true).append(true).create_new(true).open(&log_path);
        let log = log.map_err(files("create", &log_path))?;
        // From here on a failure removes the folder.
        let folder = Self { path, log, handed_over: false };
        user.own(&log_path)?;
        user.own(&folder.path)?;
        Ok(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn log_path(&self) -> PathBuf {
        self.path.join("server.log")
    }

    /// Leaves the removal of the folder to the watchdog, and returns the open log.
    pub(crate) fn hand_over(mut self) -> Result<File> {
        self.handed_over = true;
        self.log.try_clone().map_err(files("keep open", &self.log_path()))
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if !self.handed_over {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// The system's folder for temporary files, or `/tmp` if that folder is too deep for a socket or, when root
/// starts the server, the user who runs it cannot enter it.
pub(crate) fn temporary_place(user: &ServerUser) -> PathBuf {
    let asked = std::env::temp_dir();
    let longest = asked.join(unique_name()).join(SOCKET);
    let fits = asked.is_absolute() && longest.as_os_str().len() <= LONGEST_SOCKET;
    if fits && (!user.is_other() || user.can_enter(&asked)) {
        return asked;
    }
    PathBuf::from("/tmp")
}

fn create_unique(place: &Path) -> Result<PathBuf> {
    loop {
        let path = place.join(unique_name());
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(files("create", &path)(error)),
        }
    }
}

fn unique_name() -> String {
    format!("pgjobs-{:08x}", fastrand::u32(..))
}
