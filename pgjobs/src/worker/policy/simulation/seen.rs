//! Counts what happened in the schedules: a schedule without a fault proves nothing.

/// How often each event happened.
#[derive(Clone, Default)]
pub(super) struct Seen {
    pub(super) unconfirmed: usize,
    pub(super) released_claim: usize,
    pub(super) compared: usize,
    pub(super) lost: usize,
    pub(super) registered: usize,
    pub(super) gathered: usize,
    pub(super) said_again: usize,
    pub(super) quiet_rounds: usize,
    pub(super) stood_still: usize,
    pub(super) maintained: usize,
    pub(super) stuck: usize,
    pub(super) commands: usize,
    pub(super) waited_for_limit: usize,
}

impl Seen {
    pub(super) fn counts(&self) -> [(usize, &'static str); 11] {
        [
            (self.unconfirmed, "unconfirmed claim"),
            (self.released_claim, "claim released"),
            (self.compared, "comparison"),
            (self.lost, "lost lease"),
            (self.registered, "new name"),
            (self.gathered, "gathering"),
            (self.said_again, "outcome sent again"),
            (self.quiet_rounds, "round without a sweep"),
            (self.stood_still, "standstill"),
            (self.stuck, "stuck runtime"),
            (self.commands, "command"),
        ]
    }

    pub(super) fn add(&mut self, other: &Seen) {
        self.unconfirmed += other.unconfirmed;
        self.released_claim += other.released_claim;
        self.compared += other.compared;
        self.lost += other.lost;
        self.registered += other.registered;
        self.gathered += other.gathered;
        self.said_again += other.said_again;
        self.quiet_rounds += other.quiet_rounds;
        self.stood_still += other.stood_still;
        self.maintained += other.maintained;
        self.stuck += other.stuck;
        self.commands += other.commands;
        self.waited_for_limit += other.waited_for_limit;
    }
}
