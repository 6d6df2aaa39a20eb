//! Which database: the one in a file, in the environment, or the one that `dev` runs here.

use std::net::IpAddr;
use std::path::Path;

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::exit::Failure;
use super::options::{Global, program};
use super::{console::Console, dev, secret};

/// A database and how to speak of it.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) options: PgConnectOptions,
    /// What named it.
    origin: String,
}

impl Target {
    pub(super) fn new(options: PgConnectOptions, origin: impl Into<String>) -> Self {
        Target { options, origin: origin.into() }
    }

    /// For people; built from the parts that are no secret.
    pub(super) fn describe(&self) -> String {
        let user = self.options.get_username();
        // PostgreSQL takes the user's name when no database is named.
        let name = self.options.get_database().unwrap_or(user);
        format!("database `{name}` on {} as `{user}` (from {})", self.place(), self.origin)
    }

    /// What a network between here and the server could do, if anything.
    pub(super) fn warning(&self) -> Option<String> {
        let host = self.options.get_host();
        let local = self.options.get_socket().is_some()
            || host.starts_with('/')
            || host == "localhost"
            || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        let risk = match self.options.get_ssl_mode() {
            PgSslMode::VerifyFull => return None,
            PgSslMode::Disable => "unencrypted",
            PgSslMode::Allow | PgSslMode::Prefer => {
                "unencrypted when the server, or somebody before it, says so"
            }
            PgSslMode::Require | PgSslMode::VerifyCa => "encrypted, but not sure to be with that server",
        };
        (!local).then(|| {
            format!("the connection to {} is {risk}: add sslmode=verify-full to its URL", self.place())
        })
    }

    fn place(&self) -> String {
        match self.options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None if self.options.get_host().starts_with('/') => self.options.get_host().to_owned(),
            None => format!("{}:{}", self.options.get_host(), self.options.get_port()),
        }
    }
}

/// The database that the user names, else the one that `dev` runs for this folder.
pub(super) async fn find(global: &Global, console: &Console) -> Result<Target, Failure> {
    if let Some(target) = named(global)? {
        return Ok(target);
    }
    if let Some(url) = dev::running_url().await {
        console.note(format!("using the database of `{} dev` in this folder", program()));
        return Ok(Target::new(parse(&url, "`dev`")?, "`dev`"));
    }
    Err(Failure::database(format!(
        "no database is named: run `{} dev` in another terminal, or export DATABASE_URL=postgresql://user@host/name",
        program()
    )))
}

/// The database that the user names, if any.
pub(super) fn named(global: &Global) -> Result<Option<Target>, Failure> {
    if let Some(path) = &global.dsn_file {
        return read(path).map(Some);
    }
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(password) = set("PGPASSWORD") {
        secret::remember(&password);
    }
    if let Some(url) = set("DATABASE_URL") {
        return Ok(Some(Target::new(parse(&url, "DATABASE_URL")?, "DATABASE_URL")));
    }
    // Any one of these says that the user has a server in mind.
    let named = ["PGHOST", "PGDATABASE", "PGUSER"].into_iter().any(|name| set(name).is_some());
    Ok(named.then(|| Target::new(PgConnectOptions::new(), "the PG* variables")))
}

fn read(path: &Path) -> Result<Target, Failure> {
    let origin = format!("file `{}`", path.display());
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("{origin} cannot be read: {error}")))?;
    let options = parse(text.trim(), &origin)?;
    Ok(Target::new(options, origin))
}

/// Reads a URL; neither the errors nor what is logged meanwhile shows its password.
fn parse(url: &str, origin: &str) -> Result<PgConnectOptions, Failure> {
    let unusable =
        |reason: &str| Failure::usage(format!("{origin} is no URL of a PostgreSQL database: {reason}"));
    let Some(rest) = url.strip_prefix("postgresql://").or_else(|| url.strip_prefix("postgres://")) else {
        return Err(unusable("it does not begin with postgresql://"));
    };
    let (authority, after) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    // What looks like the end of the password is taken for part of the path: it would be shown.
    if after.contains('@') {
        return Err(unusable(
            "write `/`, `?`, `#` and `@` in a user name or password as %2F, %3F, %23 and %40",
        ));
    }
    remember_password(authority);
    after.split_once('?').iter().for_each(|(_, query)| remember_parameters(query));
    // The driver's own words may quote what it could not read.
    url.parse().map_err(|error: sqlx::Error| unusable(&secret::hide(&reason(&error))))
}

fn reason(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Configuration(cause) => cause.to_string(),
        other => other.to_string(),
    }
}

fn remember_password(authority: &str) {
    let password = authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':'));
    if let Some((_, password)) = password {
        secret::remember(password);
        secret::remember(&decode(password));
    }
}

/// The driver logs a parameter that it does not know with its value, and a misspelt `password` is
/// one: all but the harmless ones are taken for secrets.
fn remember_parameters(query: &str) {
    const HARMLESS: [&str; 11] = [
        "host",
        "hostaddr",
        "port",
        "dbname",
        "user",
        "sslmode",
        "ssl-mode",
        "application_name",
        "options",
        "statement-cache-capacity",
        "sslrootcert",
    ];
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        if !HARMLESS.contains(&name) {
            secret::remember(value);
            secret::remember(&decode(value));
        }
    }
}

/// Resolves `%41`.
fn decode(text: &str) -> String {
    let (bytes, mut decoded, mut at) = (text.as_bytes(), Vec::new(), 0);
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(url: &str) -> String {
        format!("{:?}", parse(url, "DATABASE_URL").unwrap_err())
    }

    #[test]
    fn an_unusable_url_is_not_repeated() {
        for url in [
            "postgres://u:canary1x@host:port/db",
            "postgres://u:12/canary1x@host/db",
            "postgres://u:can?ary1x@host/db",
            "mysql://u:canary1x@host/db",
            "postgres://u@host/db?password=canary1x&sslmode=canary1x",
            "postgres://u:canary1x@host/db?sslmode=canary1x",
            "canary1x",
        ] {
            let message = message(url);
            assert!(!message.contains("ary1x"), "{message}");
            assert!(message.contains("DATABASE_URL"), "{message}");
        }
    }

    #[test]
    fn a_password_is_hidden_as_written_and_as_meant() {
        parse("postgres://u:can%61ry2x@host/db", "DATABASE_URL").unwrap();
        assert_eq!(secret::hide("can%61ry2x canary2x"), "*** ***");
        parse("postgres://u@host/db?passwort=canary3x", "DATABASE_URL").unwrap();
        assert_eq!(secret::hide("canary3x"), "***");
    }

    #[test]
    fn a_remote_server_that_is_not_verified_is_warned_of() {
        for (rest, words) in [
            ("db.example/shop", Some("is unencrypted when")),
            (
                "db.example/shop?sslmode=disable",
                Some("db.example:5432 is unencrypted: add sslmode=verify-full"),
            ),
            ("10.0.0.7/shop?sslmode=require", Some("not sure to be with that server")),
            ("db.example/shop?sslmode=verify-full", None),
            ("localhost/shop", None),
            ("127.0.0.2/shop?sslmode=disable", None),
            ("[::1]/shop", None),
            ("%2Ftmp/shop", None),
        ] {
            let options = parse(&format!("postgres://ana:canary5x@{rest}"), "DATABASE_URL").unwrap();
            let warning = Target::new(options, "DATABASE_URL").warning();
            assert_eq!(warning.is_some(), words.is_some(), "{rest}: {warning:?}");
            let warning = warning.unwrap_or_default();
            assert!(
                warning.contains(words.unwrap_or_default()) && !warning.contains("canary5x"),
                "{warning}"
            );
        }
    }

    #[test]
    fn a_description_holds_no_password() {
        let options = parse("postgres://ana:canary4x@db.example:6000/shop", "DATABASE_URL").unwrap();
        let target = Target::new(options, "DATABASE_URL");
        assert_eq!(target.describe(), "database `shop` on db.example:6000 as `ana` (from DATABASE_URL)");
    }
}
