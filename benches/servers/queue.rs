//! Servers with queues of jobs, and slots that run them.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// Which server gets a slot that is free.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Policy {
    /// Slots are shared; of the servers with waiting jobs the one with the fewest running jobs is first.
    LeastLoaded,
    /// Slots are shared; the server with the most waiting jobs is first.
    LongestQueue,
    /// Each server has an equal number of slots for itself.
    Own,
}

/// A job as it was published: when, on which server, and how long it runs. In seconds.
#[derive(Clone, Copy)]
pub(crate) struct Job {
    pub(crate) at: f64,
    pub(crate) server: usize,
    pub(crate) takes: f64,
}

/// A time that can be ordered, in nanoseconds.
fn nanoseconds(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}

struct Queues {
    policy: Policy,
    slots: usize,
    waiting: Vec<VecDeque<usize>>,
    running: Vec<usize>,
}

impl Queues {
    /// The server that gets the next free slot.
    fn next(&self) -> Option<usize> {
        let servers = (0..self.waiting.len()).filter(|server| !self.waiting[*server].is_empty());
        let all: usize = self.running.iter().sum();
        match self.policy {
            Policy::Own => {
                let own = self.slots / self.waiting.len();
                servers.into_iter().find(|server| self.running[*server] < own)
            }
            _ if all >= self.slots => None,
            Policy::LeastLoaded => servers.min_by_key(|server| self.running[*server]),
            Policy::LongestQueue => {
                servers.max_by_key(|server| (self.waiting[*server].len(), Reverse(*server)))
            }
        }
    }
}

/// Runs jobs, which are in the order of their times; returns how long each waited.
pub(crate) fn run(jobs: &[Job], servers: usize, slots: usize, policy: Policy) -> Vec<f64> {
    let mut queues =
        Queues { policy, slots, waiting: vec![VecDeque::new(); servers], running: vec![0; servers] };
    let mut ends: BinaryHeap<Reverse<(u64, usize)>> = BinaryHeap::new();
    let mut waits = vec![0.0; jobs.len()];
    let mut arrived = 0;
    loop {
        let arrival = jobs.get(arrived).map(|job| nanoseconds(job.at));
        let end = ends.peek().map(|Reverse((at, _))| *at);
        let now = match (arrival, end) {
            (None, None) => return waits,
            (Some(arrival), Some(end)) if end <= arrival => end,
            (None, Some(end)) => end,
            (Some(arrival), _) => arrival,
        };
        if end == Some(now) {
            let Some(Reverse((_, server))) = ends.pop() else { return waits };
            queues.running[server] -= 1;
        } else {
            queues.waiting[jobs[arrived].server].push_back(arrived);
            arrived += 1;
        }
        while let Some(server) = queues.next() {
            let Some(job) = queues.waiting[server].pop_front() else { break };
            queues.running[server] += 1;
            waits[job] = now as f64 / 1e9 - jobs[job].at;
            ends.push(Reverse((now + nanoseconds(jobs[job].takes), server)));
        }
    }
}

/// A quantile of waits, in milliseconds.
pub(crate) fn quantile(waits: impl IntoIterator<Item = f64>, part: f64) -> f64 {
    let mut waits: Vec<f64> = waits.into_iter().collect();
    waits.sort_by(f64::total_cmp);
    let at = (waits.len() as f64 * part) as usize;
    waits.get(at.min(waits.len().saturating_sub(1))).map_or(0.0, |wait| wait.max(0.0) * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs(servers: &[usize]) -> Vec<Job> {
        servers.iter().map(|server| Job { at: 0.0, server: *server, takes: 1.0 }).collect()
    }

    #[test]
    fn own_slots_stay_idle_where_shared_ones_work() {
        let jobs = jobs(&[0, 0, 0, 0]);
        assert_eq!(run(&jobs, 2, 4, Policy::Own), [0.0, 0.0, 1.0, 1.0]);
        assert_eq!(run(&jobs, 2, 4, Policy::LeastLoaded), [0.0; 4]);
    }

    #[test]
    fn the_least_loaded_server_gets_the_next_slot() {
        let mut jobs = jobs(&[0, 0, 0, 0]);
        jobs.push(Job { at: 0.5, server: 1, takes: 1.0 });
        assert_eq!(run(&jobs, 2, 2, Policy::LeastLoaded), [0.0, 0.0, 1.0, 2.0, 0.5]);
        assert_eq!(run(&jobs, 2, 2, Policy::LongestQueue), [0.0, 0.0, 1.0, 1.0, 1.5]);
    }
}
