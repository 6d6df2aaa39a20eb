//! Progress on stderr: a bar on a terminal, plain lines elsewhere, nothing when quiet.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::console::Console;
use crate::types::text::shown;

/// Work in progress; dropping this removes its bar.
pub(crate) struct Progress(ProgressBar);

const BAR: &str = "{msg} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}";
const SPINNER: &str = "{spinner} {msg} {elapsed}";

impl Progress {
    /// Work whose length is known.
    pub(crate) fn bar(console: &Console, what: &str, length: u64) -> Self {
        Progress::new(console, ProgressBar::with_draw_target(Some(length), target(console)), BAR, what)
    }

    /// A bar if the length is known, otherwise a spinner.
    pub(crate) fn of(console: &Console, what: &str, length: Option<u64>) -> Self {
        length.map_or_else(|| Progress::spinner(console, what), |length| Progress::bar(console, what, length))
    }

    /// Work of unknown length.
    pub(crate) fn spinner(console: &Console, what: &str) -> Self {
        let progress =
            Progress::new(console, ProgressBar::with_draw_target(None, target(console)), SPINNER, what);
        progress.0.enable_steady_tick(Duration::from_millis(100));
        progress
    }

    fn new(console: &Console, bar: ProgressBar, template: &str, what: &str) -> Self {
        if bar.is_hidden() {
            console.note(what);
        }
        // The templates are constants; an invalid one would leave the default style.
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("=> "));
        bar.set_message(shown(what).into_owned());
        Progress(bar)
    }

    /// Sets how much is done.
    pub(crate) fn at(&self, done: u64) {
        self.0.set_position(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn target(console: &Console) -> ProgressDrawTarget {
    if console.quiet || !std::io::stderr().is_terminal() {
        return ProgressDrawTarget::hidden();
    }
    ProgressDrawTarget::stderr()
}
