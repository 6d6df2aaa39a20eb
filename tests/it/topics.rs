//! Topic grants: what a role may publish and consume.

use std::time::{Duration, Instant};

use pgjobs_tests::Db;

use crate::sessions::{as_role, code, one, refusal, role};

const WORKER: &str = "00000000-0000-7000-8000-000000000000";

#[tokio::test]
async fn a_topic_restricts_every_way_to_publish_and_reads_nothing() {
    let db = Db::new().await;
    role(&db, "roles_web", "jobs_publisher").await;
    let mut web = as_role(&db, "roles_web").await;
    assert_eq!(code(&mut web, "select jobs.publish('other.a')").await, "ok", "nothing restricts it yet");
    db.run("select jobs.grant_topic('roles_web', 'emails.%')").await;
    assert_eq!(code(&mut web, "select jobs.publish('emails.send')").await, "ok");
    for refused in [
        "select jobs.publish('other.a')",
        "select jobs.publish('emails')",
        "select jobs.publish_bulk(array[('emails.a', null, null, null, null, null), ('other.a', null, null, null, null, null)]::jobs.bulk_job[])",
        r#"select jobs.publish_json('[{"task": "emails.a"}, {"task": "other.a"}]')"#,
        "select jobs.publish_arrays('{other.a}', '{null}', null, null, null, null, null)",
    ] {
        assert_eq!(code(&mut web, refused).await, "PT403", "{refused}");
    }
    for refused in [
        "select * from jobs.\"all\"",
        "select * from jobs.consume(1)",
        "select jobs.result('x')",
        "select jobs.explain('x')",
        "select * from jobs.config",
        "select jobs.grant_topic('roles_web', '*')",
        "select jobs.set_validation('a', 'off')",
    ] {
        assert_eq!(code(&mut web, refused).await, "42501", "{refused}");
    }
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_queue").await, 2);
    let (sqlstate, message) = refusal(&mut web, "select jobs.publish('other.a')").await;
    assert_eq!(
        (sqlstate.as_str(), message.as_str()),
        ("PT403", "role 'roles_web' may not publish the task 'other.a'")
    );
}

/// A role that had a topic and lost it, which it shares with another.
async fn without_topics(db: &Db, name: &str, member: &str) {
    role(db, name, "jobs_publisher").await;
    role(db, member, name).await;
    db.run(&format!("select jobs.grant_topic('{name}', 'a.*'); select jobs.revoke_topic('{name}', 'a.*')"))
        .await;
}

#[tokio::test]
async fn a_role_that_has_lost_its_last_topic_stays_restricted() {
    let db = Db::new().await;
    without_topics(&db, "roles_last", "roles_member").await;
    let (mut last, mut member) = (as_role(&db, "roles_last").await, as_role(&db, "roles_member").await);
    assert_eq!(code(&mut last, "select jobs.publish('a.b')").await, "PT403");
    let has_its_limits = code(&mut member, "select jobs.publish('a.b')").await;
    assert_eq!(has_its_limits, "PT403", "who has the role's privileges has its limits");
    db.run("select jobs.grant_topic('roles_last', '*')").await;
    assert_eq!(code(&mut member, "select jobs.publish('anything')").await, "ok");
    assert_eq!(
        db.all::<String>("select role || ' ' || topic || ' ' || publish from jobs.topic_grants()").await,
        ["roles_last * true", "roles_last a.* false"]
    );
}

#[tokio::test]
async fn an_administrator_is_never_restricted() {
    let db = Db::new().await;
    without_topics(&db, "roles_lost", "roles_lost_member").await;
    role(&db, "roles_chief", "jobs_admin, roles_lost").await;
    assert_eq!(code(&mut as_role(&db, "roles_chief").await, "select jobs.publish('a.b')").await, "ok");
    db.run("select jobs.publish('a.b')").await;
}

#[tokio::test]
async fn no_topic_is_granted_to_a_role_that_does_not_exist() {
    let db = Db::new().await;
    assert_eq!(db.refusal("select jobs.grant_topic('roles_nobody', 'a')").await.0, "PT404");
}

#[tokio::test]
async fn a_restricted_worker_claims_its_topics_and_settles_its_leases() {
    let db = Db::new().await;
    role(&db, "roles_mailer", "jobs_worker").await;
    db.run("select jobs.grant_topic('roles_mailer', 'mail.*'); select jobs.publish(t) from unnest(array['mail.a', 'other.a', 'other.b']) t").await;
    db.run("create table other as select * from jobs.consume_topic('other.a', 1)").await;
    let mut mailer = as_role(&db, "roles_mailer").await;
    assert_eq!(
        one::<String>(&mut mailer, "select string_agg(task, ' ') from jobs.consume(10)").await,
        "mail.a"
    );
    assert_eq!(
        code(&mut mailer, "select jobs.claim(null, '{other.a}', 1, gen_random_uuid())").await,
        "PT403"
    );
    assert_eq!(
        code(
            &mut mailer,
            &format!("select jobs.register_worker('{WORKER}', 'h', 1, 'v', '{{*}}', '{{other.a}}', 1, 5)")
        )
        .await,
        "PT403"
    );
    let other: String = db.one("select job_id from other").await;
    for refused in [
        format!("select jobs.ack('{other}')"),
        format!("select jobs.nack('{other}', 'x')"),
        format!("select jobs.nack('{other}', 'x', null, false)"),
    ] {
        assert_eq!(code(&mut mailer, &refused).await, "PT403", "{refused}");
    }
    assert_eq!(
        code(&mut mailer, &format!("select jobs.ack('{other}', null, gen_random_uuid())")).await,
        "PT409"
    );
    let declare = |name: &str, aliases: &str| {
        format!(
            r#"select jobs.register_tasks('[{{"name": "{name}", "aliases": {aliases}, "args_schema": {{}}, "result_schema": {{}}, "retries": 3, "timeout": 60, "priority": 0}}]')"#
        )
    };
    for call in [declare("mail.a", "[]"), declare("other.a", "[]"), declare("mail.b", r#"["other.a"]"#)] {
        assert_eq!(code(&mut mailer, &call).await, "ok");
    }
    assert_eq!(
        db.all::<String>("select name from jobs.task").await,
        ["mail.a"],
        "of other tasks it has no say"
    );
}

/// A deploy check reads bodies, and a role may read those that it could consume.
#[tokio::test]
async fn a_restricted_worker_checks_only_its_topics_before_a_deployment() {
    let db = Db::new().await;
    role(&db, "roles_deployer", "jobs_worker").await;
    db.run("select jobs.grant_topic('roles_deployer', 'mail.*'); select jobs.publish(t) from unnest(array['mail.a', 'other.a']) t").await;
    let mut deployer = as_role(&db, "roles_deployer").await;
    assert_eq!(
        one::<String>(&mut deployer, "select string_agg(task, ' ') from jobs.tasks_in_use()").await,
        "mail.a"
    );
    for (call, code_) in [
        ("select * from jobs.read_ready('mail.a')", "ok"),
        ("select * from jobs.read_ready('other.a')", "PT403"),
        ("select * from jobs.sample_keys('other.a', 10, 1)", "PT403"),
        ("select * from jobs.sample_not_ready('other.a', 10)", "PT403"),
    ] {
        assert_eq!(code(&mut deployer, call).await, code_, "{call}");
    }
    for (task, seen) in [("mail.a", 1), ("other.a", 0)] {
        let id: String = db.one(&format!("select job_id from jobs.job_queue where task = '{task}'")).await;
        let bodies = format!("select count(*) from jobs.open_bodies('{{{id}}}')");
        assert_eq!(one::<i64>(&mut deployer, &bodies).await, seen, "{task}");
    }
}

/// A session of a user of its own, which `set role` does not change.
async fn login(db: &Db, name: &str) -> sqlx::postgres::PgConnection {
    db.run(&format!("alter role {name} login")).await;
    sqlx::ConnectOptions::connect(&db.options().username(name)).await.unwrap()
}

#[tokio::test]
async fn a_restricted_user_stays_so_in_every_role_that_he_can_set() {
    let db = Db::new().await;
    for (name, of) in [("topics_pub", "jobs_publisher"), ("topics_wrk", "jobs_worker")] {
        role(&db, name, of).await;
        db.run(&format!("select jobs.grant_topic('{name}', 'mail.*')")).await;
    }
    db.run("select jobs.publish('secret.a')").await;
    let (mut publisher, mut worker) = (login(&db, "topics_pub").await, login(&db, "topics_wrk").await);
    let register =
        format!("select jobs.register_worker('{WORKER}', 'h', 1, '1', '{{*}}', '{{secret.a}}', 1, 10)");
    for set in ["reset role", "set role jobs_publisher", "set role topics_pub"] {
        assert_eq!(code(&mut publisher, set).await, "ok");
        assert_eq!(code(&mut publisher, "select jobs.publish('secret.a')").await, "PT403", "{set}");
        assert_eq!(code(&mut publisher, "select jobs.publish('mail.a')").await, "ok", "{set}");
    }
    for set in ["reset role", "set role jobs_worker", "set role topics_wrk"] {
        assert_eq!(code(&mut worker, set).await, "ok");
        assert_eq!(
            one::<i64>(&mut worker, "select count(*) from jobs.consume_topic('secret.*', 1)").await,
            0,
            "{set}"
        );
        assert_eq!(code(&mut worker, &register).await, "PT403", "{set}");
        assert_eq!(code(&mut worker, "select jobs.ack('x')").await, "PT403", "{set}");
    }
}

#[tokio::test]
async fn a_new_name_and_a_role_made_again_widen_nothing() {
    let db = Db::new().await;
    for name in ["topics_old", "topics_new", "topics_gone"] {
        db.run(&format!("drop role if exists {name}")).await;
    }
    role(&db, "topics_old", "jobs_publisher").await;
    role(&db, "topics_gone", "jobs_publisher").await;
    db.run("select jobs.grant_topic('topics_old', 'mail.*'), jobs.grant_topic('topics_gone', 'mail.*')")
        .await;
    db.run("alter role topics_old rename to topics_new; drop role topics_gone").await;
    let grants = "select string_agg(role || ' ' || topic || ' ' || known, ', ') from jobs.topic_grants()";
    assert_eq!(db.one::<String>(grants).await, "topics_gone mail.* false, topics_new mail.* true");
    let mut renamed = as_role(&db, "topics_new").await;
    assert_eq!(code(&mut renamed, "select jobs.publish('secret.a')").await, "PT403");
    role(&db, "topics_gone", "jobs_publisher").await;
    let mut again = as_role(&db, "topics_gone").await;
    assert_eq!(code(&mut again, "select jobs.publish('secret.a')").await, "PT403");
    // As if the dump had come to a cluster where that number is another role's.
    db.run(
        "update jobs.topic_grant set cluster = 1, role = 'jobs_reader'::regrole where name = 'topics_gone'",
    )
    .await;
    assert_eq!(code(&mut again, "select jobs.publish('secret.a')").await, "PT403");
    db.run("select jobs.grant_topic('topics_gone', 'secret.*'), jobs.grant_topic('topics_new', 'secret.*')")
        .await;
    assert_eq!(code(&mut again, "select jobs.publish('secret.a')").await, "ok");
    assert_eq!(
        code(&mut again, "select jobs.publish('mail.a')").await,
        "ok",
        "what was granted before holds"
    );
}

/// A worker that was registered in a role that many have is still the user's who did it.
#[tokio::test]
async fn nobody_speaks_for_the_worker_of_another_user_in_the_same_role() {
    let db = Db::new().await;
    role(&db, "topics_one", "jobs_worker").await;
    role(&db, "topics_two", "jobs_worker").await;
    let (mut one_, mut two) = (login(&db, "topics_one").await, login(&db, "topics_two").await);
    for session in [&mut one_, &mut two] {
        assert_eq!(code(session, "set role jobs_worker").await, "ok");
    }
    let register = format!("select jobs.register_worker('{WORKER}', 'h', 1, '1', '{{*}}', '{{a}}', 1, 10)");
    assert_eq!(code(&mut one_, &register).await, "ok");
    let beat = format!("select alive from jobs.beat('{WORKER}')");
    assert!(!one::<bool>(&mut two, &beat).await);
    assert!(one::<bool>(&mut one_, &beat).await);
}

/// A login that has its rights only through roles that it sets, as a gateway's has.
#[tokio::test]
async fn a_role_that_is_reached_through_a_restricted_one_widens_nothing() {
    let db = Db::new().await;
    for (name, options, of) in [
        ("grants_team", "nologin", "jobs_worker"),
        ("grants_free", "nologin", "jobs_worker"),
        ("grants_gate", "login noinherit", "grants_team"),
        ("grants_both", "login noinherit", "grants_team, grants_free"),
    ] {
        db.run(&format!(
            "do $$ begin create role {name} {options}; exception when duplicate_object then null; end $$; grant {of} to {name}"
        ))
        .await;
    }
    db.run("select jobs.grant_topic('grants_team', 'mail.*')").await;
    for (login, role, task, expected) in [
        ("grants_gate", "grants_team", "mail.a", "ok"),
        ("grants_gate", "grants_team", "other.a", "PT403"),
        ("grants_gate", "jobs_worker", "other.a", "PT403"),
        ("grants_gate", "jobs_worker", "mail.a", "ok"),
        ("grants_both", "grants_team", "other.a", "PT403"),
        ("grants_both", "grants_free", "other.a", "ok"),
        ("grants_both", "jobs_worker", "other.a", "ok"),
    ] {
        let mut session = db.connect().await;
        sqlx::Executor::execute(
            &mut session,
            sqlx::AssertSqlSafe(format!("set session authorization {login}; set role {role}")),
        )
        .await
        .unwrap();
        let said = code(&mut session, &format!("select jobs.publish('{task}')")).await;
        assert_eq!(said, expected, "{login} as {role}, {task}");
    }
}

/// Their limits are found out once for a call, and not for each job of others.
#[tokio::test]
async fn a_restricted_worker_maintains_at_little_cost_beside_others() {
    let db = Db::new().await;
    role(&db, "roles_maintainer", "jobs_worker").await;
    db.run(
        "select jobs.grant_topic('roles_maintainer', 'mine.*');
         select cardinality(jobs.publish_arrays('{other}', array_fill('{}'::jsonb, array[10000]), null, '{0.01}', null, null, null));
         select jobs.publish('mine.a', i_scheduled_at => now() + interval '1 h')",
    )
    .await;
    let mut session = as_role(&db, "roles_maintainer").await;
    let begun = Instant::now();
    let next: f64 = sqlx::query_scalar("select jobs.maintain()").fetch_one(&mut session).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert!((3500.0..3601.0).contains(&next), "{next}: of its own jobs");
}
