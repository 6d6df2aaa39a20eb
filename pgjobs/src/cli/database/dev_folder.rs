//! The folder in which `dev` keeps the database of a project folder.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use futures_util::future::join_all;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection};

use crate::cli::output::failure::Failure;

/// The time limit for an answer: the server of `dev` answers at once or is gone.
const ANSWER: Duration = Duration::from_secs(2);

/// What `dev` runs for the current folder, or else for the nearest one above it, if any of it answers: the URL of its
/// database, or of several servers a line `name=URL` for each.
pub(crate) async fn running() -> Option<String> {
    let here = here().ok()?;
    for folder in here.ancestors() {
        if let Some(text) = Project::of(folder).ok()?.running().await {
            return Some(text);
        }
    }
    None
}

fn here() -> Result<PathBuf, Failure> {
    let here = std::env::current_dir().and_then(fs::canonicalize);
    here.map_err(|error| Failure::failed(format!("the current folder cannot be read: {error}")))
}

async fn answers(line: &str) -> bool {
    let named = || line.split_once('=').map(|(_, url)| url);
    let url = if line.starts_with("postgres") { Some(line) } else { named() };
    let Some(options) = url.and_then(|url| PgConnectOptions::from_str(url).ok()) else { return false };
    let options = options.disable_statement_logging();
    let Ok(Ok(connection)) = tokio::time::timeout(ANSWER, options.connect()).await else { return false };
    drop(connection.close().await);
    true
}

/// The folder in the user's cache that belongs to one project folder.
pub(crate) struct Project {
    pub(crate) place: PathBuf,
}

impl Project {
    /// The one of the current folder.
    pub(crate) fn here() -> Result<Self, Failure> {
        Project::of(&here()?)
    }

    fn of(folder: &Path) -> Result<Self, Failure> {
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let name: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
        let key = fingerprint(folder.as_os_str().as_encoded_bytes());
        Ok(Project { place: cache()?.join("dev").join(format!("{name}-{key:016x}")) })
    }

    /// The data folder of the nth server, from 1 on.
    pub(crate) fn data(&self, nth: u8) -> PathBuf {
        self.place.join(if nth == 1 { "data".to_owned() } else { format!("data-{nth}") })
    }

    fn url_file(&self) -> PathBuf {
        self.place.join("url")
    }

    /// Creates the folder. Every user may pass through it, because the server may run as another user.
    pub(crate) fn make(&self) -> Result<(), Failure> {
        let made = fs::create_dir_all(&self.place).and_then(|()| {
            let places = [self.place.parent().unwrap_or(&self.place), &self.place];
            places.into_iter().try_for_each(open_to_pass)
        });
        made.map_err(|error| self.unusable("made", &error))
    }

    /// What `dev` runs for it, if any of that answers.
    pub(crate) async fn running(&self) -> Option<String> {
        let text = self.url()?;
        let answers = join_all(text.lines().map(answers)).await;
        answers.contains(&true).then_some(text)
    }

    /// What a running `dev` left here.
    fn url(&self) -> Option<String> {
        fs::read_to_string(self.url_file())
            .ok()
            .map(|url| url.trim().to_owned())
            .filter(|url| !url.is_empty())
    }

    pub(crate) fn announce(&self, url: &str) -> Result<(), Failure> {
        let written = fs::File::create(self.url_file()).and_then(|mut file| writeln!(file, "{url}"));
        written.map_err(|error| self.unusable("written to", &error))
    }

    pub(crate) fn withdraw(&self) {
        // A file that is left behind names a server that is gone.
        let _ = fs::remove_file(self.url_file());
    }

    pub(crate) fn remove(&self) -> Result<(), Failure> {
        match fs::remove_dir_all(&self.place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.unusable("removed", &error)),
            _ => Ok(()),
        }
    }

    fn unusable(&self, verb: &str, error: &io::Error) -> Failure {
        Failure::failed(format!("`{}` cannot be {verb}: {error}", self.place.display()))
    }
}

#[cfg(unix)]
fn open_to_pass(place: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(place, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn open_to_pass(_: &Path) -> io::Result<()> {
    Ok(())
}

/// The cache folder, which also contains the local server's binaries and templates. Root's is one that the
/// user who runs the server for root can reach.
fn cache() -> Result<PathBuf, Failure> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(asked) = variable("PGJOBS_CACHE_DIR") {
        return std::path::absolute(&asked)
            .map_err(|error| Failure::usage(format!("PGJOBS_CACHE_DIR: {error}")));
    }
    if is_root() {
        return Ok(PathBuf::from("/var/cache/pgjobs"));
    }
    let own = variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")));
    let own = own.filter(|path| path.is_absolute()).map(|path| path.join("pgjobs"));
    own.ok_or_else(|| Failure::usage("there is no folder for data: set PGJOBS_CACHE_DIR"))
}

fn is_root() -> bool {
    let output = std::process::Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// FNV-1a: the same on every machine and in every release, which the hasher of `std` does not promise.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_is_the_published_one() {
        assert_eq!(fingerprint(b"a"), 0xaf63_dc4c_8601_ec8c);
    }
}
