use std::path::{Path, PathBuf};

use super::{
    LocalPostgresBuilder,
    cache::Cache,
    download,
    error::{LocalPostgresError, Result},
    identity::ServerUser,
    places,
};

const VARIABLE: &str = "PGJOBS_PG_BINDIR";

/// A value of the variable: ignore what is installed, use the download.
const DOWNLOAD: &str = "download";

/// The programs of one PostgreSQL installation, known to run.
#[derive(Debug, Clone)]
pub(crate) struct Binaries {
    pub(crate) bindir: PathBuf,
    pub(crate) version: String,
    /// Where they were found, for people.
    pub(crate) origin: String,
}

impl Binaries {
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.bindir.join(name)
    }
}

/// Finds binaries that the server's user can run.
#[derive(Debug)]
pub(crate) struct Search<'a> {
    pub(crate) user: &'a ServerUser,
    pub(crate) cache: &'a Cache,
    /// The major version that made the data folder, if there is one.
    pub(crate) major: Option<u32>,
}

impl Search<'_> {
    pub(crate) fn run(&self, builder: &LocalPostgresBuilder) -> Result<Binaries> {
        let named = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(bindir) = &builder.bindir {
            return self.only(bindir, bindir.display().to_string());
        }
        let mut searched = Vec::new();
        match named {
            Some(value) if value == Path::new(DOWNLOAD) => {}
            Some(bindir) => {
                return self.only(&bindir, format!("{} ({VARIABLE})", bindir.display()));
            }
            None => {
                searched.push(format!("{VARIABLE}: not set"));
                if let Some(found) = self.installed(&mut searched) {
                    return Ok(found);
                }
            }
        }
        self.downloaded(builder.allow_download, searched)
    }

    fn only(&self, bindir: &Path, origin: String) -> Result<Binaries> {
        let found = std::path::absolute(bindir).map_err(|error| error.to_string());
        found
            .and_then(|path| self.probe(path, origin))
            .map_err(|reason| LocalPostgresError::Binaries { bindir: bindir.to_owned(), reason })
    }

    fn installed(&self, searched: &mut Vec<String>) -> Option<Binaries> {
        places::all().find_map(|(place, found)| self.first(&place, found, searched))
    }

    fn downloaded(&self, allowed: bool, mut searched: Vec<String>) -> Result<Binaries> {
        let bindir = download::bindir(self.cache);
        let earlier = [bindir].into_iter().filter(|bindir| bindir.is_dir()).collect();
        if let Some(found) = self.first("an earlier download", earlier, &mut searched) {
            return Ok(found);
        }
        if !allowed || is_offline() {
            let reason =
                if is_offline() { "PGJOBS_OFFLINE forbids it" } else { "not allowed in this program" };
            searched.push(format!("a download: {reason}"));
            return Err(LocalPostgresError::NotFound { searched });
        }
        let bindir = download::fetch(self.cache)?;
        let origin = format!("{} (a download)", bindir.display());
        let found = self.probe(bindir, origin);
        found.map_err(|reason| LocalPostgresError::Download { reason })
    }

    fn first(&self, place: &str, candidates: Vec<PathBuf>, searched: &mut Vec<String>) -> Option<Binaries> {
        if candidates.is_empty() {
            searched.push(format!("{place}: nothing"));
        }
        candidates.into_iter().find_map(|bindir| {
            let shown = bindir.display().to_string();
            let found = self.probe(bindir, format!("{shown} ({place})"));
            found.map_err(|reason| searched.push(format!("{place}: {shown}: {reason}"))).ok()
        })
    }

    /// Runs `postgres` as the user who will run the server, which detects binaries that only root can read.
    fn probe(&self, bindir: PathBuf, origin: String) -> Result<Binaries, String> {
        for program in ["initdb", "postgres"] {
            if !bindir.join(program).is_file() {
                return Err(format!("`{program}` is missing"));
            }
        }
        let answer = self.user.run(&bindir.join("postgres"), &["--version".as_ref()]);
        let answer = answer.map_err(|error| error.to_string())?;
        let version = answer.split_whitespace().nth(2).unwrap_or_default().to_owned();
        match self.major {
            Some(needed) if places::number(&version) != needed => {
                Err(format!("is version {version}, but the data folder was made by {needed}"))
            }
            _ => Ok(Binaries { bindir, version, origin }),
        }
    }
}

fn is_offline() -> bool {
    std::env::var_os("PGJOBS_OFFLINE").is_some_and(|value| !value.is_empty() && value != "0")
}
