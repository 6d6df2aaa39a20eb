//! Jobs that do not fit their task fail alone.

use pgjobs::{NewJob, Worker};
use pgjobs_tests::Db;

use crate::tasks::add;

#[tokio::test]
async fn an_invalid_body_fails_its_job_and_no_other_with_path_and_type() {
    let db = Db::new().await;
    db.run(
        r#"select jobs.publish('math.add', b::jsonb) from unnest(array[
             '{"args": ["secret"]}', '{"kwargs": {"a": 1, "c": 2}}', '{"args": [1, 2, 3]}', '"secret"', '[1, 2]', '{"args": {"a": 1}}']) b;
           select jobs.publish('shop.ship', '{"kwargs": {"order": {"id": 1, "lines": [{"sku": "a", "count": 1}, {"sku": "b", "count": -1}]}}}');
           select jobs.publish('math.add', ('{"kwargs": {"a": ' || repeat('[', 2000) || repeat(']', 2000) || '}}')::jsonb);
           select jobs.publish('math.add', '{"args": [1e400]}')"#,
    )
    .await;
    let good: Vec<_> = pgjobs::publish_all(&db.pool, (0..20).map(add::new)).await.unwrap();
    let report = Worker::new(db.pool.clone()).topic("math.*").topic("shop.*").burst().run().await.unwrap();
    assert_eq!((report.succeeded, report.failed), (good.len() as u64, 9));
    let errors: Vec<String> =
        db.all("select traceback from jobs.job where status = 'failed' order by id").await;
    for (error, words) in errors.iter().zip([
        "`a`: expected i64, found string",
        "`c`: unexpected keyword argument; the task takes: a, b",
        "`args`: takes 2 positional arguments, 3 were given",
        "a body is {\"args\": [...], \"kwargs\": {...}}",
        "a body is {\"args\": [...], \"kwargs\": {...}}",
        "`args`: expected a sequence, found map",
        "`order.lines[1].count`: expected u32, found integer",
    ]) {
        assert!(error.contains(words), "{error} lacks {words}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn python_style_bodies_bind_by_position_by_name_and_with_nulls() {
    let db = Db::new().await;
    let sums = [
        (r#"{"args": [1, 2], "kwargs": null}"#, 3),
        (r#"{"args": null, "kwargs": {"a": 5}}"#, 15),
        (r#"{"args": [1], "kwargs": {"b": 1}}"#, 2),
    ];
    let worker = Worker::new(db.pool.clone()).topic("math.*").start().await.unwrap();
    for (body, sum) in sums {
        let id: String = sqlx::query_scalar("select job_id from jobs.publish('math.add', $1::jsonb)")
            .bind(body)
            .fetch_one(&db.pool)
            .await
            .unwrap();
        let job = pgjobs::JobHandle::<i64>::new(id.parse().unwrap());
        assert_eq!(job.wait(&db.pool).await.unwrap(), sum);
    }
    worker.shutdown().await;
    let refused = NewJob::named("math.add").publish(&db.pool).await.unwrap_err().to_string();
    assert!(refused.contains("`a`: missing required argument, expected i64"), "{refused}");
    db.run("select jobs.set_validation('math.add', 'off')").await;
    let job = NewJob::named("math.add").publish(&db.pool).await.unwrap();
    Worker::new(db.pool.clone()).topic("math.*").burst().run().await.unwrap();
    let error = job.wait(&db.pool).await.unwrap_err().to_string();
    assert!(error.contains("`a`: missing required argument, expected i64"), "{error}");
}
