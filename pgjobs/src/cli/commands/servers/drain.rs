//! `servers drain`.

use std::pin::pin;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use sqlx::PgPool;

use super::left::Left;
use crate::admin;
use crate::cli::args::global::{Global, program};
use crate::cli::database::connect;
use crate::cli::database::servers::{self, VARIABLE};
use crate::cli::interrupt::Interrupt;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;

/// The time between two counts.
const PAUSE: Duration = Duration::from_secs(1);

const AFTER_HELP: &str = "\
Publishers that route by key give a draining server no new keys from their next look on, which is after a few \
seconds. Its jobs stay and are run; a publish that is sent to it all the same is taken. The state lies in the \
server's own database, so every publisher sees it, and a restart does not end it.

Once nothing is pending or running, and no workflow waits, take it out of the lists of the publishers, then of the \
workers. Its schedules have to be made on another server first, and its history is gone with it.

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
    /// Wait until nothing is pending or running; Ctrl-C ends the wait, and it goes on draining.
    #[arg(long, conflicts_with = "undo")]
    wait: bool,
    /// Route keys to it again.
    #[arg(long)]
    undo: bool,
}

pub(super) async fn run(args: &Drain, global: &Global, console: &Console) -> Result<(), Failure> {
    let all = servers::named(global)?.ok_or_else(|| {
        Failure::usage(format!("no servers are named: name them with --server NAME=URL or {VARIABLE}"))
    })?;
    let server = servers::one(all, Some(&args.name))?;
    let pool = connect::pool(&server.target, 4).await?;
    admin::set_draining(&pool, !args.undo, args.note.as_deref()).await.map_err(Failure::refused)?;
    if args.undo {
        let document = json!({ "server": server.name, "draining": false });
        return console.data(&document, || format!("server {} gets new keys again", server.name));
    }
    let left = Left::count(&pool).await?;
    if left.schedules > 0 {
        console.note(schedules(&server.name, left.schedules));
    }
    let left = if args.wait { wait(left, &server.name, &pool, console).await? } else { left };
    let document = json!({
        "server": server.name, "draining": true, "left": left, "removable": left.is_empty(),
    });
    console.data(&document, || what_to_do(&server.name, &left))
}

fn schedules(name: &str, number: usize) -> String {
    let are = if number == 1 { "schedule publishes" } else { "schedules publish" };
    format!(
        "{number} {are} jobs on it: make them on another server, and drop them here \
         (`{} schedule drop NAME --on {name}`)",
        program()
    )
}

/// Counts until nothing is left, and says what has changed.
async fn wait(mut left: Left, name: &str, pool: &PgPool, console: &Console) -> Result<Left, Failure> {
    let mut interrupt = pin!(Interrupt::listen().first());
    let mut said = String::new();
    loop {
        let now = left.in_words();
        if now != said {
            console.note(format!("server {name}: {now}"));
            said = now;
        }
        if left.is_empty() {
            return Ok(left);
        }
        tokio::select! {
            () = &mut interrupt => return Ok(left),
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
        "1. publishers: leave it out of their lists".to_owned(),
        format!("2. workers: leave it out of {VARIABLE} or --server, and restart them"),
    ]
}
