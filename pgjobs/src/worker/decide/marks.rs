//! Where in line to look for jobs: decisions without any IO.
//!
//! *The problem.* A claim reads a task's line from its beginning. Jobs that have left it are cleared
//! away behind them, but not while some transaction keeps an old snapshot: a backup, a report, a
//! forgotten session. Then every claim walks over all that has left since, and slows down from minute
//! to minute.
//!
//! *So* the worker remembers, for each task and priority, the place up to which the line is empty,
//! and claims from there (`Mark`). Jobs join the line at its end, and what is given back goes before
//! every mark, where a claim always looks. Only a publisher that drew its number before a mark and
//! commits after it puts a job behind it. A publisher takes a transaction number before it draws one for a
//! job. So the number of a transaction that began after the look that saw a place is higher than that of
//! every publisher that drew a number before that place: the next claim that takes something is such a
//! transaction, and tells its number. The place becomes the mark once all transactions before that one have
//! ended and a later claim has looked again. (What a snapshot calls the first transaction that has not begun
//! may have begun: it is the first after the last that has ended.)
//!
//! *If one of them does not end* (a long migration, a publisher that waits), its mark counts after a
//! second all the same, and whatever is committed behind it is found by a full look from the
//! beginning. Full looks are taken as often as they cost little, one takes at most a thirtieth of the
//! time, and every five seconds at the least: what it took to get an answer is not only the cost of the look.
//! On a healthy queue they cost nothing and marks hardly ever matter.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::sql::claim::Mark;
use crate::sql::claimed::Haul;

/// The time between two full looks, as a multiple of what one takes.
const RARITY: u32 = 30;
/// The longest time between two full looks: a job behind a mark waits no longer than this.
const LONGEST: Duration = Duration::from_secs(5);
/// How long a mark waits for transactions to end.
const PATIENCE: Duration = Duration::from_secs(1);
/// More lines than this are not worth remembering; their marks would be a burden to each claim.
const MOST_LINES: usize = 500;

/// The line of one task at one priority.
type Line = (String, i32);

#[derive(Default)]
struct Progress {
    /// Nothing waits before this place.
    mark: Option<i64>,
    next: Option<Candidate>,
}

/// A place that becomes the mark once no transaction before `horizon` is left.
struct Candidate {
    place: i64,
    /// A transaction that began after the place was seen; none has told its number yet.
    horizon: Option<i64>,
    since: Instant,
}

pub(crate) struct Marks {
    lines: HashMap<Line, Progress>,
    full_look_due: Instant,
}

impl Marks {
    pub(crate) fn new(now: Instant) -> Self {
        Marks { lines: HashMap::new(), full_look_due: now }
    }

    /// Where the next claim should start; nowhere in particular when a full look is due.
    pub(crate) fn for_claim(&self, now: Instant) -> Vec<Mark> {
        if now >= self.full_look_due {
            return Vec::new();
        }
        let mark = |((task, priority), progress): (&Line, &Progress)| {
            progress.mark.map(|place| Mark { task: task.clone(), priority: *priority, place })
        };
        self.lines.iter().filter_map(mark).collect()
    }

    /// Takes in what a claim with these marks brought.
    pub(crate) fn saw(&mut self, marks: &[Mark], haul: &Haul, took: Duration, now: Instant) {
        if marks.is_empty() {
            self.full_look_due = now + (took * RARITY).min(LONGEST);
        }
        if self.lines.len() > MOST_LINES {
            self.lines.clear();
        }
        if haul.next > 0 {
            let candidates = self.lines.values_mut().filter_map(|progress| progress.next.as_mut());
            candidates.for_each(|next| next.horizon = next.horizon.or(Some(haul.next)));
        }
        for (line, first, last) in lines(haul) {
            let progress = self.lines.entry(line).or_default();
            progress.advance(first, haul.unseen, now);
            if progress.next.is_none() {
                progress.next = Some(Candidate { place: last, horizon: None, since: now });
            }
        }
    }
}

impl Progress {
    /// A claim took jobs of this line, `first` the earliest of them: it saw every transaction before
    /// `unseen`, and nothing that waits before `first`.
    fn advance(&mut self, first: i64, unseen: i64, now: Instant) {
        let ripe = |next: &mut Candidate| {
            next.horizon.is_some_and(|horizon| unseen >= horizon) || now.duration_since(next.since) > PATIENCE
        };
        if let Some(next) = self.next.take_if(ripe) {
            self.mark = Some(next.place.min(first));
        }
    }
}

/// The lines that a claim took from, each with the first and the last place that was taken. Places below zero are
/// those of jobs that were given back; a claim looks there in any case.
fn lines(haul: &Haul) -> Vec<(Line, i64, i64)> {
    let mut lines: Vec<(Line, i64, i64)> = Vec::new();
    for job in haul.jobs.iter().filter(|job| job.ready_seq > 0) {
        let place = job.ready_seq;
        let known = lines
            .iter_mut()
            .rev()
            .find(|((task, priority), ..)| *priority == job.priority && *task == job.task);
        match known {
            Some((_, first, last)) => (*first, *last) = ((*first).min(place), (*last).max(place)),
            None => lines.push(((job.task.clone(), job.priority), place, place)),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::claimed::Claimed;

    fn haul(places: &[i64], unseen: i64, next: i64) -> Haul {
        Haul { jobs: places.iter().map(|&place| job(0, place)).collect(), unseen, next, ..Haul::default() }
    }

    fn job(priority: i32, ready_seq: i64) -> Claimed {
        Claimed { priority, ..Claimed::example("a", ready_seq) }
    }

    /// Marks after these claims, each a millisecond long and ten after the last; all but the first are
    /// made before the next full look is due.
    fn after(claims: &[Haul]) -> (Marks, Instant) {
        let mut now = Instant::now();
        let mut marks = Marks::new(now);
        for haul in claims {
            let from = marks.for_claim(now);
            marks.saw(&from, haul, Duration::from_millis(10), now);
            now += Duration::from_millis(10);
        }
        (marks, now)
    }

    fn mark(marks: &Marks, now: Instant) -> Option<i64> {
        marks.for_claim(now).first().map(|mark| mark.place)
    }

    #[test]
    fn the_first_look_is_a_full_one() {
        let now = Instant::now();
        assert_eq!(Marks::new(now).for_claim(now), []);
    }

    #[test]
    fn a_mark_counts_once_every_transaction_that_was_open_has_ended_and_a_claim_has_looked_again() {
        let first = || haul(&[1, 2, 3], 100, 105);
        let (marks, now) = after(&[first()]);
        assert_eq!(mark(&marks, now), None, "nobody has looked since");
        let (marks, now) = after(&[first(), haul(&[4, 5], 104, 110)]);
        assert_eq!(mark(&marks, now), None, "transaction 104 may yet commit");
        let (marks, now) = after(&[first(), haul(&[4, 5], 105, 110), haul(&[6, 7], 109, 112)]);
        assert_eq!(mark(&marks, now), None, "so may 109, which may have begun before 3 was seen");
        let (marks, now) = after(&[first(), haul(&[4, 5], 105, 110), haul(&[6, 7], 110, 112)]);
        assert_eq!(mark(&marks, now), Some(3));
    }

    #[test]
    fn a_publisher_that_began_before_the_first_look_and_is_none_of_its_snapshot_holds_the_mark() {
        // Q has 803 since before. P, 804, draws 1; Q draws 2 and commits. No snapshot knows of 804 yet: for it, 804 is
        // the first that has not begun.
        let (marks, now) = after(&[haul(&[2], 804, 805), haul(&[3], 804, 806), haul(&[4], 804, 807)]);
        assert_eq!(mark(&marks, now), None, "804 is open");
        let (marks, now) = after(&[haul(&[2], 804, 805), haul(&[3], 804, 806), haul(&[1, 4], 807, 808)]);
        assert_eq!(mark(&marks, now), Some(1), "its job was found");
    }

    #[test]
    fn a_claim_that_took_nothing_has_no_number_to_tell() {
        let claims = || [haul(&[1, 2], 100, 105), haul(&[], 110, 0), haul(&[3], 111, 112)];
        let (marks, now) = after(&claims());
        assert_eq!(mark(&marks, now), None);
        let [first, nothing, second] = claims();
        let (marks, now) = after(&[first, nothing, second, haul(&[4], 112, 113)]);
        assert_eq!(mark(&marks, now), Some(2));
    }

    #[test]
    fn a_job_that_came_late_holds_the_mark_back() {
        let (marks, now) = after(&[haul(&[1, 3, 9], 100, 105), haul(&[2, 10], 110, 110)]);
        assert_eq!(mark(&marks, now), Some(2), "4 to 8 may have come as well, and be next");
    }

    #[test]
    fn a_transaction_that_does_not_end_holds_the_mark_for_a_second_at_most() {
        let (mut marks, now) = after(&[haul(&[1, 2], 100, 105), haul(&[3, 4], 100, 110)]);
        let later = now + PATIENCE;
        marks.saw(&marks.for_claim(now), &haul(&[5, 6], 100, 120), Duration::from_millis(1), later);
        marks.full_look_due = later + PATIENCE;
        assert_eq!(mark(&marks, later), Some(2));
    }

    #[test]
    fn full_looks_are_as_rare_as_they_are_dear() {
        let now = Instant::now();
        let mut marks = Marks::new(now);
        marks.saw(&[], &haul(&[1], 1, 2), Duration::from_millis(100), now);
        marks.saw(&[], &haul(&[2], 4, 4), Duration::from_millis(100), now);
        assert_eq!(mark(&marks, now + Duration::from_millis(2900)), Some(1));
        assert_eq!(mark(&marks, now + Duration::from_millis(3000)), None);
    }

    #[test]
    fn a_look_that_waited_for_minutes_puts_off_the_next_by_seconds() {
        let now = Instant::now();
        let mut marks = Marks::new(now);
        marks.saw(&[], &haul(&[1], 1, 2), Duration::from_secs(240), now);
        marks.saw(&[], &haul(&[2], 4, 4), Duration::from_secs(240), now);
        assert_eq!(mark(&marks, now + LONGEST - Duration::from_millis(1)), Some(1));
        assert_eq!(mark(&marks, now + LONGEST), None);
    }

    #[test]
    fn each_priority_has_a_mark_of_its_own_and_jobs_given_back_move_none() {
        let back = 5 - (1 << 62);
        let first =
            Haul { jobs: vec![job(7, 20), job(0, 10), job(0, back)], unseen: 1, next: 2, ..Haul::default() };
        let second = Haul { jobs: vec![job(7, 21), job(0, 11)], unseen: 4, next: 4, ..Haul::default() };
        let (marks, now) = after(&[first, second]);
        let mut places: Vec<_> = marks.for_claim(now).iter().map(|m| (m.priority, m.place)).collect();
        places.sort_unstable();
        assert_eq!(places, [(0, 10), (7, 20)]);
    }
}
