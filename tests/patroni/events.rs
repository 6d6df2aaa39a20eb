//! What happens to the cluster, and what that does to jobs.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::cluster::{Cluster, TTL};
use crate::load::{Load, Outcome};
use crate::network::{ETCD, NODES, Network};

/// One cluster at a time: three servers are enough for a small machine.
static TURN: Mutex<()> = Mutex::const_new(());

/// Prints a row of the table in docs/src/reliability.md.
#[expect(clippy::print_stdout, reason = "the table is what the test is run for")]
fn row(event: &str, outcome: &Outcome) {
    println!(
        "| {event} | {} | {} | {:.1} s | {:.1} s |",
        outcome.published,
        outcome.lost,
        outcome.no_publish.as_secs_f64(),
        outcome.no_run.as_secs_f64()
    );
}

/// Nothing was lost, and work went on soon after the others could know.
fn nothing_lost(outcome: &Outcome) {
    assert_eq!(outcome.lost, 0, "of {} that were published", outcome.published);
    let limit = Duration::from_secs(u64::from(TTL) * 6);
    assert!(
        outcome.no_run < limit && outcome.no_publish < limit,
        "{:?} {:?}",
        outcome.no_run,
        outcome.no_publish
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_synchronous_cluster_switches_and_fails_over_and_loses_nothing() {
    let _turn = TURN.lock().await;
    let mut cluster = Cluster::start(Network::loopback(), true).await;
    let load = Load::start(&cluster).await;

    let (first, begun) = (cluster.leader().await.expect("a leader"), Instant::now());
    cluster.switch_over().await;
    let second = cluster.other_leader(first).await;
    let outcome = load.after(begun).await;
    row("switchover, synchronous", &outcome);
    nothing_lost(&outcome);
    cluster.is_complete(true).await;

    let begun = Instant::now();
    cluster.kill(second);
    cluster.other_leader(second).await;
    let outcome = load.after(begun).await;
    row("`kill -9` of the primary and its Patroni, synchronous", &outcome);
    nothing_lost(&outcome);

    cluster.start_node(second);
    cluster.is_complete(true).await;
    load.goes_on().await;
    assert_eq!(load.end().await, 0, "lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_asynchronous_cluster_loses_what_its_standbys_had_not_received() {
    let _turn = TURN.lock().await;
    let mut cluster = Cluster::start(Network::loopback(), false).await;
    let load = Load::start(&cluster).await;
    let (first, begun) = (cluster.leader().await.expect("a leader"), Instant::now());
    cluster.hold_back(first).await;
    load.published_more(200).await;
    let lag = begun.elapsed();
    cluster.kill(first);
    cluster.other_leader(first).await;
    let outcome = load.after(begun).await;
    row("the same, asynchronous, the standbys 200 publishes behind", &outcome);
    println!("behind for {lag:?}; the oldest of the lost was published {:?} before that", outcome.window);
    assert!(outcome.lost >= 190, "what no standby has received cannot be there: {}", outcome.lost);
    assert!(outcome.window < Duration::from_secs(1), "what was received is there: {:?}", outcome.window);
    assert_eq!(load.end().await, outcome.lost, "what was published since is there");
}

/// The primary hears neither etcd nor the other nodes; workers and publishers hear all of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_partition_leaves_one_primary_and_loses_nothing() {
    let _turn = TURN.lock().await;
    let cluster = Cluster::start(Network::namespaces(), true).await;
    let load = Load::start(&cluster).await;
    let (first, begun) = (cluster.leader().await.expect("a leader"), Instant::now());
    let others: Vec<usize> =
        NODES.into_iter().filter(|machine| *machine != NODES[first]).chain([ETCD]).collect();
    cluster.network.cut(NODES[first], &others);
    cluster.other_leader(first).await;
    let outcome = load.after(begun).await;
    row("partition: the primary is cut off, synchronous", &outcome);
    nothing_lost(&outcome);
    cluster.network.heal(NODES[first], &others);
    cluster.is_complete(true).await;
    let outcome = load.after(begun).await;
    nothing_lost(&outcome);
    assert_eq!(load.end().await, 0, "lost");
}
