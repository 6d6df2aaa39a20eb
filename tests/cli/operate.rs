//! `retry`, `cancel`, `purge`.

use pgjobs_tests::Db;

use crate::app::{on, run};

const MANY: &str = "select count(*) from jobs.publish_bulk(array(\
    select ('mail.send', null, null, null, null, null)::jobs.bulk_job from generate_series(1, 2345)))";

#[tokio::test]
async fn without_yes_and_a_terminal_nothing_is_touched() {
    let db = Db::new().await;
    db.run("select jobs.publish('mail.send', null)").await;
    let id: String = db.one("select job_id from jobs.job_queue").await;
    for arguments in [&["purge", "--topic", "*"][..], &["cancel", "--topic", "*"], &["cancel", &id]] {
        let said = run(&mut on(&db.url, arguments));
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.err.contains("1 job") && said.err.contains("add --yes"), "{said:?}");
    }
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_queue").await, 1);
}

#[tokio::test]
async fn nothing_to_do_is_no_question() {
    let db = Db::new().await;
    assert_eq!(run(&mut on(&db.url, &["purge", "--topic", "*"])).data(), "purged 0 jobs");
    assert_eq!(run(&mut on(&db.url, &["retry", "--topic", "*"])).data(), "retried 0 jobs");
}

#[tokio::test]
async fn purge_deletes_pending_jobs_of_the_topic_in_batches() {
    let db = Db::new().await;
    db.run(MANY).await;
    db.run("select jobs.publish('other', null)").await;
    let document = run(&mut on(&db.url, &["purge", "--topic", "mail.*", "--yes", "--json"])).json();
    assert_eq!(document["purged"], 2345);
    assert_eq!(db.all::<String>("select task from jobs.\"all\"").await, ["other"]);
}

#[tokio::test]
async fn a_topic_is_cancelled_and_retried_in_batches() {
    let db = Db::new().await;
    db.run(MANY).await;
    db.run("select jobs.consume('mail.%', 3)").await;
    assert_eq!(
        run(&mut on(&db.url, &["cancel", "--topic", "mail.*", "--yes"])).data(),
        "cancelled 2,345 jobs"
    );
    assert_eq!(db.one::<i64>("select count(*) from jobs.job where status = 'cancelled'").await, 2345);
    let said = run(&mut on(&db.url, &["retry", "--topic", "mail.*", "--yes"]));
    assert_eq!(said.data(), "retried 0 jobs", "failed ones unless another state is named");
    let document =
        run(&mut on(&db.url, &["retry", "--topic", "mail.*", "--state", "cancelled", "--yes", "--json"]))
            .json();
    assert_eq!(document["retried"], 2345);
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_queue").await, 2345);
}

/// Counting stops at a million.
#[tokio::test]
async fn a_count_that_was_cut_is_at_least_so_many() {
    let db = Db::new().await;
    db.run(
        "create or replace function jobs._matches(i_op jobs.operation, i_limit bigint) returns table (jobs bigint, exact boolean, examples jsonb)
         language sql stable as $$ select 1000005, false, '[]'::jsonb $$",
    )
    .await;
    for (arguments, words) in [
        (["cancel", "--topic", "*", "--json"], "cancel at least 1,000,005 jobs"),
        (["retry", "--topic", "*", "--json"], "retry at least 1,000,005 jobs"),
        (["purge", "--topic", "*", "--json"], "delete at least 1,000,005 jobs"),
    ] {
        let said = run(&mut on(&db.url, &arguments));
        assert!(said.json()["error"]["message"].as_str().unwrap().contains(words), "{said:?}");
        let said = run(on(&db.url, &arguments).arg("--yes"));
        assert!(said.err.contains(words), "{said:?}");
    }
}

#[tokio::test]
async fn a_job_that_is_named_twice_is_one_job() {
    let db = Db::new().await;
    let id = run(&mut on(&db.url, &["publish", "mail.send"])).data();
    let said = run(&mut on(&db.url, &["cancel", &id, &id]));
    assert!(said.err.contains("cancel 1 job?"), "{said:?}");
    assert_eq!(run(&mut on(&db.url, &["cancel", &id, &id, "--yes"])).data(), "cancelled 1 job");
}

#[tokio::test]
async fn jobs_are_named_by_id_and_those_left_out_are_reported() {
    let db = Db::new().await;
    let id = run(&mut on(&db.url, &["publish", "mail.send"])).data();
    let said = run(&mut on(&db.url, &["cancel", &id, "nosuchjob", "--yes", "--json"]));
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("cancelled 1 job, not nosuchjob: not found, or ended already"), "{said:?}");
    let document = said.json();
    assert_eq!((&document["cancelled"], &document["left"][0]), (&1.into(), &"nosuchjob".into()));
    assert_eq!(run(&mut on(&db.url, &["retry", &id, "-y"])).data(), "retried 1 job");
    assert_eq!(db.one::<String>("select job_id from jobs.job_queue").await, id);
}
