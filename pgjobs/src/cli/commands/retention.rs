//! `retention`: how long history keeps which jobs.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use serde_json::json;

use super::jobs::refused;
use crate::admin::{self, KeepRule};
use crate::cli::args::global::Global;
use crate::cli::database::connect::connect;
use crate::cli::database::readers::{self, Of};
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::table::table_of;
use crate::{JobState, Topic};

const AFTER_HELP: &str = "\
All of history is dropped after jobs.config.history_days, a day at a time, which costs nothing. A rule keeps \
some of it for less; workers delete that, some at a time. To keep failed jobs longer than others, raise \
history_days and keep the others for less.

Examples:
  pgjobs retention set 'mail.*' 2 --state success
  pgjobs retention list";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Retention {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List the rules, those that decide first first.
    List,
    /// Keep ended jobs under a topic for so many days only.
    Set {
        /// Tasks under this topic; '*' is every task.
        topic: Topic,
        /// Days; 0: until the day is over.
        days: u16,
        /// Only jobs that ended in this state.
        #[arg(long, value_parser = ended())]
        state: Option<JobState>,
    },
    /// Remove a rule.
    Drop {
        /// Its topic.
        topic: Topic,
        /// Its state.
        #[arg(long, value_parser = ended())]
        state: Option<JobState>,
    },
}

fn ended() -> impl TypedValueParser<Value = JobState> {
    PossibleValuesParser::new(["success", "failed", "cancelled"]).try_map(|name| name.parse::<JobState>())
}

pub(crate) async fn run(args: Retention, global: &Global, console: &Console) -> Result<(), Failure> {
    if let Command::List = args.command {
        let readers = readers::chosen(global, console).await?;
        let rules = readers.list(async |pool| admin::keep_rules(pool).await.map_err(refused)).await?;
        return rules.away.print(console, &json!({ "rules": rules.all }), || list(&rules.all));
    }
    let pool = connect(global, console).await?;
    match args.command {
        Command::List => Ok(()),
        Command::Set { topic, days, state } => {
            admin::keep(&pool, &topic, state, days).await.map_err(refused)?;
            console.data(&json!({ "topic": topic.as_str(), "days": days }), || {
                format!("jobs under `{topic}` are kept for {days} days")
            })
        }
        Command::Drop { topic, state } => {
            let dropped = admin::drop_keep(&pool, &topic, state).await.map_err(refused)?;
            if !dropped {
                return Err(Failure::failed(format!(
                    "there is no rule for `{topic}` and this state: `retention list` shows all"
                )));
            }
            console.data(&json!({ "dropped": dropped }), || format!("dropped the rule for `{topic}`"))
        }
    }
}

fn list(rules: &[Of<KeepRule>]) -> Vec<String> {
    if rules.is_empty() {
        return vec!["no rules: all jobs are kept for jobs.config.history_days".to_owned()];
    }
    let row = |rule: &KeepRule| {
        [
            rule.topic.clone(),
            rule.status.clone().unwrap_or_else(|| "any".to_owned()),
            rule.days.to_string(),
            rule.clean_until.map_or("-".to_owned(), |day| day.to_string()),
            rule.set_by.clone(),
        ]
    };
    table_of(["Topic", "State", ">Days", "Clean until", "Set by"], rules.iter().map(|rule| rule.cells(row)))
}
