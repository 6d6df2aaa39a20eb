//! Finds the database: one of several servers, in a file, in the environment, or the one that `dev` runs here.

use std::net::IpAddr;
use std::path::Path;

use sqlx::postgres::{PgConnectOptions, PgSslMode};

#[cfg(feature = "local-postgres")]
pub(crate) use super::dev_folder::running;
use super::hosts;
use super::{parameters, servers};
use crate::cli::args::global::{Global, program};
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::redact;
use crate::db::address::without_brackets;
use crate::types::error::driver;

/// A database and its description.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) options: PgConnectOptions,
    /// Further hosts, any of which may have the primary instead.
    pub(crate) others: Vec<PgConnectOptions>,
    /// Whether a standby is meant, and not the primary.
    pub(crate) is_standby: bool,
    /// Where the address came from.
    origin: String,
}

impl Target {
    pub(crate) fn new(options: PgConnectOptions, origin: impl Into<String>) -> Self {
        Target { options, others: Vec::new(), is_standby: false, origin: origin.into() }
    }

    /// A target on these hosts, at least one.
    pub(crate) fn on(mut hosts: Vec<PgConnectOptions>, origin: impl Into<String>) -> Self {
        let options = hosts.remove(0);
        Target { options, others: hosts, is_standby: false, origin: origin.into() }
    }

    /// The same target, which is to be a standby.
    pub(crate) fn of_standby(self) -> Self {
        Target { is_standby: true, ..self }
    }

    /// The same target with this setting in each of its sessions.
    pub(crate) fn with_setting(mut self, name: &str, value: &str) -> Self {
        self.options = self.options.options([(name, value)]);
        self
    }

    pub(crate) fn hosts(&self) -> impl Iterator<Item = &PgConnectOptions> {
        std::iter::once(&self.options).chain(&self.others)
    }

    /// The same target with the nth host as the first.
    pub(crate) fn led_by(mut self, nth: usize) -> Self {
        if let Some(other) = nth.checked_sub(1) {
            std::mem::swap(&mut self.options, &mut self.others[other]);
        }
        self
    }

    /// A description for people, built from the parts that are no secret.
    pub(crate) fn describe(&self) -> String {
        let user = self.options.get_username();
        // PostgreSQL uses the user's name when no database is named.
        let name = self.options.get_database().unwrap_or(user);
        let places: Vec<String> = self.hosts().map(place).collect();
        format!("database `{name}` on {} as `{user}` (from {})", places.join(" or "), self.origin)
    }

    /// The database and its place, as short as a title is.
    #[cfg(feature = "top")]
    pub(crate) fn title(&self) -> String {
        let name = self.options.get_database().unwrap_or(self.options.get_username());
        format!("{name} on {}", place(&self.options))
    }

    /// The risk of the network between here and the server, if any.
    pub(crate) fn warning(&self) -> Option<String> {
        self.hosts().find_map(warning)
    }
}

fn warning(options: &PgConnectOptions) -> Option<String> {
    let host = options.get_host();
    let local = options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let risk = match options.get_ssl_mode() {
        PgSslMode::VerifyFull => return None,
        PgSslMode::Disable => "unencrypted",
        PgSslMode::Allow | PgSslMode::Prefer => "unencrypted when the server, or somebody before it, says so",
        PgSslMode::Require | PgSslMode::VerifyCa => "encrypted, but not sure to be with that server",
    };
    (!local).then(|| {
        format!("the connection to {} is {risk}: add sslmode=verify-full to its URL", place(options))
    })
}

/// The address of a server, for people.
pub(crate) fn place(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None if options.get_host().starts_with('/') => options.get_host().to_owned(),
        None if options.get_host().contains(':') => {
            format!("[{}]:{}", options.get_host(), options.get_port())
        }
        None => format!("{}:{}", options.get_host(), options.get_port()),
    }
}

/// The database that the user names, else the one that `dev` runs for this folder. Of several servers it is the
/// one that `--on` names: a command that changes something does so on one.
pub(crate) async fn find(global: &Global, console: &Console) -> Result<Target, Failure> {
    if let Some(target) = named(global)? {
        return Ok(target);
    }
    if let Some(running) = running().await {
        console.note(format!("using the database of `{} dev`", program()));
        return of_dev(&running, global);
    }
    let service = match std::env::var_os("PGSERVICE") {
        Some(_) => " (PGSERVICE is not read)",
        None => "",
    };
    Err(Failure::database(format!(
        "no database is named{service}: run `{} dev` in another terminal, or export \
         DATABASE_URL=postgresql://user@host/name, or one of {}",
        program(),
        NAMING.join(", ")
    )))
}

/// Without the feature there is no `dev`.
#[cfg(not(feature = "local-postgres"))]
pub(crate) async fn running() -> Option<String> {
    None
}

/// The one database of `dev`, or that of its servers which `--on` names.
fn of_dev(running: &str, global: &Global) -> Result<Target, Failure> {
    match servers::of_dev(running)? {
        Some(all) => Ok(servers::one(all, global.on.as_deref())?.target),
        None => {
            servers::refuse_choice(global)?;
            Ok(Target::on(parse(running, "`dev`")?, "`dev`"))
        }
    }
}

/// If one of these variables is set, the user has chosen a server.
const NAMING: [&str; 4] = ["PGHOST", "PGHOSTADDR", "PGDATABASE", "PGUSER"];

/// The database that the user names, if any.
pub(crate) fn named(global: &Global) -> Result<Option<Target>, Failure> {
    parameters::check_variables().map_err(Failure::usage)?;
    if let Some(all) = servers::named(global)? {
        return Ok(Some(servers::one(all, global.on.as_deref())?.target));
    }
    let target = unnamed(global)?;
    if target.is_some() {
        servers::refuse_choice(global)?;
    }
    Ok(target)
}

/// The one database that the user means, if any.
pub(crate) fn unnamed(global: &Global) -> Result<Option<Target>, Failure> {
    parameters::check_variables().map_err(Failure::usage)?;
    if let Some(path) = &global.dsn_file {
        return read(path).map(Some);
    }
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    remember_variable();
    if let Some(url) = set("DATABASE_URL") {
        return Ok(Some(Target::on(parse(&url, "DATABASE_URL")?, "DATABASE_URL")));
    }
    let named = NAMING.into_iter().any(|name| set(name).is_some());
    named.then(of_variables).transpose()
}

fn of_variables() -> Result<Target, Failure> {
    let [hosts, ports] = ["PGHOST", "PGPORT"].map(|name| std::env::var(name).unwrap_or_default());
    // PGHOSTADDR has precedence over PGHOST.
    let list = hosts::of_variables(&hosts, &ports).filter(|_| std::env::var_os("PGHOSTADDR").is_none());
    let servers = match list {
        Some(url) => parse(&url, "what PGHOST and PGPORT say")?,
        None => vec![PgConnectOptions::new()],
    };
    Ok(Target::on(servers, "the PG* variables"))
}

fn read(path: &Path) -> Result<Target, Failure> {
    let origin = format!("file `{}`", path.display());
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("{origin} cannot be read: {error}")))?;
    Ok(Target::on(parse(text.trim(), &origin)?, origin))
}

/// The target of a URL, which `origin` gave.
pub(crate) fn of_url(url: &str, origin: &str) -> Result<Target, Failure> {
    Ok(Target::on(parse(url.trim(), origin)?, origin))
}

/// Whether a URL holds a password.
pub(crate) fn has_password(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (authority, after) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let of_user = authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'));
    of_user || parameters::has_secret(after.split_once('?').map_or("", |(_, query)| query))
}

/// Parses a URL of one host or several; neither the errors nor the log shows its password.
pub(crate) fn parse(url: &str, origin: &str) -> Result<Vec<PgConnectOptions>, Failure> {
    let unusable =
        |reason: &str| Failure::usage(format!("{origin} is no URL of a PostgreSQL database: {reason}"));
    let Some(rest) = url.strip_prefix("postgresql://").or_else(|| url.strip_prefix("postgres://")) else {
        return Err(unusable("it does not begin with postgresql://"));
    };
    let (authority, after) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    // The end of such a password would be parsed as part of the path, and would be shown.
    if after.contains('@') {
        return Err(unusable(
            "write `/`, `?`, `#` and `@` in a user name or password as %2F, %3F, %23 and %40",
        ));
    }
    remember_password(authority);
    remember_variable();
    let (path, query) = after.split_once('?').unwrap_or((after, ""));
    let (query, fragment) = query.split_once('#').map_or((query, None), |(query, rest)| (query, Some(rest)));
    parameters::remember(query);
    fragment.iter().for_each(|fragment| redact::remember(fragment));
    parameters::check(query).map_err(|reason| unusable(&reason))?;
    let (query, unknown) = parameters::known(query);
    if unknown > 0 {
        let known = parameters::list();
        tracing::warn!(
            "{origin} has {unknown} parameters that are not known, and are passed over; known are {known}"
        );
    }
    let scheme = &url[..url.len() - rest.len()];
    let url = format!("{scheme}{authority}{path}?{query}");
    let servers = hosts::split(&url).map_err(|reason| unusable(&reason))?;
    let server = |url: &String| {
        let options: Result<PgConnectOptions, sqlx::Error> = url.parse();
        // The values that the driver might quote have been checked; its remaining errors are about the form
        // of the URL.
        let reason = |error| format!("{}; {FORM}", redact::hide(&driver::said(&error)));
        options.map(without_brackets).map_err(|error| unusable(&reason(error)))
    };
    servers.iter().map(server).collect()
}

const FORM: &str = "write postgresql://user:password@host:5432/name, the port a number of 1 to 65535, and what is special in \
                    its parts as %40";

fn remember_password(authority: &str) {
    let password = authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':'));
    if let Some((_, password)) = password {
        parameters::secret_as_written(password);
    }
}

/// The driver uses the password of PGPASSWORD wherever none is given.
fn remember_variable() {
    if let Some(password) = std::env::var("PGPASSWORD").ok().filter(|password| !password.is_empty()) {
        redact::remember(&password);
    }
}

#[cfg(test)]
mod tests;
