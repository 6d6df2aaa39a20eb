//! Decides how many jobs the claims of one of several servers may hold: all of them share the slots.
//!
//! *What must hold.* The claims of all servers together take no more jobs than there are free slots, but for
//! what each prefetches; a server with a long queue does not keep another one from the slots; and a server
//! that has nothing, or does not answer, keeps none from the others.
//!
//! *How.* Those that want jobs have equal rights to the slots that the others do not use. One that runs more
//! than that claims nothing, so the next slots to become free go to those that run less.

/// What one server holds of the slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Standing {
    pub(crate) running: usize,
    /// Claimed, not started.
    pub(crate) waiting: usize,
    /// Those of them that were claimed for slots that were free.
    pub(crate) fresh: usize,
    /// Asked for by a claim that is on its way, beyond what it prefetches.
    pub(crate) asked: usize,
    /// It wants jobs, as far as is known.
    pub(crate) hungry: bool,
}

/// The number of jobs, running or waiting for a slot, that server `me` may have beside what it prefetches;
/// `None`: it claims nothing now, because it runs more than its share and others want the next slots.
pub(crate) fn offer(slots: usize, me: usize, all: &[Standing]) -> Option<usize> {
    let others = || all.iter().enumerate().filter(move |(at, _)| *at != me).map(|(_, one)| one);
    let sated = others().filter(|one| !one.hungry).map(|one| held(one, slots)).sum::<usize>();
    let hungry = others().filter(|one| one.hungry).count();
    if hungry == 0 {
        return Some(slots.saturating_sub(sated));
    }
    let share = slots.saturating_sub(sated).div_ceil(hungry + 1).max(1);
    if all[me].running > share {
        return None;
    }
    let taken = sated + others().filter(|one| one.hungry).map(|one| held(one, share)).sum::<usize>();
    Some(slots.saturating_sub(taken).min(share))
}

/// Whether server `me` may take the next free slot: it runs less than its share, or no other one has jobs
/// that wait for slots. So runs that wait for a server that is away do not take slot after slot.
pub(crate) fn may_start(slots: usize, me: usize, all: &[Standing]) -> bool {
    let others = || all.iter().enumerate().filter(move |(at, _)| *at != me).map(|(_, one)| one);
    let rivals = others().filter(|one| one.waiting > 0).count();
    let sated = others().filter(|one| one.waiting == 0).map(|one| one.running).sum();
    rivals == 0 || all[me].running < slots.saturating_sub(sated).div_ceil(rivals + 1).max(1)
}

/// The slots that a server holds. What waits beyond its share was prefetched, but for what was claimed for
/// free slots: it runs soon, in slots that the server has.
fn held(one: &Standing, share: usize) -> usize {
    let within = one.waiting.min(share.saturating_sub(one.running));
    one.running + within.max(one.fresh) + one.asked
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Standing = Standing { running: 0, waiting: 0, fresh: 0, asked: 0, hungry: false };

    fn hungry(running: usize, waiting: usize) -> Standing {
        Standing { running, waiting, hungry: true, ..IDLE }
    }

    #[test]
    fn a_server_whose_peers_want_nothing_has_all_slots() {
        assert_eq!(offer(16, 0, &[IDLE, IDLE, IDLE]), Some(16));
        let ending = Standing { running: 3, waiting: 1, ..IDLE };
        assert_eq!(offer(16, 0, &[hungry(12, 0), ending]), Some(12), "the others' runs go on");
    }

    #[test]
    fn claims_that_are_on_their_way_hold_what_they_asked_for() {
        let asking = Standing { asked: 16, hungry: true, ..IDLE };
        assert_eq!(offer(16, 1, &[asking, IDLE, IDLE]), Some(0));
        assert_eq!(offer(16, 1, &[Standing { asked: 10, ..asking }, IDLE]), Some(6));
    }

    #[test]
    fn who_runs_more_than_its_share_leaves_the_next_slots_to_others() {
        let all = [hungry(16, 0), hungry(0, 0)];
        assert_eq!(offer(16, 0, &all), None);
        assert_eq!(offer(16, 1, &all), Some(0), "none is free yet");
        let all = [hungry(15, 0), hungry(0, 0)];
        assert_eq!((offer(16, 0, &all), offer(16, 1, &all)), (None, Some(1)));
        let all = [hungry(8, 0), hungry(8, 0)];
        assert_eq!((offer(16, 0, &all), offer(16, 1, &all)), (Some(8), Some(8)));
    }

    #[test]
    fn what_a_peer_prefetched_beyond_its_share_takes_no_room() {
        assert_eq!(offer(16, 1, &[hungry(3, 500), hungry(0, 0)]), Some(8));
    }

    #[test]
    fn what_was_claimed_for_free_slots_holds_them_until_it_starts() {
        let claimed = Standing { waiting: 16, fresh: 16, hungry: true, ..IDLE };
        assert_eq!(offer(16, 1, &[claimed, hungry(0, 0)]), Some(0));
    }

    #[test]
    fn a_server_starts_no_more_than_its_share_while_others_have_jobs() {
        let long = hungry(8, 500);
        assert!(!may_start(16, 0, &[long, hungry(2, 3)]));
        assert!(may_start(16, 1, &[long, hungry(2, 3)]));
        assert!(
            may_start(16, 0, &[long, hungry(2, 0)]),
            "the other has none to start, so no slot stays free"
        );
    }

    #[test]
    fn each_has_a_share_where_there_are_fewer_slots_than_servers() {
        let all = [hungry(1, 0), hungry(0, 0), hungry(0, 0)];
        assert_eq!([0, 1, 2].map(|me| offer(1, me, &all)), [Some(1), Some(0), Some(0)], "its own run counts");
        let free = [hungry(0, 0); 3];
        assert_eq!(offer(1, 2, &free), Some(1));
    }
}
