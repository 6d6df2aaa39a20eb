//! A later release's migration comes while workers of this one are at work.

use pgjobs::Worker;
use pgjobs_tests::{Db, amount, until};
use sqlx::Executor;

use crate::tasks::add;

/// What a later release may do to a schema that is in use: every function made anew under its signature,
/// columns and arguments added at the end, in one transaction under the locks that this takes.
const LATER: &str = "do $$
declare
  v_definition text;
begin
  for v_definition in select pg_get_functiondef(p.oid) from pg_proc p where p.pronamespace = 'jobs'::regnamespace loop
    execute v_definition;
  end loop;
  execute format('alter table jobs.pending add column later_%s text', (select count(*) from later));
  execute format('alter table jobs.batch add column later_%s text', (select count(*) from later));
  execute format('alter table jobs.task add column later_%s text', (select count(*) from later));
  execute format('alter table jobs.worker add column later_%s text', (select count(*) from later));
  insert into later values (clock_timestamp());
end $$";

const TIMES: u32 = amount(3, 10);

/// As `pgjobs::migrate` does it: it gives way to whoever holds a lock that it wants, and tries again.
async fn migrate(db: &Db) {
    let mut connection = db.connect().await;
    connection.execute("set lock_timeout = '500ms'").await.unwrap();
    while let Err(error) = connection.execute(LATER).await {
        let code = error.as_database_error().and_then(|error| error.code());
        assert!(matches!(code.as_deref(), Some("55P03" | "40P01")), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_and_publishers_go_on_while_a_later_release_migrates() {
    let db = Db::new().await;
    db.run("create table later (at timestamptz)").await;
    let mut workers = Vec::new();
    for _ in 0..2 {
        workers.push(Worker::new(db.pool.clone()).topic("math.*").concurrency(8).start().await.unwrap());
    }
    let pool = db.pool.clone();
    let publisher = tokio::spawn(async move {
        let mut published = 0;
        while sqlx::query("select from later offset $1")
            .bind(i64::from(TIMES) - 1)
            .fetch_optional(&pool)
            .await
            .unwrap()
            .is_none()
        {
            add::publish(&pool, published).await.unwrap();
            pgjobs::publish_all(&pool, (0..20).map(add::new)).await.unwrap();
            published += 1;
        }
        published * 21
    });
    for n in 0..TIMES {
        let progress = format!("select count(*) >= {} from jobs.job", n * 100);
        until("work goes on after a migration", async || db.one::<bool>(&progress).await).await;
        migrate(&db).await;
    }
    let published = publisher.await.unwrap();
    let ended = "select count(*) from jobs.job where status = 'success' and attempt = 1";
    until("all have ended", async || db.one::<i64>(ended).await == published).await;
    let mut succeeded = 0;
    for worker in workers {
        let report = worker.shutdown().await;
        assert_eq!((report.failed, report.retried, report.lost), (0, 0, 0));
        succeeded += report.succeeded;
    }
    assert_eq!(i64::try_from(succeeded).unwrap(), published);
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_queue").await, 0);
}
