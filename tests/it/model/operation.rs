//! What may happen next.

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;

/// Chooses a run or a job: the nth of those that now run, or of all that ever were.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pick {
    pub(super) nth: usize,
    pub(super) live: bool,
}

#[derive(Clone, Debug)]
pub(super) struct New {
    pub(super) task: &'static str,
    pub(super) priority: i32,
    pub(super) delay: Option<i64>,
    pub(super) timeout: i64,
    pub(super) max_retries: i32,
}

#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) pick: Pick,
    pub(super) outcome: &'static str,
    pub(super) delay: Option<i64>,
}

/// Sessions are 0, which keeps no transaction open, 1 and 2. Times are in seconds.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    Publish { session: usize, job: New },
    Bulk { session: usize, jobs: Vec<New> },
    Packed { session: usize, job: New, size: usize },
    Consume { session: usize, topic: &'static str, num: usize },
    Claim { session: usize, worker: usize, num: usize, own_batch: bool },
    Ack { session: usize, pick: Pick, lease: bool },
    Nack { session: usize, pick: Pick, lease: bool, delay: Option<i64>, ensure_running: bool },
    Settle { session: usize, outcomes: Vec<Outcome>, batch_indexes: bool, times: usize },
    Heartbeat { pick: Pick },
    HeartbeatWorker { worker: usize, late: Vec<Pick> },
    Register,
    Unregister { worker: usize },
    Sweep { limit: usize },
    Promote { limit: usize },
    Maintain,
    Advance { seconds: i64 },
    Cancel { session: usize, picks: Vec<Pick> },
    Retry { picks: Vec<Pick> },
    Purge { topic: &'static str, limit: usize },
    Release { pick: Pick },
    Begin { session: usize },
    Finish { session: usize, commit: bool },
}

pub(super) const TASKS: [&str; 3] = ["a.x", "a.y", "b"];

pub(super) fn operations() -> impl Strategy<Value = Vec<Operation>> {
    vec(
        prop_oneof![30 => publishing(), 30 => claiming(), 40 => settling(), 25 => maintaining(), 20 => transactions()],
        1..40,
    )
}

fn session() -> impl Strategy<Value = usize> {
    prop_oneof![2 => Just(0), 2 => Just(1), 1 => Just(2)]
}

fn topic() -> impl Strategy<Value = &'static str> {
    select(vec!["*", "*", "a.*", "a.%", "b", "a.x", "a_x"])
}

fn pick() -> impl Strategy<Value = Pick> {
    (0..200_usize, prop::bool::weighted(0.8)).prop_map(|(nth, live)| Pick { nth, live })
}

fn delay() -> impl Strategy<Value = Option<i64>> {
    weighted(0.7, -3..15_i64)
}

fn new() -> impl Strategy<Value = New> {
    (select(&TASKS[..]), -1..=1_i32, weighted(0.25, -2..15_i64), 2..20_i64, 1..=3_i32).prop_map(
        |(task, priority, delay, timeout, max_retries)| New { task, priority, delay, timeout, max_retries },
    )
}

fn publishing() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => (session(), new()).prop_map(|(session, job)| Operation::Publish { session, job }),
        3 => (session(), vec(new(), 1..6)).prop_map(|(session, jobs)| Operation::Bulk { session, jobs }),
        1 => (session(), new(), 64..100_usize)
            .prop_map(|(session, job, size)| Operation::Packed { session, job, size }),
    ]
}

fn claiming() -> impl Strategy<Value = Operation> {
    let num = select(vec![1, 2, 5, 10, 64, 100, 300]);
    prop_oneof![
        3 => (session(), topic(), 1..=5_usize)
            .prop_map(|(session, topic, num)| Operation::Consume { session, topic, num }),
        4 => (session(), 0..3_usize, num, prop::bool::weighted(0.3))
            .prop_map(|(session, worker, num, own_batch)| Operation::Claim { session, worker, num, own_batch }),
    ]
}

fn settling() -> impl Strategy<Value = Operation> {
    let outcome = select(vec!["success", "success", "fail", "retry", "verify", "snooze", "release"]);
    let outcome =
        (pick(), outcome, delay()).prop_map(|(pick, outcome, delay)| Outcome { pick, outcome, delay });
    let mostly = || prop::bool::weighted(0.7);
    prop_oneof![
        4 => (session(), pick(), mostly()).prop_map(|(session, pick, lease)| Operation::Ack { session, pick, lease }),
        4 => (session(), pick(), mostly(), delay(), mostly()).prop_map(|(session, pick, lease, delay, ensure_running)| {
            Operation::Nack { session, pick, lease, delay, ensure_running }
        }),
        6 => (session(), vec(outcome, 1..8), any::<bool>(), 1..=2_usize).prop_map(|(session, outcomes, batch_indexes, times)| {
            Operation::Settle { session, outcomes, batch_indexes, times }
        }),
        2 => (session(), vec(pick(), 1..4)).prop_map(|(session, picks)| Operation::Cancel { session, picks }),
        1 => vec(pick(), 1..4).prop_map(|picks| Operation::Retry { picks }),
        1 => pick().prop_map(|pick| Operation::Release { pick }),
        1 => (topic(), select(vec![1, 5, 1000])).prop_map(|(topic, limit)| Operation::Purge { topic, limit }),
    ]
}

fn maintaining() -> impl Strategy<Value = Operation> {
    let limit = || select(vec![1, 3, 1000, 1000]);
    prop_oneof![
        6 => prop_oneof![1..4_i64, 5..25_i64].prop_map(|seconds| Operation::Advance { seconds }),
        3 => limit().prop_map(|limit| Operation::Sweep { limit }),
        2 => limit().prop_map(|limit| Operation::Promote { limit }),
        1 => Just(Operation::Maintain),
        1 => pick().prop_map(|pick| Operation::Heartbeat { pick }),
        2 => (0..3_usize, vec(pick(), 0..3))
            .prop_map(|(worker, late)| Operation::HeartbeatWorker { worker, late }),
        2 => Just(Operation::Register),
        1 => (0..3_usize).prop_map(|worker| Operation::Unregister { worker }),
    ]
}

fn transactions() -> impl Strategy<Value = Operation> {
    prop_oneof![
        1 => (1..=2_usize).prop_map(|session| Operation::Begin { session }),
        1 => (1..=2_usize, any::<bool>()).prop_map(|(session, commit)| Operation::Finish { session, commit }),
    ]
}
