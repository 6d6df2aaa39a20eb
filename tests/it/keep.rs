//! Which ended jobs stay in history, for clients in plain SQL.

use pgjobs_tests::Db;

async fn declare(db: &Db, keep: &str) {
    db.run(&format!(
        "select jobs.register_tasks('[{{\"name\": \"a\", \"args_schema\": {{}}, \"result_schema\": {{}},
           \"retries\": 1, \"timeout\": 60, \"priority\": 0{keep}}}]')"
    ))
    .await;
}

/// Has one job succeed, one fail and one cancelled, and returns what history holds of them.
async fn history(db: &Db) -> Vec<String> {
    db.run("truncate jobs.job; select jobs.publish('a', i_max_retries => 1) from generate_series(1, 3)")
        .await;
    let ended: Vec<String> =
        db.all("select e.status || ' ' || e.result from jobs.consume(1) c, jobs.ack(c.job_id, '7') e").await;
    assert_eq!(ended, ["success 7"], "an ack returns its row, kept or not");
    db.run("select jobs.nack(job_id, 'boom') from jobs.consume(1)").await;
    db.run("select jobs.cancel((select array_agg(job_id::text) from jobs.job_queue))").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_queue").await, 0);
    db.all("select status::text from jobs.job order by 1").await
}

#[tokio::test]
async fn a_plain_clients_jobs_are_kept_as_their_task_says() {
    let db = Db::new().await;
    assert_eq!(history(&db).await, ["cancelled", "failed", "success"], "nobody declared the task");
    for (keep, kept) in [
        ("", &["cancelled", "failed", "success"][..]),
        (", \"keep\": \"failed\"", &["cancelled", "failed"]),
        (", \"keep\": \"none\"", &[]),
        (", \"keep\": \"all\"", &["cancelled", "failed", "success"]),
    ] {
        declare(&db, keep).await;
        assert_eq!(history(&db).await, kept, "{keep}");
    }
}

#[tokio::test]
async fn an_unknown_word_is_refused() {
    let db = Db::new().await;
    let (state, message) = db
        .refusal(
            "select jobs.register_tasks('[{\"name\": \"a\", \"args_schema\": {}, \"result_schema\": {},
               \"retries\": 1, \"timeout\": 60, \"priority\": 0, \"keep\": \"some\"}]')",
        )
        .await;
    assert_eq!((state.as_str(), message.as_str()), ("PT400", "task 'a' (1 of 1): keep: all, failed or none"));
}

#[tokio::test]
async fn a_job_published_under_an_alias_is_kept_as_its_task_says() {
    let db = Db::new().await;
    db.run(
        "select jobs.register_tasks('[{\"name\": \"b\", \"aliases\": [\"a\"], \"args_schema\": {}, \"result_schema\": {},
           \"retries\": 1, \"timeout\": 60, \"priority\": 0, \"keep\": \"none\"}]')",
    )
    .await;
    assert_eq!(history(&db).await, Vec::<String>::new());
}
