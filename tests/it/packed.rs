//! Jobs that were published together lie in one row, and nobody can tell.

use pgjobs_tests::Db;
use sqlx::Executor;

const WORKER: &str = "00000000-0000-7000-8000-000000000000";

/// Publishes jobs of one task together, each with its number as the body.
fn publish(task: &str, first: usize, num: usize) -> String {
    let last = first + num - 1;
    format!(
        "select jobs.publish_arrays(array['{task}'], (select array_agg(to_jsonb(g)) from generate_series({first}, {last}) g),
           null, null, null, null, null, i_pack => true);"
    )
}

async fn with_worker() -> Db {
    let db = Db::new().await;
    db.run(&format!("select jobs.register_worker('{WORKER}', 'h', 1, 'v', '{{}}', '{{a,b}}', 100, 3600)"))
        .await;
    db
}

/// The bodies of what a worker's claim takes, in the order of the line.
fn claim(num: usize, rest: &str) -> String {
    format!(
        "select j.body::integer from jobs.claim('{WORKER}', '{{a,b}}', {num}, gen_random_uuid(), 5{rest}) c, unnest(c.jobs) j
         order by j.priority desc, j.ready_seq"
    )
}

async fn rows(db: &Db) -> i64 {
    db.one("select count(*) from jobs.pending").await
}

#[tokio::test]
async fn many_jobs_lie_in_few_rows_and_are_read_like_others() {
    let db = Db::new().await;
    let ids: Vec<String> =
        db.one(&format!("select x::text[] from ({}) y(x)", publish("a", 1, 150).trim_end_matches(';'))).await;
    assert_eq!((ids.len(), rows(&db).await), (150, 3));
    assert!(ids.is_sorted(), "ids ascend in the order of publishing");
    let pattern = "^[0-9a-f]{12}7[0-9a-f]{3}8[0-9a-f]{15}$";
    assert_eq!(
        db.one::<i64>(&format!(
            "select count(distinct job_id) from jobs.job_queue where job_id ~ '{pattern}'"
        ))
        .await,
        150
    );
    for nth in [0, 1, 63, 64, 149] {
        let body = format!("select body::integer from jobs.get('{}') where status = 'pending'", ids[nth]);
        assert_eq!(db.all::<i32>(&body).await, [i32::try_from(nth).unwrap() + 1]);
    }
    assert_eq!(db.one::<i64>("select ready from jobs.overview()").await, 150);
    assert_eq!(db.one::<i64>("select jobs.count('pending', 'a')").await, 150);
    assert_eq!(db.one::<i64>("select jobs.count('pending', 'a', 100)").await, 100);
    assert_eq!(
        db.one::<i64>("select count(*) from jobs.\"all\" where status = 'pending' and attempt = 0").await,
        150
    );
}

/// The random halves of ids made at once must not repeat each other.
#[tokio::test]
async fn ids_made_together_share_no_random_part() {
    let db = Db::new().await;
    db.run(&publish("a", 1, 5000)).await;
    let parts = "select count(distinct right(job_id, 12)) from jobs.job_queue";
    assert_eq!(db.one::<i64>(parts).await, 5000);
    let ones = "select bit_count(('x' || string_agg(right(job_id, 12), ''))::varbit)::float8 / (5000 * 48) from jobs.job_queue";
    let share: f64 = db.one(ones).await;
    assert!((0.49..0.51).contains(&share), "no bit of them is fixed: {share}");
}

#[tokio::test]
async fn only_due_jobs_of_one_task_and_priority_lie_together() {
    let db = Db::new().await;
    let call = |tasks: &str, bodies: &str, rest: &str| {
        format!(
            "truncate jobs.pending; select jobs.publish_arrays({tasks}, {bodies}, {rest}, i_pack => true)"
        )
    };
    let (tasks, bodies) = ("'{a}'", "array_fill('1'::jsonb, array[70])");
    let nothing = "null, null, null, null, null";
    for (tasks, bodies, rest, expected) in [
        (tasks, bodies, nothing, 2),
        (tasks, "array_fill('1'::jsonb, array[63])", nothing, 63),
        ("array_append(array_fill('a'::text, array[69]), 'b')", bodies, nothing, 70),
        (tasks, bodies, "null, null, null, '{5}', null", 2),
        (tasks, bodies, "null, null, null, array_append(array_fill(5, array[69]), 6), null", 70),
        (tasks, bodies, "null, '{60}', null, null, null", 70),
        (tasks, bodies, "array[now()], null, null, null, null", 70),
        (tasks, "array_fill(to_jsonb(repeat('x', 70000)), array[70])", nothing, 70),
    ] {
        db.run(&call(tasks, bodies, rest)).await;
        assert_eq!(rows(&db).await, expected, "{tasks} {bodies} {rest}");
    }
}

/// Together or not, what was given once holds for every job.
#[tokio::test]
async fn what_is_given_once_holds_for_all() {
    let db = Db::new().await;
    for together in [true, false] {
        db.run(&format!(
            "truncate jobs.pending; select jobs.publish_arrays('{{a}}', array_fill('1'::jsonb, array[70]), null, null, '{{9}}', '{{5}}', '{{7}}',
               i_pack => {together})"
        ))
        .await;
        let alike = "select count(*) from jobs.job_queue where task = 'a' and body = '1' and timeout = 9 and priority = 5 and max_retries = 7";
        assert_eq!(db.one::<i64>(alike).await, 70);
    }
    db.run("truncate jobs.pending; select jobs.publish_arrays('{a}', array_fill('1'::jsonb, array[3]), null, '{60}', null, null, null)").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_queue where scheduled_at > now()").await, 3);
}

#[tokio::test]
async fn one_that_is_refused_refuses_all_and_is_named() {
    let db = Db::new().await;
    db.run("update jobs.config set max_body_bytes = 1000").await;
    let bodies = "(select array_agg(to_jsonb(repeat('x', case when g = 70 then 2000 else 10 end))) from generate_series(1, 90) g)";
    let small = "array_fill('1'::jsonb, array[90])";
    let call = |task: &str, bodies: &str, timeouts: &str| {
        format!(
            "select jobs.publish_arrays(array['{task}'], {bodies}, null, null, {timeouts}, null, null, i_pack => true)"
        )
    };
    let (code, message) = db.refusal(&call("a", bodies, "null")).await;
    assert_eq!(
        (code.as_str(), message.starts_with("job 70 of 90: the body of task 'a' takes ")),
        ("PT413", true),
        "{message}"
    );
    let (code, message) = db.refusal(&call("a", small, "array_fill(0.0::float8, array[90])")).await;
    assert_eq!((code.as_str(), message.starts_with("job 1 of 90: timeout")), ("PT400", true), "{message}");
    assert_eq!(db.refusal(&call("", small, "null")).await.0, "PT400");
    assert_eq!(rows(&db).await, 0);
}

#[tokio::test]
async fn each_keeps_its_own_timeout_and_number_of_runs() {
    let db = with_worker().await;
    db.run(
        "select jobs.publish_arrays(array['a'], array_fill(null::jsonb, array[64]), null, null,
           (select array_agg(case when g = 9 then 7.5 end::float8) from generate_series(1, 64) g), null,
           (select array_agg(case when g = 9 then 8 end) from generate_series(1, 64) g), i_pack => true)",
    )
    .await;
    let odd = "select count(*) from jobs.job_queue where timeout = 7.5 and max_retries = 8";
    assert_eq!(db.one::<i64>(odd).await, 1);
    assert_eq!(
        db.one::<i64>("select count(*) from jobs.job_queue where timeout = 60 and max_retries = 3").await,
        63
    );
    db.run(&claim(64, "")).await;
    let first = "select count(*) from jobs.batch where expires_at = run_at + interval '12.5 s'";
    assert_eq!(db.one::<i64>(first).await, 1, "the batch expires with the first of its jobs");
}

#[tokio::test]
async fn a_claim_with_room_takes_rows_as_they_are() {
    let db = with_worker().await;
    db.run(&publish("a", 1, 640)).await;
    let taken: Vec<i32> = db.all(&claim(200, "")).await;
    assert_eq!(taken, (1..=192).collect::<Vec<_>>(), "three whole rows, in order");
    assert_eq!((rows(&db).await, db.one::<i64>("select count(*) from jobs.batch").await), (7, 3));
    let settle = "with r as materialized (select * from jobs._runs) select count(*) from
        (select array_agg(job_id::text) j, array_agg(lease) l, array_agg(batch_index) p from r) a, jobs.settle(a.j, a.l, i_batch_indexes => a.p)";
    assert_eq!(db.one::<i64>(settle).await, 0);
    assert_eq!(
        db.one::<i64>("select count(distinct job_id) from jobs.job where status = 'success'").await,
        192
    );
}

#[tokio::test]
async fn a_claim_with_less_room_takes_a_row_apart() {
    let db = with_worker().await;
    db.run(&publish("a", 1, 128)).await;
    assert_eq!(db.all::<i32>(&claim(3, "")).await, [1, 2, 3]);
    assert_eq!(rows(&db).await, 61 + 1);
    assert_eq!(
        db.all::<i32>(&claim(63, "")).await,
        (4..=66).collect::<Vec<i32>>(),
        "the second too, to fill it"
    );
    assert_eq!(db.all::<i32>("select body::integer from jobs.consume(2)").await, [67, 68]);
}

#[tokio::test]
async fn jobs_that_are_claimed_alone_come_apart_first() {
    let db = with_worker().await;
    db.run(&publish("a", 1, 128)).await;
    assert_eq!(db.all::<i32>(&claim(1000, ", i_own_batch => '{a}'")).await.len(), 64);
    assert_eq!(db.one::<i64>("select count(*) from jobs.batch where part < 0").await, 64);
}

/// Two claims meet at one row: the second passes it over, and neither waits.
#[tokio::test]
async fn a_row_that_another_claim_holds_is_passed_over() {
    let db = with_worker().await;
    db.run(&publish("a", 1, 128)).await;
    for num in [2, 64] {
        let (mut one, mut two) = (db.connect().await, db.connect().await);
        one.execute("begin").await.unwrap();
        let first: Vec<i32> =
            sqlx::query_scalar(sqlx::AssertSqlSafe(claim(num, ""))).fetch_all(&mut one).await.unwrap();
        two.execute("set statement_timeout = '5s'; begin").await.unwrap();
        let second: Vec<i32> =
            sqlx::query_scalar(sqlx::AssertSqlSafe(claim(num, ""))).fetch_all(&mut two).await.unwrap();
        assert_eq!((first[0], second[0], second.len()), (1, 65, num));
        one.execute("rollback").await.unwrap();
        two.execute("rollback").await.unwrap();
        assert_eq!((rows(&db).await, db.one::<i64>("select count(*) from jobs.batch").await), (2, 0));
    }
}

/// The head of the line fits and is held; what is free does not fit.
#[tokio::test]
async fn a_large_row_behind_jobs_that_others_hold_is_taken_apart() {
    let db = with_worker().await;
    db.run(&format!("select jobs.publish('a', '0'); {}", publish("a", 1, 64))).await;
    let mut one = db.connect().await;
    one.execute("begin; select jobs.consume(1)").await.unwrap();
    assert_eq!(db.all::<i32>(&claim(5, "")).await, [1, 2, 3, 4, 5]);
}

/// It may keep its claim open for long: what is ready by itself is enough.
#[tokio::test]
async fn a_plain_client_that_gets_some_leaves_rows_of_several_to_others() {
    let db = Db::new().await;
    db.run(&format!("select jobs.publish('a', '0'); {}", publish("a", 1, 64))).await;
    let mut one = db.connect().await;
    one.execute("begin").await.unwrap();
    let got: i64 =
        sqlx::query_scalar("select count(*) from jobs.consume(100)").fetch_one(&mut one).await.unwrap();
    assert_eq!((got, db.one::<i64>("select count(*) from jobs.consume(100)").await), (1, 64));
}

/// To pass over a row that must be taken apart would give jobs of a lower priority first, for as long as a consumer holds
/// what waits before it.
#[tokio::test]
async fn jobs_that_are_claimed_alone_keep_their_order_behind_one_that_is_held() {
    let db = with_worker().await;
    let urgent = publish("a", 1, 64).replace("null, null, i_", "array[1], null, i_");
    db.run(&format!(
        "select jobs.publish('a', '0', i_priority => 1); {urgent} select jobs.publish('a', '99');"
    ))
    .await;
    let mut one = db.connect().await;
    one.execute("begin; select jobs.consume(1)").await.unwrap();
    assert_eq!(db.all::<i32>("select body::integer from jobs.consume(3)").await, [1, 2, 3]);
    assert_eq!(db.all::<i32>(&claim(3, ", i_own_batch => '{a}'")).await, [4, 5, 6]);
    db.run(&urgent).await;
    assert_eq!(db.all::<i32>(&claim(200, ", i_own_batch => '{a}'")).await.len(), 58 + 64 + 1);
    let batches = "select count(*) from jobs.batch where run_at = (select max(run_at) from jobs.batch)";
    assert_eq!(db.one::<i64>(batches).await, 58 + 64 + 1, "each in a batch of its own");
    one.execute("rollback").await.unwrap();
    assert_eq!(db.all::<i32>(&claim(1, ", i_own_batch => '{a}'")).await, [0]);
}

/// What waits behind rows of several jobs is claimed with them as far as it fits.
#[tokio::test]
async fn a_claim_is_filled_whatever_its_first_row_holds() {
    let db = with_worker().await;
    db.run(&format!("{} select count(jobs.publish('a')) from generate_series(1, 1100)", publish("a", 1, 64)))
        .await;
    let call = "select sum(bit_count(started::bit(64)))::bigint from jobs.claim((select id from jobs.worker), '{a}', 1000, gen_random_uuid())";
    assert_eq!(db.one::<i64>(call).await, 1000);
    let db = with_worker().await;
    db.run(&format!("select jobs.publish('a', '0'); {}", publish("a", 1, 64))).await;
    assert_eq!(db.all::<i32>(&claim(5, "")).await, [0, 1, 2, 3, 4]);
}

/// As its worker begins them: by priority and place, whether they were published together or not.
#[tokio::test]
async fn the_first_jobs_of_a_claim_are_those_that_have_begun() {
    let db = with_worker().await;
    db.run(&format!(
        "select count(jobs.publish('a', '0', i_priority => 10)) from generate_series(1, 5); {} select jobs.publish('a', '99', i_priority => -1)",
        publish("a", 1, 64)
    ))
    .await;
    let call = "select (jobs[1]).priority || ' ' || bit_count(started::bit(64))
        from jobs.claim((select id from jobs.worker), '{a}', 70, gen_random_uuid(), i_ahead => 60) order by 1";
    assert_eq!(
        db.all::<String>(call).await,
        ["0 5", "10 5"],
        "the last of priority -1 shares a batch with the first"
    );
}

#[tokio::test]
async fn a_missing_value_among_tasks_that_are_claimed_alone_is_none() {
    let db = with_worker().await;
    db.run("select count(jobs.publish('a')) from generate_series(1, 200)").await;
    let call = "select cardinality(jobs) from jobs.claim((select id from jobs.worker), '{a}', 200, gen_random_uuid(), i_own_batch => '{b,null}') order by 1";
    assert_eq!(db.all::<i32>(call).await, [8, 64, 64, 64]);
}

#[tokio::test]
async fn tasks_may_be_named_twice() {
    let db = with_worker().await;
    db.run("select count(jobs.publish('a', to_jsonb(g))) from generate_series(1, 3) g").await;
    let marks = "i_watermark_tasks => '{a,c}', i_watermark_priorities => '{0,0}', i_watermarks => '{1,1}'";
    let call = format!(
        "select j.body::integer from jobs.claim(null, '{{a,a}}', 20, gen_random_uuid(), {marks}) c, unnest(c.jobs) j"
    );
    assert_eq!(db.all::<i32>(&call).await, [1, 2, 3]);
}

#[tokio::test]
async fn an_id_of_a_job_that_waits_again_cannot_be_given_again() {
    let db = Db::new().await;
    db.run("create table id as select jobs._new_job_id(jobs._id_time(now()), 5) as id; select jobs.publish('a', i_job_id => id) from id").await;
    db.run("select jobs.nack(job_id, 'no', now(), i_lease => lease) from jobs.consume()").await;
    assert_eq!(db.refusal("select jobs.publish('a', i_job_id => id) from id").await.0, "PT409");
    let all = "select jobs.publish_arrays('{a}', '{1}', null, null, null, null, null, (select array_agg(id) from id))";
    assert_eq!(db.refusal(all).await.0, "PT409");
}

#[tokio::test]
async fn one_can_be_cancelled_or_failed_and_the_others_stay_in_line() {
    let db = with_worker().await;
    db.run(&publish("a", 1, 64)).await;
    let id = |body: usize| format!("(select job_id::text from jobs.job_queue where body = '{body}')");
    assert_eq!(db.all::<String>(&format!("select jobs.cancel(array[{}, {}])", id(5), id(6))).await.len(), 2);
    db.run(&format!("update jobs.config set notify = true; select jobs.nack({}, 'no', null, false)", id(7)))
        .await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.job where status = 'cancelled'").await, 2);
    assert_eq!(db.one::<i32>("select retries from jobs.job_queue where body = '7'").await, 1);
    assert_eq!(db.all::<i32>(&claim(6, "")).await, [1, 2, 3, 4, 8, 9]);
}

#[tokio::test]
async fn purging_takes_rows_whole_and_says_how_many_jobs() {
    let db = Db::new().await;
    db.run(&(publish("a", 1, 200) + &publish("b", 1, 64))).await;
    assert_eq!(db.one::<i64>("select jobs.purge('a', 60)").await, 100, "two rows of fifty");
    assert_eq!(db.one::<i64>("select jobs.purge('a')").await, 100);
    assert_eq!(db.one::<i64>("select jobs.purge('a')").await, 0);
    assert_eq!(db.one::<i64>("select jobs.count('pending', '*')").await, 64);
}

#[tokio::test]
async fn an_id_of_a_job_that_waits_with_others_cannot_be_given_again() {
    let db = Db::new().await;
    db.run(&publish("a", 1, 64)).await;
    let again = "select jobs.publish_arrays('{a,a}', '{1,2}', null, null, null, null, null,
        (select array[max(job_id::text), '0192aaaaaaaa7aaa8aaaaaaaaaaaaaaa'] from jobs.job_queue))";
    assert_eq!(db.refusal(again).await.0, "PT409");
}

/// Pages of every size, over rows of one and of many jobs, published in the same millisecond or not.
#[tokio::test]
async fn pages_of_pending_jobs_are_in_order_and_complete() {
    let db = Db::with_clock().await;
    db.run(
        &(publish("a", 1, 100)
            + &publish("a", 101, 70)
            + "select jobs.publish('a', to_jsonb(g)) from generate_series(171, 180) g;"),
    )
    .await;
    db.advance(std::time::Duration::from_secs(1)).await;
    db.run(&(publish("a", 181, 64) + "select jobs.publish('b')")).await;
    let all: Vec<String> =
        db.all("select job_id::text from jobs.job_queue where task = 'a' order by job_id desc").await;
    assert_eq!(all.len(), 244);
    for (state, num) in [("'pending'", 1), ("null", 7), ("'pending'", 64), ("null", 100)] {
        let mut paged: Vec<String> = Vec::new();
        loop {
            let before = paged.last().map_or("null".to_owned(), |id| format!("'{id}'"));
            let page =
                db.all(&format!("select job_id::text from jobs.find({state}, 'a', {before}, {num})")).await;
            if page.is_empty() {
                break;
            }
            paged.extend(page);
        }
        assert_eq!(paged, all, "pages of {num}");
    }
}

/// Whatever is published how, and claimed in whatever portions: each job once, never more than asked for,
/// and in each task the line's order.
#[tokio::test]
async fn every_mixture_is_claimed_once_and_in_order() {
    let db = with_worker().await;
    let mut random = Random(7);
    for _ in 0..25 {
        db.run("truncate jobs.pending, jobs.batch").await;
        let mut published = 0;
        for _ in 0..random.below(6) + 1 {
            let (task, num) = (if random.below(2) == 0 { "a" } else { "b" }, random.below(200) + 1);
            db.run(&publish(task, published + 1, num)).await;
            published += num;
        }
        let (mut last, mut claimed) = ([0, 0], 0);
        while claimed < published {
            let num = random.below(150) + 1;
            let alone = if random.below(4) == 0 { ", i_own_batch => '{a}'" } else { "" };
            let ask = claim(num, alone)
                .replace("select j.body::integer", "select array[j.body::integer, (j.task = 'b')::integer]");
            let jobs: Vec<Vec<i32>> = db.all(&ask).await;
            assert!((1..=num).contains(&jobs.len()), "{} of {num}, {} left", jobs.len(), published - claimed);
            for job in &jobs {
                let line = &mut last[usize::from(job[1] == 1)];
                assert!(job[0] > *line, "{job:?} after {line}");
                *line = job[0];
            }
            claimed += jobs.len();
        }
        assert_eq!((rows(&db).await, claimed), (0, published));
    }
}

mod tasks {
    #[pgjobs::task(name = "together.plain")]
    pub(super) async fn plain(_n: i64) {}

    #[pgjobs::task(name = "together.holding")]
    pub(super) async fn holding(#[inject] _job: &pgjobs::Job, _n: i64) {}
}

/// A task that asks for its job may end it inside a transaction of its own, and would hold up the others.
#[tokio::test]
async fn publish_all_puts_jobs_together_unless_their_task_asks_for_its_job() {
    let db = Db::new().await;
    let plain = pgjobs::publish_all(&db.pool, (0..200).map(tasks::plain::new)).await.unwrap();
    assert_eq!((plain.len(), rows(&db).await), (200, 4));
    pgjobs::publish_all(&db.pool, (0..200).map(tasks::holding::new)).await.unwrap();
    assert_eq!(rows(&db).await, 204);
    let report =
        pgjobs::Worker::new(db.pool.clone()).topic("together.*").concurrency(20).burst().run().await.unwrap();
    assert_eq!(report.succeeded, 400);
    assert_eq!(
        db.one::<i64>("select count(distinct job_id) from jobs.job where status = 'success'").await,
        400
    );
}

struct Random(usize);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}
