//! Random calls under random limits: no bucket holds more than its max, the counters are those of the runs, and when all
//! is let go, nothing is left.

use std::time::Duration;

use pgjobs_tests::{Claimed, Db, ManualWorker, amount};
use serde_json::{Value, json};

const LIMITS: [(&str, &str, &str); 10] = [
    ("a", "t", r#"{"key": ["c"], "max": 2}"#),
    ("b", "t", r#"{"max": 4}"#),
    ("c", "*", r#"{"key": ["d"], "max": 3}"#),
    ("d", "u", r#"{"key": ["c"], "max": 3, "cost": "n"}"#),
    ("e", "v", r#"{"key": ["c"], "in_order": true}"#),
    ("f", "u", r#"{"max": 5, "cost": "n"}"#),
    ("g", "t", r#"{"key": ["c", "d"], "max": 1}"#),
    ("h", "u", r#"{"key": ["d"], "fair": true, "max": 3}"#),
    ("i", "*", r#"{"max": 7}"#),
    ("j", "v", r#"{"in_order": true}"#),
];
const TASKS: [&str; 3] = ["t", "u", "v"];
const OUTCOMES: [&str; 7] = ["success", "success", "success", "fail", "retry", "snooze", "release"];

/// Buckets with more slots than their limit has, as the runs say.
const OVER: &str = "select coalesce(string_agg(s.name || ' ' || s.n || ' of ' || s.max, ', '), '') from (
    select l.name, l.max, sum(coalesce(u.cost, 1)) as n
    from jobs.batch b, lateral rows from (unnest(b.buckets), unnest(b.costs)) with ordinality u(bucket, cost, at) join jobs.job_limit l on l.id = u.bucket & 16383
    where b.open & jobs._bit((u.at - 1) / b.slots_each) <> 0 group by l.name, l.max, u.bucket) s where s.n > s.max";

struct Play<'a> {
    db: &'a Db,
    random: fastrand::Rng,
    worker: ManualWorker<'a>,
}

impl Play<'_> {
    fn body(&mut self) -> Value {
        let mut number = |least, most| self.random.i64(least..=most);
        json!({"args": [], "kwargs": {"c": number(1, 4), "d": number(1, 3), "n": number(0, 3)}})
    }

    async fn publish(&mut self) {
        let task = TASKS[self.random.usize(..3)];
        if self.random.u8(..8) == 0 {
            let pack = "select jobs.publish_arrays('{TASK}', (select array_agg(jsonb_build_object('args', '[]'::jsonb, 'kwargs', jsonb_build_object('c', g % 5, 'd', g % 3, 'n', g % 4)))
                          from generate_series(1, 70) g), null, null, null, null, null, i_pack => true)";
            self.db.run(&pack.replace("TASK", task)).await;
        }
        for _ in 0..self.random.u8(1..5) {
            let (body, priority, runs) = (self.body(), self.random.i32(0..3), self.random.i32(1..4));
            self.db.publish(task, body).priority(priority).max_retries(runs).await;
        }
    }

    async fn claim(&mut self) -> Claimed {
        let tasks: &[&str] = if self.random.bool() { &TASKS } else { &TASKS[self.random.usize(..3)..] };
        let claim = self.worker.claim([1, 2, 5, 20, 90][self.random.usize(..5)]).tasks(tasks);
        if self.random.u8(..4) == 0 { claim.own_batch(&["u"]).await } else { claim.await }
    }

    async fn settle(&mut self) {
        let outcome = OUTCOMES[self.random.usize(..7)];
        let some = format!(
            "select count(*) from (select array_agg(r.job_id::text) as ids, array_agg(r.lease) as leases from (select * from jobs._runs order by random() limit {}) r) s,
               jobs.settle(s.ids, s.leases, array_fill('{outcome}'::text, array[cardinality(s.ids)]), i_delays => array_fill({}::float8, array[cardinality(s.ids)])) x where s.ids is not null",
            self.random.u8(1..20),
            self.random.u8(..3)
        );
        self.db.run(&some).await;
    }

    async fn disturb(&mut self) {
        let (name, _, options) = LIMITS[self.random.usize(..LIMITS.len())];
        let key = self.random.i64(1..=4);
        let call = match self.random.u8(..6) {
            0 => "select jobs.cancel(array(select q.job_id::text from jobs.job_queue q order by random() limit 2), 0)".to_owned(),
            1 => format!("select jobs.set_limit(l.name, null, '{{\"max\": {key}}}') from jobs.job_limit l where l.name = '{name}' and l.dropped_at is null and not l.in_order"),
            2 => format!("select jobs.drop_limit('{name}')"),
            3 if options.contains("key") && !options.contains("\"c\", \"d\"") => {
                format!("select jobs.block_key(l.name, '[{key}]', jobs.now() + interval '2 s') from jobs.job_limit l where l.name = '{name}' and l.dropped_at is null")
            }
            4 => "select jobs.maintain()".to_owned(),
            _ => "select jobs.retry(array(select j.job_id::text from jobs.job j where j.status <> 'success' limit 1))".to_owned(),
        };
        self.db.run(&call).await;
    }

    /// Lets all go, and looks whether something stays.
    async fn drain(&mut self) {
        let mut idle = 0;
        while idle < 60 {
            let claimed = self.worker.claim(90).tasks(&TASKS).await;
            self.db.run("select jobs.settle(s.ids, s.leases) from (select array_agg(r.job_id::text) as ids, array_agg(r.lease) as leases from jobs._runs r) s where s.ids is not null").await;
            idle = if claimed.is_empty() { idle + 1 } else { 0 };
            if idle > 0 {
                self.db.advance(Duration::from_millis(500)).await;
                self.db.run("select jobs.promote(10000)").await;
            }
            if self.db.one::<i64>("select count(*) from jobs.job_queue").await == 0 {
                return;
            }
        }
    }
}

async fn play(seed: u64) {
    let db = Db::with_clock().await;
    let mut random = fastrand::Rng::with_seed(seed);
    let limits: Vec<_> = random.choose_multiple(LIMITS.iter(), 3);
    for (name, topic, options) in &limits {
        db.run(&format!("select jobs.set_limit('{name}', '{topic}', '{options}')")).await;
    }
    let worker = db.worker(&TASKS).await;
    let mut play = Play { db: &db, random, worker };
    for step in 0..120 {
        let what = match play.random.u8(..20) {
            0..5 => (play.publish().await, "publish").1,
            5..12 => {
                let before: String = db.one(OVER).await;
                play.claim().await;
                let after: String = db.one(OVER).await;
                assert!(
                    after.is_empty() || !before.is_empty(),
                    "seed {seed}, step {step}: {after}; {limits:?}"
                );
                "claim"
            }
            12..17 => (play.settle().await, "settle").1,
            17 => (db.advance(Duration::from_secs(1)).await, "advance").1,
            _ => (play.disturb().await, "disturb").1,
        };
        let wrong: i64 = db
            .one("select coalesce(jsonb_array_length(jobs._correct_buckets(array(select l.id from jobs.job_limit l where l.dropped_at is null))), 0)::int8")
            .await;
        assert_eq!(wrong, 0, "seed {seed}, step {step}, {what}: {limits:?}");
    }
    db.run("select jobs.set_limit(l.name, null, '{\"max\": 4}') from jobs.job_limit l where l.dropped_at is null and l.max = 0").await;
    play.drain().await;
    let left: Vec<String> =
        db.all("select q.task || ' ' || q.body || coalesce(' ' || q.bucket, '') from jobs.pending q").await;
    assert!(left.is_empty(), "seed {seed}: {limits:?} leave {} jobs: {:?}", left.len(), left.first());
}

#[tokio::test]
async fn random_calls_keep_every_limit_and_leave_nothing() {
    for seed in 0..u64::from(amount(3, 300)) {
        play(seed).await;
    }
}
