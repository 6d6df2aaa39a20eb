//! Jobs that use none of the features pay nothing for them: their tables are not even read.

use pgjobs_tests::Db;

/// Tables that only the users of a feature touch.
const TABLES: &str = "{unique_key,schedule,schedule_entry,command,operation,keep_rule,pause,rollup,rollup_day,progress,progress_default,log,log_default,watch,event,event_default,job_limit,bucket,bucket_delta,bucket_timer,limit_state,workflow,node,edge,node_result,node_failure,node_delta,checkpoint,resumable,signal,signal_waiter,server_state}";

/// What has been read of these tables and written to them, as this session and those before it have reported.
const TOUCHED: &str = "
    select coalesce(string_agg(s.relname || ' ' || touched, ', '), 'none')
    from pg_stat_user_tables s,
      lateral (select s.seq_scan + coalesce(s.idx_scan, 0) + s.n_tup_ins + s.n_tup_upd + s.n_tup_del as touched) t
    where s.schemaname = 'jobs' and s.relname = any ($tables) and touched > 0";

/// Which of these tables were touched, asked in a session of its own.
async fn touched(db: &Db) -> String {
    let mut session = db.connect().await;
    let query = TOUCHED.replace("$tables", &format!("'{TABLES}'"));
    crate::sessions::one(&mut session, &query).await
}

/// (`jobs.explain` is an operator's question about one job, and looks at all that may hold it.)
#[tokio::test]
async fn ten_thousand_plain_jobs_touch_no_table_of_a_feature() {
    let db = Db::new().await;
    // What the installation did to these tables does not count.
    db.run("select pg_stat_reset()").await;
    let mut session = db.connect().await;
    for call in [
        "select jobs.publish('a', '1') from generate_series(1, 1000)",
        "select jobs.publish_arrays('{a}', array_fill('1'::jsonb, array[4000]), null, null, null, null, null, i_pack => true)",
        "select jobs.publish_arrays('{a}', array_fill('1'::jsonb, array[4000]), null, null, null, null, null, i_pack => false)",
        "select count(*) from jobs.publish_bulk(array_fill(row('a', null, null, null, null, null)::jobs.bulk_job, array[1000]))",
        "select jobs.register_worker('00000000-0000-7000-8000-000000000000', 'h', 1, 'v', '{*}', '{a}', 100, 3600)",
        "select count(*) from jobs.claim('00000000-0000-7000-8000-000000000000', '{a}', 5000, '11111111-1111-1111-1111-111111111111')",
        "select count(*) from (select array_agg(h.job_id::text) as ids, array_agg(h.lease) as leases, array_agg(h.batch_index) as indexes, array_agg(case h.batch_index % 3 when 0 then 'retry' else 'success' end) as outcomes
           from jobs.held_by('00000000-0000-7000-8000-000000000000') h) h, jobs.settle(h.ids, h.leases, h.outcomes, i_batch_indexes => h.indexes)",
        "select count(*) from jobs.cancel(array(select job_id::text from jobs.find('pending', null, null, 1000)))",
        "select count(*) from jobs.retry(array(select job_id::text from jobs.find('cancelled', null, null, 1000)))",
        "select count(*) from jobs.consume(1000) c, jobs.ack(c.job_id)",
        "select count(*) from jobs.consume(10) c, jobs.nack(c.job_id, 'x')",
        "select count(*) from jobs.find('pending', null, null, 3)",
        "select jobs.maintain()",
        "select jobs.purge('a', 100000)",
    ] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(call)).execute(&mut session).await.unwrap_or_else(|error| panic!("{call}: {error}"));
    }
    // A session reports what it has touched at the latest when it ends, which is after its client has left.
    let (pid,): (i32,) =
        sqlx::query_as("select pg_backend_pid()").fetch_one(&mut session).await.expect("its process");
    sqlx::Connection::close(session).await.unwrap();
    let gone = format!("select not exists (select from pg_stat_activity where pid = {pid})");
    pgjobs_tests::until("the session has ended", async || db.one::<bool>(&gone).await).await;
    assert_eq!(touched(&db).await, "none");
    let reported = "select exists (select from pg_stat_user_tables where schemaname = 'jobs' and relname = 'pending' and n_tup_ins >= 6000)";
    assert!(db.one::<bool>(reported).await, "the statistics are those of these calls");
}

/// The measure measures: a job that uses a feature is seen.
#[tokio::test]
async fn a_job_that_uses_a_feature_is_seen_to_touch_its_table() {
    let db = Db::new().await;
    let mut session = db.connect().await;
    sqlx::raw_sql(r#"select jobs.publish('a', i_unique => '{"key": 1}')"#)
        .execute(&mut session)
        .await
        .unwrap();
    sqlx::Connection::close(session).await.unwrap();
    pgjobs_tests::until("the statistics have appeared", async || touched(&db).await.contains("unique_key"))
        .await;
}
