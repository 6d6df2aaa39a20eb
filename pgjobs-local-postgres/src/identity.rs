use std::{
    ffi::OsStr,
    fs,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::Path,
    process::{Command, Output, Stdio},
};

use super::error::{LocalPostgresError, Result, files};

/// The environment variables that the server's programs receive. No more: when root starts them, root's
/// secrets must not become readable for the user that runs the server.
const KEPT_VARIABLES: [&str; 4] = ["PATH", "LD_LIBRARY_PATH", "LOCALE_ARCHIVE", "TZ"];

/// The users that run the server when root starts it, best first.
const CANDIDATES: [&str; 3] = ["postgres", "_postgres", "nobody"];

/// The user that runs the server: the current user, or one without privileges when that is root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ServerUser {
    Oneself { uid: u32 },
    Other { name: String, uid: u32, gid: u32 },
}

impl ServerUser {
    /// Chooses the user. When root starts the server, the owner of an existing data folder runs it.
    pub(crate) fn choose(data_dir: Option<&Path>) -> Result<Self> {
        let uid = effective_uid()?;
        if uid != 0 {
            return Ok(Self::Oneself { uid });
        }
        let owner = data_dir.and_then(|path| fs::metadata(path).ok()).filter(|folder| folder.uid() != 0);
        if let Some(owner) = owner {
            return Ok(Self::Other { name: owner.uid().to_string(), uid: owner.uid(), gid: owner.gid() });
        }
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        CANDIDATES.iter().find_map(|name| entry(&passwd, name)).ok_or_else(|| {
            LocalPostgresError::ServerUser {
                reason: "there is neither a user `postgres` nor `nobody`".to_owned(),
            }
        })
    }

    pub(crate) fn uid(&self) -> u32 {
        match self {
            Self::Oneself { uid } | Self::Other { uid, .. } => *uid,
        }
    }

    pub(crate) fn is_other(&self) -> bool {
        matches!(self, Self::Other { .. })
    }

    pub(crate) fn name(&self) -> String {
        match self {
            Self::Oneself { uid } => uid.to_string(),
            Self::Other { name, .. } => name.clone(),
        }
    }

    /// A command that runs as this user, in a folder that everybody can enter.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        let kept = KEPT_VARIABLES.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        // Without a plain locale the server refuses to start on some systems.
        command.env_clear().envs(kept).env("LC_ALL", "C").current_dir("/").stdin(Stdio::null());
        if let Self::Other { uid, gid, .. } = self {
            // With `uid` the standard library also drops root's supplementary groups.
            command.uid(*uid).gid(*gid);
        }
        command
    }

    /// Runs a command to its end and returns what it printed.
    pub(crate) fn run(&self, program: &Path, arguments: &[&OsStr]) -> Result<String> {
        let failed = |reason| LocalPostgresError::Program { program: program.display().to_string(), reason };
        match self.command(program).args(arguments).output() {
            Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            Ok(output) => Err(failed(complaint(&output))),
            Err(error) => Err(failed(format!("{error} (as user {})", self.name()))),
        }
    }

    /// Makes this user the owner of a file or folder.
    pub(crate) fn own(&self, path: &Path) -> Result<()> {
        match self {
            Self::Oneself { .. } => Ok(()),
            Self::Other { uid, gid, .. } => std::os::unix::fs::chown(path, Some(*uid), Some(*gid))
                .map_err(files("change the owner of", path)),
        }
    }

    /// Whether this user can enter the folder. Tested as this user, because root can always enter it.
    pub(crate) fn can_enter(&self, folder: &Path) -> bool {
        let mut command = self.command("/bin/sh");
        command.args(["-c", "cd \"$1\" 2>/dev/null", "sh"]).arg(folder);
        command.status().is_ok_and(|status| status.success())
    }
}

/// The effective user id. There is no safe call that returns it, so this reads the owner of a new file.
pub(crate) fn effective_uid() -> Result<u32> {
    let path = std::env::temp_dir().join(format!(".pgjobs-{:016x}", fastrand::u64(..)));
    let file = fs::File::create_new(&path).map_err(files("create", &path))?;
    let _ = fs::remove_file(&path);
    Ok(file.metadata().map_err(files("look at", &path))?.uid())
}

fn entry(passwd: &str, wanted: &str) -> Option<ServerUser> {
    passwd.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, uid, gid, ..] = fields[..] else {
            return None;
        };
        // macOS writes the id of `nobody` as a negative number.
        let id = |text: &str| text.parse::<i64>().ok().map(|id| id as u32);
        let (uid, gid) = (id(uid)?, id(gid)?);
        (name == wanted && uid != 0).then(|| ServerUser::Other { name: name.to_owned(), uid, gid })
    })
}

fn complaint(output: &Output) -> String {
    let text = if output.stderr.is_empty() { &output.stdout } else { &output.stderr };
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().collect();
    match lines.len() {
        0 => output.status.to_string(),
        count => lines[count.saturating_sub(6)..].join("\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_of_passwd_is_found_by_its_whole_name() {
        let passwd = "root:x:0:0::/root:/bin/sh\npostgresql:x:5:5::/:\n+@broken\nnobody:*:-2:-2::/:\n";
        assert_eq!(entry(passwd, "postgres"), None);
        assert_eq!(entry(passwd, "root"), None);
        let nobody = entry(passwd, "nobody").unwrap();
        assert_eq!(nobody.uid(), u32::MAX - 1);
    }
}
