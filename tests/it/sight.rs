//! What a restricted role knows: the jobs of its tasks, at every door, and of other tasks nothing.

use pgjobs_tests::Db;
use sqlx::{AssertSqlSafe, Executor};

use crate::sessions::{as_role, code, role};

/// A question each, whose answer is tasks.
const DOORS: [&str; 16] = [
    "select task::text from jobs.search('open') where job_id is not null",
    "select task::text from jobs.search('failed') where job_id is not null",
    "select task::text from jobs.search('running') where job_id is not null",
    "select task::text from jobs.search('ready') where job_id is not null",
    "select task::text from jobs.overview()",
    "select task::text from jobs.open_counts()",
    "select task::text from jobs.ended_lately(60)",
    "select task::text from jobs.task_statistics()",
    "select task::text from jobs.errors()",
    "select task::text from jobs.\"all\"",
    "select task::text from jobs.running",
    "select task::text from jobs.expired",
    "select task::text from jobs.events_after() where task is not null",
    "select case when jobs.count('pending') = 1 then 'mail.a' else 'more' end",
    "select case when jobs.count('failed') = 1 then 'mail.a' else 'more' end",
    "select case when sum(failed) = 1 then 'mail.a' else 'more' end from jobs.statistics()",
];

/// Of each task a job that waits, one that runs and whose time is over, and one that has failed.
async fn jobs_of(db: &Db, task: &str) {
    db.run(&format!(
        "select jobs.publish('{task}', i_max_retries => 1, i_meta => '{{\"customer\": \"Mara\"}}'), jobs.publish('{task}', i_max_retries => 1);
         select jobs.nack(job_id, 'no answer') from jobs.consume('{task}', 1);
         select jobs.consume('{task}', 1); update jobs.batch set counted_from = '2000-01-01';
         select jobs.publish('{task}')"
    ))
    .await;
}

async fn two_tasks() -> Db {
    let db = Db::new().await;
    db.run("select jobs.keep_statistics(true), jobs.watch('*')").await;
    jobs_of(&db, "pay.charge").await;
    jobs_of(&db, "mail.a").await;
    // A pass over history does not read the blocks of the pass before: two of them see all.
    db.run(
        "select jobs.maintain(); update jobs.rollup_day set begun_at = '2000-01-01'; select jobs.maintain()",
    )
    .await;
    db
}

#[tokio::test]
async fn a_restricted_reader_knows_the_jobs_of_its_tasks_alone() {
    let db = two_tasks().await;
    role(&db, "sight_reader", "jobs_reader").await;
    db.run("grant execute on function jobs.errors to sight_reader").await;
    let mut reader = as_role(&db, "sight_reader").await;
    let tasks = async |session: &mut sqlx::PgConnection, door: &str| -> Vec<String> {
        let distinct = format!("select distinct task from ({door}) d(task) order by 1");
        sqlx::query_scalar(AssertSqlSafe(distinct))
            .fetch_all(session)
            .await
            .unwrap_or_else(|error| panic!("{door}: {error}"))
    };
    for door in DOORS {
        let seen = tasks(&mut reader, door).await;
        assert!(
            seen == ["mail.a", "pay.charge"] || seen == ["more"],
            "without a grant it sees all: {door}: {seen:?}"
        );
    }
    db.run("select jobs.grant_topic('sight_reader', 'mail.*')").await;
    for door in DOORS {
        assert_eq!(tasks(&mut reader, door).await, ["mail.a"], "{door}");
    }
    let ids: Vec<String> = db.all("select job_id::text from jobs.\"all\" where task = 'pay.charge'").await;
    assert_eq!(ids.len(), 3);
    for id in ids {
        assert_eq!(code(&mut reader, &format!("select jobs.explain('{id}')")).await, "PT404");
    }
    let own: String = db.one("select max(job_id)::text from jobs.\"all\" where task = 'mail.a'").await;
    assert_eq!(code(&mut reader, &format!("select jobs.explain('{own}')")).await, "ok");
    // Who administers sees all, however many are restricted.
    for door in DOORS {
        assert_ne!(tasks(&mut db.connect().await, door).await, ["mail.a"], "{door}");
    }
}

#[tokio::test]
async fn no_condition_of_a_readers_own_sees_jobs_of_others() {
    let db = two_tasks().await;
    role(&db, "sight_spy", "jobs_reader").await;
    db.run("select jobs.grant_topic('sight_spy', 'mail.*'); create table public.seen (task text); grant insert on public.seen to sight_spy; grant create on schema public to sight_spy").await;
    let mut spy = as_role(&db, "sight_spy").await;
    // So cheap that the planner would ask it first.
    spy.execute(
        "create function public.spy(text) returns boolean language plpgsql cost 0.0001 as $$ begin insert into public.seen values ($1); return true; end $$",
    )
    .await
    .unwrap();
    for view in ["\"all\"", "running", "expired"] {
        spy.execute(AssertSqlSafe(format!("select count(*) from jobs.{view} where public.spy(task)")))
            .await
            .unwrap();
    }
    assert_eq!(db.all::<String>("select distinct task from public.seen").await, ["mail.a"]);
}
