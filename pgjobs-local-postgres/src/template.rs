use std::{
    collections::hash_map::DefaultHasher,
    ffi::OsStr,
    fs,
    hash::{Hash, Hasher},
    io,
    path::{Path, PathBuf},
};

use super::{
    address::SUPERUSER,
    cache::{Cache, Staging},
    discover::Binaries,
    error::{LocalPostgresError, Result, files},
    identity::ServerUser,
};

/// Locales, best first; the second exists everywhere.
const LOCALES: [&str; 2] = ["C.UTF-8", "C"];

/// The file with the number of files that a template had when it was made.
const COUNT: &str = "count";

/// An initialised data folder in the cache. To copy it takes a fraction of the time of initdb.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    entry: PathBuf,
}

impl Template {
    /// Finds the template for these binaries and this user, or makes it.
    pub(crate) fn prepare(binaries: &Binaries, user: &ServerUser, cache: &Cache) -> Result<Self> {
        let mut hasher = DefaultHasher::new();
        binaries.bindir.hash(&mut hasher);
        let name = format!("template-{}-{}-{:016x}", binaries.version, user.uid(), hasher.finish());
        let template = Self { entry: cache.entry(&name) };
        if !template.is_complete() {
            // Of several programs that start at once, one makes it and the others find it.
            let _lock = cache.lock();
            if !template.is_complete() {
                template.make(binaries, user, cache)?;
            }
        }
        Ok(template)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.entry.join("data")
    }

    /// Makes a kept data folder of it, which is written to the disk before it gets its name.
    pub(crate) fn install(&self, target: &Path, binaries: &Binaries, user: &ServerUser) -> Result<()> {
        let parent = target.parent().unwrap_or(Path::new("/"));
        let staging = Staging::create(parent)?;
        user.own(staging.path())?;
        let data = staging.path().join("data");
        let source = self.data();
        user.run(Path::new("cp"), &["-Rp".as_ref(), source.as_ref(), data.as_ref()])?;
        user.run(&binaries.program("initdb"), &["--sync-only".as_ref(), "-D".as_ref(), data.as_ref()])?;
        match fs::rename(&data, target) {
            // Another program was faster; its folder is as good.
            Err(error) if !target.join("PG_VERSION").is_file() => Err(files("create", target)(error)),
            _ => Ok(()),
        }
    }

    fn make(&self, binaries: &Binaries, user: &ServerUser, cache: &Cache) -> Result<()> {
        let staging = cache.staging()?;
        let data = staging.path().join("data");
        fs::create_dir(&data).map_err(files("create", &data))?;
        user.own(&data)?;
        initialise(binaries, user, &data)?;
        let count = count_files(&data).map_err(files("read", &data))?;
        let note = staging.path().join(COUNT);
        fs::write(&note, count.to_string()).map_err(files("write", &note))?;
        if !self.is_complete() {
            // `rename` would fail on the remains of a broken one.
            let _ = fs::remove_dir_all(&self.entry);
        }
        staging.publish(&self.entry)
    }

    /// Whether no file is missing. Cleaners of caches remove single old files, and a server would then fail
    /// in odd ways.
    fn is_complete(&self) -> bool {
        let noted = fs::read_to_string(self.entry.join(COUNT)).ok().and_then(|text| text.parse().ok());
        noted.is_some() && noted == count_files(&self.data()).ok()
    }
}

fn initialise(binaries: &Binaries, user: &ServerUser, data: &Path) -> Result<()> {
    let mut outcome = Ok(String::new());
    for locale in LOCALES {
        let locale = format!("--locale={locale}");
        let fixed = ["--no-sync", "-E", "UTF8", "-A", "trust", "-U", SUPERUSER, &locale, "-D"];
        let mut arguments: Vec<&OsStr> = fixed.iter().map(OsStr::new).collect();
        arguments.push(data.as_ref());
        outcome = user.run(&binaries.program("initdb"), &arguments);
        if outcome.is_ok() {
            break;
        }
    }
    outcome.map(drop).map_err(explained)
}

/// Adds the remedy to the error of a user id without a name, as containers may have it.
fn explained(error: LocalPostgresError) -> LocalPostgresError {
    match error {
        LocalPostgresError::Program { program, reason } if reason.contains("user ID") => {
            let remedy = "PostgreSQL needs a user with a name; add one to /etc/passwd or set DATABASE_URL";
            LocalPostgresError::Program { program, reason: format!("{}; {remedy}", reason.trim_end()) }
        }
        other => other,
    }
}

fn count_files(folder: &Path) -> io::Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        count += 1;
        if entry.file_type()?.is_dir() {
            count += count_files(&entry.path())?;
        }
    }
    Ok(count)
}

/// The major version that made a data folder; an error when the folder holds something else.
pub(crate) fn version_of(data_dir: &Path) -> Result<Option<u32>> {
    let unfit =
        |reason: &str| LocalPostgresError::DataDir { path: data_dir.to_owned(), reason: reason.to_owned() };
    if let Ok(text) = fs::read_to_string(data_dir.join("PG_VERSION")) {
        return match super::places::number(text.trim()) {
            0 => Err(unfit("its PG_VERSION holds no version")),
            major => Ok(Some(major)),
        };
    }
    match fs::read_dir(data_dir).map(Iterator::count) {
        Ok(0) => Ok(None),
        Ok(_) => Err(unfit("it is not empty and PostgreSQL did not make it")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(files("read", data_dir)(error)),
    }
}
