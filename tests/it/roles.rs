//! Who may do what: every function and relation of schema `jobs` against every role, and attacks.

use pgjobs_tests::Db;
use sqlx::Executor;

use crate::sessions::{as_role, code, one, role};

const WORKER: &str = "00000000-0000-7000-8000-000000000000";
const LEASE: &str = "00000000-0000-4000-8000-000000000001";

/// Which roles may call what. A function that is not here is for administrators alone, and one that begins
/// with `_` for nobody: so a new function fails closed, or fails this test.
const CALLS: [(&str, &str); 7] = [
    (
        "publisher worker admin",
        "publish publish_bulk publish_json publish_arrays publish_unique publish_workflow signal",
    ),
    ("publisher reader worker admin", "now draining"),
    (
        "reader admin",
        "workflows sees_task overview ended_lately count open_counts flow search explain workers pauses limits problems statistics task_statistics server_health standby metrics",
    ),
    (
        "publisher worker admin",
        "set_schedule drop_schedule pause_schedule resume_schedule run_schedule backfill_schedule",
    ),
    (
        "publisher reader worker admin",
        "next_ticks schedules get_schedule schedule_ticks schedule_log explain_schedule",
    ),
    (
        "reader worker admin",
        "unusable progress_of watches event_position events_after await_events steps workflow workflow_nodes explain_workflow",
    ),
    (
        "worker admin",
        "consume consume_topic claim fetch start fail_next release ack nack settle heartbeat beat held_by register_worker \
         unregister_worker count_workers count_lost register_tasks sweep promote maintain maintain_partitions maintain_partitions_and_commit result results await_results \
         tasks_in_use sample_keys read_ready sample_not_ready open_bodies tick note_progress set_progress job_log announce_events block_key acquire \
         add_nodes node_results workflow_result begin_steps find_step save_step sleep await_signal step_value unknown_steps",
    ),
];

const READS: &str = "
    select c.relname || ' ' || r.role || ' ' || string_agg(p.privilege, ' ' order by p.privilege)
    from pg_class c,
      unnest(array['publisher', 'reader', 'worker', 'admin']) r(role),
      unnest(array['select', 'insert', 'update', 'delete', 'truncate']) p(privilege)
    where c.relnamespace = 'jobs'::regnamespace and c.relkind in ('r', 'p', 'v', 'S')
      and case when c.relkind = 'S' then p.privilege in ('select', 'update') and has_sequence_privilege('jobs_' || r.role, c.oid, p.privilege)
          else has_table_privilege('jobs_' || r.role, c.oid, p.privilege) end
    group by c.relname, r.role order by c.relname, r.role";

#[tokio::test]
async fn every_function_is_for_those_it_is_meant_for() {
    let db = Db::new().await;
    let found: Vec<String> = db
        .all(
            "select p.proname || ': ' || array_to_string(array(
               select r from unnest(array['publisher', 'reader', 'worker', 'admin']) r where has_function_privilege('jobs_' || r, p.oid, 'execute')), ' ')
             from pg_proc p where p.pronamespace = 'jobs'::regnamespace",
        )
        .await;
    assert!(found.len() > 100);
    for line in &found {
        let (name, roles) = line.split_once(": ").unwrap();
        let listed = CALLS.iter().find(|(_, names)| names.split_whitespace().any(|one| one == name));
        let meant = match listed {
            Some((roles, _)) => *roles,
            None if name.starts_with('_') => "",
            None => "admin",
        };
        assert_eq!(roles, meant, "{name}");
    }
}

#[tokio::test]
async fn tables_are_for_the_owner_alone() {
    let db = Db::new().await;
    let found: Vec<String> = db.all(READS).await;
    assert_eq!(
        found,
        [
            "all admin select",
            "config admin select update",
            "expired admin select",
            "migrations admin select",
            "migrations worker select",
            "running admin select",
            "schema_functions admin select",
            "schema_functions worker select",
            "schema_migrations admin select",
            "schema_migrations worker select",
        ],
        "the reader sees columns, not whole views"
    );
    let seen: Vec<String> = db
        .all(
            "select distinct a.attname::text from pg_attribute a where a.attrelid = 'jobs.\"all\"'::regclass and a.attnum > 0
             and not has_column_privilege('jobs_reader', a.attrelid, a.attnum, 'select') order by 1",
        )
        .await;
    assert_eq!(seen, ["body", "result", "traceback"]);
}

#[tokio::test]
async fn nothing_is_for_everybody_and_every_function_knows_its_names() {
    let db = Db::new().await;
    let public =
        "select count(*) from pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
                  where p.pronamespace = 'jobs'::regnamespace and a.grantee = 0";
    assert_eq!(db.one::<i64>(public).await, 0);
    let dynamic: Vec<String> = db
        .all(
            "select p.oid::regprocedure::text from pg_proc p
             where p.pronamespace = 'jobs'::regnamespace and p.prosrc ~* '\\mexecute\\M' order by 1",
        )
        .await;
    assert_eq!(
        dynamic,
        [
            "jobs._change_event_partitions(date,date)",
            "jobs._change_partitions(date,boolean,date[],text[])",
            "jobs._change_run_partitions(date,date)",
            "jobs._check_search(text,text,integer,integer,double precision,boolean)",
            "jobs._delete_blocks(text,jobs.keep_rule,timestamp with time zone)",
            "jobs._drop_steps_of_old_jobs(timestamp with time zone)",
            "jobs._edit_ended(text,jsonb)",
            "jobs._ended_counts(text,text,bigint)",
            "jobs._ended_in_blocks(regclass,jobs.rollup_day,bigint)",
            "jobs._ended_times(text[],timestamp with time zone,timestamp with time zone)",
            "jobs._explain_progress(character varying)",
            "jobs._failed_counts()",
            "jobs._history_of(text[],boolean)",
            "jobs._last_ended(integer,integer)",
            "jobs._lock_failed(text[],text[])",
            "jobs._lock_workflows_of(text[],text[])",
            "jobs._make_event_partition(text,date)",
            "jobs._make_partition(date)",
            "jobs._make_partition_of_default(date)",
            "jobs._make_run_partition(text,text,date)",
            "jobs._matches_in_history(jobs.operation,bigint)",
            "jobs._next_ended(jobs.operation,integer)",
            "jobs._note_dropped_events(text,timestamp with time zone,timestamp with time zone)",
            "jobs._page_of_ended(text,text,character varying,integer)",
            "jobs._partitions_over(date,boolean)",
            "jobs._prepare_partition(date)",
            "jobs._reads_arguments()",
            "jobs._requeue(text[],text[])",
            "jobs._search_history(text,text,timestamp with time zone,timestamp with time zone,text,integer,bigint,timestamp with time zone)",
            "jobs._search_segment(text,text,text,text,integer,bigint,timestamp with time zone)",
            "jobs._skip_unfit(jobs.redriven[],text[])",
            "jobs._store_redriven(jobs.redriven[],text[],timestamp with time zone)",
            "jobs._take_back(regclass)",
            "jobs.ended_lately(integer)",
            "jobs.errors(text,timestamp with time zone,integer,integer)",
            "jobs.events_after(text,text,integer,text)",
            "jobs.flow(integer)",
            "jobs.job_log(character varying,bigint,integer)",
            "jobs.progress_of(text[])",
        ],
        "SQL made at run time holds times, names of partitions and of roles; states and an administrator's patterns as quoted literals"
    );
}

#[tokio::test]
async fn a_role_without_grants_can_do_nothing() {
    let db = Db::new().await;
    db.run("do $$ begin create role roles_anon nologin; exception when duplicate_object then null; end $$")
        .await;
    let mut anon = as_role(&db, "roles_anon").await;
    for call in [
        "select jobs.publish('a')",
        "select jobs.now()",
        "select * from jobs.\"all\"",
        "insert into jobs.config default values",
    ] {
        assert_eq!(code(&mut anon, call).await, "42501", "{call}");
    }
}

#[tokio::test]
async fn nobody_speaks_for_another_roles_worker() {
    let db = Db::new().await;
    role(&db, "roles_one", "jobs_worker").await;
    role(&db, "roles_two", "jobs_worker").await;
    let (mut one_, mut two) = (as_role(&db, "roles_one").await, as_role(&db, "roles_two").await);
    db.run("select jobs.publish('a') from generate_series(1, 3)").await;
    let claim =
        format!("select count(*) from jobs.claim('{WORKER}', '{{a}}', 2, '{LEASE}', 5) c, unnest(c.jobs)");
    assert_eq!(
        code(
            &mut one_,
            &format!("select jobs.register_worker('{WORKER}', 'h', 1, 'v', '{{a}}', '{{a}}', 9, 30)")
        )
        .await,
        "ok"
    );
    assert_eq!(one::<i64>(&mut one_, &claim).await, 2);
    assert!(!one::<bool>(&mut two, &format!("select alive from jobs.beat('{WORKER}')")).await);
    assert_eq!(
        one::<i64>(&mut two, &format!("select count(*) from jobs.held_by('{WORKER}')")).await,
        0,
        "its leases are keys"
    );
    assert_eq!(one::<i32>(&mut two, &format!("select jobs.release('{WORKER}', '{LEASE}')")).await, 0);
    assert_eq!(code(&mut two, &claim).await, "PT410");
    assert_eq!(code(&mut two, &format!("select jobs.unregister_worker('{WORKER}')")).await, "ok");
    assert_eq!(db.one::<i64>("select count(*) from jobs.running").await, 2, "they run on");
    assert_eq!(one::<i64>(&mut one_, &format!("select count(*) from jobs.held_by('{WORKER}')")).await, 2);
}

/// A caller who owns a schema puts functions and tables of the same names before ours.
#[tokio::test]
async fn names_of_the_caller_are_not_taken_for_ours() {
    let db = Db::new().await;
    role(&db, "roles_evil", "jobs_worker").await;
    db.run("create schema evil; grant all on schema evil to roles_evil; 
            do $$ begin execute format('grant temporary on database %I to roles_evil', current_database()); end $$;
            create table public.owned (who text); grant all on public.owned to public").await;
    let mut evil = as_role(&db, "roles_evil").await;
    evil.execute(
        "create function evil.nextval(regclass) returns bigint language plpgsql as $$ begin insert into public.owned values (current_user); return 1; end $$;
         create function evil.length(text) returns integer language plpgsql as $$ begin insert into public.owned values (current_user); return 1; end $$;
         create function evil.length(character varying) returns integer language plpgsql as $$ begin insert into public.owned values (current_user); return 1; end $$;
         create temporary table pending (id bigint, job_id varchar, task varchar); create temporary table config (notify boolean);
         create temporary table publish_check (name varchar, validation text)",
    )
    .await
    .unwrap();
    evil.execute("set search_path = evil, pg_temp, pg_catalog, public").await.unwrap();
    for call in [
        "select jobs.publish('a')",
        "select jobs.publish_bulk(array[('a', null, null, null, null, null)::jobs.bulk_job])",
    ] {
        assert_eq!(code(&mut evil, call).await, "ok");
    }
    assert_eq!(one::<i64>(&mut evil, "select count(*) from jobs.consume(5)").await, 2);
    assert_eq!(
        db.one::<i64>("select count(*) from public.owned").await,
        0,
        "its functions were never called"
    );
    assert_eq!(db.one::<i64>("select count(*) from jobs.running").await, 2);
}

#[tokio::test]
async fn a_call_has_its_limits() {
    let db = Db::new().await;
    db.run("update jobs.config set max_bulk = 3, max_result_bytes = 1000001").await;
    for call in [
        "select jobs.publish_bulk(array_fill(('a', null, null, null, null, null)::jobs.bulk_job, array[4]))",
        "select jobs.publish_arrays('{a}', array_fill('{}'::jsonb, array[4]), null, null, null, null, null)",
    ] {
        let (code, message) = db.refusal(call).await;
        assert_eq!(
            (code.as_str(), message.as_str()),
            ("PT413", "a call publishes at most 3 jobs, this one has 4")
        );
    }
    db.run("select jobs.publish('a'); create table c as select * from jobs.consume(1)").await;
    let large = "select jobs.ack(c.job_id, (select jsonb_agg(md5(n::text)) from generate_series(1, 40000) n), c.lease) from c";
    assert_eq!(db.refusal(large).await.0, "PT413");
    db.run("select jobs.nack(c.job_id, repeat('x', 70000), null, true, c.lease) from c").await;
    let kept: String = db.one("select right(q.traceback, 32) from jobs.job_queue q").await;
    assert!(kept.ends_with("x ... (cut at 65500 characters)"), "an error is cut, and says so: {kept}");
}

#[tokio::test]
async fn many_are_published_as_json_and_a_strange_key_is_named() {
    let db = Db::new().await;
    let jobs = r#"[{"task": "a", "body": {"args": [1]}, "priority": 4}, {"task": "b", "scheduled_at": "2999-01-01T00:00:00Z", "max_retries": 1}]"#;
    let said: Vec<String> = db.all(&format!("select q.task || ' ' || q.priority || ' ' || q.max_retries || ' ' || (q.scheduled_at is null) from jobs.publish_json('{jobs}') q")).await;
    assert_eq!(said, ["a 4 3 true", "b 0 1 false"]);
    for (jobs, words) in [
        ("{}", "an array of objects"),
        ("[1]", "an array of objects"),
        (r#"[{"task": "a", "prio": 1}]"#, "a job has no 'prio'"),
        (r#"[{"body": {}}]"#, "a task name has 1 to 200"),
    ] {
        let (code, message) = db.refusal(&format!("select jobs.publish_json('{jobs}')")).await;
        assert!(code == "PT400" && message.contains(words), "{message}");
    }
}
