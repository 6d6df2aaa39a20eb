//! How old it is.

use pgjobs::inspect::{self, Standby};
use pgjobs_tests::{Cluster, until};
use sqlx::PgPool;

use super::{filled, hold_replay, run};

async fn standby(cluster: &Cluster) -> Standby {
    inspect::standby(&cluster.other).await.unwrap().expect("a standby")
}

async fn metric(pool: &PgPool, name: &str) -> f64 {
    let metric = "select value from jobs.metrics('database') where name = $1";
    sqlx::query_scalar(metric).bind(name).fetch_one(pool).await.unwrap()
}

#[tokio::test]
async fn a_primary_has_no_lag_and_an_idle_standby_shows_the_present() {
    let (cluster, primary) = filled().await;
    assert_eq!(inspect::standby(&primary).await.unwrap(), None);
    assert_eq!(metric(&primary, "pgjobs_standby_lag_seconds").await, 0.0);
    let now = standby(&cluster).await;
    assert!(now.streaming && now.replayed_at.is_some(), "{now:?}");
    assert_eq!((now.seconds, now.bytes), (0.0, 0), "nothing was written since, so nothing is missing");
}

#[tokio::test]
async fn a_standby_that_does_not_replay_says_how_old_it_is() {
    let (cluster, primary) = filled().await;
    hold_replay(&cluster, true).await;
    run(&primary, "select jobs.publish('mail.more')").await;
    until("it has received what it does not replay", async || standby(&cluster).await.bytes > 0).await;
    let first = standby(&cluster).await;
    assert!(first.streaming && first.seconds > 0.0, "{first:?}");
    until("it grows older", async || standby(&cluster).await.seconds > first.seconds + 1.0).await;
    assert!(metric(&cluster.other, "pgjobs_standby_lag_seconds").await > first.seconds + 1.0);
    assert!(metric(&cluster.other, "pgjobs_standby_lag_bytes").await > 0.0);
    hold_replay(&cluster, false).await;
    until("it shows the present", async || standby(&cluster).await.seconds == 0.0).await;
}

#[tokio::test]
async fn a_standby_that_receives_nothing_is_a_problem() {
    let (cluster, primary) = filled().await;
    cluster.cut(&primary).await;
    let alone = standby(&cluster).await;
    assert!(
        !alone.streaming && alone.bytes == 0 && alone.seconds > 0.0,
        "it cannot know what is missing: {alone:?}"
    );
    let problem = async || {
        let problems = inspect::problems(&cluster.other).await.unwrap();
        problems.into_iter().find(|problem| problem.code == "standby_behind")
    };
    until("it is half a minute old", async || problem().await.is_some()).await;
    let problem = problem().await.unwrap();
    assert!(problem.message.contains("receives nothing from a primary"), "{problem:?}");
    assert!(problem.found > problem.allowed && problem.allowed == 30, "{problem:?}");
    let of_primary = inspect::problems(&primary).await.unwrap();
    assert!(of_primary.iter().all(|problem| problem.code != "standby_behind"), "{of_primary:?}");
}
