//! `schedule next`.

use chrono::{DateTime, Utc};
use clap::{ArgGroup, Args};
use serde_json::json;
use sqlx::PgPool;

use super::{english, now};
use crate::cli::args::values;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::schedule;

const AFTER_HELP: &str = "\
Examples:
  pgjobs schedule next nightly
  pgjobs schedule next --cron '30 2 L * *' --zone America/New_York --num 12";

#[derive(Args)]
#[command(after_help = AFTER_HELP, group = ArgGroup::new("what").args(["name", "cron"]).required(true))]
pub(crate) struct Next {
    /// The schedule's name.
    pub(super) name: Option<String>,
    /// A cron line that no schedule needs to have.
    #[arg(long, value_name = "LINE")]
    cron: Option<String>,
    /// The time zone of the line.
    #[arg(long, default_value = "UTC", conflicts_with = "name")]
    zone: String,
    /// How many times to show.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    num: u16,
    /// Show those after this time instead of now; with --cron.
    #[arg(long, value_name = "RFC3339", value_parser = values::time, conflicts_with = "name")]
    after: Option<DateTime<Utc>>,
}

pub(super) async fn run(args: &Next, pool: &PgPool, console: &Console) -> Result<(), Failure> {
    let ticks = match (&args.name, &args.cron) {
        (Some(name), _) => schedule::next_ticks(pool, name, args.num).await,
        (None, line) => {
            let line = line.as_deref().unwrap_or_default();
            schedule::preview(pool, line, &args.zone, args.num, args.after).await
        }
    };
    let (ticks, zone) = (ticks.map_err(Failure::refused)?, zone(args, pool).await?);
    let now = now(pool).await?;
    let document =
        json!({ "zone": zone, "english": args.cron.as_deref().map(english::of_cron), "ticks": ticks });
    console.data(&document, || ticks.iter().map(|tick| english::local(*tick, &zone, now)).collect::<Vec<_>>())
}

async fn zone(args: &Next, pool: &PgPool) -> Result<String, Failure> {
    let Some(name) = &args.name else { return Ok(args.zone.clone()) };
    Ok(schedule::get(pool, name).await?.zone)
}
