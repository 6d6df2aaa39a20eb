//! Commands to workers, and what becomes of them.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What a worker can be told, see [`control::send`](crate::control::send).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// It answers, and does nothing else: whether it hears, and how fast.
    Ping,
    /// It claims no more jobs and releases those that it has prefetched; what runs goes on.
    Pause,
    /// It claims again, after a pause or a drain that has not ended it yet.
    Resume,
    /// It runs this many jobs at once from now on, 1 to 10,000. If more run now, they go on, and it claims
    /// none until there are fewer.
    Slots(u16),
    /// It pauses, and ends in order when its last run has ended, however long that takes.
    Drain,
    /// It ends at once: what runs is cut off and released, and does not count as an attempt.
    Stop,
    /// It logs by this filter from now on, such as `info,shop=debug`: a worker of the command line, or one
    /// whose program has called [`control::on_log`](crate::control::on_log).
    Log(String),
}

/// The kinds of commands that this version of a worker knows.
pub(crate) const KINDS: &[&str] = &["cancel", "ping", "pause", "resume", "slots", "drain", "stop", "log"];

impl Command {
    /// Its kind, as SQL spells it.
    pub fn kind(&self) -> &'static str {
        match self {
            Command::Ping => "ping",
            Command::Pause => "pause",
            Command::Resume => "resume",
            Command::Slots(_) => "slots",
            Command::Drain => "drain",
            Command::Stop => "stop",
            Command::Log(_) => "log",
        }
    }

    /// What SQL takes beside the kind.
    pub(crate) fn details(&self) -> Option<Value> {
        match self {
            Command::Slots(slots) => Some(json!({ "slots": slots })),
            Command::Log(filter) => Some(json!({ "filter": filter })),
            _ => None,
        }
    }
}

/// What has become of a command. All but [`Sent`](CommandState::Sent) are its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum CommandState {
    /// It waits for its worker, or the worker carries it out.
    Sent,
    /// The worker has carried it out; the answer says what it did.
    Applied,
    /// The worker does not do it; the answer says why.
    Refused,
    /// The worker is gone, or its time was over before the worker began with it; the answer says which.
    Expired,
}

impl CommandState {
    /// The state's name, as SQL spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            CommandState::Sent => "sent",
            CommandState::Applied => "applied",
            CommandState::Refused => "refused",
            CommandState::Expired => "expired",
        }
    }

    /// Whether this is how it ended.
    pub fn has_ended(self) -> bool {
        self != CommandState::Sent
    }

    /// A name that a newer schema may have made up counts as an end that is not known.
    pub(crate) fn of(name: &str) -> Self {
        match name {
            "sent" => CommandState::Sent,
            "applied" => CommandState::Applied,
            "refused" => CommandState::Refused,
            _ => CommandState::Expired,
        }
    }
}

impl fmt::Display for CommandState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How long a command waits for its worker, if nothing else is said.
pub(crate) const EXPIRES: Duration = Duration::from_secs(60);
