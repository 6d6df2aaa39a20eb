//! `check`: the deploy gate.

use pgjobs_tests::Db;
use serde_json::{Value, json};

use crate::app::{Printed, Running, on, run};
use crate::servers::{Servers, listed};

/// Declares a task in the form that an older version of the program gave it.
async fn declare(db: &Db, name: &str, params: &[&str], properties: &Value) {
    let params: Vec<Value> =
        params.iter().map(|name| json!({"name": name, "type": "T", "required": true})).collect();
    let task = json!([{"name": name, "params": params, "args_schema": {"type": "object", "properties": properties},
                       "result_schema": true, "retries": 3, "timeout": 60, "priority": 0}]);
    sqlx::query("select jobs.register_tasks($1)").bind(task).execute(&db.pool).await.unwrap();
}

async fn publish(db: &Db, task: &str, body: &Value) -> String {
    sqlx::query_scalar("select job_id from jobs.publish($1, $2)")
        .bind(task)
        .bind(body)
        .fetch_one(&db.pool)
        .await
        .unwrap()
}

/// The older `app.echo` took any text or number.
async fn older_echo(db: &Db) {
    declare(db, "app.echo", &["text"], &json!({"text": {"type": ["string", "integer"]}})).await;
}

fn check(db: &Db, arguments: &[&str]) -> Printed {
    run(on(&db.url, &["check"]).args(arguments))
}

fn findings(said: &Printed) -> Vec<(String, String, String)> {
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    let document = said.json();
    let findings = document["findings"].as_array().unwrap_or_else(|| panic!("{said:?}"));
    findings.iter().map(|f| (text(f, "severity"), text(f, "code"), text(f, "task"))).collect()
}

fn found(severity: &str, code: &str, task: &str) -> (String, String, String) {
    (severity.to_owned(), code.to_owned(), task.to_owned())
}

/// What the gate is for: an argument's type was narrowed while jobs of the older form are pending.
#[tokio::test]
async fn an_incompatible_argument_fails_and_names_the_jobs() {
    let db = Db::new().await;
    older_echo(&db).await;
    let fine = publish(&db, "app.echo", &json!({"args": ["hush"]})).await;
    let broken = publish(&db, "app.echo", &json!({"args": [48151623]})).await;
    let later = publish(&db, "app.echo", &json!({"kwargs": {"text": 48151623}})).await;
    db.run("update jobs.pending set scheduled_at = now() + interval '1 day', ready_seq = null where job_id = (select max(job_id) from jobs.pending)").await;

    let said = check(&db, &[]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let first = said.out.lines().next().unwrap_or_default();
    assert!(first.starts_with("error bodies_do_not_fit app.echo: 2 of 3 open jobs would fail: "), "{said:?}");
    assert!(first.ends_with("would fail: `text`: expected a string, found integer (2)"), "{said:?}");
    assert!(said.out.contains(&broken) && said.out.contains(&later) && !said.out.contains(&fine), "{said:?}");
    assert!(
        said.out.contains("warning arguments_incompatible app.echo") && said.out.contains("remedy: "),
        "{said:?}"
    );
    assert!(said.out.contains("app.echo: sampled 3 of 3 jobs"), "{said:?}");
    assert!(said.err.contains("this program would break open jobs: 1 error"), "{said:?}");
    for secret in ["48151623", "hush"] {
        assert!(!said.out.contains(secret) && !said.err.contains(secret), "{said:?}");
    }

    let said = check(&db, &["--json"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let document = said.json();
    assert_eq!((&document["errors"], &document["error"]["exit_code"]), (&json!(1), &json!(1)));
    let finding = &document["findings"][0];
    let jobs: Vec<&Value> =
        finding["jobs"].as_array().into_iter().flatten().map(|job| &job["job_id"]).collect();
    assert_eq!(jobs, [&json!(later), &json!(broken)]);
    assert_eq!(finding["jobs"][0]["path"], "text");
    assert_eq!(finding["jobs"][0]["reason"], "expected a string, found integer");
    assert_eq!(
        document["coverage"],
        json!([{"task": "app.echo", "open": 3, "exact": true, "sampled": 3, "unreadable": 2}])
    );
}

/// Also when the new form is declared already, and nothing but the bodies tells.
#[tokio::test]
async fn it_finds_them_after_the_new_program_has_migrated() {
    let db = Db::new().await;
    older_echo(&db).await;
    publish(&db, "app.echo", &json!({"args": [7]})).await;
    run(&mut on(&db.url, &["migrate"])).data();
    assert_eq!(check(&db, &["-q"]).code, Some(1));
    db.run("delete from jobs.task_signature where task = 'app.echo'").await;
    let said = check(&db, &["--json"]);
    assert_eq!(findings(&said)[0], found("error", "bodies_do_not_fit", "app.echo"));
}

#[tokio::test]
async fn where_nothing_would_break_it_ends_with_0() {
    let db = Db::new().await;
    assert_eq!(check(&db, &[]).data(), "no open job would break");
    assert_eq!(
        check(&db, &["--json"]).json(),
        json!({"errors": 0, "warnings": 0, "findings": [], "coverage": []})
    );
    run(&mut on(&db.url, &["migrate"])).data();
    publish(&db, "app.echo", &json!({"args": ["a"]})).await;
    let said = check(&db, &["--json"]);
    assert_eq!((said.code, findings(&said)), (Some(0), vec![found("warning", "no_worker", "app.echo")]));
    let said = check(&db, &["--strict"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("1 warning, and --strict"), "{said:?}");

    let worker = Running::start(&mut on(&db.url, &["worker", "--topic", "app.slow"]));
    pgjobs_tests::until("it registers", async || {
        db.one::<i64>("select count(*) from jobs.workers()").await == 1
    })
    .await;
    publish(&db, "app.slow", &json!({"args": [60]})).await;
    pgjobs_tests::until("it runs", async || db.one::<i64>("select count(*) from jobs.running").await == 1)
        .await;
    let said = check(&db, &["--topic", "app.slow", "--strict"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(
        said.err.contains("looking at 1 job"),
        "progress goes to stderr, a plain line without a terminal: {said:?}"
    );
    assert!(!said.err.contains(['\r', '\x1b']), "{said:?}");
    assert_eq!(said.data(), "app.slow: sampled 1 of 1 job\nno open job would break");
    assert_eq!(check(&db, &["--topic", "app.slow", "-q"]).err, "");
    drop(worker);
}

#[tokio::test]
async fn a_task_that_is_gone_is_named_with_its_remedy() {
    let db = Db::new().await;
    publish(&db, "app.nobody", &json!(null)).await;
    db.run("select jobs.publish('app.later', i_scheduled_at => now() + interval '1 day')").await;
    let said = check(&db, &[]);
    assert_eq!(said.code, Some(0), "nobody had them, so nothing breaks: {said:?}");
    assert!(
        said.out.contains(
            "warning unknown_task app.nobody: 1 job is open, under a name that nobody has declared"
        ),
        "{said:?}"
    );
    assert_eq!(check(&db, &["--strict"]).code, Some(1));
    declared_once(&db, "app.nobody").await;
    declared_once(&db, "app.later").await;
    let said = check(&db, &[]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.out.contains("error task_gone app.nobody: 1 job is open"), "{said:?}");
    assert!(said.out.contains("error task_gone app.later: 1 job is open"), "{said:?}");
    assert!(said.out.contains("remedy: add aliases = [\"app.nobody\"]"), "{said:?}");
    let said = check(&db, &["--json", "--topic", "app.l*"]);
    assert_eq!(findings(&said), [found("error", "task_gone", "app.later")]);
}

/// A program that is gone has had this task.
async fn declared_once(db: &Db, task: &str) {
    db.run(&format!(
        r#"select jobs.register_tasks('[{{"name": "{task}", "retries": 3, "timeout": 60, "priority": 0, "params": [],
             "args_schema": {{"type": "object"}}, "result_schema": true}}]')"#
    ))
    .await;
}

/// A new task that takes the same is probably the old one under another name.
#[tokio::test]
async fn a_renamed_task_is_recognised_by_its_signature() {
    let db = Db::new().await;
    run(&mut on(&db.url, &["migrate"])).data();
    db.run("update jobs.task_signature set task = 'app.say' where task = 'app.echo'; update jobs.task set name = 'app.say' where name = 'app.echo';
            select jobs._refresh_publish_checks()").await;
    publish(&db, "app.say", &json!({"args": ["a"]})).await;
    let said = check(&db, &[]);
    assert!(said.out.contains("error task_renamed app.say"), "{said:?}");
    assert!(said.out.contains("if it is `app.echo` now (tests/app/main.rs:"), "{said:?}");
    assert!(said.out.contains("add aliases = [\"app.say\"] to its #[task]"), "{said:?}");
}

/// One database serves many programs: what another one runs is not gone, unless the topic says whose it is.
#[tokio::test]
async fn tasks_of_other_programs_are_left_alone() {
    let db = Db::new().await;
    let register = |tasks: &str| {
        format!("select jobs.register_worker(gen_random_uuid(), 'h', 1, 'v', '{{}}', '{{{tasks}}}', 1, 3600)")
    };
    db.run(&register("other.task")).await;
    db.run(&register("app.former,app.echo")).await;
    publish(&db, "other.task", &json!(null)).await;
    assert_eq!(check(&db, &["--strict"]).code, Some(0));
    let said = check(&db, &["--topic", "other.*", "--json"]);
    assert_eq!(findings(&said), [found("error", "task_gone", "other.task")]);
    // Its workers share a task with this program: they are its older version, which the new one replaces.
    publish(&db, "app.former", &json!(null)).await;
    let said = check(&db, &["--json"]);
    assert_eq!(findings(&said), [found("error", "task_gone", "app.former")]);
}

#[tokio::test]
async fn a_large_backlog_is_sampled_from_end_to_end() {
    let db = Db::new().await;
    older_echo(&db).await;
    let fill = "select count(*) from jobs.publish_arrays('{app.echo}', array_fill('{\"args\": [\"a\"]}'::jsonb, array[10000]), null, null, null, null, null, i_pack => true)";
    let one = |body: &str, priority: i32| {
        format!("select jobs.publish('app.echo', '{body}', i_priority => {priority})")
    };
    for sql in [&one("{\"args\": [1]}", 0), fill, fill, fill, &one("{\"args\": [null]}", 0)] {
        db.run(&sql.replace("[null]", "[2]")).await;
    }
    let said = check(&db, &["--sample", "100"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.out.contains("2 of the 100 open jobs that were checked would fail"),
        "the first and the last: {said:?}"
    );
    assert!(said.out.contains("app.echo: sampled 100 of 30,002 jobs"), "{said:?}");
    assert!(said.out.contains("error arguments_incompatible app.echo"), "not all were checked: {said:?}");

    db.run(&one("{\"args\": [3]}", 9)).await;
    db.run("select jobs.publish('app.echo', '{\"args\": [4]}', now() + interval '1 day')").await;
    let said = check(&db, &["--sample", "all", "--json"]);
    let document = said.json();
    assert_eq!(
        document["coverage"][0],
        json!({"task": "app.echo", "open": 30004, "exact": true, "sampled": 30004, "unreadable": 4})
    );
    assert_eq!(findings(&said)[1].0, "warning", "all were checked: {said:?}");
}

#[tokio::test]
async fn values_by_position_that_would_mean_another_argument_are_found() {
    let db = Db::new().await;
    declare(&db, "app.add", &["b", "a"], &json!({"a": {"type": "integer"}, "b": {"type": "integer"}})).await;
    publish(&db, "app.add", &json!({"kwargs": {"a": 1, "b": 2}})).await;
    let said = check(&db, &["--json", "--topic", "app.add"]);
    assert!(findings(&said).contains(&found("warning", "arguments_moved", "app.add")), "{said:?}");
    publish(&db, "app.add", &json!({"args": [1, 2]})).await;
    let said = check(&db, &["--json", "--topic", "app.add"]);
    assert_eq!(findings(&said)[0], found("error", "arguments_moved", "app.add"));
}

/// Its own role is enough, and nothing is changed or locked by it.
#[tokio::test]
async fn it_reads_as_a_worker_may_and_writes_nothing() {
    let db = Db::new().await;
    older_echo(&db).await;
    publish(&db, "app.echo", &json!({"args": [7]})).await;
    let mut holder = db.connect().await;
    sqlx::raw_sql("begin; select * from jobs.consume(1)").execute(&mut holder).await.unwrap();
    let url = format!(
        "{}{}options=-c%20role%3Djobs_worker%20-c%20default_transaction_read_only%3Don",
        db.url,
        if db.url.contains('?') { '&' } else { '?' }
    );
    let said = run(&mut on(&url, &["check", "--json"]));
    assert_eq!(findings(&said)[0], found("error", "bodies_do_not_fit", "app.echo"));
}

/// A slip in a topic would open the gate for whatever it was to watch.
#[tokio::test]
async fn a_topic_under_which_there_is_no_task_is_refused() {
    let db = Db::new().await;
    for topics in [&["--topic", "mial.*"][..], &["--topic", "app.*", "--topic", "mial.*"]] {
        let said = check(&db, &[topics, &["--strict"]].concat());
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.err.contains("topics mial.* (") && said.err.contains("app.add"), "{said:?}");
        assert_eq!(check(&db, &[topics, &["--json"]].concat()).json()["error"]["exit_code"], 2);
    }
    assert_eq!(check(&db, &["--topic", "app.*"]).code, Some(0), "this program has some");
    publish(&db, "mial.send", &json!({"args": []})).await;
    let said = check(&db, &["--topic", "mial.*", "--json"]);
    assert_eq!(findings(&said), [found("error", "task_gone", "mial.send")], "{said:?}");
}

/// A program is deployed to all servers at once, so a job that it would break on one of them is enough.
#[tokio::test]
async fn jobs_of_all_servers_are_looked_at() {
    let servers = Servers::new().await;
    older_echo(&servers.us).await;
    publish(&servers.eu, "app.echo", &json!({"args": ["fine"]})).await;
    let broken = publish(&servers.us, "app.echo", &json!({"args": [7]})).await;
    publish(&servers.us, "mial.send", &json!({"args": []})).await;

    let said = run(&mut servers.on(&["check", "--topic", "app.*", "--topic", "mial.*"]));
    assert_eq!(said.code, Some(1), "{said:?}");
    for line in [
        "error bodies_do_not_fit app.echo on us: the only open job would fail: `text`: expected a string, found integer (1)",
        "app.echo on eu: sampled 1 of 1 job",
        "app.echo on us: sampled 1 of 1 job",
    ] {
        assert!(said.out.lines().any(|shown| shown == line), "{line} is not in {said:?}");
    }
    assert!(said.out.contains("error task_gone mial.send on us: "), "a topic may be in use on one: {said:?}");
    assert!(said.out.contains(&broken), "{said:?}");
    let document = run(&mut servers.on(&["check", "--json"])).json();
    assert_eq!((&document["findings"][0]["server"], &document["errors"]), (&json!("us"), &json!(1)));
    let nowhere = run(&mut servers.on(&["check", "--topic", "mial.none"]));
    assert!(nowhere.code == Some(2) && nowhere.err.contains("topics mial.none ("), "{nowhere:?}");

    let gone = format!("{} gone=postgresql://ana@127.0.0.1:1/shop", servers.both());
    let said = run(&mut listed(&gone, &["check"]));
    assert_eq!(said.code, Some(1), "an error is more than a server that is away: {said:?}");
    assert!(said.err.contains("server gone: cannot reach"), "{said:?}");
    let said = run(&mut listed(&gone, &["check", "--json"]));
    assert_eq!(said.json()["away"][0]["server"], "gone", "{said:?}");
}
