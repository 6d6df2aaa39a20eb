//! Unique keys from typed calls to the end of their jobs.

use std::time::Duration;

use pgjobs::{Error, JobHandle, NewJob, PublishOutcome, Task, Tx, Unique, Until, Worker, publish_all, task};
use pgjobs_tests::Db;

use PublishOutcome::{Existing, Published, Replaced};

/// Of each customer and region one at a time.
#[task(name = "unique.invoice", unique(key = (customer, region)))]
async fn invoice(customer: i64, #[default("eu")] region: String, note: Option<String>) {
    let _ = (customer, region, note);
}

/// The newest state of an account, once it is quiet.
#[task(name = "unique.sync", unique(key = account, on_conflict = "postpone", wait = "5s", max_wait = "60s"))]
async fn sync(account: i64, revision: i64) -> Result<i64, pgjobs::TaskError> {
    let _ = account;
    Ok(revision)
}

fn ids<R>(jobs: &[JobHandle<R>]) -> Vec<String> {
    jobs.iter().map(|job| job.id().to_string()).collect()
}

#[tokio::test]
async fn a_second_call_gets_the_job_that_is_there() {
    let db = Db::new().await;
    let first = invoice::publish(&db.pool, 7).await.unwrap();
    let second = invoice::new(7).note("again").publish(&db.pool).await.unwrap();
    let other = invoice::new(7).region("us").publish(&db.pool).await.unwrap();
    assert_eq!(
        (first.outcome(), second.outcome(), other.outcome()),
        (Some(Published), Some(Existing), Some(Published))
    );
    assert_eq!(first.id(), second.id());
    assert_ne!(first.id(), other.id());
    let not = invoice::publish(&db.pool, 7).not_unique().await.unwrap();
    assert_eq!(not.outcome(), Some(Published));
    let refused = invoice::publish(&db.pool, 7).unique(Unique::declared().refuse()).await.unwrap_err();
    assert!(
        matches!(&refused, Error::Refused { code, message, .. } if code == "PT409" && message.contains(first.id().as_str())),
        "{refused}"
    );
    assert_eq!(JobHandle::<()>::new(first.id().clone()).outcome(), None);
}

/// The database knows the declaration from the worker: names, defaults and the key.
#[tokio::test]
async fn a_call_in_sql_meets_the_typed_one() {
    let db = Db::new().await;
    Worker::new(db.pool.clone()).topic("unique.*").burst().run().await.unwrap();
    let typed = invoice::publish(&db.pool, 7).await.unwrap();
    for call in [
        r#"select (jobs.publish('unique.invoice', '{"args": [7]}')).job_id::text"#,
        r#"select (jobs.publish('unique.invoice', '{"kwargs": {"customer": 7, "note": "x"}}')).job_id::text"#,
    ] {
        assert_eq!(db.one::<String>(call).await, typed.id().as_str(), "{call}");
    }
    let named = NewJob::named("unique.invoice").arg(7).publish(&db.pool).await.unwrap();
    assert_eq!((named.id(), named.outcome()), (typed.id(), None));
    let named =
        NewJob::named("unique.invoice").arg(7).unique(Unique::declared()).publish(&db.pool).await.unwrap();
    assert_eq!((named.id(), named.outcome()), (typed.id(), Some(Existing)));
}

#[tokio::test]
async fn it_holds_in_bulk_in_a_shared_transaction_and_on_rollback() {
    let db = Db::new().await;
    let calls =
        |customers: &[i64]| customers.iter().map(|&customer| invoice::new(customer)).collect::<Vec<_>>();
    let mut tx = db.pool.begin().await.unwrap();
    publish_all(&mut *tx, calls(&[1, 2])).await.unwrap();
    tx.rollback().await.unwrap();
    let all = publish_all(&db.pool, calls(&[2, 1, 2])).await.unwrap();
    let outcomes: Vec<_> = all.iter().map(JobHandle::outcome).collect();
    assert_eq!(outcomes, [Some(Published), Some(Published), Some(Existing)]);
    assert_eq!(all[0].id(), all[2].id());

    let tx = Tx::begin(&db.pool).await.unwrap();
    let (known, new) = (invoice::publish(&tx, 1).await.unwrap(), invoice::publish(&tx, 3).await.unwrap());
    let named = NewJob::named("other").publish(&tx).await.unwrap();
    let before = [known.id().clone(), new.id().clone(), named.id().clone()];
    assert_eq!((known.outcome(), new.outcome()), (None, None), "not before the commit");
    tx.commit().await.unwrap();
    assert_eq!(
        (known.outcome(), new.outcome(), named.outcome()),
        (Some(Existing), Some(Published), Some(Published))
    );
    assert_eq!(known.id(), all[1].id(), "the id of the job that is there");
    assert_eq!([new.id(), named.id()], [&before[1], &before[2]]);
    assert_ne!(known.id(), &before[0]);
    assert_eq!(db.pending_rows().await, 4);
}

#[tokio::test]
async fn a_postponed_call_runs_once_with_the_newest_arguments() {
    let db = Db::with_clock().await;
    let mut jobs = Vec::new();
    for revision in 1..=3 {
        jobs.push(sync::publish(&db.pool, 7, revision).await.unwrap());
        db.advance(Duration::from_secs(3)).await;
    }
    assert_eq!(ids(&jobs), vec![jobs[0].id().to_string(); 3]);
    assert_eq!(jobs[2].outcome(), Some(Replaced));
    db.advance(Duration::from_secs(3)).await;
    let report = Worker::new(db.pool.clone()).topic("unique.*").burst().run().await.unwrap();
    assert_eq!(report.succeeded, 1);
    assert_eq!(jobs[0].wait(&db.pool).await.unwrap(), 3);
    assert_eq!(sync::publish(&db.pool, 7, 4).await.unwrap().outcome(), Some(Published));
}

#[tokio::test]
async fn a_call_says_its_own_key_and_terms() {
    let db = Db::new().await;
    let once =
        |key: i64| Unique::by(("import", key)).until(Until::After(Duration::from_secs(3600))).name("daily");
    let first = crate::tasks::add::publish(&db.pool, 1).unique(once(1)).await.unwrap();
    db.run("select jobs.ack(job_id) from jobs.consume(1)").await;
    let again = crate::tasks::add::publish(&db.pool, 2).unique(once(1)).await.unwrap();
    assert_eq!(
        (again.outcome(), again.id()),
        (Some(Existing), first.id()),
        "within the hour, although it has ended"
    );
    assert_eq!(
        crate::tasks::add::publish(&db.pool, 2).unique(once(2)).await.unwrap().outcome(),
        Some(Published)
    );
    let keys = pgjobs::inspect::unique_keys(&db.pool, &"daily".parse().unwrap(), 10).await.unwrap();
    assert_eq!(
        keys.iter().map(|key| key.key.as_str()).collect::<Vec<_>>(),
        [r#"["import", 1]"#, r#"["import", 2]"#]
    );
    assert_eq!(
        pgjobs::admin::release_unique_key(&db.pool, "daily", &keys[0].key).await.unwrap(),
        *first.id()
    );
    let invalid = Unique::by(std::collections::HashMap::from([((1, 2), 3)]));
    let refused = crate::tasks::add::publish(&db.pool, 1).unique(invalid).await.unwrap_err();
    assert!(matches!(refused, Error::Option { name: "unique", .. }), "{refused}");
}

/// A program that dies in the middle of a job leaves its key, and the sweep that ends the job gives it up.
#[tokio::test]
async fn a_key_outlives_its_worker_and_not_its_job() {
    let db = Db::with_clock().await;
    let worker = db.worker_with_lease(&["unique.invoice"], 10).await;
    invoice::publish(&db.pool, 7).retries(1).await.unwrap();
    assert_eq!(worker.claim(1).await.started(), 1);
    assert_eq!(invoice::publish(&db.pool, 7).await.unwrap().outcome(), Some(Existing));
    db.advance(Duration::from_secs(11)).await;
    db.run("select jobs.sweep()").await;
    assert_eq!(invoice::publish(&db.pool, 7).await.unwrap().outcome(), Some(Published));
}
