//! Decides which of several servers gets the next free slot: all of them share the slots.
//!
//! *What must hold.* The claims of all servers together take no more jobs than there are free slots, but for
//! what each prefetches. A server that gets its first job has a slot for it as soon as one run ends, however
//! long the queues of the others are; servers that all have jobs have equal parts, also where the slots
//! cannot be divided by their number, or are fewer. And a server that has nothing, or does not answer, keeps
//! none from the others.
//!
//! *How.* A server holds the slots in which its jobs run, and those for which it has claimed a job or asks
//! for one. A slot that nobody holds goes to the server that holds the fewest, of those that want one; of
//! several, to the one whose last run began first. A server wants slots for the jobs that it has in its line;
//! and for any number of jobs while it waits for room to claim, since nobody knows how many there are. So a
//! slot may be empty for as long as one claim takes, and no longer: then it is known.
//!
//! The claim loops ask how many slots they get ([`offer`]), the dispatch loops whether it is at least one
//! ([`may_start`]). It has to be one rule for both: a slot that a dispatch loop leaves to another server
//! stays empty, unless that server's claim loop takes it.

/// What one server holds of the slots, and wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Standing {
    pub(crate) running: usize,
    /// Claimed for slots that were free, not started.
    pub(crate) fresh: usize,
    /// Asked for by a claim that is on its way, beyond what it prefetches.
    pub(crate) asked: usize,
    /// How many slots it would take beside those, as far as is known.
    pub(crate) wants: usize,
    /// The number of its last start, of all starts of the worker.
    pub(crate) last: u64,
}

impl Standing {
    fn held(&self) -> usize {
        self.running + self.fresh + self.asked
    }

    /// How many slots it gets before the other one gets its next, if that holds so many by then.
    fn before(&self, other: &Standing, held: usize) -> usize {
        let is_first = self.last < other.last;
        (held + usize::from(is_first)).saturating_sub(self.held()).min(self.wants)
    }
}

/// The number of jobs, running or waiting for a slot, that server `me` may have beside what it prefetches.
pub(crate) fn offer(slots: usize, me: usize, all: &[Standing]) -> usize {
    let own = &all[me];
    let more = (0..free(slots, all)).take_while(|more| gets_another(slots, me, all, *more)).count();
    own.running + own.fresh + more
}

/// Whether server `me` may take the next free slot.
pub(crate) fn may_start(slots: usize, me: usize, all: &[Standing]) -> bool {
    all[me].fresh > 0 || gets_another(slots, me, all, 0)
}

/// Whether there is one more slot for server `me`, after those which it holds and so many more.
fn gets_another(slots: usize, me: usize, all: &[Standing], more: usize) -> bool {
    let (own, others) = (&all[me], all.iter().enumerate().filter(|(at, _)| *at != me));
    let before: usize = others.map(|(_, one)| one.before(own, own.held() + more)).sum();
    before + more < free(slots, all)
}

/// The slots that nobody holds.
fn free(slots: usize, all: &[Standing]) -> usize {
    slots.saturating_sub(all.iter().map(Standing::held).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Standing = Standing { running: 0, fresh: 0, asked: 0, wants: 0, last: 0 };

    /// It waits for room.
    fn hungry(running: usize) -> Standing {
        Standing { running, wants: usize::MAX, ..IDLE }
    }

    fn offers(slots: usize, all: &[Standing]) -> Vec<usize> {
        (0..all.len()).map(|me| offer(slots, me, all)).collect()
    }

    #[test]
    fn a_server_whose_peers_want_nothing_has_all_slots() {
        assert_eq!(offer(16, 0, &[IDLE, IDLE, IDLE]), 16);
        let ending = Standing { running: 3, wants: 1, ..IDLE };
        assert_eq!(offer(16, 0, &[hungry(11), ending]), 12, "the others' runs go on");
    }

    #[test]
    fn claims_that_are_on_their_way_hold_what_they_asked_for() {
        let asking = Standing { asked: 16, ..IDLE };
        assert_eq!(offer(16, 1, &[asking, IDLE, IDLE]), 0);
        assert_eq!(offer(16, 1, &[Standing { asked: 10, ..asking }, IDLE]), 6);
    }

    #[test]
    fn the_next_slots_to_become_free_go_to_those_that_hold_fewest() {
        assert_eq!(offers(16, &[hungry(16), hungry(0)]), [16, 0], "none is free yet");
        assert_eq!(offers(16, &[hungry(15), hungry(0)]), [15, 1]);
        assert_eq!(offers(16, &[hungry(8), hungry(8)]), [8, 8]);
        assert_eq!(offers(16, &[hungry(4), hungry(4), hungry(4), hungry(3), hungry(0)]), [4, 4, 4, 3, 1]);
    }

    #[test]
    fn what_a_peer_prefetched_takes_no_room() {
        let long = Standing { wants: 500, ..hungry(3) };
        assert_eq!(offer(16, 1, &[long, hungry(0)]), 8);
    }

    #[test]
    fn what_was_claimed_for_free_slots_holds_them_until_it_starts() {
        let claimed = Standing { fresh: 16, wants: usize::MAX, ..IDLE };
        assert_eq!(offer(16, 1, &[claimed, hungry(0)]), 0);
        assert!(may_start(16, 0, &[claimed, hungry(0)]));
        assert!(!may_start(16, 1, &[claimed, hungry(0)]));
    }

    #[test]
    fn a_server_starts_no_more_than_its_part_while_others_want_slots() {
        let long = Standing { wants: 500, ..hungry(8) };
        let starts = |other| [0, 1].map(|me| may_start(16, me, &[long, other]));
        assert_eq!(starts(hungry(2)), [false, true]);
        assert_eq!(starts(Standing { wants: 3, ..hungry(2) }), [true, true], "it leaves three of six");
        assert_eq!(starts(Standing { asked: 6, wants: 0, ..hungry(2) }), [false, false]);
        assert_eq!(starts(Standing { wants: 0, ..hungry(2) }), [true, true]);
    }

    #[test]
    fn they_take_turns_where_all_hold_the_same_number() {
        let servers = |lasts: [u64; 3]| lasts.map(|last| Standing { last, ..hungry(0) });
        assert_eq!(offers(1, &servers([7, 5, 6])), [0, 1, 0]);
        assert_eq!(offers(2, &servers([7, 8, 6])), [1, 0, 1]);
        assert_eq!(offers(4, &servers([7, 8, 6])), [1, 1, 2]);
    }
}
