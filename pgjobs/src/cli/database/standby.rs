//! The standby that the user names: by a URL, or where servers have names by `NAME=URL` for each.
//!
//! A standby of no named server could be that of another one than the command is about: its jobs would be shown as
//! those of this one, and what is changed on the page would be changed there.

use super::places;
use super::servers::{self, Server};
use super::target::{self, Target, has_password};
use crate::cli::args::global::Global;
use crate::cli::args::read_from::ReadFrom;
use crate::cli::output::failure::Failure;

/// The variable that names standbys.
pub(crate) const VARIABLE: &str = "PGJOBS_READ_DSN";
const ARGUMENT: &str = "--read-dsn";

/// The standby of what the command is about; `None` if none is named for it.
pub(crate) async fn chosen(from: &ReadFrom, global: &Global) -> Result<Option<Target>, Failure> {
    let Some((text, origin)) = text(from) else { return Ok(None) };
    match places::servers(global).await? {
        None => {
            servers::refuse_choice(global)?;
            alone(&text, origin).map(Some)
        }
        Some(all) => of_server(&text, origin, &all, global.on.as_deref()),
    }
}

/// What was said of standbys, and where.
fn text(from: &ReadFrom) -> Option<(String, &'static str)> {
    let of_variable = || std::env::var(VARIABLE).ok().filter(|text| !text.trim().is_empty());
    match &from.read_dsn {
        Some(text) => Some((text.clone(), ARGUMENT)),
        None => of_variable().map(|text| (text, VARIABLE)),
    }
}

/// Whether any standby is named.
#[cfg(feature = "web")]
pub(crate) fn is_named(from: &ReadFrom) -> bool {
    text(from).is_some()
}

/// The standby of the one database.
fn alone(text: &str, origin: &'static str) -> Result<Target, Failure> {
    let is_list = text.split_whitespace().any(|part| !part.starts_with("postgres"));
    if is_list && text.contains("=postgres") {
        return Err(Failure::usage(format!(
            "{origin} names the standbys of servers, and no servers are named: write the URL without NAME=, or name \
             the servers in {}",
            servers::VARIABLE
        )));
    }
    read(text.trim(), origin)
}

/// The standby of the server that was chosen.
fn of_server(
    text: &str,
    origin: &'static str,
    all: &[Server],
    on: Option<&str>,
) -> Result<Option<Target>, Failure> {
    let named = listed(text, origin)?;
    if let Some((name, _)) = named.iter().find(|(name, _)| !all.iter().any(|server| server.name == *name)) {
        return Err(Failure::usage(format!(
            "{origin} names a standby of {name}, and no server is called so: there are {}",
            servers::names(all)
        )));
    }
    let chosen = match (on, all) {
        (Some(name), _) => name,
        (None, [server]) => &server.name,
        (None, all) => {
            return Err(Failure::usage(format!(
                "a standby is read for one server, and there are {}: choose one with --on, or leave {origin} out",
                servers::names(all)
            )));
        }
    };
    match named.into_iter().find(|(name, _)| *name == chosen) {
        Some((name, url)) => read(url, &format!("{origin} of {name}")).map(Some),
        None if origin == ARGUMENT => {
            Err(Failure::usage(format!("{ARGUMENT} names no standby of {chosen}: write {chosen}=URL")))
        }
        None => Ok(None),
    }
}

/// The names and URLs; no error repeats the text, which may hold a password.
fn listed<'t>(text: &'t str, origin: &str) -> Result<Vec<(&'t str, &'t str)>, Failure> {
    let one = |part: &'t str| {
        part.split_once('=').filter(|(name, _)| servers::is_name(name)).ok_or_else(|| {
            Failure::usage(format!(
                "{origin} does not say of which server it names the standby: servers have names here, so write \
                 NAME=URL, such as eu=postgresql://reader@db2/jobs"
            ))
        })
    };
    text.split_whitespace().map(one).collect()
}

fn read(url: &str, origin: &str) -> Result<Target, Failure> {
    let target = target::of_url(url, origin)?;
    if origin.starts_with(ARGUMENT) && has_password(url) {
        return Err(Failure::usage(format!(
            "{ARGUMENT} has a password, and arguments are visible to every user (`ps`): name the standby in \
             {VARIABLE} instead, or the password in PGPASSWORD or ~/.pgpass"
        )));
    }
    Ok(target.of_standby())
}
