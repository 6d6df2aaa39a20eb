use std::{
    fs::{self, DirBuilder, File},
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    error::{LocalPostgresError, Result, files},
    identity::ServerUser,
};

/// An unfinished folder of this age belongs to a program that was killed.
const ABANDONED: Duration = Duration::from_secs(3600);
const STAGING: &str = ".unfinished-";

/// The folder for what later starts reuse: initialised templates and downloaded binaries.
#[derive(Debug)]
pub(crate) struct Cache {
    root: PathBuf,
}

impl Cache {
    /// Opens the first candidate that only its owner can write to.
    pub(crate) fn open(user: &ServerUser) -> Result<Self> {
        let owner = if user.is_other() { 0 } else { user.uid() };
        let places = places(owner);
        match places.iter().find(|place| is_usable(place, owner)) {
            Some(place) => Ok(Self { root: place.clone() }),
            None => Err(LocalPostgresError::Files {
                action: "make a cache folder that only its owner can write to (PGJOBS_CACHE_DIR names another), the last one tried was",
                path: places.last().cloned().unwrap_or_default(),
                source: std::io::ErrorKind::PermissionDenied.into(),
            }),
        }
    }

    pub(crate) fn entry(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Waits until no other program makes an entry. The lock only avoids duplicate work: entries are safe
    /// without it, so a file system without locks is fine. The operating system releases the lock when the
    /// program ends.
    pub(crate) fn lock(&self) -> Option<File> {
        let file = File::create(self.root.join(".lock")).ok()?;
        file.lock().ok().map(|()| file)
    }

    /// A folder to make an entry in, under a temporary name until the entry is complete.
    pub(crate) fn staging(&self) -> Result<Staging> {
        self.sweep();
        Staging::create(&self.root)
    }

    fn sweep(&self) {
        let entries = fs::read_dir(&self.root).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(STAGING)) {
            let age = entry
                .metadata()
                .and_then(|metadata| metadata.modified())
                .ok()
                .and_then(|time| time.elapsed().ok());
            if age.is_some_and(|age| age > ABANDONED) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

/// An unfinished folder; dropping it removes it unless it was published.
#[derive(Debug)]
pub(crate) struct Staging {
    path: PathBuf,
}

impl Staging {
    pub(crate) fn create(parent: &Path) -> Result<Self> {
        let path = parent.join(format!("{STAGING}{:016x}", fastrand::u64(..)));
        DirBuilder::new().mode(0o755).create(&path).map_err(files("create", &path))?;
        Ok(Self { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Renames the folder to its final name in one step. If another program was faster, that program's folder
    /// stays.
    pub(crate) fn publish(self, target: &Path) -> Result<()> {
        match fs::rename(&self.path, target) {
            Err(error) if !target.is_dir() => Err(files("create", target)(error)),
            _ => Ok(()),
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Candidates for the cache folder, best first. Root's must be reachable for the user that runs the server.
fn places(owner: u32) -> Vec<PathBuf> {
    if let Some(asked) = std::env::var_os("PGJOBS_CACHE_DIR").filter(|path| !path.is_empty()) {
        let asked = std::path::absolute(&asked).unwrap_or(asked.into());
        return vec![asked];
    }
    let last = std::env::temp_dir().join(format!("pgjobs-cache-{owner}"));
    if owner == 0 {
        return vec![PathBuf::from("/var/cache/pgjobs"), PathBuf::from("/tmp/pgjobs-cache-0")];
    }
    let variable = |name| {
        let path = std::env::var_os(name).map(PathBuf::from);
        path.filter(|path| path.is_absolute())
    };
    let own = variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")));
    own.map(|path| path.join("pgjobs")).into_iter().chain([last]).collect()
}

/// Whether the folder exists or can be created, and only its owner can put programs into it.
fn is_usable(place: &Path, owner: u32) -> bool {
    let _ = DirBuilder::new().recursive(true).mode(0o755).create(place);
    let is_ours = fs::symlink_metadata(place)
        .is_ok_and(|folder| folder.is_dir() && folder.uid() == owner && folder.mode() & 0o022 == 0);
    is_ours && Staging::create(place).is_ok()
}
