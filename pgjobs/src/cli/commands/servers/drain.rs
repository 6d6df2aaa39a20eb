//! `servers drain`.

use std::pin::pin;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use sqlx::PgPool;

use super::left::Left;
use crate::cli::args::global::{Global, program};
use crate::cli::database::servers::{self, Server, VARIABLE};
use crate::cli::database::{connect, places};
use crate::cli::interrupt::Interrupt;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::{admin, inspect};

/// The time between two counts.
const PAUSE: Duration = Duration::from_secs(1);

const AFTER_HELP: &str = "\
Publishers that route by key give a draining server no new keys from their next look on, which is after a few \
seconds. Its jobs stay and are run; a publish that is sent to it all the same is taken. The state lies in the \
server's own database, so every publisher sees it, and a restart does not end it.

Once nothing is pending or running, and no workflow waits, take it out of the lists of the publishers, wait once more, \
and take it out of the workers. Its schedules have to be made on another server first, and its history is gone with it. \
--wait ends no earlier than ten seconds after it began to drain, since publishers look every five; ended by a signal it \
has exit code 130, and the server goes on draining.

Examples:
  pgjobs servers drain us --wait --note 'its machine goes in May'
  pgjobs servers drain us --undo";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Drain {
    /// The server's name.
    name: String,
    /// Why, for whoever finds it draining.
    #[arg(long, conflicts_with = "undo")]
    note: Option<String>,
    /// Wait until nothing is pending or running, and publishers know; Ctrl-C ends the wait, and it goes on draining.
    #[arg(long, conflicts_with = "undo")]
    wait: bool,
    /// Route keys to it again.
    #[arg(long)]
    undo: bool,
}

pub(super) async fn run(args: &Drain, global: &Global, console: &Console) -> Result<(), Failure> {
    let server = named(args, global).await?;
    let pool = connect::pool(&server.target, 4).await?;
    change(args, &pool).await?;
    if args.undo {
        let document = json!({ "server": server.name, "draining": false });
        return console.data(&document, || format!("server {} gets new keys again", server.name));
    }
    let left = Left::count(&pool).await?;
    if left.schedules > 0 {
        console.note(schedules(&server.name, left.schedules));
    }
    let (left, end) =
        if args.wait { wait(left, &server.name, &pool, console).await? } else { (left, End::Asked) };
    let document = json!({
        "server": server.name, "draining": true, "left": left, "removable": left.is_empty(),
    });
    match end {
        End::Asked => console.data(&document, || what_to_do(&server.name, &left)),
        End::Interrupted => {
            let message =
                format!("server {} is not empty, and goes on draining: {}", server.name, left.in_words());
            Err(Failure::interrupted(message).about(document))
        }
    }
}

/// The server that is drained, which its name chooses and nothing else.
async fn named(args: &Drain, global: &Global) -> Result<Server, Failure> {
    if global.on.is_some() {
        return Err(Failure::usage("the server is named by the argument of `servers drain`: leave --on out"));
    }
    let all = places::servers(global).await?.ok_or_else(|| {
        Failure::usage(format!("no servers are named: name them with --server NAME=URL or {VARIABLE}"))
    })?;
    let names = servers::names(&all);
    let unknown = || Failure::usage(format!("no server is called {}: there are {names}", args.name));
    all.into_iter().find(|server| server.name == args.name).ok_or_else(unknown)
}

/// Begins or ends it. One that is draining keeps its note, unless another one is given.
async fn change(args: &Drain, pool: &PgPool) -> Result<(), Failure> {
    if !args.undo && args.note.is_none() && inspect::draining(pool).await?.is_some() {
        return Ok(());
    }
    admin::set_draining(pool, !args.undo, args.note.as_deref()).await.map_err(Failure::refused)?;
    Ok(())
}

fn schedules(name: &str, number: usize) -> String {
    let are = if number == 1 { "schedule publishes" } else { "schedules publish" };
    format!(
        "{number} {are} jobs on it: make them on another server, and drop them here \
         (`{} schedule drop NAME --on {name}`)",
        program()
    )
}

/// Whether the command ends as it was asked to.
enum End {
    Asked,
    Interrupted,
}

/// Counts until nothing is left, and says what has changed.
async fn wait(mut left: Left, name: &str, pool: &PgPool, console: &Console) -> Result<(Left, End), Failure> {
    let mut interrupt = pin!(Interrupt::listen().first());
    let mut said = String::new();
    loop {
        let now = left.in_words();
        if now != said {
            console.note(format!("server {name}: {now}"));
            said = now;
        }
        if left.is_empty() {
            return Ok((left, End::Asked));
        }
        tokio::select! {
            () = &mut interrupt => return Ok((left, End::Interrupted)),
            () = tokio::time::sleep(PAUSE) => {}
        }
        left = Left::count(pool).await?;
    }
}

/// What is left to do before the server can be removed.
fn what_to_do(name: &str, left: &Left) -> Vec<String> {
    if !left.is_empty() {
        return vec![
            format!("server {name} is draining: {}", left.in_words()),
            format!("`{} servers drain {name} --wait` waits until it is empty", program()),
        ];
    }
    vec![
        format!("server {name} is draining and empty: it may be removed"),
        format!("gone with it: {}", left.remains()),
        "1. publishers: leave it out of their lists, and restart them".to_owned(),
        format!(
            "2. `{} servers drain {name} --wait` again: what they published until then has to run",
            program()
        ),
        format!("3. workers: leave it out of {VARIABLE} or --server, and restart them"),
    ]
}
