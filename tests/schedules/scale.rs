//! What ticking costs follows what is due, and not what there is.

use pgjobs_tests::{Db, amount};

#[tokio::test]
async fn a_tick_reads_what_is_due_among_a_hundred_thousand_schedules() {
    let db = Db::with_clock().await;
    let all = amount(20_000, 100_000);
    db.run("select jobs.set_schedule('model', 'report', i_cron => '0 3 * * *', i_zone => 'Europe/Berlin')")
        .await;
    db.run(&format!(
        "insert into jobs.schedule select (jsonb_populate_record(s, jsonb_build_object('name', 's' || g))).* from jobs.schedule s, generate_series(1, {all}) g;
         update jobs.schedule set due_at = jobs.now(), next_at = jobs.now() where name in ('s1', 's77', 's4711');"
    ))
    .await;
    // Without statistics, as after a restore: the plans must not need them.
    let mut session = db.connect().await;
    sqlx::raw_sql("begin").execute(&mut session).await.unwrap();
    let before = session_reads(&mut session).await;
    sqlx::raw_sql("select jobs.tick()").execute(&mut session).await.unwrap();
    let after = session_reads(&mut session).await;
    sqlx::raw_sql("commit; begin").execute(&mut session).await.unwrap();
    assert_eq!(db.one::<i64>("select count(*) from jobs.pending").await, 3);
    assert!(after - before < 60, "{} rows read for 3 due of {all}", after - before);
    // Changing one, too.
    sqlx::raw_sql("select jobs.set_schedule('s9', 'report', i_every => '1 h')")
        .execute(&mut session)
        .await
        .unwrap();
    assert!(session_reads(&mut session).await < 30);
}

/// Rows of the table that this session's transaction has read; a whole scan counts all of them.
async fn session_reads(session: &mut sqlx::PgConnection) -> i64 {
    sqlx::query_scalar(
        "select pg_stat_get_xact_tuples_returned(c.oid) + pg_stat_get_xact_tuples_fetched(c.oid)
         from pg_class c where c.oid = 'jobs.schedule'::regclass",
    )
    .fetch_one(session)
    .await
    .unwrap()
}
