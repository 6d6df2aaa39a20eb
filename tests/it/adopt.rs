//! A database made by the original is taken over in place.

use pgjobs_tests::{Db, until};
use sqlx::{Connection, Executor};

/// The original's tables with its names, types and defaults, and enough of its functions and views
/// to stand in the way of a migration that forgets them.
const ORIGINAL: &str = "
create schema jobs;
create table jobs.migrations (migration integer);
insert into jobs.migrations values (1);
create type jobs.job_status as enum ('success', 'failed');
create table jobs.job_queue (
  id serial primary key, job_id varchar(32) not null constraint unique_jobqueue_job_id unique, task varchar not null,
  body jsonb, retries integer, max_retries integer default 3, priority integer default 1, timeout numeric(7, 2) default 60,
  created_at timestamp, run_at timestamp, scheduled_at timestamp);
create index idx_task_name on jobs.job_queue (task);
create table jobs.job (
  id integer primary key, job_id varchar(32) not null constraint unique_job_job_id unique, task varchar not null,
  body jsonb, retries integer, max_retries integer default 3, priority integer default 1, timeout integer default 30000,
  status jobs.job_status not null, created_at timestamp, run_at timestamp, scheduled_at timestamp, complete_on timestamp,
  result jsonb, traceback text);
create view jobs.expired as select * from jobs.job_queue where run_at is not null;
create view jobs.running as select * from jobs.job_queue where run_at is not null;
create view jobs.all as select id, job_id, task from jobs.job_queue union select id, job_id, task from jobs.job;
create sequence jobs.job_number;
create function jobs.publish(i_task varchar, i_body jsonb = null, i_scheduled_at timestamp = null,
  i_timeout numeric(7, 2) = 60, i_priority integer = null, i_max_retries integer = 3) returns jobs.job_queue
  language sql as $$ select * from jobs.job_queue limit 1 $$;
create type jobs.bulk_job as (task varchar, body jsonb, scheduled_at timestamp, timeout integer, priority integer, max_retries integer);
create function jobs.publish_bulk(jobs.bulk_job[]) returns setof jobs.job_queue language sql as $$ select * from jobs.job_queue $$;
create function jobs.ack(i_job varchar(32), i_result jsonb = null) returns jobs.job language sql as $$ select * from jobs.job limit 1 $$;
create function jobs.nack(i_job varchar(32), i_traceback text = null, i_scheduled_at timestamp = null, ensure_running boolean = true)
  returns void language sql as $$ select null::void $$;
create function jobs.clean_timeout() returns void language sql as $$ select null::void $$;
create function jobs.consume(num integer) returns setof jobs.job_queue language sql as $$ select * from jobs.job_queue $$;
create function jobs.consume(topic varchar, num integer) returns setof jobs.job_queue language sql as $$ select * from jobs.job_queue $$;
insert into jobs.job_queue (job_id, task, body, retries, max_retries, priority, timeout, created_at, run_at, scheduled_at) values
  (md5('pending'), 'mail.send', '{\"args\": [1]}', 0, 3, 7, 60, now() at time zone 'utc', null, null),
  (md5('nulls'), 'mail.send', null, 0, null, null, null, now() at time zone 'utc', null, null),
  (md5('running'), 'mail.send', '{}', 1, 3, null, 60, now() at time zone 'utc', now() at time zone 'utc', null),
  (md5('future'), 'mail.send', '{}', 0, 3, null, 60, now() at time zone 'utc', null, (now() + interval '1 hour') at time zone 'utc');
insert into jobs.job select 100 + g, md5('ended' || g), 'mail.send', '{}', 0, 3, null, 60,
  case when g % 2 = 0 then 'success' else 'failed' end::jobs.job_status, now() at time zone 'utc', now() at time zone 'utc', null,
  (now() - g * interval '1 day') at time zone 'utc', '5', case when g % 2 = 1 then 'boom' end from generate_series(0, 9) g;
";

/// A lock that waits in line holds up everybody behind it.
#[tokio::test]
async fn a_migration_that_has_to_wait_lets_others_through() {
    let db = Db::empty().await;
    db.run(ORIGINAL).await;
    let mut reader = db.connect().await;
    let mut reading = reader.begin().await.unwrap();
    reading.execute("lock table jobs.job_queue in access share mode").await.unwrap();
    let migrating = tokio::spawn({
        let pool = db.pool.clone();
        async move { pgjobs::migrate(&pool).await }
    });
    let waits = "select exists (select from pg_locks where not granted and relation = 'jobs.job_queue'::regclass and database = (select oid from pg_database where datname = current_database()))";
    until("the migration waits", async || db.one::<bool>(waits).await).await;
    let mut other = db.connect().await;
    other.execute("set statement_timeout = '5s'").await.unwrap();
    other.execute("select from jobs.job_queue").await.expect("others get through in time");
    reading.rollback().await.unwrap();
    migrating.await.unwrap().unwrap();
    assert!(db.one::<bool>("select to_regclass('jobs.pending') is not null").await);
}

#[tokio::test]
async fn no_job_is_lost_and_ids_stay() {
    let db = Db::empty().await;
    db.run(ORIGINAL).await;
    pgjobs::migrate(&db.pool).await.unwrap();
    let standing: Vec<String> = db
        .all(
            "select n || ' ' || a.status || ' ' || a.retries || ' ' || a.max_retries || ' ' || a.priority || ' ' || a.timeout::int
             from unnest(array['pending', 'nulls', 'running', 'future']) n join jobs.all a on a.job_id = md5(n) order by 1",
        )
        .await;
    assert_eq!(
        standing,
        [
            "future pending 0 3 0 60",
            "nulls pending 0 3 0 60",
            "pending pending 0 3 7 60",
            "running pending 2 3 0 60"
        ]
    );
    assert_eq!(db.one::<i64>("select count(*) from jobs.job where result = '5'").await, 10);
    assert_eq!(
        db.one::<i64>("select count(*) from jobs.job where status = 'failed' and traceback = 'boom'").await,
        5
    );
    let apart: f64 = db.one("select extract(epoch from scheduled_at - now())::float8 from jobs.all where job_id = md5('future')").await;
    assert!((3500.0..3601.0).contains(&apart), "naive times were UTC: {apart}");
    assert_eq!(
        db.one::<Vec<String>>("select array_agg(job_id::text) from jobs.consume(10)").await.len(),
        3,
        "the future one waits"
    );
    assert!(
        db.one::<i64>("select (jobs.publish('new')).id").await > 109,
        "numbers go on after the original's"
    );
}

/// The original dropped no history, so a retention that nobody chose drops none of it.
#[tokio::test]
async fn history_older_than_is_kept_here_stays_until_somebody_decides() {
    let db = Db::empty().await;
    db.run(ORIGINAL).await;
    db.run("update jobs.job set complete_on = complete_on - interval '90 days' where status = 'failed'")
        .await;
    pgjobs::migrate(&db.pool).await.unwrap();
    db.run("select jobs.maintain_partitions()").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.job where result = '5'").await, 10);
    assert!(db.one::<bool>("select history_days is null from jobs.config").await);
}

#[tokio::test]
async fn what_is_kept_here_of_the_originals_history_follows_the_usual_rule() {
    let db = Db::empty().await;
    db.run(ORIGINAL).await;
    pgjobs::migrate(&db.pool).await.unwrap();
    assert_eq!(db.one::<i32>("select history_days from jobs.config").await, 14);
}

#[tokio::test]
async fn what_leans_on_the_original_stops_the_migration_and_loses_nothing() {
    let db = Db::empty().await;
    db.run(ORIGINAL).await;
    db.run("create view public.report as select count(*) from jobs.all").await;
    let error = pgjobs::migrate(&db.pool).await.unwrap_err().to_string();
    assert!(
        error.contains("jobs.\"all\"") || error.contains("jobs.all") || error.contains("depend"),
        "{error}"
    );
    assert_eq!(db.one::<i64>("select count(*) from jobs.all").await, 14);
    db.run("drop view public.report").await;
    pgjobs::migrate(&db.pool).await.unwrap();
    assert_eq!(db.one::<i64>("select count(*) from jobs.all").await, 14);
}

/// What nobody can be sent does not come in the way of the rest: a number of 131,000 digits takes 12 bytes where it is stored.
#[tokio::test]
async fn what_is_too_large_to_be_sent_is_taken_over_as_far_as_it_can_be() {
    let db = Db::empty().await;
    db.run(ORIGINAL).await;
    db.run(
        "create table public.large as select jsonb_agg(1e131000::numeric) as n from generate_series(1, 9000);
         update jobs.job set result = n from public.large where job_id = md5('ended0');
         update jobs.job set body = n from public.large where job_id = md5('ended1')",
    )
    .await;
    pgjobs::migrate(&db.pool).await.unwrap();
    let left_out: String = db.one("select status || ' ' || traceback from jobs.result(md5('ended0'))").await;
    assert_eq!(left_out, "success its result was too large to be sent to anybody, and was left out");
    let results: i64 = db
        .one("select count(*) from (select jobs.result(md5('ended' || g)) from generate_series(0, 9) g) r")
        .await;
    assert_eq!(results, 10, "all can be read");
    let (state, message) = db.refusal("select jobs.retry(array[md5('ended1')])").await;
    assert!(
        state == "PT413" && message.contains(&"cannot be sent to a worker: ".to_owned()),
        "{state} {message}"
    );
    let back: Vec<String> = db.all("select r from jobs.retry(array[md5('ended1'), md5('ended3')]) r").await;
    assert_eq!(back.len(), 1, "the others are put back: {back:?}");
    assert_eq!(db.one::<String>("select status from jobs.result(md5('ended1'))").await, "failed");
}

/// What anybody could write into its tables.
#[tokio::test]
async fn odd_values_of_the_original_are_taken_over_within_our_limits() {
    let db = Db::empty().await;
    db.run(ORIGINAL).await;
    db.run(
        "update jobs.job set retries = 2147483647 where job_id = md5('ended2'); update jobs.job set retries = -5 where job_id = md5('ended3');
         update jobs.job set traceback = repeat('x', 5000000) where job_id = md5('ended4');
         update jobs.job_queue set task = (select string_agg(md5(g::text), '') from generate_series(1, 84) g) where id = (select min(id) from jobs.job_queue)",
    )
    .await;
    pgjobs::migrate(&db.pool).await.unwrap();
    let retries: Vec<i32> = db.all("select retries from jobs.job where job_id in (md5('ended2'), md5('ended3')) order by job_id = md5('ended3')").await;
    assert_eq!(retries, [1000, 0]);
    assert_eq!(
        db.one::<i32>("select length(traceback) from jobs.job where job_id = md5('ended4')").await,
        16000
    );
    let named = "select count(*) from jobs.job where traceback = 'no task has a name of more than 200 characters' and length(task) = 200";
    assert_eq!(db.one::<i64>(named).await, 1);
}
