//! Publishers that divide keys among servers.

use std::collections::HashMap;

use pgjobs::{Error, JobId, Shards, admin};
use pgjobs_tests::{Db, Proxy, until};
use sqlx::PgPool;

use crate::tasks::{databases, sleep};

fn shards(servers: &[(&str, &PgPool)]) -> Shards {
    let (first, rest) = servers.split_first().expect("a server");
    let begun = Shards::new().server(first.0, first.1.clone());
    rest.iter().fold(begun, |shards, (name, pool)| shards.server(*name, (*pool).clone()))
}

/// The servers of a thousand keys, by key.
fn homes(shards: &Shards) -> HashMap<i32, String> {
    (0..1000).map(|key| (key, shards.server_of(&key).name.to_owned())).collect()
}

#[tokio::test]
async fn a_further_server_takes_its_share_of_keys_and_moves_no_other() {
    let [a, b, c] = databases::<3>().await;
    let two = homes(&shards(&[("a", &a.pool), ("b", &b.pool)]));
    let three = homes(&shards(&[("c", &c.pool), ("a", &a.pool), ("b", &b.pool)]));
    let moved: Vec<_> = three.iter().filter(|(key, home)| two[*key] != **home).collect();
    assert!(moved.iter().all(|(_, home)| **home == "c"));
    assert!((250..420).contains(&moved.len()), "{} of 1000 moved", moved.len());
}

#[tokio::test]
async fn the_keys_of_a_draining_server_go_to_the_others() {
    let [a, b, c] = databases::<3>().await;
    let shards = shards(&[("a", &a.pool), ("b", &b.pool), ("c", &c.pool)]);
    shards.refresh().await.unwrap();
    let before = homes(&shards);
    admin::set_draining(&b.pool, true, Some("too old")).await.unwrap();
    shards.refresh().await.unwrap();
    let draining = homes(&shards);
    assert!(draining.values().all(|home| home != "b"));
    assert!(before.iter().all(|(key, home)| home == "b" || draining[key] == *home));
    assert!(shards.servers().any(|server| server.draining && server.name == "b"));
    admin::set_draining(&b.pool, false, None).await.unwrap();
    shards.refresh().await.unwrap();
    assert_eq!(homes(&shards), before);
}

#[tokio::test]
async fn a_server_that_begins_to_drain_is_noticed_without_being_asked_about() {
    let [a, b] = databases().await;
    let shards = shards(&[("a", &a.pool), ("b", &b.pool)]);
    shards.refresh().await.unwrap();
    admin::set_draining(&a.pool, true, None).await.unwrap();
    until("keys go to the other", async || homes(&shards).values().all(|home| home == "b")).await;
    admin::set_draining(&b.pool, true, None).await.unwrap();
    until("all drain, and keys are where they were", async || {
        homes(&shards).values().any(|home| home == "a")
    })
    .await;
}

#[tokio::test]
async fn a_job_is_found_on_the_server_that_has_it() {
    let [a, b] = databases().await;
    let shards = shards(&[("a", &a.pool), ("b", &b.pool)]);
    for key in 0..8 {
        let job = sleep::publish(shards.of(&key), 0).await.unwrap();
        let found = shards.find(job.id()).await.unwrap();
        assert_eq!((found.server.name, &found.job.job_id), (shards.server_of(&key).name, job.id()));
    }
    let nobody: JobId = "0199d1f2a4b07c3e8f5a6b7c8d9e0f12".parse().unwrap();
    assert_eq!(shards.find(&nobody).await.unwrap_err().code(), "unknown_job");
}

#[tokio::test]
async fn a_search_says_which_servers_could_not_be_asked() {
    let [a, b]: [Db; 2] = databases().await;
    let proxy = Proxy::before(&b);
    proxy.set_up(false);
    let away = PgPool::connect_lazy_with(proxy.options(&b));
    let shards = shards(&[("a", &a.pool), ("b", &away)]);
    let here = sleep::publish(&a.pool, 0).await.unwrap();
    assert_eq!(shards.find(here.id()).await.unwrap().server.name, "a");
    let there = sleep::publish(&b.pool, 0).await.unwrap();
    let error = shards.find(there.id()).await.map(drop).unwrap_err();
    let Error::Servers(troubles) = error else { panic!("{error}") };
    assert_eq!(troubles.iter().map(|(name, _)| &**name).collect::<Vec<_>>(), ["b"]);
}

#[tokio::test]
async fn a_publisher_starts_while_one_of_its_servers_is_away() {
    let [a, b]: [Db; 2] = databases().await;
    let proxies = [Proxy::before(&a), Proxy::before(&b)];
    let [through_a, through_b] =
        [proxies[0].options(&a), proxies[1].options(&b)].map(PgPool::connect_lazy_with);
    let shards = shards(&[("a", &through_a), ("b", &through_b)]);
    admin::set_draining(&a.pool, true, None).await.unwrap();
    proxies[1].set_up(false);
    shards.refresh().await.unwrap();
    assert!(homes(&shards).values().all(|home| home == "b"), "it keeps its keys, and a is draining");
    proxies[0].set_up(false);
    let error = shards.refresh().await.unwrap_err();
    let Error::Servers(troubles) = error else { panic!("{error}") };
    assert_eq!(troubles.len(), 2, "none is there");
}

#[test]
fn a_thread_without_a_runtime_leaves_the_look_to_others() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let ([a, b], shards) = runtime.block_on(async {
        let [a, b]: [Db; 2] = databases().await;
        let shards = shards(&[("a", &a.pool), ("b", &b.pool)]);
        admin::set_draining(&a.pool, true, None).await.unwrap();
        ([a, b], shards)
    });
    shards.of(&1); // here nothing can be asked
    runtime.block_on(async {
        shards.of(&1);
        until("the first look is not five seconds off", async || {
            shards.servers().any(|server| server.draining)
        })
        .await;
    });
    runtime.block_on(async { drop((a, b)) });
}

#[tokio::test]
async fn what_is_published_together_is_divided_by_key() {
    let [a, b] = databases().await;
    let shards = shards(&[("a", &a.pool), ("b", &b.pool)]);
    let parts = shards.split(0..100, |key| *key);
    assert_eq!(parts.iter().map(|(server, _)| server.name).collect::<Vec<_>>(), ["a", "b"]);
    for (server, keys) in parts {
        assert!(keys.iter().all(|key| shards.server_of(key).name == server.name) && keys.is_sorted());
        pgjobs::publish_all(server.pool, keys.into_iter().map(|_| sleep::new(0))).await.unwrap();
    }
    let open = "select count(*) from jobs.job_queue";
    assert_eq!(a.one::<i64>(open).await + b.one::<i64>(open).await, 100);
}

#[tokio::test]
async fn a_name_that_is_none_is_refused() {
    let [a, b] = databases().await;
    let refused = async |shards: Shards| shards.refresh().await.unwrap_err().to_string();
    let twice = refused(shards(&[("a", &a.pool), ("a", &b.pool)])).await;
    assert_eq!(twice, "option `server`: two servers are named `a`: give each a name of its own");
    let odd = refused(shards(&[("a", &a.pool), ("B", &b.pool)])).await;
    assert!(odd.starts_with("option `server`: `B` is no name of a server"), "{odd}");
}
