//! Several servers: how the user names them, and which of them a command works on.
//!
//! A server is one complete database of pgjobs. `--server eu=postgresql://app@db1/jobs`, once for each, or
//! PGJOBS_SERVERS with the same, separated by white space; `eu=@FILE` reads the URL from a file.

use crate::cli::args::global::Global;
use crate::cli::database::target::{Target, has_password, parse};
use crate::cli::output::failure::Failure;
use crate::types::server_name;

/// The variable that lists servers.
pub(crate) const VARIABLE: &str = "PGJOBS_SERVERS";

/// A database of several, and its name.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) target: Target,
}

/// Where the text of a server stands, and so whether others can read it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// In the arguments, which every user of the machine can read.
    Arguments,
    /// In PGJOBS_SERVERS.
    Variable,
    /// In the file of `dev`.
    Dev,
}

/// The servers that the user names, in their order; `None` when the database is named in the way of a single one.
pub(crate) fn named(global: &Global) -> Result<Option<Vec<Server>>, Failure> {
    if !global.server.is_empty() {
        if global.dsn_file.is_some() {
            return Err(Failure::usage("--server and --dsn-file name databases both: leave one out"));
        }
        return all(global.server.iter().map(String::as_str), Origin::Arguments).map(Some);
    }
    let listed = std::env::var(VARIABLE).unwrap_or_default();
    if listed.trim().is_empty() || global.dsn_file.is_some() {
        return Ok(None);
    }
    all(listed.split_whitespace(), Origin::Variable).map(Some)
}

/// The servers in the file of `dev`; `None` when it holds the URL of one database.
pub(crate) fn of_dev(text: &str) -> Result<Option<Vec<Server>>, Failure> {
    let is_one = text.starts_with("postgres");
    if is_one { Ok(None) } else { all(text.split_whitespace(), Origin::Dev).map(Some) }
}

fn all<'a>(texts: impl Iterator<Item = &'a str>, origin: Origin) -> Result<Vec<Server>, Failure> {
    let mut all: Vec<Server> = Vec::new();
    for text in texts {
        let server = read(text, origin)?;
        if all.iter().any(|other| other.name == server.name) {
            return Err(Failure::usage(format!(
                "two servers are called {}: give each its own name",
                server.name
            )));
        }
        all.push(server);
    }
    Ok(all)
}

/// The one server that a command works on: the one with this name, or the only one.
pub(crate) fn one(mut all: Vec<Server>, name: Option<&str>) -> Result<Server, Failure> {
    match name {
        Some(name) => match all.iter().position(|server| server.name == name) {
            Some(at) => Ok(all.swap_remove(at)),
            None => Err(Failure::usage(format!("--on names no server: there are {}", names(&all)))),
        },
        None if all.len() == 1 => Ok(all.swap_remove(0)),
        None => Err(Failure::usage(format!(
            "this works on one server, and there are {}: say which one with --on NAME",
            names(&all)
        ))),
    }
}

/// The names, for a message.
pub(crate) fn names(all: &[Server]) -> String {
    all.iter().map(|server| server.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Refuses `--on` where no servers are named: it would choose nothing.
pub(crate) fn refuse_choice(global: &Global) -> Result<(), Failure> {
    match global.on {
        Some(_) => Err(Failure::usage(format!(
            "--on chooses one of several servers, and none has a name: name them with --server NAME=URL or {VARIABLE}"
        ))),
        None => Ok(()),
    }
}

/// Reads `eu=postgresql://…` or `eu=@FILE`. No error repeats the text: it may hold a password.
pub(crate) fn read(text: &str, origin: Origin) -> Result<Server, Failure> {
    let place = match origin {
        Origin::Arguments => "--server",
        Origin::Variable => VARIABLE,
        Origin::Dev => "the file of `dev`",
    };
    let form = format!("{place} takes NAME=URL, such as eu=postgresql://app@db/jobs, or NAME=@FILE");
    let (name, url) =
        text.split_once('=').ok_or_else(|| Failure::usage(format!("{form}: a name is missing")))?;
    if !is_name(name) {
        return Err(Failure::usage(format!(
            "{form}: a name has 1 to 63 of the characters a-z, 0-9, _ and -, and begins with a letter"
        )));
    }
    let origin_of = format!("server {name} of {place}");
    let target = match url.strip_prefix('@') {
        Some(path) => {
            let url = std::fs::read_to_string(path)
                .map_err(|error| Failure::usage(format!("{origin_of}: its file cannot be read: {error}")))?;
            Target::on(parse(url.trim(), &origin_of)?, &origin_of)
        }
        None => {
            let hosts = parse(url, &origin_of)?;
            if origin == Origin::Arguments && has_password(url) {
                return Err(Failure::usage(format!(
                    "{origin_of} has a password in its URL, which every user of this machine could read: set it in \
                     {VARIABLE}, write the URL to a file ({name}=@FILE), or use ~/.pgpass"
                )));
            }
            Target::on(hosts, &origin_of)
        }
    };
    Ok(Server { name: name.to_owned(), target })
}

/// Whether this may name a server.
pub(crate) fn is_name(name: &str) -> bool {
    server_name::check(name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str, origin: Origin) -> String {
        match read(text, origin) {
            Ok(server) => panic!("{} was taken", server.name),
            Err(failure) => failure.message().to_owned(),
        }
    }

    #[test]
    fn a_server_has_a_name_and_a_url_and_no_error_repeats_the_url() {
        let server = read("eu-2=postgres://app@a,b:5433/jobs", Origin::Arguments)
            .unwrap_or_else(|_| panic!("refused"));
        assert_eq!(server.name, "eu-2");
        assert_eq!(server.target.hosts().count(), 2);
        for text in [
            "canary5x",
            "=postgres://canary5x@a/b",
            "EU=postgres://u:canary5x@a/b",
            "2eu=postgres://u:canary5x@a/b",
            "eu=canary5x",
            "eu=mysql://u:canary5x@a/b",
            "eu=postgres://u:canary5x@a:port/b",
            "eu=@/nowhere/canary5",
        ] {
            let said = refusal(text, Origin::Variable);
            assert!(said.contains(VARIABLE) && !said.contains("canary5x"), "{said}");
        }
    }

    #[test]
    fn a_password_is_refused_in_the_arguments_alone() {
        for url in [
            "postgres://u:canary6x@a/b",
            "postgres://u@a/b?password=canary6x",
            "postgres://u@a?passwort=canary6x",
        ] {
            let text = format!("eu={url}");
            let said = refusal(&text, Origin::Arguments);
            assert!(said.contains("PGJOBS_SERVERS") && !said.contains("canary6x"), "{said}");
            assert!(read(&text, Origin::Variable).is_ok());
        }
        assert!(read("eu=postgres://u@a:1/b?sslmode=require&host=/s", Origin::Arguments).is_ok());
    }

    #[test]
    fn one_server_is_chosen_by_its_name_or_as_the_only_one() {
        let all = |names: &[&str]| -> Vec<Server> {
            let texts: Vec<String> = names.iter().map(|name| format!("{name}=postgres://a/b")).collect();
            super::all(texts.iter().map(String::as_str), Origin::Variable)
                .unwrap_or_else(|_| panic!("refused"))
        };
        assert_eq!(one(all(&["eu", "us"]), Some("us")).map(|server| server.name).ok().as_deref(), Some("us"));
        assert_eq!(one(all(&["eu"]), None).map(|server| server.name).ok().as_deref(), Some("eu"));
        for (name, words) in
            [(None, "there are eu, us: say which one with --on"), (Some("x"), "there are eu, us")]
        {
            let failure = one(all(&["eu", "us"]), name).map(|server| server.name).unwrap_err();
            assert!(failure.message().contains(words), "{failure:?}");
        }
        let twice = super::all(["eu=postgres://a/b", "eu=postgres://c/d"].into_iter(), Origin::Variable);
        assert!(twice.is_err());
    }
}
