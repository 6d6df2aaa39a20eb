use std::{
    fs, iter,
    path::{Path, PathBuf},
    process::Command,
};

/// Where packages install their servers: a folder and the prefix of the names in it; then comes `bin`.
const FOLDERS: [(&str, &str); 6] = [
    ("/usr/lib/postgresql", ""),
    ("/usr", "pgsql-"),
    ("/opt/homebrew/opt", "postgresql@"),
    ("/usr/local/opt", "postgresql@"),
    ("/Applications/Postgres.app/Contents/Versions", ""),
    ("/usr/local", "pgsql"),
];

/// Each location where binaries may be, with those that are there. The iterator reads a location only when
/// asked for it.
pub(crate) fn all() -> impl Iterator<Item = (String, Vec<PathBuf>)> {
    let path = iter::once_with(|| ("PATH".to_owned(), on_path()));
    let config = iter::once_with(|| ("pg_config --bindir".to_owned(), from_pg_config()));
    let folders =
        FOLDERS.iter().map(|(parent, start)| (format!("{parent}/{start}*/bin"), newest_first(parent, start)));
    path.chain(config).chain(folders)
}

fn on_path() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // The PATH often has only links; the server's other files are next to the targets of the links.
    let programs =
        std::env::split_paths(&path).filter_map(|folder| fs::canonicalize(folder.join("initdb")).ok());
    programs.filter_map(|program| Some(program.parent()?.to_owned())).collect()
}

fn from_pg_config() -> Vec<PathBuf> {
    let output =
        Command::new("pg_config").arg("--bindir").output().ok().filter(|output| output.status.success());
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.filter(|text| !text.is_empty()).map(PathBuf::from).into_iter().collect()
}

fn newest_first(parent: &str, start: &str) -> Vec<PathBuf> {
    let names = fs::read_dir(parent).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let mut found: Vec<(u32, PathBuf)> = names
        .filter_map(|name| Some((number(name.to_str()?.strip_prefix(start)?), name)))
        .map(|(version, name)| (version, Path::new(parent).join(name).join("bin")))
        .filter(|(_, bindir)| bindir.is_dir())
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, bindir)| bindir).collect()
}

/// The number at the start of a version, 0 if there is none.
pub(crate) fn number(version: &str) -> u32 {
    let digits = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    version[..digits].parse().unwrap_or(0)
}
