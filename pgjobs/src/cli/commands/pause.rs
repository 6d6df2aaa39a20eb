//! `pause`, `resume`: stop the jobs of a topic, and let them run again.

use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::json;

use crate::cli::args::global::Global;
use crate::cli::args::values;
use crate::cli::database::connect::connect;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::{Topic, admin, db};

const PAUSE_HELP: &str = "\
No worker claims a job under the topic until it is resumed, or until the pause ends by itself. Jobs stay where \
they are in the queue, and publishing goes on. What runs goes on as well; `explain` says of the others \
that they are paused, by whom and why.

Examples:
  pgjobs pause 'mail.*' --for 2h --note 'the mail server moves'
  pgjobs inspect pauses
  pgjobs resume 'mail.*'";

#[derive(Args)]
#[command(after_help = PAUSE_HELP)]
pub(crate) struct PauseArgs {
    /// The topic; '*' is every task.
    topic: Topic,
    /// End the pause by itself after this time.
    #[arg(long = "for", value_name = "DURATION", value_parser = values::duration, conflicts_with = "until")]
    lasts: Option<Duration>,
    /// End the pause by itself at this time.
    #[arg(long, value_name = "RFC3339", value_parser = values::time)]
    until: Option<DateTime<Utc>>,
    /// Why, for whoever finds it paused.
    #[arg(long)]
    note: Option<String>,
}

#[derive(Args)]
pub(crate) struct ResumeArgs {
    /// The topic, as `inspect pauses` shows it.
    topic: Topic,
}

pub(crate) async fn pause(args: PauseArgs, global: &Global, console: &Console) -> Result<(), Failure> {
    let pool = connect(global, console).await?;
    let now = db::inspect::now(&mut *pool.acquire().await?).await?; // the database's clock ends it
    let until = args.until.or_else(|| Some(now + args.lasts?));
    admin::pause_topic(&pool, &args.topic, until, args.note.as_deref()).await.map_err(Failure::refused)?;
    let topic = args.topic.as_str();
    let said = || match until {
        Some(until) => format!("paused {topic} {}", format::until(until, now)),
        None => format!("paused {topic}, until it is resumed"),
    };
    console.data(&json!({ "topic": topic, "until": until }), said)
}

pub(crate) async fn resume(args: ResumeArgs, global: &Global, console: &Console) -> Result<(), Failure> {
    let pool = connect(global, console).await?;
    let topic = args.topic.as_str();
    if !admin::resume_topic(&pool, &args.topic).await? {
        return Err(Failure::failed(format!(
            "the topic `{topic}` is not paused; `pgjobs inspect pauses` lists those that are"
        )));
    }
    console.data(&json!({ "topic": topic }), || format!("resumed {topic}"))
}
