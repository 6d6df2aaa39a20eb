//! The states and results of many jobs, in one call: jobs.results.

use pgjobs_tests::Db;
use sqlx::Row;

use crate::sessions::{as_role, one, role};

/// Jobs of every state and kind of storage, their ids in a table `j`: one in a row, packed, and 130 in the batches of one
/// claim, 40 of which have ended.
async fn jobs_of_every_state(db: &Db) {
    db.publish_many("single.a", 1..=5).await;
    db.publish_packed("packed.a", 1..=200).await;
    db.publish("later.a", 1).delay(3600.0).await;
    db.run("create table j as select job_id::text as id from jobs.job_queue").await;
    db.worker(&["packed.a"]).await.claim(130).await;
    db.run(
        "select jobs.settle(array_agg(r.job_id::text), array_agg(r.lease), i_results => '{7}', i_batch_indexes => array_agg(r.batch_index))
           from (select * from jobs._runs order by job_id limit 40) r;
         select jobs.cancel(array(select id from j order by id desc limit 1));
         select jobs.nack(c.job_id, 'broken', null, false, c.lease) from jobs.consume('single.*', 1) c",
    )
    .await;
}

async fn rows(db: &Db, sql: &str) -> Vec<String> {
    db.all(&format!(
        "select format('%s %s %s %s', s.job_id, s.status, s.result, s.traceback) from ({sql}) s order by 1"
    ))
    .await
}

#[tokio::test]
async fn results_returns_of_each_job_what_result_returns() {
    let db = Db::new().await;
    jobs_of_every_state(&db).await;
    let one = "select j.id as job_id, r.status, r.result, case when r.status not in ('pending', 'running') then r.traceback end as traceback
               from j, jobs.result(j.id) r";
    let one_by_one = rows(&db, one).await;
    assert_eq!(one_by_one.len(), 206);
    let many =
        "select * from jobs.results(array(select id from j) || array['unknown', repeat('f', 32), null])";
    assert_eq!(rows(&db, many).await, one_by_one);
    let ended = rows(&db, "select * from jobs.results(array(select id from j), true)").await;
    let expected =
        rows(&db, &format!("select * from ({one}) o where o.status in ('success', 'failed', 'cancelled')"))
            .await;
    assert!(expected.len() > 40, "{}", expected.len());
    assert_eq!(ended, expected);
    assert_eq!(rows(&db, "select * from jobs.results('{}')").await, Vec::<String>::new());
    assert_eq!(rows(&db, "select * from jobs.results(null)").await, Vec::<String>::new());
}

#[tokio::test]
async fn it_finds_jobs_of_the_original_and_of_clocks_that_are_ahead() {
    let db = Db::new().await;
    db.run(
        "create table j (id text);
         insert into j values ('0123456789abcdef0123456789abcdef'), (jobs._new_job_id(jobs._id_time(now() + interval '20 hours'), 1));
         insert into jobs.job (id, job_id, task, retries, max_retries, priority, timeout, status, created_at, complete_on, attempt)
         select 1, id, 'old', 0, 3, 0, 60, 'success', now() - interval '9 days', now(), 1 from j",
    )
    .await;
    for id in db.all::<String>("select id from j").await {
        let found = db.one::<i64>(&format!("select count(*) from jobs.results(array['{id}'], true)")).await;
        assert_eq!(found, 1, "{id}");
    }
    assert_eq!(db.one::<i64>("select count(*) from jobs.results(array(select id from j), true)").await, 2);
}

#[tokio::test]
async fn it_locks_the_days_on_which_the_jobs_can_have_ended() {
    let db = Db::new().await;
    db.run("select jobs._make_partition(current_date - d) from generate_series(1, 60) d").await;
    jobs_of_every_state(&db).await;
    let mut tx = db.pool.begin().await.unwrap();
    sqlx::query("select * from jobs.results(array(select id from j))").fetch_all(&mut *tx).await.unwrap();
    let locks = "select count(*) from pg_locks l where l.pid = pg_backend_pid() and l.locktype = 'relation'";
    let locks: i64 = sqlx::query(locks).fetch_one(&mut *tx).await.unwrap().get(0);
    assert!(locks < 50, "{locks} locks");
}

#[tokio::test]
async fn it_is_bounded_and_for_those_who_may_wait() {
    let db = Db::new().await;
    let (code, message) = db.refusal("select * from jobs.results(array_fill('x'::text, array[10001]))").await;
    assert_eq!(code, "PT413", "{message}");
    for (role, may) in
        [("jobs_worker", true), ("jobs_admin", true), ("jobs_publisher", false), ("jobs_reader", false)]
    {
        let has = db
            .one::<bool>(&format!(
                "select has_function_privilege('{role}', 'jobs.results(text[], boolean)', 'execute')"
            ))
            .await;
        assert_eq!(has, may, "{role}");
    }
}

/// Pages touched for each of many that wait, beside a history of many days: no scan of a table hides in it.
#[tokio::test]
async fn results_reads_a_few_pages_for_each_job() {
    let db = Db::new().await;
    db.run("select jobs._make_partition(current_date - d) from generate_series(1, 30) d").await;
    db.run(
        "insert into jobs.job (id, job_id, task, retries, max_retries, priority, timeout, status, created_at, complete_on, attempt)
         select d, jobs._new_job_id(jobs._id_time(now() - d * interval '20 s'), d), 'old', 0, 3, 0, 60, 'success', now(), now() - d * interval '20 s', 1
         from generate_series(1, 100000) d",
    )
    .await;
    db.publish_many("waiting.a", 1..=500).await;
    db.run("create table j as select job_id::text as id from jobs.job_queue").await;
    db.run("analyze jobs.job; analyze jobs.pending").await;
    for (only_ended, most) in [(true, 15.0), (false, 25.0)] {
        let sql = format!(
            "explain (analyze, buffers, timing off, format json) select * from jobs.results(array(select id from j), {only_ended})"
        );
        let mut session = db.connect().await;
        let mut pages = 0.0;
        for _ in 0..3 {
            let plan: serde_json::Value =
                sqlx::query(sqlx::AssertSqlSafe(sql.clone())).fetch_one(&mut session).await.unwrap().get(0);
            let figure = |name: &str| plan[0]["Plan"][name].as_f64().unwrap();
            pages = (figure("Shared Hit Blocks") + figure("Shared Read Blocks")) / 500.0;
        }
        println!("only_ended {only_ended}: {pages:.1} pages for each job");
        assert!(pages < most, "{pages} pages for each job");
    }
}

/// Who publishes waits for what it published, and who consumes made it; of other tasks' jobs a restricted role learns nothing.
#[tokio::test]
async fn a_restricted_role_sees_only_results_of_its_own_tasks() {
    let db = Db::new().await;
    role(&db, "results_mailer", "jobs_worker").await;
    db.run("select jobs.grant_topic('results_mailer', 'sent.*', true, false), jobs.grant_topic('results_mailer', 'made.*', false, true)").await;
    db.run(
        "create table j (task text, id text);
         insert into j select t, (jobs.publish(t, i_max_retries => 1)).job_id from unnest(array['sent.a', 'made.a', 'secret.a']) t, generate_series(1, 4);
         insert into j select split_part(t, ' ', 1), unnest(jobs.publish_arrays(array[t], array_fill('{}'::jsonb, array[70]), null, null, null, null, null, i_pack => true))
           from unnest(array['sent.b', 'secret.b']) t;
         select jobs.ack(c.job_id, to_jsonb('of ' || c.task), c.lease) from unnest(array['sent.a', 'made.a', 'secret.a']) t, lateral jobs.consume(t, 1) c;
         select jobs.nack(c.job_id, 'broke ' || c.task, null, true, c.lease) from unnest(array['sent.a', 'made.a', 'secret.a']) t, lateral jobs.consume(t, 1) c;
         select jobs.consume(t, 1) from unnest(array['sent.a', 'made.a', 'secret.a', 'secret.b']) t",
    )
    .await;
    let mut mailer = as_role(&db, "results_mailer").await;
    for task in ["sent.a", "made.a", "secret.a", "sent.b", "secret.b"] {
        let ids: Vec<String> = db.all(&format!("select id from j where task = '{task}'")).await;
        let expected = if task.starts_with("secret") { 0 } else { i64::try_from(ids.len()).unwrap() };
        let (list, ended) = (ids.join(","), if task.ends_with('a') { expected.min(2) } else { 0 });
        let seen = format!("select count(*) from jobs.results('{{{list}}}')");
        assert_eq!(one::<i64>(&mut mailer, &seen).await, expected, "{task}: results");
        let seen = format!("select count(*) from jobs.results('{{{list}}}', true)");
        assert_eq!(one::<i64>(&mut mailer, &seen).await, ended, "{task}: ended ones");
        let seen = format!("select count(*) from unnest('{{{list}}}'::text[]) i, lateral jobs.result(i)");
        assert_eq!(one::<i64>(&mut mailer, &seen).await, expected, "{task}: result");
    }
    role(&db, "results_anybody", "jobs_worker").await;
    let mut anybody = as_role(&db, "results_anybody").await;
    let all = "select count(*) from jobs.results($1)";
    let ids: Vec<String> = db.all("select id from j").await;
    let seen: i64 = sqlx::query_scalar(all).bind(&ids).fetch_one(&mut anybody).await.unwrap();
    assert_eq!(seen, i64::try_from(ids.len()).unwrap(), "who is not restricted sees all");
}
