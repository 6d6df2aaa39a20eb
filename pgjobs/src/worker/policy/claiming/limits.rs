//! When to claim again because a limit lets jobs start by then: a rate, or a key that was closed for a time.

use std::time::Duration;

use super::{Claims, Step};

/// The pause after a claim that got nothing though jobs could start: others have locked them, or the claim
/// has looked through the heads of long queues and did not reach the end.
const SHORTEST: Duration = Duration::from_millis(10);
/// A burst waits so long for limits before the next job starts. It leaves jobs that they hold back for
/// longer, as it leaves those that are not due; and it ends where the clock of a test stands still.
const PATIENCE: Duration = Duration::from_secs(10);

impl Claims {
    /// The last claim, which got so many jobs, left some that can start in this time. The next claim is no
    /// later.
    pub(crate) fn opens_in(&mut self, again: Duration, got: usize) {
        let pause = if again.is_zero() && got == 0 { SHORTEST } else { again };
        if got > 0 {
            self.waited = Duration::ZERO;
        }
        match self.then {
            Some(Step::Rest(rest)) if pause < rest => {
                self.then = (!pause.is_zero()).then_some(Step::Rest(pause));
            }
            Some(Step::EndBurst { .. }) if self.waited.saturating_add(pause) <= PATIENCE => {
                self.waited += pause;
                self.then = Some(Step::Rest(pause));
            }
            _ => {}
        }
    }
}
