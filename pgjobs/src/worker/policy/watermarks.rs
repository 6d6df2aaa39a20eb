//! Decides from which ready_seq a claim reads the queues, without any I/O.
//!
//! *The problem.* A claim reads a task's queue from its beginning. Jobs that have left the queue are cleared
//! away, but not while some transaction keeps an old snapshot: a backup, a report, a forgotten session. Then
//! every claim reads past all jobs that have left since, and slows down from minute to minute.
//!
//! *So* the worker remembers, for each task and priority, the ready_seq up to which the queue is empty, and
//! claims from there (`Watermark`). Jobs join the queue at its end, and released jobs go before every
//! watermark, where a claim always reads. Only a publisher that drew its ready_seq before a watermark and
//! commits after it adds a job below the watermark. A publisher takes a transaction id before it draws a
//! ready_seq for a job. So a transaction that began after a claim saw some ready_seq has a higher id than
//! every publisher that drew a number before that ready_seq: the next claim that takes something is such a
//! transaction, and returns its id. The ready_seq becomes the watermark once all transactions before that one
//! have ended and a later claim has read again. (The id that a snapshot calls the first transaction that has
//! not begun may have begun: it is the first after the last that has ended.)
//!
//! *If one of them does not end* (a long migration, a publisher that waits), its watermark counts after a
//! second all the same, and a full scan from the beginning finds whatever is committed below it. Full scans
//! are made as often as they cost little: they take at most a thirtieth of the time. But the worker makes one
//! every five seconds at the least, because the time to get an answer is not only the cost of the scan. On a
//! healthy queue full scans cost nothing: while a claim takes a millisecond or two, there are no watermarks,
//! which would cost the server more than they save.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::db::claim::Watermark;
use crate::db::claimed::ClaimResult;

/// The time between two full scans, as a multiple of what one takes.
const RARITY: u32 = 30;
/// A full scan that takes no longer than this is followed by another.
const CHEAP: Duration = Duration::from_millis(2);
/// The longest time between two full scans: a job below a watermark waits no longer than this.
const LONGEST: Duration = Duration::from_secs(5);
/// How long a watermark waits for transactions to end.
const PATIENCE: Duration = Duration::from_secs(1);
/// With more queues than this, the worker forgets its watermarks: they would be a burden to each claim.
const MOST_QUEUES: usize = 500;

/// The queue of one task at one priority.
type Queue = (String, i32);

#[derive(Default)]
struct Progress {
    /// No job waits below this ready_seq.
    watermark: Option<i64>,
    next: Option<Candidate>,
}

/// A ready_seq that becomes the watermark once no transaction before `horizon` is left.
struct Candidate {
    seq: i64,
    /// The id of a transaction that began after the ready_seq was seen; `None` until a claim has returned
    /// one.
    horizon: Option<i64>,
    since: Instant,
}

pub(crate) struct Watermarks {
    queues: HashMap<Queue, Progress>,
    full_scan_due: Instant,
}

impl Watermarks {
    pub(crate) fn new(now: Instant) -> Self {
        Watermarks { queues: HashMap::new(), full_scan_due: now }
    }

    /// The watermarks for the next claim; empty when a full scan is due.
    pub(crate) fn for_claim(&self, now: Instant) -> Vec<Watermark> {
        if now >= self.full_scan_due {
            return Vec::new();
        }
        let watermark = |((task, priority), progress): (&Queue, &Progress)| {
            progress.watermark.map(|seq| Watermark { task: task.clone(), priority: *priority, seq })
        };
        self.queues.iter().filter_map(watermark).collect()
    }

    /// Learns from the result of a claim with these watermarks.
    pub(crate) fn saw(
        &mut self,
        watermarks: &[Watermark],
        claimed: &ClaimResult,
        took: Duration,
        now: Instant,
    ) {
        if watermarks.is_empty() {
            let pause = if took <= CHEAP { Duration::ZERO } else { (took * RARITY).min(LONGEST) };
            self.full_scan_due = now + pause;
        }
        if self.queues.len() > MOST_QUEUES {
            self.queues.clear();
        }
        if claimed.next > 0 {
            let candidates = self.queues.values_mut().filter_map(|progress| progress.next.as_mut());
            candidates.for_each(|next| next.horizon = next.horizon.or(Some(claimed.next)));
        }
        for (line, first, last) in queues(claimed) {
            let progress = self.queues.entry(line).or_default();
            progress.advance(first, claimed.unseen, now);
            if progress.next.is_none() {
                progress.next = Some(Candidate { seq: last, horizon: None, since: now });
            }
        }
    }
}

impl Progress {
    /// A claim took jobs of this queue, `first` the earliest of them: it saw every transaction before
    /// `unseen`, and no job that waits before `first`.
    fn advance(&mut self, first: i64, unseen: i64, now: Instant) {
        let ripe = |next: &mut Candidate| {
            next.horizon.is_some_and(|horizon| unseen >= horizon) || now.duration_since(next.since) > PATIENCE
        };
        if let Some(next) = self.next.take_if(ripe) {
            self.watermark = Some(next.seq.min(first));
        }
    }
}

/// The queues that a claim took jobs from, each with the first and the last ready_seq taken. A released job
/// has a ready_seq below zero; a claim reads there in any case.
fn queues(claimed: &ClaimResult) -> Vec<(Queue, i64, i64)> {
    let mut queues: Vec<(Queue, i64, i64)> = Vec::new();
    for job in claimed.jobs.iter().filter(|job| job.ready_seq > 0) {
        let seq = job.ready_seq;
        let known = queues
            .iter_mut()
            .rev()
            .find(|((task, priority), ..)| *priority == job.priority && *task == job.task);
        match known {
            Some((_, first, last)) => (*first, *last) = ((*first).min(seq), (*last).max(seq)),
            None => queues.push(((job.task.clone(), job.priority), seq, seq)),
        }
    }
    queues
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::claimed::Claimed;

    fn claimed(seqs: &[i64], unseen: i64, next: i64) -> ClaimResult {
        ClaimResult {
            jobs: seqs.iter().map(|&seq| job(0, seq)).collect(),
            unseen,
            next,
            ..ClaimResult::default()
        }
    }

    fn job(priority: i32, ready_seq: i64) -> Claimed {
        Claimed { priority, ..Claimed::example("a", ready_seq) }
    }

    /// The watermarks after these claims, each ten milliseconds after the last; all but the first are made
    /// before the next full scan is due.
    fn after(claims: &[ClaimResult]) -> (Watermarks, Instant) {
        let mut now = Instant::now();
        let mut watermarks = Watermarks::new(now);
        for claimed in claims {
            let from = watermarks.for_claim(now);
            watermarks.saw(&from, claimed, Duration::from_millis(10), now);
            now += Duration::from_millis(10);
        }
        (watermarks, now)
    }

    fn watermark(watermarks: &Watermarks, now: Instant) -> Option<i64> {
        watermarks.for_claim(now).first().map(|watermark| watermark.seq)
    }

    #[test]
    fn the_first_claim_reads_without_watermarks() {
        let now = Instant::now();
        assert_eq!(Watermarks::new(now).for_claim(now), []);
    }

    #[test]
    fn a_watermark_waits_for_open_transactions_and_another_claim() {
        let first = || claimed(&[1, 2, 3], 100, 105);
        let (watermarks, now) = after(&[first()]);
        assert_eq!(watermark(&watermarks, now), None, "nobody has looked since");
        let (watermarks, now) = after(&[first(), claimed(&[4, 5], 104, 110)]);
        assert_eq!(watermark(&watermarks, now), None, "transaction 104 may yet commit");
        let (watermarks, now) = after(&[first(), claimed(&[4, 5], 105, 110), claimed(&[6, 7], 109, 112)]);
        assert_eq!(watermark(&watermarks, now), None, "so may 109, which may have begun before 3 was seen");
        let (watermarks, now) = after(&[first(), claimed(&[4, 5], 105, 110), claimed(&[6, 7], 110, 112)]);
        assert_eq!(watermark(&watermarks, now), Some(3));
    }

    #[test]
    fn a_publisher_missing_in_the_first_snapshot_delays_the_watermark() {
        // Publisher Q has had id 803 since before. Publisher P, 804, draws 1; Q draws 2 and commits. No
        // snapshot knows of 804 yet: to a snapshot, 804 is the first transaction that has not begun.
        let (watermarks, now) =
            after(&[claimed(&[2], 804, 805), claimed(&[3], 804, 806), claimed(&[4], 804, 807)]);
        assert_eq!(watermark(&watermarks, now), None, "804 is open");
        let (watermarks, now) =
            after(&[claimed(&[2], 804, 805), claimed(&[3], 804, 806), claimed(&[1, 4], 807, 808)]);
        assert_eq!(watermark(&watermarks, now), Some(1), "its job was found");
    }

    #[test]
    fn a_claim_that_took_nothing_has_no_number_to_tell() {
        let claims = || [claimed(&[1, 2], 100, 105), claimed(&[], 110, 0), claimed(&[3], 111, 112)];
        let (watermarks, now) = after(&claims());
        assert_eq!(watermark(&watermarks, now), None);
        let [first, nothing, second] = claims();
        let (watermarks, now) = after(&[first, nothing, second, claimed(&[4], 112, 113)]);
        assert_eq!(watermark(&watermarks, now), Some(2));
    }

    #[test]
    fn a_job_that_came_late_keeps_the_watermark_low() {
        let (watermarks, now) = after(&[claimed(&[1, 3, 9], 100, 105), claimed(&[2, 10], 110, 110)]);
        assert_eq!(watermark(&watermarks, now), Some(2), "4 to 8 may have come as well, and be next");
    }

    #[test]
    fn a_transaction_that_does_not_end_delays_a_watermark_by_a_second() {
        let (mut watermarks, now) = after(&[claimed(&[1, 2], 100, 105), claimed(&[3, 4], 100, 110)]);
        let later = now + PATIENCE;
        watermarks.saw(
            &watermarks.for_claim(now),
            &claimed(&[5, 6], 100, 120),
            Duration::from_millis(1),
            later,
        );
        watermarks.full_scan_due = later + PATIENCE;
        assert_eq!(watermark(&watermarks, later), Some(2));
    }

    #[test]
    fn full_claims_are_as_rare_as_they_are_slow() {
        let now = Instant::now();
        let mut watermarks = Watermarks::new(now);
        watermarks.saw(&[], &claimed(&[1], 1, 2), Duration::from_millis(100), now);
        watermarks.saw(&[], &claimed(&[2], 4, 4), Duration::from_millis(100), now);
        assert_eq!(watermark(&watermarks, now + Duration::from_millis(2900)), Some(1));
        assert_eq!(watermark(&watermarks, now + Duration::from_millis(3000)), None);
    }

    #[test]
    fn a_full_claim_that_costs_nothing_is_followed_by_another() {
        let now = Instant::now();
        let mut watermarks = Watermarks::new(now);
        for seq in 1..=3 {
            watermarks.saw(&[], &claimed(&[seq], seq, seq + 1), CHEAP, now);
            assert_eq!(watermark(&watermarks, now), None);
        }
        watermarks.saw(&[], &claimed(&[4], 5, 6), CHEAP * 2, now);
        assert_eq!(watermark(&watermarks, now), Some(1), "it takes long now, and all were noted");
    }

    #[test]
    fn a_claim_that_waited_for_minutes_delays_the_next_full_one_by_seconds() {
        let now = Instant::now();
        let mut watermarks = Watermarks::new(now);
        watermarks.saw(&[], &claimed(&[1], 1, 2), Duration::from_secs(240), now);
        watermarks.saw(&[], &claimed(&[2], 4, 4), Duration::from_secs(240), now);
        assert_eq!(watermark(&watermarks, now + LONGEST - Duration::from_millis(1)), Some(1));
        assert_eq!(watermark(&watermarks, now + LONGEST), None);
    }

    #[test]
    fn each_priority_has_its_watermark_and_released_jobs_move_none() {
        let back = 5 - (1 << 62);
        let first = ClaimResult {
            jobs: vec![job(7, 20), job(0, 10), job(0, back)],
            unseen: 1,
            next: 2,
            ..ClaimResult::default()
        };
        let second =
            ClaimResult { jobs: vec![job(7, 21), job(0, 11)], unseen: 4, next: 4, ..ClaimResult::default() };
        let (watermarks, now) = after(&[first, second]);
        let mut seqs: Vec<_> = watermarks.for_claim(now).iter().map(|m| (m.priority, m.seq)).collect();
        seqs.sort_unstable();
        assert_eq!(seqs, [(0, 10), (7, 20)]);
    }
}
