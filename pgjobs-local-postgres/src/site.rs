use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    LocalPostgresBuilder,
    address::DEFAULT_PORT,
    cache::Cache,
    discover::{Binaries, Search},
    error::{LocalPostgresError, Result, files},
    identity::ServerUser,
    template::{self, Template},
};

/// The default settings. The connections suffice for a test suite that gives each test its own pool.
const DEFAULTS: [(&str, &str); 6] = [
    ("max_connections", "200"),
    ("shared_buffers", "128MB"),
    ("cluster_name", "pgjobs"),
    // So that results are the same on each machine.
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    // The watchdog collects the log; a data folder from elsewhere may turn the collector on.
    ("logging_collector", "off"),
];

/// Settings for data that ends with the program: what a crash of the machine loses does not matter.
const FORGETFUL: [(&str, &str); 3] =
    [("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off")];

/// Everything that must exist before a server can start.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) user: ServerUser,
    pub(crate) binaries: Binaries,
    pub(crate) data: Data,
    settings: Vec<(String, String)>,
}

#[derive(Debug)]
pub(crate) enum Data {
    /// Each start copies the template.
    Ephemeral(Template),
    Kept(PathBuf),
}

impl Site {
    pub(crate) fn prepare(builder: LocalPostgresBuilder) -> Result<Self> {
        let data_dir = builder.data_dir.as_deref().map(absolute).transpose()?;
        let user = ServerUser::choose(data_dir.as_deref())?;
        let major = data_dir.as_deref().map(template::version_of).transpose()?.flatten();
        let cache = Cache::open(&user)?;
        let binaries = Search { user: &user, cache: &cache, major }.run(&builder)?;
        let data = match data_dir {
            None => Data::Ephemeral(Template::prepare(&binaries, &user, &cache)?),
            Some(path) => {
                if major.is_none() {
                    make_data_dir(&path, &binaries, &user, &cache)?;
                }
                Data::Kept(path)
            }
        };
        let settings = settings(&builder);
        Ok(Self { user, binaries, data, settings })
    }

    pub(crate) fn kept_dir(&self) -> Option<&Path> {
        match &self.data {
            Data::Kept(path) => Some(path),
            Data::Ephemeral(_) => None,
        }
    }

    /// The server's arguments after its data folder.
    pub(crate) fn arguments(&self, socket_dir: &Path) -> Vec<String> {
        let place =
            ["-k".to_owned(), socket_dir.display().to_string(), "-p".to_owned(), DEFAULT_PORT.to_string()];
        let closed = ("listen_addresses".to_owned(), String::new());
        let settings = std::iter::once(&closed).chain(&self.settings);
        let settings = settings.flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")]);
        place.into_iter().chain(settings).collect()
    }
}

fn settings(builder: &LocalPostgresBuilder) -> Vec<(String, String)> {
    let forgetful = builder.data_dir.is_none() && !builder.durable;
    let fixed = DEFAULTS.iter().chain(if forgetful { FORGETFUL.as_slice() } else { &[] });
    let fixed = fixed.map(|(name, value)| (name.to_string(), value.to_string()));
    // The server uses the last of equal names.
    fixed.chain(builder.settings.iter().cloned()).collect()
}

fn make_data_dir(path: &Path, binaries: &Binaries, user: &ServerUser, cache: &Cache) -> Result<()> {
    let parent = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent).map_err(files("create", parent))?;
    if !user.can_enter(parent) {
        let reason = format!(
            "user `{}`, who runs the server for root, cannot enter `{}`; choose a folder outside of root's own",
            user.name(),
            parent.display()
        );
        return Err(LocalPostgresError::DataDir { path: path.to_owned(), reason });
    }
    Template::prepare(binaries, user, cache)?.install(path, binaries, user)
}

/// Makes the path absolute, because the server starts in another folder than the program.
fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(files("find", path))
}
