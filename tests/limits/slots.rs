//! What claims let start, call by call.

use pgjobs_tests::{Claimed, Db};
use serde_json::{Value, json};

/// The arguments of a job of these two keys.
pub(crate) fn body(c: i64, d: i64) -> Value {
    json!({"args": [], "kwargs": {"c": c, "d": d}})
}

/// Publishes so many jobs of this key.
pub(crate) async fn put(db: &Db, task: &str, key: i64, number: usize) {
    for _ in 0..number {
        db.publish(task, body(key, 0)).await;
    }
}

pub(crate) async fn limit(db: &Db, name: &str, topic: &str, options: &str) {
    db.run(&format!("select jobs.set_limit('{name}', '{topic}', '{options}')")).await;
}

/// The keys of what was claimed, in order.
pub(crate) fn keys(claimed: &Claimed) -> Vec<i64> {
    let mut keys: Vec<i64> =
        claimed.jobs.iter().map(|job| job.body["kwargs"]["c"].as_i64().expect("a key")).collect();
    keys.sort_unstable();
    keys
}

/// The slots that runs hold of the buckets of a limit, in order.
pub(crate) async fn held(db: &Db, limit: &str) -> Vec<i64> {
    db.all(&format!(
        "select sum(coalesce(u.cost, 1))::int8 from jobs.job_limit l, jobs.batch b,
           lateral rows from (unnest(b.buckets), unnest(b.costs)) with ordinality u(bucket, cost, at)
         where l.name = '{limit}' and u.bucket & 16383 = l.id and b.open & jobs._bit((u.at - 1) / b.slots_each) <> 0
         group by u.bucket order by 1"
    ))
    .await
}

/// What is counted is what runs hold.
pub(crate) async fn assert_right(db: &Db) {
    assert_eq!(db.one::<i64>("select jobs.check_limits()").await, 0, "counters had to be corrected");
}

#[tokio::test]
async fn no_key_has_more_runs_than_its_max() {
    let db = Db::new().await;
    limit(&db, "a", "t", r#"{"key": ["c"], "max": 2}"#).await;
    put(&db, "t", 1, 5).await;
    put(&db, "t", 2, 3).await;
    put(&db, "t", 3, 1).await;
    let worker = db.worker(&["t"]).await;
    let first = worker.claim(10).await;
    assert_eq!(keys(&first), [1, 1, 2, 2, 3]);
    assert!(worker.claim(10).await.is_empty());
    let one = first.jobs.iter().find(|job| job.body == body(1, 0)).unwrap();
    assert!(db.settle("success", [one]).await.is_empty());
    assert_eq!(keys(&worker.claim(10).await), [1]);
    assert_eq!(held(&db, "a").await, [1, 2, 2]);
    assert_right(&db).await;
}

#[tokio::test]
async fn a_limit_without_a_key_counts_all_tasks_of_its_topic() {
    let db = Db::new().await;
    limit(&db, "a", "x.*", r#"{"max": 3}"#).await;
    for task in ["x.t", "x.u", "y"] {
        put(&db, task, 1, 5).await;
    }
    let worker = db.worker(&["x.t", "x.u", "y"]).await;
    let claimed = worker.claim(100).await;
    let limited = claimed.jobs.iter().filter(|job| job.task != "y").count();
    assert_eq!((claimed.len(), limited), (8, 3));
    db.settle("success", &claimed.jobs).await;
    assert_eq!(worker.claim(100).await.len(), 3);
    assert_right(&db).await;
}

#[tokio::test]
async fn a_job_of_two_limits_takes_nothing_until_both_have_room() {
    let db = Db::new().await;
    limit(&db, "a", "t", r#"{"key": ["c"], "max": 2}"#).await;
    limit(&db, "b", "t", r#"{"key": ["d"], "max": 1}"#).await;
    for (c, d) in [(1, 1), (1, 1), (1, 2)] {
        db.publish("t", body(c, d)).await;
    }
    let worker = db.worker(&["t"]).await;
    let mut runs = worker.claim(10).await.jobs;
    runs.extend(worker.claim(10).await.jobs);
    assert_eq!(runs.iter().map(|job| &job.body).collect::<Vec<_>>(), [&body(1, 1), &body(1, 2)]);
    assert_eq!((held(&db, "a").await, held(&db, "b").await), (vec![2], vec![1, 1]));
    db.settle("success", [&runs[1]]).await;
    assert!(worker.claim(10).await.is_empty(), "the other limit is full");
    assert_eq!(held(&db, "a").await, [1], "a job that waits holds nothing");
    db.settle("success", [&runs[0]]).await;
    assert_eq!(worker.claim(10).await.len(), 1);
    assert_right(&db).await;
}

/// The jobs of one task are simple to open and the others' are not; both wait in the same claim.
#[tokio::test]
async fn jobs_of_two_limits_are_not_forgotten_beside_those_of_one() {
    let db = Db::new().await;
    limit(&db, "a", "t", r#"{"key": ["c"], "max": 1}"#).await;
    limit(&db, "b", "*", r#"{"key": ["d"], "max": 1}"#).await;
    let worker = db.worker(&["t", "u"]).await;
    for (task, c, d) in [("t", 1, 1), ("t", 1, 2), ("u", 3, 3), ("u", 3, 3)] {
        db.publish(task, body(c, d)).await;
    }
    let mut ended = 0;
    for _ in 0..4 {
        let claimed = worker.claim(10).await;
        ended += claimed.len();
        db.settle("success", &claimed.jobs).await;
    }
    assert_eq!(ended, 4);
}

#[tokio::test]
async fn a_packed_row_larger_than_the_cap_starts_in_pieces() {
    let db = Db::new().await;
    limit(&db, "a", "t", r#"{"max": 10}"#).await;
    db.publish_packed("t", 1..=200).await;
    assert!(db.pending_rows().await < 200, "packed");
    let worker = db.worker(&["t"]).await;
    let mut next = 1;
    for number in [10, 7, 10] {
        let claimed = worker.claim(number).await;
        assert_eq!(claimed.bodies(), (next..next + i64::from(number)).collect::<Vec<_>>());
        assert_eq!(held(&db, "a").await, [i64::from(number)]);
        next += i64::from(number);
        db.settle("success", &claimed.jobs).await;
    }
    limit(&db, "a", "t", r#"{"max": 100}"#).await;
    assert_eq!(worker.claim(200).await.len(), 100);
    assert_eq!(held(&db, "a").await, [100]);
    assert_right(&db).await;
}

#[tokio::test]
async fn packed_rows_are_divided_by_their_keys() {
    let db = Db::new().await;
    limit(&db, "a", "t", r#"{"key": ["c"], "max": 3}"#).await;
    db.run(
        r#"select jobs.publish_arrays('{t}', (select array_agg(jsonb_build_object('args', '[]'::jsonb, 'kwargs', jsonb_build_object('c', g % 5))) from generate_series(1, 128) g),
             null, null, null, null, null, i_pack => true)"#,
    )
    .await;
    let worker = db.worker(&["t"]).await;
    assert_eq!(worker.claim(100).await.len(), 15);
    assert_eq!(held(&db, "a").await, [3; 5]);
    assert_right(&db).await;
}

#[tokio::test]
async fn of_the_blocked_jobs_of_a_key_the_most_urgent_goes_first() {
    let db = Db::new().await;
    limit(&db, "a", "t", r#"{"key": ["c"], "max": 1}"#).await;
    let worker = db.worker(&["t"]).await;
    put(&db, "t", 1, 3).await;
    let mut running = worker.claim(10).await;
    db.publish("t", body(1, 7)).priority(5).await;
    db.publish("t", body(1, 8)).priority(9).await;
    assert!(worker.claim(10).await.is_empty(), "they are blocked now");
    let mut order = Vec::new();
    for _ in 0..4 {
        db.settle("success", &running.jobs).await;
        running = worker.claim(10).await;
        order.extend(running.jobs.iter().map(|job| job.body["kwargs"]["d"].as_i64().unwrap()));
    }
    assert_eq!(order, [8, 7, 0, 0]);
}

#[tokio::test]
async fn jobs_with_and_without_limits_share_a_claim_whoever_is_older() {
    for first in ["t", "u"] {
        let db = Db::new().await;
        limit(&db, "a", "t", r#"{"max": 100}"#).await;
        put(&db, first, 1, 50).await;
        put(&db, if first == "t" { "u" } else { "t" }, 1, 50).await;
        let worker = db.worker(&["t", "u"]).await;
        let claimed = worker.claim(20).await;
        let limited = claimed.jobs.iter().filter(|job| job.task == "t").count();
        assert_eq!((claimed.len(), limited), (20, 10), "{first} is older");
        assert_eq!(worker.claim(200).await.len(), 80);
    }
}

#[tokio::test]
async fn jobs_without_limits_go_on_behind_a_full_limit() {
    let db = Db::new().await;
    limit(&db, "a", "t", r#"{"max": 1}"#).await;
    limit(&db, "b", "v", r#"{"key": ["c"], "max": 1}"#).await;
    put(&db, "t", 1, 100).await;
    put(&db, "v", 1, 100).await;
    put(&db, "u", 1, 20).await;
    let worker = db.worker(&["t", "u", "v"]).await;
    let claimed = worker.claim(22).await;
    let free = claimed.jobs.iter().filter(|job| job.task == "u").count();
    assert_eq!((claimed.len(), free), (22, 20));
}

#[tokio::test]
async fn a_limit_that_is_set_while_jobs_wait_holds_at_once() {
    let db = Db::new().await;
    db.run(
        r#"select jobs.publish_arrays('{t}', (select array_agg(jsonb_build_object('args', '[]'::jsonb, 'kwargs', jsonb_build_object('c', g % 7))) from generate_series(1, 20000) g),
             null, null, null, null, null)"#,
    )
    .await;
    let worker = db.worker(&["t"]).await;
    limit(&db, "a", "t", r#"{"key": ["c"], "max": 2}"#).await;
    let mut runs = Vec::new();
    for _ in 0..20 {
        runs.extend(worker.claim(100).await.jobs);
    }
    assert_eq!(runs.len(), 14);
    assert_eq!(held(&db, "a").await, [2; 7]);
    db.settle("success", &runs).await;
    assert_eq!(worker.claim(100).await.len(), 14);
    limit(&db, "a", "t", r#"{"max": 5}"#).await;
    assert_eq!(worker.claim(100).await.len(), 21, "a raised limit holds at once, too");
    assert!(db.one::<bool>("select jobs.drop_limit('a')").await);
    assert_eq!(worker.claim(100).await.len(), 100, "and a dropped one keeps nothing back");
    assert_eq!(db.one::<i64>(r#"select count(*) from jobs."all""#).await, 20_000, "none was lost");
}

/// While a limit for all is full, a job that waits at a key with room is no reason to claim again.
#[tokio::test]
async fn a_claim_does_not_ask_for_another_while_a_limit_for_all_is_full() {
    let db = Db::new().await;
    limit(&db, "a", "t", r#"{"key": ["c"], "max": 1}"#).await;
    limit(&db, "b", "t", r#"{"max": 2}"#).await;
    put(&db, "t", 1, 2).await;
    put(&db, "t", 2, 1).await;
    let worker = db.worker(&["t"]).await;
    let claimed = worker.claim(10).await;
    assert_eq!(keys(&claimed), [1, 2]);
    limit(&db, "b", "t", r#"{"max": 0}"#).await;
    db.settle("success", claimed.jobs.iter().filter(|job| job.body == body(1, 0))).await;
    let again = format!("select count(*) from jobs.claim('{}', '{{t}}', 10, gen_random_uuid())", worker.id);
    for _ in 0..3 {
        assert_eq!(db.one::<i64>(&again).await, 0, "not even a row that says when");
    }
    limit(&db, "b", "t", r#"{"max": 2}"#).await;
    assert_eq!(keys(&worker.claim(10).await), [1]);
}

/// Of two tasks with limits, the older's is full; and jobs of it wait at keys that have room.
#[tokio::test]
async fn a_full_limit_for_all_keeps_no_other_limited_task_back() {
    for keyed in [false, true] {
        let db = Db::new().await;
        limit(&db, "b", "t", r#"{"max": 2}"#).await;
        limit(&db, "c", "u", r#"{"max": 100}"#).await;
        if keyed {
            limit(&db, "a", "t", r#"{"key": ["c"], "max": 1}"#).await;
        }
        let worker = db.worker(&["t", "u"]).await;
        put(&db, "t", 1, 300).await;
        put(&db, "t", 2, 300).await;
        let first = worker.claim(10).await;
        assert_eq!(first.len(), 2);
        limit(&db, "b", "t", r#"{"max": 0}"#).await;
        db.settle("success", &first.jobs).await;
        put(&db, "u", 3, 30).await;
        for number in [1, 1, 10, 18] {
            assert_eq!(
                keys(&worker.claim(number).await),
                vec![3; usize::try_from(number).unwrap()],
                "keyed: {keyed}"
            );
        }
        limit(&db, "b", "t", r#"{"max": 2}"#).await;
        assert_eq!(worker.claim(10).await.len(), 2);
        assert_right(&db).await;
    }
}

/// The first job of a key costs more than what is left of it.
#[tokio::test]
async fn a_dear_job_that_waits_keeps_no_other_key_back() {
    let db = Db::new().await;
    limit(&db, "a", "t", r#"{"key": ["c"], "max": 3, "cost": "d"}"#).await;
    let worker = db.worker(&["t"]).await;
    for (c, d) in [(1, 2), (1, 3), (1, 1), (2, 1), (2, 3), (3, 1)] {
        db.publish("t", body(c, d)).await;
    }
    let mut runs = Vec::new();
    for _ in 0..5 {
        runs.extend(worker.claim(1).await.jobs);
    }
    let started: Vec<_> = runs.iter().map(|job| &job.body).collect();
    assert_eq!(started, [&body(1, 2), &body(2, 1), &body(3, 1)], "and none passes a dear one of its key");
    db.settle("success", [&runs[0]]).await;
    assert_eq!(worker.claim(1).await.jobs[0].body, body(1, 3));
    assert_right(&db).await;
}

/// A worker without the task at the head of a key's line takes what is behind it, and forgets nothing.
#[tokio::test]
async fn a_worker_of_one_task_takes_its_jobs_out_of_a_key_of_several() {
    let db = Db::new().await;
    limit(&db, "a", "*", r#"{"key": ["c"], "max": 1}"#).await;
    let both = db.worker(&["t", "u"]).await;
    for (task, priority) in [("t", 9), ("u", 5), ("t", 0)] {
        db.publish(task, body(1, 0)).priority(priority).await;
    }
    let first = both.claim(10).await;
    assert_eq!(first.len(), 1);
    db.settle("success", &first.jobs).await;
    let other = db.worker(&["t"]).await;
    let second = other.claim(10).await;
    assert_eq!(second.jobs[0].task, "t");
    db.settle("success", &second.jobs).await;
    assert!(other.claim(10).await.is_empty());
    assert_eq!(both.claim(10).await.jobs[0].task, "u");
    assert_right(&db).await;
}

/// A long line of one key comes first, and the limit for all has little room.
#[tokio::test]
async fn a_long_line_of_one_key_is_out_of_the_way_at_once() {
    let db = Db::new().await;
    limit(&db, "a", "t", r#"{"key": ["c"], "max": 1}"#).await;
    limit(&db, "b", "t", r#"{"max": 3}"#).await;
    put(&db, "t", 1, 600).await;
    put(&db, "t", 2, 1).await;
    let worker = db.worker(&["t"]).await;
    assert_eq!(keys(&worker.claim(10).await), [1, 2]);
    assert_right(&db).await;
}
