//! `servers add`.

use clap::Args;
use serde_json::json;
use sqlx::PgPool;

use crate::cli::args::global::Global;
use crate::cli::commands::migrate;
use crate::cli::database::servers::{self, Origin, Server, VARIABLE};
use crate::cli::database::{connect, places, target};
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::progress::Progress;
use crate::db::identity;
use crate::types::server_name::MAIN;

const AFTER_HELP: &str = "\
It connects, brings schema `jobs` up to date there, declares the tasks of this program, and changes nothing else: \
which servers there are is what workers and publishers are started with.

Examples:
  pgjobs servers add ap=postgresql://app@db3/jobs
  pgjobs servers add ap=@/run/secrets/ap";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Add {
    /// Its name and URL, ap=postgresql://app@db/jobs or ap=@FILE; or just the name of one that --server or
    /// PGJOBS_SERVERS has already.
    #[arg(value_name = "NAME=URL")]
    added: String,
}

pub(super) async fn run(args: &Add, global: &Global, console: &Console) -> Result<(), Failure> {
    let (server, others) = which(&args.added, known(global).await?)?;
    let pool = connect::pool(&server.target, 4).await?;
    refuse_twin(&server.name, &pool, &others).await?;
    let applied = {
        let _progress = Progress::spinner(console, "migrating");
        migrate::up(&pool).await?
    };
    let version: String =
        sqlx::query_scalar("select current_setting('server_version')").fetch_one(&pool).await?;
    let document = json!({
        "server": server.name, "postgres": version, "migrations": applied, "servers": others.len() + 1,
    });
    console.data(&document, || told(&server, &version, applied.len(), others.len()))
}

/// The servers that there are: those with names, or the one database.
async fn known(global: &Global) -> Result<Vec<Server>, Failure> {
    if let Some(all) = places::servers(global).await? {
        return Ok(all);
    }
    let main = target::named(global)?.map(|target| Server { name: MAIN.to_owned(), target });
    Ok(main.into_iter().collect())
}

/// The server that is added, and the others.
fn which(text: &str, mut all: Vec<Server>) -> Result<(Server, Vec<Server>), Failure> {
    let at = all.iter().position(|server| server.name == text.split('=').next().unwrap_or(text));
    match (at, text.contains('=')) {
        (Some(at), false) => {
            let server = all.remove(at);
            Ok((server, all))
        }
        (Some(at), true) => Err(Failure::usage(format!(
            "there is a server {} already: give this one another name, or leave its URL out to add that one",
            all[at].name
        ))),
        (None, true) => Ok((servers::read(text, Origin::Arguments)?, all)),
        (None, false) if servers::is_name(text) => Err(Failure::usage(format!(
            "no server is called {text}: write {text}=URL, or name it in {VARIABLE}"
        ))),
        (None, false) => Err(Failure::usage("write NAME=URL, such as ap=postgresql://app@db3/jobs")),
    }
}

/// Refuses a database that another name means already: its jobs would be claimed twice as often as others, and keys
/// of both names would meet there. Servers that do not answer are passed over.
async fn refuse_twin(name: &str, pool: &PgPool, others: &[Server]) -> Result<(), Failure> {
    let Some(own) = identity::of_instance(pool).await else { return Ok(()) };
    for other in others {
        let Ok(pool) = connect::pool(&other.target, 1).await else { continue };
        if identity::of_instance(&pool).await.as_ref() == Some(&own) {
            return Err(Failure::usage(format!(
                "{name} is the database that is called {} already: a server has one name",
                other.name
            )));
        }
    }
    Ok(())
}

fn told(server: &Server, version: &str, applied: usize, others: usize) -> Vec<String> {
    let Server { name, target } = server;
    let mut lines = vec![
        format!(
            "server {name} is ready: {}, PostgreSQL {version}, {applied} migrations applied",
            target.describe()
        ),
        format!("1. workers: add it to {VARIABLE} or --server of every worker, and restart them"),
        "2. publishers: then add it to their lists, the same names everywhere".to_owned(),
    ];
    if others > 0 {
        lines.push(format!("of the keys, about one in {} moves to it, and no other moves", others + 1));
    }
    lines
}
