//! `watch`: the topics whose events are written.

use chrono::Utc;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::Topic;
use crate::cli::args::global::Global;
use crate::cli::database::connect::connect;
use crate::cli::database::readers::{self, Of};
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::cli::output::table::table_of;
use crate::events::{self, EventKind, WatchRow};

const AFTER_HELP: &str = "\
Events say what becomes of jobs, to programs and pages that subscribe to them: queued, picked, progress, \
completed, failed, retried, snoozed, cancelled. They are written for the topics that are watched here, and for \
tasks whose code says so (events = true), and kept for jobs.config.event_hours.

Examples:
  pgjobs watch add 'export.*'
  pgjobs watch add '*' --kind failed --kind cancelled
  pgjobs watch list
  pgjobs watch remove 'export.*'";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Watch {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write the events of the tasks under a topic from now on.
    Add {
        /// The topic; '*' is every task.
        topic: Topic,
        /// Only this kind; may be given several times.
        #[arg(long = "kind", value_name = "KIND", value_parser = kind())]
        kinds: Vec<EventKind>,
    },
    /// Write no more events of a topic.
    Remove {
        /// The topic, as `watch list` shows it.
        topic: Topic,
    },
    /// List the topics that are watched.
    List,
}

fn kind() -> impl TypedValueParser<Value = EventKind> {
    PossibleValuesParser::new(EventKind::ALL.map(EventKind::as_str)).try_map(|name| name.parse::<EventKind>())
}

pub(crate) async fn run(args: Watch, global: &Global, console: &Console) -> Result<(), Failure> {
    if let Command::List = args.command {
        let readers = readers::chosen(global, console).await?;
        let watches =
            readers.list(async |pool| events::watches(pool).await.map_err(Failure::refused)).await?;
        return watches.away.print(console, &json!({ "watches": watches.all }), || list(&watches.all));
    }
    let pool = connect(global, console).await?;
    match args.command {
        Command::Add { topic, kinds } => {
            events::watch(&pool, &topic, &kinds).await.map_err(Failure::refused)?;
            let what = json!({ "topic": topic.as_str(), "kinds": (!kinds.is_empty()).then_some(&kinds) });
            console.data(&what, || format!("events of {topic} are written"))
        }
        Command::Remove { topic } => {
            if !events::unwatch(&pool, &topic).await.map_err(Failure::refused)? {
                return Err(Failure::failed(format!(
                    "the topic `{topic}` is not watched; `pgjobs watch list` lists those that are"
                )));
            }
            console.data(&json!({ "topic": topic.as_str() }), || {
                format!("no more events of {topic} are written")
            })
        }
        Command::List => Ok(()),
    }
}

fn list(watches: &[Of<WatchRow>]) -> Vec<String> {
    if watches.is_empty() {
        return vec!["no topic is watched: no events are written".to_owned()];
    }
    let now = Utc::now();
    let row = |watch: &WatchRow| {
        [
            watch.topic.clone(),
            watch.kinds.as_ref().map_or_else(|| "all".to_owned(), |kinds| kinds.join(", ")),
            if watch.is_declared { "its code".to_owned() } else { watch.watched_by.clone() },
            format::when(watch.watched_at, now),
        ]
    };
    table_of(["Topic", "Kinds", "By", "Since"], watches.iter().map(|watch| watch.cells(row)))
}
