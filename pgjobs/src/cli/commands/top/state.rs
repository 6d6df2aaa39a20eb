//! What the keys change.

use std::cmp::Ordering;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::snapshot::{Snapshot, TaskNow};

/// The column by which the tasks are sorted, the greatest first; names in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Sort {
    #[default]
    Ready,
    Running,
    Rate,
    Failures,
    Oldest,
    Name,
}

impl Sort {
    fn next(self) -> Self {
        match self {
            Sort::Ready => Sort::Running,
            Sort::Running => Sort::Rate,
            Sort::Rate => Sort::Failures,
            Sort::Failures => Sort::Oldest,
            Sort::Oldest => Sort::Name,
            Sort::Name => Sort::Ready,
        }
    }

    fn compare(self, a: &TaskNow, b: &TaskNow) -> Ordering {
        let by = match self {
            Sort::Ready => b.counts.ready.cmp(&a.counts.ready),
            Sort::Running => b.counts.running.cmp(&a.counts.running),
            Sort::Rate => b.per_second.total_cmp(&a.per_second),
            Sort::Failures => b
                .failed_per_second
                .total_cmp(&a.failed_per_second)
                .then(b.counts.failed.cmp(&a.counts.failed)),
            // The oldest first, and tasks without any last.
            Sort::Oldest => (a.counts.oldest_ready.is_none(), a.counts.oldest_ready)
                .cmp(&(b.counts.oldest_ready.is_none(), b.counts.oldest_ready)),
            Sort::Name => Ordering::Equal,
        };
        by.then_with(|| a.counts.task.cmp(&b.counts.task))
    }
}

/// How the page is shown.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) sort: Sort,
    /// The page stands still.
    pub(super) stopped: bool,
    pub(super) help: bool,
    /// How many tasks above the first that is shown.
    pub(super) above: usize,
    /// Why the last look failed.
    pub(super) trouble: Option<String>,
}

/// What a key asks of the loop.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asks {
    Nothing,
    Draw,
    End,
}

impl State {
    pub(super) fn press(&mut self, key: KeyEvent, tasks: usize) -> Asks {
        if key.kind == KeyEventKind::Release {
            return Asks::Nothing;
        }
        let last = tasks.saturating_sub(1);
        match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Asks::End,
            KeyCode::Esc if self.help => self.help = false,
            KeyCode::Char('q') | KeyCode::Esc => return Asks::End,
            KeyCode::Char('p' | ' ') => self.stopped = !self.stopped,
            KeyCode::Char('?' | 'h') => self.help = !self.help,
            KeyCode::Char('s') => (self.sort, self.above) = (self.sort.next(), 0),
            KeyCode::Down | KeyCode::Char('j') => self.above = (self.above + 1).min(last),
            KeyCode::Up | KeyCode::Char('k') => self.above = self.above.saturating_sub(1),
            KeyCode::PageDown => self.above = (self.above + 10).min(last),
            KeyCode::PageUp => self.above = self.above.saturating_sub(10),
            KeyCode::Home => self.above = 0,
            KeyCode::End => self.above = last,
            _ => return Asks::Nothing,
        }
        Asks::Draw
    }

    /// The tasks in the order in which they are shown.
    pub(super) fn sorted<'s>(&self, snapshot: &'s Snapshot) -> Vec<&'s TaskNow> {
        let mut tasks: Vec<&TaskNow> = snapshot.tasks.iter().collect();
        tasks.sort_by(|a, b| self.sort.compare(a, b));
        tasks
    }
}
