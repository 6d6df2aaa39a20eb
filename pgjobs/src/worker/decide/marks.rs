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
//! commits after it puts a job behind it. A claim therefore reports which transactions it could not
//! see the end of; its mark counts once all of those have ended and a later claim has looked again.
//!
//! *If one of them does not end* (a long migration, a publisher that waits), its mark counts after a
//! second all the same, and whatever is committed behind it is found by a full look from the
//! beginning. Full looks are taken as often as they cost little: one takes at most a thirtieth of the
//! time. On a healthy queue they cost nothing and marks hardly ever matter.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::sql::claim::{Haul, Mark};

/// The time between two full looks, as a multiple of what one takes.
const RARITY: u32 = 30;
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
    horizon: i64,
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
            self.full_look_due = now + took * RARITY;
        }
        if self.lines.len() > MOST_LINES {
            self.lines.clear();
        }
        for (line, first, last) in lines(haul) {
            let progress = self.lines.entry(line).or_default();
            progress.advance(first, haul.unseen, now);
            if progress.next.is_none() {
                progress.next = Some(Candidate { place: last, horizon: haul.next, since: now });
            }
        }
    }
}

impl Progress {
    /// A claim took jobs of this line, `first` the earliest of them: it saw every transaction before
    /// `unseen`, and nothing that waits before `first`.
    fn advance(&mut self, first: i64, unseen: i64, now: Instant) {
        let ripe = |next: &mut Candidate| unseen >= next.horizon || now.duration_since(next.since) > PATIENCE;
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
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;
    use crate::job_id::JobId;
    use crate::sql::claim::Claimed;

    fn haul(places: &[i64], unseen: i64, next: i64) -> Haul {
        Haul { jobs: places.iter().map(|&place| job(0, place)).collect(), unseen, next }
    }

    fn job(priority: i32, ready_seq: i64) -> Claimed {
        Claimed {
            id: JobId::generate(),
            task: "a".to_owned(),
            body: None,
            attempt: 1,
            retries: 0,
            max_retries: 3,
            priority,
            timeout: PATIENCE,
            created_at: DateTime::UNIX_EPOCH,
            run_at: DateTime::UNIX_EPOCH,
            lease: Uuid::nil(),
            place: 0,
            ready_seq,
        }
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
        let (marks, now) = after(&[haul(&[1, 2, 3], 100, 105)]);
        assert_eq!(mark(&marks, now), None, "nobody has looked since");
        let (marks, now) = after(&[haul(&[1, 2, 3], 100, 105), haul(&[4, 5], 104, 110)]);
        assert_eq!(mark(&marks, now), None, "transaction 104 may yet commit");
        let (marks, now) = after(&[haul(&[1, 2, 3], 100, 105), haul(&[4, 5], 105, 110)]);
        assert_eq!(mark(&marks, now), Some(3));
    }

    #[test]
    fn a_job_that_came_late_holds_the_mark_back() {
        let (marks, now) = after(&[haul(&[1, 3, 9], 100, 105), haul(&[2, 10], 106, 110)]);
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
        marks.saw(&[], &haul(&[2], 3, 4), Duration::from_millis(100), now);
        assert_eq!(mark(&marks, now + Duration::from_millis(2900)), Some(1));
        assert_eq!(mark(&marks, now + Duration::from_millis(3000)), None);
    }

    #[test]
    fn each_priority_has_a_mark_of_its_own_and_jobs_given_back_move_none() {
        let back = 5 - (1 << 62);
        let first = Haul { jobs: vec![job(7, 20), job(0, 10), job(0, back)], unseen: 1, next: 2 };
        let second = Haul { jobs: vec![job(7, 21), job(0, 11)], unseen: 3, next: 4 };
        let (marks, now) = after(&[first, second]);
        let mut places: Vec<_> = marks.for_claim(now).iter().map(|m| (m.priority, m.place)).collect();
        places.sort_unstable();
        assert_eq!(places, [(0, 10), (7, 20)]);
    }
}
