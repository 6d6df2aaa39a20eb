//! The commands that this worker has received, their receipts, and what they have changed.
//!
//! A command is carried out at most once: the database sends it until it has the receipt, and what arrives
//! again gets the same receipt again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::meters;
use super::policy::heartbeats::Asks;
use crate::db::beat::{Answered, Received};
use crate::types::command::CommandState;

/// The most receipts that go with one beat.
const MOST_SENT: usize = 1000;
/// The most commands that a worker remembers, more than the database sends at once.
const MOST_KNOWN: usize = 4000;

#[derive(Default)]
pub(super) struct Commands {
    /// Wakes the heartbeat loop: a beat may be due.
    pub(super) asked: Notify,
    announced: AtomicBool,
    /// A notification has arrived that this worker sent to itself.
    hears: AtomicBool,
    /// The database has said that it announces commands.
    announces: AtomicBool,
    paused: AtomicBool,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    commands: BTreeMap<i64, Command>,
    /// How often what the database knows of this worker has changed, and what it was told last.
    changes: u64,
    told: u64,
}

#[derive(Default)]
struct Command {
    /// `None`: it is being carried out.
    receipt: Option<Answered>,
    is_sent: bool,
}

/// What goes with a beat.
pub(super) struct ToSend {
    pub(super) receipts: Vec<Answered>,
    /// The change that the database is told, if there is one.
    pub(super) change: Option<u64>,
}

impl Commands {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commands wait in the database.
    pub(super) fn announce(&self) {
        self.announced.store(true, SeqCst);
        self.asked.notify_one();
    }

    /// A beat begins, which finds all that was announced before.
    pub(super) fn looks(&self) {
        self.announced.store(false, SeqCst);
    }

    pub(super) fn hears(&self, hears: bool) {
        self.hears.store(hears, SeqCst);
    }

    pub(super) fn are_announced(&self, announced: bool) {
        self.announces.store(announced, SeqCst);
    }

    /// What asks for a beat now, of a worker that polls so often.
    pub(super) fn asks(&self, poll: Duration) -> Asks {
        let hears = self.hears.load(SeqCst) && self.announces.load(SeqCst);
        let at_once = self.announced.load(SeqCst) || self.known().has_news();
        Asks { at_once, progress: false, polls: (!hears).then_some(poll) }
    }

    /// Whether this command is new, and to be carried out now.
    pub(super) fn begin(&self, id: i64) -> bool {
        let mut known = self.known();
        if let Some(command) = known.commands.get_mut(&id) {
            command.is_sent = false; // the database does not have its receipt
            return false;
        }
        known.commands.insert(id, Command::default());
        if known.commands.len() > MOST_KNOWN {
            known.commands.pop_first();
        }
        true
    }

    /// Logs what became of a command, and has its receipt sent.
    pub(super) fn answer(&self, command: &Received, state: CommandState, answer: String) {
        let Received { id, kind, who, reason, .. } = command;
        tracing::info!(command = id, kind, who, reason, %state, answer, "a command");
        meters::command(kind, state);
        self.note(*id, state, answer);
    }

    fn note(&self, id: i64, state: CommandState, answer: String) {
        let receipt = Some(Answered { id, state, answer });
        self.known().commands.insert(id, Command { receipt, is_sent: false });
        self.asked.notify_one();
    }

    pub(super) fn to_send(&self) -> ToSend {
        let known = self.known();
        let receipts = known.unsent().take(MOST_SENT).cloned().collect();
        ToSend { receipts, change: (known.changes > known.told).then_some(known.changes) }
    }

    pub(super) fn were_sent(&self, sent: &ToSend) {
        let mut known = self.known();
        for receipt in &sent.receipts {
            if let Some(command) = known.commands.get_mut(&receipt.id) {
                command.is_sent = true;
            }
        }
        known.told = sent.change.unwrap_or(known.told);
    }

    /// The database has to be told whether this worker is paused, and how many slots it has.
    pub(super) fn note_change(&self) {
        self.known().changes += 1;
        self.asked.notify_one();
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused.load(SeqCst)
    }

    /// Pauses or resumes; returns whether it was paused.
    pub(super) fn pause(&self, pause: bool) -> bool {
        let was_paused = self.paused.swap(pause, SeqCst);
        self.note_change();
        was_paused
    }
}

impl Known {
    fn unsent(&self) -> impl Iterator<Item = &Answered> {
        self.commands
            .values()
            .filter(|command| !command.is_sent)
            .filter_map(|command| command.receipt.as_ref())
    }

    fn has_news(&self) -> bool {
        self.changes > self.told || self.unsent().next().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_begun_once_and_answered_until_the_database_has_it() {
        let (commands, poll) = (Commands::default(), Duration::from_secs(1));
        assert!(commands.begin(7) && !commands.begin(7));
        assert!(!commands.asks(poll).at_once, "it has no answer yet");
        commands.note(7, CommandState::Applied, "done".to_owned());
        let sent = commands.to_send();
        assert!(sent.receipts.len() == 1 && commands.asks(poll).at_once);
        commands.were_sent(&sent);
        assert!(!commands.asks(poll).at_once && commands.to_send().receipts.is_empty());
        assert!(!commands.begin(7), "the database asks again");
        assert_eq!(commands.to_send().receipts[0].answer, "done");
    }

    #[test]
    fn a_change_during_a_beat_goes_with_the_next() {
        let commands = Commands::default();
        commands.pause(true);
        let sent = commands.to_send();
        commands.pause(false);
        commands.were_sent(&sent);
        assert!(commands.to_send().change.is_some());
        commands.were_sent(&commands.to_send());
        assert!(commands.to_send().change.is_none());
    }

    #[test]
    fn who_hears_nothing_polls() {
        let (commands, poll) = (Commands::default(), Duration::from_secs(1));
        assert_eq!(commands.asks(poll).polls, Some(poll));
        commands.hears(true);
        assert_eq!(
            commands.asks(poll).polls,
            Some(poll),
            "it does not know yet whether there is anything to hear"
        );
        commands.are_announced(true);
        assert_eq!(commands.asks(poll).polls, None);
        commands.are_announced(false);
        assert_eq!(commands.asks(poll).polls, Some(poll));
    }
}
