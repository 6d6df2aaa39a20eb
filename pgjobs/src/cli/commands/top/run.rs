//! Prints one page, or shows one until it is ended.

use sqlx::PgPool;

use super::snapshot::{Pace, Snapshot};
use super::state::State;
use super::{TopArgs, frame, screen};
use crate::cli::args::global::Global;
use crate::cli::database::connect::pool;
use crate::cli::database::readers::Absent;
use crate::cli::database::{reader, standby, target};
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;

/// The size of a page that goes nowhere but into a file.
const PAGE: (u16, u16) = (80, 24);

pub(crate) async fn run(args: TopArgs, global: &Global, console: &Console) -> Result<(), Failure> {
    if console.json && !args.once {
        return Err(Failure::usage("a page that goes on is no document: add --once, or leave --json out"));
    }
    if !args.once && !screen::is_there() {
        return Err(Failure::usage("top needs a terminal: add --once to print one page"));
    }
    if args.once {
        let (snapshot, away) = once(&args, global, console).await?;
        return away.print(console, &snapshot, || frame::text(&snapshot, &State::default(), PAGE));
    }
    let (place, pool, pace) = match standby::chosen(&args.read_from, global).await? {
        Some(standby) => {
            let (target, pool) = reader::pool(standby, 2).await?;
            (target.title(), pool, Pace::new(args.interval).of_standby())
        }
        None => {
            let target = target::find(global, console).await?;
            (target.title(), pool(&target, 2).await?, Pace::new(args.interval))
        }
    };
    screen::show(&pool, &place, pace).await
}

/// One look at all servers, or at a standby.
async fn once(args: &TopArgs, global: &Global, console: &Console) -> Result<(Snapshot, Absent), Failure> {
    let readers = reader::chosen(&args.read_from, global, console).await?.warning_of_hidden();
    let place = readers.title();
    let of_standby = standby::chosen(&args.read_from, global).await?.is_some();
    let look = async |pool: &PgPool| {
        let pace = Pace::new(args.interval);
        let mut pace = if of_standby { pace.of_standby() } else { pace };
        Ok(Snapshot::read(pool, &place, &mut pace).await?)
    };
    let (looks, away) = readers.ask(look).await?.apart();
    Ok((Snapshot::of_all(&place, looks), away))
}
