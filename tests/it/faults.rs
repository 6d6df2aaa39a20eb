//! Faults of the original that are not carried over; each test fails on its schema.

use std::time::Duration;

use pgjobs_tests::{ClaimedJob, Db};
use sqlx::{Connection, Executor, Row};

#[tokio::test]
async fn a_zombie_can_neither_ack_nor_nack_the_next_attempt() {
    let db = Db::with_clock().await;
    db.publish("a", 1).timeout(1.0).await;
    let zombie = db.consume(1).await;
    db.run("create table zombie as select job_id, lease from jobs._runs").await;
    db.advance(Duration::from_secs(60)).await;
    db.run("select jobs.sweep()").await;
    db.advance(Duration::from_secs(60)).await;
    db.run("create table next as select * from jobs.consume(1)").await;
    assert_eq!(db.refusal("select jobs.ack(job_id, '1', lease) from zombie").await.0, "PT409");
    assert_eq!(db.refusal("select jobs.nack(job_id, 'x', i_lease => lease) from zombie").await.0, "PT409");
    assert_eq!(db.settle("success", &zombie).await, ["lost"]);
    assert_eq!(db.one::<i32>("select (jobs.ack(job_id, '2', lease)).attempt from next").await, 2);
}

#[tokio::test]
async fn two_sweeps_charge_one_expiry_once() {
    let db = Db::with_clock().await;
    db.run("select jobs.publish('a', i_timeout => 1); select jobs.consume(1)").await;
    db.advance(Duration::from_secs(60)).await;
    let (mut one, mut two) = (db.connect().await, db.connect().await);
    let mut first = one.begin().await.unwrap();
    let swept: i32 = sqlx::query_scalar("select jobs.sweep()").fetch_one(&mut *first).await.unwrap();
    two.execute("set statement_timeout = '5s'").await.unwrap();
    let meanwhile: i32 = sqlx::query_scalar("select jobs.sweep()").fetch_one(&mut two).await.unwrap();
    first.commit().await.unwrap();
    let after: i32 = sqlx::query_scalar("select jobs.sweep()").fetch_one(&mut two).await.unwrap();
    assert_eq!((swept, meanwhile, after), (1, 0, 0));
    assert_eq!(db.one::<i32>("select retries from jobs.all").await, 1);
}

#[tokio::test]
async fn consume_neither_fails_nor_waits_while_an_expired_job_is_being_acked() {
    let db = Db::with_clock().await;
    db.run("select jobs.publish('late', i_timeout => 1); create table c as select * from jobs.consume(1)")
        .await;
    db.advance(Duration::from_secs(60)).await;
    db.run("select jobs.publish('other')").await;
    let (mut one, mut two) = (db.connect().await, db.connect().await);
    let mut acking = one.begin().await.unwrap();
    acking.execute("select jobs.ack(job_id, i_lease => lease) from c").await.unwrap();
    two.execute("set statement_timeout = '5s'").await.unwrap();
    let task: String =
        sqlx::query_scalar("select task from jobs.consume(1)").fetch_one(&mut two).await.unwrap();
    assert_eq!(task, "other");
    acking.commit().await.unwrap();
    assert_eq!(db.one::<String>("select status from jobs.all where task = 'late'").await, "success");
}

#[tokio::test]
async fn consume_does_not_wait_for_a_transaction_that_holds_an_expired_row() {
    let db = Db::with_clock().await;
    db.run("select jobs.publish('late', i_timeout => 1); select jobs.consume(1)").await;
    db.advance(Duration::from_secs(60)).await;
    db.run("select jobs.publish('other')").await;
    let (mut one, mut two) = (db.connect().await, db.connect().await);
    let mut holder = one.begin().await.unwrap();
    holder.execute("select 1 from jobs.batch for update").await.unwrap();
    two.execute("set statement_timeout = '5s'").await.unwrap();
    let task: String =
        sqlx::query_scalar("select task from jobs.consume(1)").fetch_one(&mut two).await.unwrap();
    assert_eq!(task, "other");
}

#[tokio::test]
async fn the_time_zone_of_a_session_does_not_move_leases() {
    let db = Db::new().await;
    db.run("set time zone 'UTC'; select jobs.publish('a', i_timeout => 3600); select jobs.consume(1)").await;
    for zone in ["Asia/Tokyo", "America/New_York", "UTC"] {
        let mut session = db.connect().await;
        sqlx::query("select set_config('timezone', $1, false)")
            .bind(zone)
            .execute(&mut session)
            .await
            .unwrap();
        let expired: i64 =
            sqlx::query_scalar("select count(*) from jobs.expired").fetch_one(&mut session).await.unwrap();
        assert_eq!(expired, 0, "{zone}");
    }
}

#[tokio::test]
async fn names_that_differ_by_a_digit_do_not_collide_in_one_transaction() {
    let db = Db::new().await;
    db.run("begin; select jobs.publish('send1'); select jobs.publish('x') from generate_series(1, 9); select jobs.publish('send'); commit").await;
    assert_eq!(db.one::<i64>("select count(distinct job_id) from jobs.job_queue").await, 11);
}

#[tokio::test]
async fn ids_go_past_two_to_the_31() {
    let db = Db::new().await;
    db.run("select setval('jobs.job_number', 2147483647); select jobs.publish('a'); select jobs.ack(job_id) from jobs.consume(1)").await;
    assert_eq!(db.one::<i64>("select id from jobs.all").await, 2_147_483_648);
}

#[tokio::test]
async fn job_ids_are_uuids_in_order_of_time() {
    let db = Db::with_clock().await;
    for _ in 0..5 {
        db.run("select jobs.publish('a')").await;
        db.advance(Duration::from_millis(2)).await;
    }
    let ids: Vec<String> = db.all("select job_id from jobs.job_queue order by id").await;
    assert!(ids.is_sorted(), "{ids:?}");
    for id in ids {
        let id: sqlx::types::Uuid = id.parse().expect("a UUID without dashes");
        assert_eq!(id.get_version_num(), 7);
    }
}

#[tokio::test]
async fn the_view_of_all_jobs_does_not_compare_bodies_to_remove_duplicates() {
    let db = Db::new().await;
    let plan: Vec<String> = db.all("explain select * from jobs.all").await;
    assert!(!plan.iter().any(|line| line.contains("HashAggregate") || line.contains("Unique")), "{plan:?}");
}

#[tokio::test]
async fn settling_sends_nothing_of_the_job_to_the_client() {
    let db = Db::new().await;
    let talkative: Vec<String> = db
        .all("select proname::text from pg_proc where pronamespace = 'jobs'::regnamespace and prosrc ~* 'raise +(info|notice|log|debug)'")
        .await;
    assert_eq!(talkative, Vec::<String>::new());
}

#[tokio::test]
async fn a_failed_check_does_not_print_the_row() {
    let db = Db::new().await;
    let calls = [
        "select jobs.publish('a', '{\"args\": [\"canary-secret\"]}', i_timeout => 99999999)",
        "select jobs.publish_bulk(array[('a', '\"canary-secret\"', null, -1, null, null)::jobs.bulk_job])",
        "select jobs.publish('a', '\"canary-secret\"', i_max_retries => -5)",
    ];
    for call in calls {
        let error = sqlx::raw_sql(call).execute(&db.pool).await.unwrap_err();
        assert!(!format!("{error:?}").contains("canary-secret"), "{error:?}");
    }
}

#[tokio::test]
async fn opposite_orders_of_settling_do_not_deadlock() {
    let db = Db::new().await;
    for _ in 0..30 {
        db.run("truncate jobs.pending, jobs.batch").await;
        db.publish_many("a", 1..=200).await;
        let runs = db.consume(200).await;
        let settle = async |order: Vec<&ClaimedJob>| 200 - db.settle("release", order).await.len();
        let (a, b) = tokio::join!(settle(runs.iter().collect()), settle(runs.iter().rev().collect()));
        assert_eq!(a + b, 200, "each job is released by one of the two");
    }
}

#[tokio::test]
async fn a_hostile_search_path_changes_nothing() {
    let db = Db::new().await;
    db.run("select jobs.publish('a'); create table leak (who text)").await;
    db.run(
        "create schema evil;
         create function evil.make_interval(secs integer) returns interval language sql as $$ insert into public.leak select current_user; select interval '0' $$;
         create function evil.clock_timestamp() returns timestamptz language sql as $$ insert into public.leak select current_user; select null::timestamptz $$;
         create function evil.lpad(text, integer, text) returns text language sql as $$ insert into public.leak select current_user; select '' $$",
    )
    .await;
    let mut session = db.connect().await;
    session
        .execute(
            "create temp table job_queue (like jobs.job_queue); set search_path = evil, pg_temp, pg_catalog",
        )
        .await
        .unwrap();
    session.execute("select jobs.publish('b')").await.unwrap();
    session.execute("select jobs.nack(job_id, 'x') from jobs.consume(1)").await.unwrap();
    session.execute("select jobs.ack(job_id) from jobs.consume(1)").await.unwrap();
    assert_eq!(db.one::<i64>("select count(*) from leak").await, 0);
    assert_eq!(db.one::<i64>("select count(*) from jobs.all").await, 2);
}

#[tokio::test]
async fn public_may_do_nothing() {
    let db = Db::new().await;
    let functions: Vec<String> = db
        .all("select p.oid::regprocedure::text from pg_proc p where p.pronamespace = 'jobs'::regnamespace and has_function_privilege('public', p.oid, 'execute')")
        .await;
    assert_eq!(functions, Vec::<String>::new());
    let tables: Vec<String> = db
        .all(
            "select c.oid::regclass::text from pg_class c where c.relnamespace = 'jobs'::regnamespace and c.relkind in ('r', 'p', 'v', 'S')
             and (case when c.relkind = 'S' then has_sequence_privilege('public', c.oid, 'usage') else has_table_privilege('public', c.oid, 'select, insert, update, delete') end)",
        )
        .await;
    assert_eq!(tables, Vec::<String>::new());
    assert!(!db.one::<bool>("select has_schema_privilege('public', 'jobs', 'usage')").await);
}

#[tokio::test]
async fn a_publisher_publishes_and_does_nothing_else() {
    let db = Db::new().await;
    let mut session = db.connect().await;
    session.execute("set role jobs_publisher").await.unwrap();
    let row = session.fetch_one("select job_id from jobs.publish('a')").await.unwrap();
    assert_eq!(row.get::<String, _>(0).len(), 32);
    for forbidden in [
        "select jobs.consume(1)",
        "select * from jobs.job_queue",
        "select * from jobs.all",
        "select jobs.cancel('{x}')",
        "select jobs._wake_workers()",
    ] {
        let error = session.execute(forbidden).await.unwrap_err();
        assert_eq!(error.as_database_error().unwrap().code().as_deref(), Some("42501"), "{forbidden}");
    }
}

#[tokio::test]
async fn no_view_shows_a_lease() {
    let db = Db::new().await;
    let shown: i64 = db
        .one(
            "select count(*) from pg_class c join pg_attribute a on a.attrelid = c.oid
              where c.relnamespace = 'jobs'::regnamespace and c.relkind = 'v' and a.attname = 'lease'
              and (left(c.relname, 1) <> '_' or has_table_privilege('jobs_admin', c.oid, 'select'))",
        )
        .await;
    assert_eq!(shown, 0);
}

/// One gets it. The others may read it while it is locked, and find nothing when they read again.
#[tokio::test]
async fn of_claims_that_meet_at_one_job_one_gets_it_and_none_fails() {
    let db = Db::new().await;
    for _ in 0..50 {
        db.run("select jobs.publish('a')").await;
        let mut claims = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let pool = db.pool.clone();
            claims.spawn(async move {
                let call = "select count(*) from jobs.claim(null, '{a}', 1, gen_random_uuid())";
                sqlx::query_scalar::<_, i64>(call).fetch_one(&pool).await.unwrap()
            });
        }
        assert_eq!(claims.join_all().await.into_iter().sum::<i64>(), 1);
    }
}
