//! A task belongs to the role that declared it first: who else may change what of it.

use pgjobs_tests::{Db, Said};
use serde_json::{Value, json};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor};

use crate::sessions::{as_role, code, one, refusal, role};

/// A declaration; what is left out is filled in.
fn task(name: &str, more: &Value) -> Value {
    let mut task = json!({
        "name": name, "args_schema": {"type": "object", "properties": {"n": {"type": "integer"}}}, "result_schema": true, "retries": 3,
        "timeout": 60, "priority": 0, "params": [{"name": "n", "type": "i64", "required": true}],
    });
    task.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    task
}

async fn declare(session: &mut PgConnection, tasks: &Value) {
    sqlx::query("select jobs.register_tasks($1)")
        .bind(tasks)
        .execute(session)
        .await
        .unwrap_or_else(|error| panic!("{tasks}: {error}"));
}

/// A session of a login of its own, which then takes the role that all workers share.
async fn as_shared(db: &Db, login: &str) -> PgConnection {
    let mut session = db.connect().await;
    session
        .execute(AssertSqlSafe(format!("set session authorization {login}; set role jobs_worker")))
        .await
        .unwrap();
    session
}

/// Everything that is stored of a task, but for when it was declared.
async fn stored(db: &Db, name: &str) -> String {
    let signatures = format!(
        "select coalesce(string_agg(concat_ws(' ', f.params, f.extra_kwargs, f.args_schema), '; ' order by f.args_schema::text, f.params::text), '') from jobs.task_signature f where f.task = '{name}'"
    );
    let row = format!(
        "select coalesce(string_agg((to_jsonb(t) - 'declared_at' - 'fits')::text || (to_jsonb(k) - 'fits')::text, '; ' order by k.name), '') from jobs.task t
         join jobs.publish_check k on k.task = t.name where t.name = '{name}'"
    );
    format!("{} {}", db.one::<String>(&row).await, db.one::<String>(&signatures).await)
}

#[tokio::test]
async fn what_another_role_declares_differently_is_ignored_and_said() {
    let db = Db::new().await;
    role(&db, "owners_a", "jobs_worker").await;
    role(&db, "owners_b", "jobs_worker").await;
    let (mut a, mut b) = (as_role(&db, "owners_a").await, as_role(&db, "owners_b").await);
    let (said, _listening) = Said::listen();
    declare(&mut a, &json!([task("mail.any", &json!({"aliases": ["mail.old"]}))])).await;
    declare(&mut b, &json!([task("mail.any", &json!({"aliases": ["mail.old"]}))])).await;
    assert_eq!(said.take(), "", "the same program under another role is no matter");
    let before = stored(&db, "mail.any").await;
    assert!(before.contains("owners_a"), "{before}");
    let tree = json!({"$ref": "#/$defs/T", "$defs": {"T": {"anyOf": [{"$ref": "#/$defs/T"}]}}});
    for (field, value) in [
        ("keep", json!("none")),
        ("validate", json!("off")),
        ("params", json!(null)),
        ("extra_kwargs", json!(true)),
        ("args_schema", tree),
        ("result_schema", json!({})),
        ("aliases", json!([])),
        ("retries", json!(1)),
        ("timeout", json!(1)),
        ("priority", json!(9)),
        ("doc", json!("mine")),
    ] {
        let mut other = task("mail.any", &json!({"aliases": ["mail.old"]}));
        other[field] = value;
        declare(&mut b, &json!([other, task(&format!("own.{field}"), &json!({}))])).await;
        assert_eq!(stored(&db, "mail.any").await, before, "{field}");
        let words = said.take();
        assert!(
            words.contains("WARN")
                && words.contains("'mail.any' of role 'owners_a'")
                && words.contains("owners_b"),
            "{field}: {words}"
        );
        assert!(
            stored(&db, &format!("own.{field}")).await.contains("owners_b"),
            "the rest of its program is declared"
        );
    }
    declare(&mut a, &json!([task("mail.any", &json!({"retries": 5}))])).await;
    assert_eq!(said.take(), "");
    assert_eq!(
        db.one::<i32>("select retries from jobs.task where name = 'mail.any'").await,
        5,
        "its owner decides"
    );
    db.run(&format!("select jobs.register_tasks('{}')", json!([task("mail.any", &json!({"retries": 6}))])))
        .await;
    assert_eq!(
        db.one::<i32>("select retries from jobs.task where name = 'mail.any'").await,
        6,
        "and an administrator"
    );
    assert_eq!(
        db.one::<String>("select owner::text from jobs.tasks() where name = 'mail.any'").await,
        "owners_a"
    );
}

#[tokio::test]
async fn nobody_takes_a_name_of_anothers_task() {
    let db = Db::new().await;
    role(&db, "owners_a", "jobs_worker").await;
    role(&db, "owners_b", "jobs_worker").await;
    let (mut a, mut b) = (as_role(&db, "owners_a").await, as_role(&db, "owners_b").await);
    declare(&mut a, &json!([task("mail.any", &json!({"aliases": ["mail.old"]}))])).await;
    let (said, _listening) = Said::listen();
    let evil = json!({"aliases": ["mail.any", "mail.old", "evil.old"], "keep": "none", "validate": "off"});
    declare(&mut b, &json!([task("evil.x", &evil)])).await;
    let words = said.take();
    assert!(words.contains("'mail.any' of task 'evil.x', 'mail.old' of task 'evil.x'"), "{words}");
    assert_eq!(
        db.one::<Vec<String>>("select aliases from jobs.task where name = 'evil.x'").await,
        ["evil.old"]
    );
    declare(&mut b, &json!([task("mail.old", &json!({"keep": "none", "validate": "off"}))])).await;
    assert!(said.take().contains("'mail.old' of role 'owners_a'"), "an alias is a name as well");
    assert_eq!(
        db.all::<String>(
            "select name || ' ' || task || ' ' || validation || ' ' || keep from jobs.publish_check order by name"
        )
        .await,
        [
            "evil.old evil.x off none",
            "evil.x evil.x off none",
            "mail.any mail.any strict all",
            "mail.old mail.any strict all"
        ]
    );
    // Who declares the same again is told again, and changes nothing.
    let version = "select string_agg(xmin::text, ' ' order by name) from jobs.task";
    let before: String = db.one(version).await;
    declare(&mut b, &json!([task("evil.x", &evil)])).await;
    assert!(said.take().contains("'mail.any' of task 'evil.x'"));
    assert_eq!(db.one::<String>(version).await, before);
    // Not even before the others see it: of two who declare one name at once the first has it.
    a.execute("begin").await.unwrap();
    declare(&mut a, &json!([task("late.x", &json!({}))])).await;
    let (mut late, tasks) =
        (as_role(&db, "owners_b").await, json!([task("late.x", &json!({"keep": "none"}))]));
    let second = tokio::spawn(async move { declare(&mut late, &tasks).await });
    pgjobs_tests::until("the second waits", async || {
        db.one::<bool>("select exists (select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database())").await
    })
    .await;
    a.execute("commit").await.unwrap();
    second.await.unwrap();
    assert_eq!(
        db.one::<String>("select owner_name || ' ' || keep from jobs.task where name = 'late.x'").await,
        "owners_a all"
    );
}

/// The alias of one task may be the name of another of the same program: it was renamed.
#[tokio::test]
async fn a_tasks_own_name_goes_before_an_alias_wherever_it_is_looked_up() {
    let db = Db::new().await;
    let tasks = json!([
        task(
            "a.new",
            &json!({"aliases": ["a.old", "a.older"], "keep": "none", "args_schema": {"title": "new"}})
        ),
        task("a.old", &json!({"keep": "failed", "args_schema": {"title": "old"}})),
    ]);
    db.run(&format!("select jobs.register_tasks('{tasks}')")).await;
    assert_eq!(
        db.all::<String>("select n from unnest(jobs._unkept('all')) n order by 1").await,
        ["a.new", "a.old", "a.older"]
    );
    assert_eq!(
        db.all::<String>("select n from unnest(jobs._unkept('none')) n order by 1").await,
        ["a.new", "a.older"]
    );
    let signatures =
        "select task || ' ' || (signatures->0->'args_schema'->>'title') from jobs.tasks_in_use() order by 1";
    db.run("select jobs.publish(t, '{\"args\": [1]}') from unnest('{a.new,a.old,a.older}'::text[]) t").await;
    assert_eq!(db.all::<String>(signatures).await, ["a.new new", "a.old old", "a.older new"]);
    db.run("update jobs.task set declared_at = '2001-02-03 04:05:06+00' where name = 'a.old'").await;
    let absent = "select e.message from jobs.job_queue q, jobs.explain(q.job_id) e where q.task = 'a.old' and e.code = 'no_worker'";
    assert!(db.one::<String>(absent).await.contains("2001-02-03"), "its own declaration");
    db.run("select jobs.cancel((select array_agg(job_id::text) from jobs.job_queue))").await;
    assert_eq!(
        db.all::<String>("select task from jobs.job").await,
        ["a.old"],
        "a cancelled job is kept as its own task says"
    );
    // The task of the name goes; the alias takes its place.
    db.run("delete from jobs.task where name = 'a.old'; select jobs._refresh_publish_checks('{a.old}')")
        .await;
    assert_eq!(db.one::<String>("select task from jobs.publish_check where name = 'a.old'").await, "a.new");
}

#[tokio::test]
async fn a_role_that_was_renamed_or_made_anew_is_not_the_owner() {
    let db = Db::new().await;
    for (name, of) in
        [("owners_gone", "jobs_worker"), ("owners_heir", "jobs_worker"), ("owners_dba", "jobs_admin")]
    {
        db.run(&format!("drop role if exists {name}")).await;
        role(&db, name, of).await;
    }
    db.run("drop role if exists owners_renamed").await;
    declare(&mut as_role(&db, "owners_gone").await, &json!([task("mail.any", &json!({}))])).await;
    let owner = "select owner_name || ' ' || retries from jobs.task";
    let changed = json!([task("mail.any", &json!({"retries": 9}))]);
    db.run("alter role owners_gone rename to owners_renamed").await;
    declare(&mut as_role(&db, "owners_renamed").await, &changed).await;
    assert_eq!(db.one::<String>(owner).await, "owners_gone 3", "under another name it is another role");
    role(&db, "owners_gone", "jobs_worker").await;
    declare(&mut as_role(&db, "owners_gone").await, &changed).await;
    assert_eq!(db.one::<String>(owner).await, "owners_gone 3", "the name alone is not enough");
    db.run("drop role owners_gone; drop role owners_renamed").await;
    declare(&mut as_role(&db, "owners_heir").await, &changed).await;
    assert_eq!(db.one::<String>(owner).await, "owners_gone 3", "what belongs to nobody is closed");
    let mut dba = as_role(&db, "owners_dba").await;
    assert_eq!(one::<i64>(&mut dba, "select jobs.own_task('mail.*', 'owners_heir')").await, 1);
    declare(&mut as_role(&db, "owners_heir").await, &changed).await;
    assert_eq!(db.one::<String>(owner).await, "owners_heir 9");
    for (call, said) in [
        ("'mail.any', 'owners_gone'", "PT404"),
        ("'mail.none', 'owners_heir'", "PT404"),
        ("null, null", "PT404"),
    ] {
        assert_eq!(code(&mut dba, &format!("select jobs.own_task({call})")).await, said, "{call}");
    }
}

#[tokio::test]
async fn under_a_shared_role_the_session_user_is_the_owner() {
    let db = Db::new().await;
    role(&db, "owners_a", "jobs_worker").await;
    role(&db, "owners_b", "jobs_worker").await;
    role(&db, "owners_team", "jobs_worker").await;
    role(&db, "owners_member", "owners_team").await;
    declare(&mut as_shared(&db, "owners_a").await, &json!([task("mail.any", &json!({}))])).await;
    declare(&mut as_shared(&db, "owners_b").await, &json!([task("mail.any", &json!({"keep": "none"}))]))
        .await;
    let owner = "select owner_name || ' ' || keep from jobs.task where name = 'mail.any'";
    assert_eq!(db.one::<String>(owner).await, "owners_a all");
    declare(&mut as_shared(&db, "owners_a").await, &json!([task("mail.any", &json!({"keep": "failed"}))]))
        .await;
    assert_eq!(db.one::<String>(owner).await, "owners_a failed");
    // A team's own role is what several logins are meant to share.
    db.run("select jobs.own_task('mail.any', 'owners_team')").await;
    declare(&mut as_role(&db, "owners_a").await, &json!([task("mail.any", &json!({}))])).await;
    assert_eq!(db.one::<String>(owner).await, "owners_team failed");
    declare(&mut as_role(&db, "owners_member").await, &json!([task("mail.any", &json!({}))])).await;
    assert_eq!(db.one::<String>(owner).await, "owners_team all");
}

#[tokio::test]
async fn only_its_owner_sets_how_a_task_is_validated() {
    let db = Db::new().await;
    role(&db, "owners_a", "jobs_worker").await;
    role(&db, "owners_b", "jobs_worker").await;
    db.run("grant execute on function jobs.set_validation, jobs.own_task to owners_a, owners_b").await;
    let (mut a, mut b) = (as_role(&db, "owners_a").await, as_role(&db, "owners_b").await);
    declare(&mut a, &json!([task("mail.any", &json!({"aliases": ["mail.old"]}))])).await;
    let (state, message) = refusal(&mut b, "select jobs.set_validation('mail.any', 'off')").await;
    assert_eq!((state.as_str(), message.as_str()), ("PT403", "task 'mail.any' belongs to another role"));
    assert_eq!(code(&mut a, "select jobs.set_validation('mail.any', 'warn')").await, "ok");
    assert_eq!(
        db.all::<String>("select validation from jobs.publish_check").await,
        ["warn", "warn"],
        "under all its names"
    );
    assert_eq!(code(&mut a, "select jobs.own_task('mail.any', 'owners_b')").await, "PT403");
}

/// Whoever leaves a transaction open holds up only who declares the same, and that one not for long.
#[tokio::test]
async fn an_open_transaction_of_one_worker_does_not_stop_the_others() {
    let db = Db::new().await;
    role(&db, "owners_a", "jobs_worker").await;
    role(&db, "owners_b", "jobs_worker").await;
    let (mut a, mut b) = (as_role(&db, "owners_a").await, as_role(&db, "owners_b").await);
    declare(&mut a, &json!([task("mail.any", &json!({})), task("mail.other", &json!({}))])).await;
    a.execute("begin").await.unwrap();
    declare(&mut a, &json!([task("mail.any", &json!({"retries": 9})), task("mail.new", &json!({}))])).await;
    let (said, _listening) = Said::listen();
    declare(&mut b, &json!([task("b.x", &json!({})), task("mail.any", &json!({"keep": "none"}))])).await;
    assert!(said.take().contains("'mail.any' of role 'owners_a'"));
    db.run(
        "select jobs.set_validation('mail.other', 'off'); select jobs.publish('mail.any', '{\"args\": [1]}')",
    )
    .await;
    declare(&mut b, &json!([task("b.y", &json!({})), task("mail.new", &json!({}))])).await;
    let words = said.take();
    assert!(
        words.contains("not declared, because another transaction is declaring them")
            && words.contains("'mail.new'")
            && !words.contains("'b.y'"),
        "{words}"
    );
    assert!(stored(&db, "b.y").await.contains("owners_b"), "what nobody holds is declared");
    a.execute("commit").await.unwrap();
    declare(&mut b, &json!([task("b.y", &json!({})), task("mail.new", &json!({}))])).await;
    assert_eq!(said.take(), "");
    assert_eq!(db.one::<i64>("select count(*) from jobs.task where owner_name = 'owners_b'").await, 2);
}
