//! What a database user may not do is said with the role that is missing, and what helps.

use std::fs::File;

use pgjobs_tests::{Db, until};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use crate::app::{folder, on, run};

/// A user with one of our roles, or with none.
pub(crate) async fn user(db: &Db, name: &str, role: Option<&str>) -> String {
    let name = format!("{name}_{}", db.one::<String>("select current_database()::text").await);
    db.run(&format!("create role {name} login; grant usage on schema jobs to {name}")).await;
    if let Some(role) = role {
        db.run(&format!("grant {role} to {name}")).await;
    }
    let (scheme, rest) = db.url.split_once("://").unwrap();
    let at = rest.find('@').map_or(0, |at| at + 1);
    let url = format!("{scheme}://{}", &rest[at..]);
    let (url, query) = url
        .split_once('?')
        .map_or((url.clone(), String::new()), |(url, query)| (url.to_owned(), query.to_owned()));
    let others: Vec<&str> =
        query.split('&').filter(|pair| !pair.starts_with("user=") && !pair.is_empty()).collect();
    format!("{url}?{}", [others, vec![&format!("user={name}")]].concat().join("&"))
}

#[tokio::test]
async fn the_role_that_is_missing_is_named() {
    let db = Db::new().await;
    let url = user(&db, "publishes", Some("jobs_publisher")).await;
    for (arguments, role) in [
        (&["inspect"][..], "the role jobs_reader"),
        (&["inspect", "jobs"], "the role jobs_admin"),
        (&["explain", "abc"], "the role jobs_reader"),
        (&["doctor"], "the role jobs_reader"),
        (&["worker", "--burst"], "the role jobs_worker"),
        (&["cancel", "abc", "--yes"], "the role jobs_admin"),
    ] {
        let said = run(&mut on(&url, arguments));
        assert_eq!(said.code, Some(1), "{arguments:?}: {said:?}");
        assert!(said.err.contains(role) && !said.err.contains("at line"), "{arguments:?}: {said:?}");
    }
    assert_eq!(run(&mut on(&url, &["publish", "mail.send"])).err, "", "nothing is wrong");
    let reads = user(&db, "reads", Some("jobs_reader")).await;
    for url in [url, reads] {
        for command in ["cancel", "retry", "purge"] {
            let said = run(&mut on(&url, &[command, "--topic", "*", "--yes"]));
            assert_eq!(said.code, Some(1), "{said:?}");
            assert!(said.err.contains("the role jobs_admin"), "{command}: {said:?}");
        }
    }
}

/// Hidden rows look like no rows.
#[tokio::test]
async fn readers_say_that_row_security_hides_rows_from_them() {
    let db = Db::empty().await;
    db.run("create schema jobs").await;
    let url = user(&db, "secured", None).await;
    let name = url.rsplit_once("user=").unwrap().1;
    db.run(&format!("alter schema jobs owner to {name}")).await;
    run(&mut on(&url, &["migrate"])).data();
    let said = run(&mut on(&url, &["inspect", "jobs"]));
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{said:?}");
    db.run("alter table jobs.pending enable row level security; alter table jobs.pending force row level security").await;
    for arguments in [&["inspect", "jobs"][..], &["inspect"], &["inspect", "tasks"]] {
        let said = run(&mut on(&url, arguments));
        assert!(
            said.code == Some(0) && said.err.contains("row security hides the rows of jobs.pending"),
            "{said:?}"
        );
    }
}

/// Over the catalogue: for each function the role that an error names is one that may call it.
#[tokio::test]
async fn every_function_names_a_role_that_may_call_it() {
    let db = Db::new().await;
    let mut nobody = PgConnection::connect(&user(&db, "nobody", None).await).await.unwrap();
    let functions = "select p.oid::regprocedure::text, p.proname::text,
                       (select coalesce(string_agg('null::' || format_type(t, null), ', '), '') from unnest(p.proargtypes) t)
                     from pg_proc p where p.pronamespace = 'jobs'::regnamespace and p.proname !~ '^_' and p.prokind = 'f'
                       and p.prorettype <> 'trigger'::regtype";
    let functions = sqlx::query(functions).fetch_all(&db.pool).await.unwrap();
    assert!(functions.len() > 40);
    for function in functions {
        let [signature, name, arguments]: [String; 3] = [function.get(0), function.get(1), function.get(2)];
        let call = AssertSqlSafe(format!("select jobs.{name}({arguments})"));
        let error = sqlx::query(call).execute(&mut nobody).await.expect_err(&signature);
        let said = pgjobs::Error::from(error).to_string();
        let role = said.split_once("the role ").unwrap_or_else(|| panic!("{signature}: {said}")).1;
        let may = format!("select has_function_privilege('{role}', '{signature}', 'execute')");
        assert!(db.one::<bool>(&may).await, "{signature}: {said}");
    }
}

#[tokio::test]
async fn who_may_not_migrate_is_told_who_may() {
    let db = Db::empty().await;
    db.run("create schema jobs").await;
    let url = user(&db, "guest", None).await;
    let said = run(&mut on(&url, &["migrate"]));
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("migrate as postgres") && !said.err.contains("at line"), "{said:?}");
}

/// A slip in a task's name is seen at once, and not waited out.
#[tokio::test]
async fn a_task_that_nobody_declared_is_warned_of_with_the_nearest_name() {
    let db = Db::new().await;
    run(&mut on(&db.url, &["migrate"])).data();
    let said = run(&mut on(&db.url, &["publish", "app.ad", "--args", "[1, 2]"]));
    assert!(said.err.contains("no worker ever declared task `app.ad`; did you mean `app.add`?"), "{said:?}");
    assert_eq!(said.data().len(), 32, "published all the same");
    assert_eq!(run(&mut on(&db.url, &["publish", "app.add", "--args", "[1, 2]"])).err, "");
    let said = run(&mut on(
        &db.url,
        &["publish", "app.add", "--args", "[1, 2]", "--wait", "--wait-timeout", "10ms"],
    ));
    assert!(said.err.contains("no live worker has task `app.add`"), "{said:?}");
}

/// A job of Kubernetes or cron goes red.
#[tokio::test]
async fn a_burst_says_that_a_job_failed_when_it_is_asked_to() {
    let db = Db::new().await;
    let burst = |more: &[&str]| run(on(&db.url, &["worker", "--burst"]).args(more));
    assert_eq!(burst(&["--fail-on-failure"]).code, Some(0), "nothing failed");
    run(&mut on(&db.url, &["publish", "app.broken"])).data();
    let said = burst(&["--fail-on-failure", "--json"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert_eq!((&said.json()["failed"], &said.json()["error"]["exit_code"]), (&1.into(), &1.into()));
    assert!(said.err.contains("1 job ended as failed"), "{said:?}");
    run(&mut on(&db.url, &["publish", "app.broken"])).data();
    assert_eq!(burst(&[]).code, Some(0));
    until("both", async || db.one::<i64>("select count(*) from jobs.job where status = 'failed'").await == 2)
        .await;
}

/// A job that killed its worker on its last run has no outcome: whoever sweeps ends it.
#[tokio::test]
async fn a_burst_counts_the_jobs_that_failed_with_a_worker_that_died() {
    let db = Db::new().await;
    run(&mut on(&db.url, &["publish", "app.abort", "--retries", "1"])).data();
    assert_eq!(db.worker(&["app.abort"]).await.claim(1).await.len(), 1);
    db.run("update jobs.worker set expires_at = now() - interval '1 second'").await;
    let said = run(&mut on(&db.url, &["worker", "--burst", "--fail-on-failure", "--json"]));
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("1 job ended as failed"), "{said:?}");
    let said = run(&mut on(&db.url, &["worker", "--burst", "--fail-on-failure", "--json"]));
    assert_eq!(said.code, Some(0), "it is said once: {said:?}");
    assert_eq!(said.json()["end"], "orderly");
}

/// Counts that were cut say so.
#[tokio::test]
async fn counts_that_are_lower_bounds_are_marked() {
    let db = Db::new().await;
    run(&mut on(&db.url, &["publish", "mail.send"])).data();
    let said = run(&mut on(&db.url, &["inspect", "--json"])).json();
    assert_eq!(said["tasks"][0]["exact"], true);
    assert!(!run(&mut on(&db.url, &["inspect"])).data().contains('+'));
    let capped = "create or replace function jobs.overview(i_cap integer default 100000) returns table (task varchar, ready bigint, scheduled bigint,
          running bigint, success bigint, failed bigint, cancelled bigint, oldest_ready timestamptz, exact boolean)
        language sql as $$ select 'mail.send', 2500::bigint, 0::bigint, 1::bigint, 0::bigint, 0::bigint, 0::bigint, now(), false $$";
    db.run(capped).await;
    let text = run(&mut on(&db.url, &["inspect"])).data();
    assert!(text.contains("2,500+") && text.contains("+ at least so many"), "{text}");
    assert_eq!(run(&mut on(&db.url, &["inspect", "--json"])).json()["tasks"][0]["exact"], false);
}

/// Who may wait for a result may also know whether anybody will make it.
#[tokio::test]
async fn whoever_waits_hears_of_a_slip_and_does_not_wait_for_ever() {
    let db = Db::new().await;
    run(&mut on(&db.url, &["worker", "--burst"])).data(); // declares its tasks
    let url = user(&db, "waits", Some("jobs_publisher, jobs_worker")).await;
    let said = run(&mut on(&url, &["publish", "app.ecko"]));
    assert!(said.err.contains("declared task `app.ecko`, as far as this database user may see"), "{said:?}");
    assert!(said.err.contains("did you mean `app.echo`?"), "{said:?}");
    for (task, warning) in [("app.ecko", "ever declared"), ("app.echo", "no live worker has task `app.echo`")]
    {
        let path = folder().join("said");
        let mut command = on(&url, &["publish", task, "--arg", "x", "--wait"]);
        let mut child = command.stderr(File::create(&path).unwrap()).spawn().unwrap();
        until("it says how long it waits", async || {
            let said = std::fs::read_to_string(&path).unwrap();
            said.contains(warning) && said.contains("waiting 60 s for a worker")
        })
        .await;
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
