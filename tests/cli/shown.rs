//! Every command over a database full of hostile text in every column: none of it reaches the terminal raw.

use pgjobs_tests::{Db, ended, until};
use sqlx::{AssertSqlSafe, Row};

use crate::app::{Printed, folder, on, run};
use crate::odd::unconstrained;

/// Clears the screen, sets the title, forges a line, turns the text around, and is not to be seen.
const HOSTILE: &str = "x\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\r\nERROR forged\n\t\u{8}\u{7f}\u{85}\u{202e}txt\u{2066}\u{200b}\u{2028}\u{2029}\u{feff}\u{61c}\u{e0041}\u{fdd0}red\u{fdef}\u{ffff}";

/// Characters that only our own output may hold, and no JSON document either.
fn is_raw(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fdd0}'..='\u{fdef}' | '\u{fffe}' | '\u{ffff}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn assert_shown(said: &Printed, what: &[&str]) {
    for (stream, text) in [("stdout", &said.out), ("stderr", &said.err)] {
        if let Some((at, c)) = text.char_indices().find(|(_, c)| is_raw(*c)) {
            let start = text.floor_char_boundary(at.saturating_sub(200));
            panic!("{what:?}: {c:?} in {stream}: …{:?}", &text[start..text.floor_char_boundary(at + 50)]);
        }
        let forged = text.lines().find(|line| line.starts_with("ERROR forged"));
        assert_eq!(forged, None, "{what:?}: a line of {stream} is forged");
    }
}

/// The escape sequences of our own colours, those of the log and those of clap.
const COLORS: &[&str] = &["0", "1", "2", "3", "4", "31", "32", "33", "34", "35", "36", "1;31", "1;33"];

/// What was said in colours, without them. What looks like one of ours in foreign text stands before its `red`.
fn without_colors(said: Printed) -> Printed {
    let plain = |text: String| {
        assert!(!text.contains("\u{1b}[31mred"), "foreign text has a colour: {text:?}");
        COLORS.iter().fold(text, |text, code| text.replace(&format!("\u{1b}[{code}m"), ""))
    };
    Printed { out: plain(said.out), err: plain(said.err), ..said }
}

/// Puts it into every column of text of every table that is read, by way of what fills them.
async fn hostile() -> Db {
    let db = unconstrained().await;
    let odd = HOSTILE;
    let body = serde_json::json!({ "args": [odd], "kwargs": { odd: { odd: odd } } });
    let schema = serde_json::json!({ "type": "object", "required": [odd], "properties": { odd: { "type": "string", "description": odd, "default": odd, "enum": [odd, "b"] } } });
    let task = serde_json::json!([
        { "name": "odd.task", "aliases": ["odd.alias"], "doc": odd, "args_schema": schema, "result_schema": schema,
          "params": [{ "name": "a", "type": odd, "required": true }], "retries": 3, "timeout": 60, "priority": 0 },
        { "name": "odd.other", "doc": "", "args_schema": { "type": "object", "additionalProperties": { "type": "integer" } }, "result_schema": true,
          "params": [], "extra_kwargs": true, "retries": 3, "timeout": 60, "priority": 0 }]);
    // As it could be declared before declarations were checked.
    db.run("create or replace function jobs._check_declarations(i_tasks jsonb) returns void language sql as 'select'").await;
    sqlx::query("select jobs.register_tasks($1)").bind(&task).execute(&db.pool).await.unwrap();
    for (name, state) in
        [("odd.task", "pending"), ("odd.task", "failed"), ("odd.other", "pending"), ("app.echo", "pending")]
    {
        let publish = "select (jobs.publish_arrays(array[$1], array[$2], null, null, null, null, null, null, false, '{t}'))[1]";
        let id: String =
            sqlx::query_scalar(publish).bind(name).bind(&body).fetch_one(&db.pool).await.unwrap();
        if state == "failed" {
            sqlx::query("select jobs.nack(job_id, $1) from jobs.consume(10) where job_id = $2")
                .bind(odd)
                .bind(&id)
                .execute(&db.pool)
                .await
                .unwrap();
            db.run("update jobs.pending set retries = 3").await;
        }
    }
    sqlx::query("select jobs.register_worker(gen_random_uuid(), 'h', 1, '1', '{}', '{odd.task}', 1, 15)")
        .execute(&db.pool)
        .await
        .unwrap();
    db.run("select jobs.cancel(array(select job_id from jobs.pending where task = 'odd.task' limit 1))")
        .await;
    db.run("select jobs.set_schedule('odd', 'odd.none', i_every => '1 h'); select jobs.pause_schedule('odd', 'x'); select jobs.run_schedule('odd');
        delete from jobs.pending where task = 'odd.none'; select jobs.start_operation('redrive', 'odd'); select jobs.pause_operation(1); select jobs.keep('odd', null, 3)")
        .await;
    everywhere(&db, odd).await;
    said(&db, odd).await;
    db.run("update jobs.schedule_entry set schedule = (select name from jobs.schedule)").await;
    limited(&db, odd).await;
    workflow(&db, odd).await;
    db
}

/// A limit, and a key of it that is closed.
async fn limited(db: &Db, odd: &str) {
    db.run(r#"select jobs.set_limit('l', 'none.*', '{"key": ["a"], "max": 1}')"#).await;
    for statement in [
        "select jobs.block_key('l', to_jsonb($1), 'infinity', $1)",
        "update jobs.job_limit set name = $1, topic = $1, key = array[$1], cost = $1, declared_by = $1",
    ] {
        sqlx::query(statement).bind(odd).execute(&db.pool).await.unwrap();
    }
}

/// A workflow that waits for a retry, with odd names, notes, reasons and results.
async fn workflow(db: &Db, odd: &str) {
    db.run(
        r#"select jobs.publish_workflow('[{"name": "a", "task": "none.a", "max_retries": 1}, {"name": "b", "task": "none.b", "after": ["a"]}]');
           select jobs.nack(c.job_id, 'x', i_lease => c.lease) from jobs.consume_topic('none.a', 1) c"#,
    )
    .await;
    for statement in [
        "update jobs.workflow set name = $1, reason = $1, meta = jsonb_build_object($1, $1)",
        "update jobs.node set name = case name when 'a' then $1 else 'b' || $1 end, task = $1, reason = $1, result = to_jsonb($1)",
        "update jobs.node_failure set error = $1",
        "update jobs.edge set condition = jsonb_build_object($1, $1)",
    ] {
        sqlx::query(statement).bind(odd).execute(&db.pool).await.unwrap();
    }
}

/// What runs of every job have said.
async fn said(db: &Db, odd: &str) {
    for statement in [
        r#"insert into jobs.progress (job_id, attempt, run_at, task, version, at, done, total, note)
           select job_id, 1, now(), task, 1, now(), 1, 2, $1 from jobs."all""#,
        r#"insert into jobs.log (job_id, attempt, run_at, task, line, lines)
           select job_id, 1, now(), task, 1, jsonb_build_array(jsonb_build_array(now(), $1, $1, $1, jsonb_build_object($1, $1))) from jobs."all""#,
        "select nextval('jobs.progress_made') where $1 <> ''",
    ] {
        sqlx::query(statement).bind(odd).execute(&db.pool).await.unwrap();
    }
}

/// Every column of type text: names of tasks too, in a way that a row stays what it is.
async fn everywhere(db: &Db, odd: &str) {
    let columns = sqlx::query(
        "select c.relname, a.attname, a.atttypid::regtype::text from pg_class c join pg_attribute a on a.attrelid = c.oid
         where c.relnamespace = 'jobs'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and a.attnum > 0 and not a.attisdropped
           and a.atttypid in ('text'::regtype, 'varchar'::regtype, 'text[]'::regtype)
           and c.relname in ('pending', 'job', 'worker', 'task', 'task_signature', 'publish_check', 'schedule', 'schedule_entry', 'operation', 'audit', 'keep_rule')
           and a.attname not in ('job_id', 'last_job', 'keep', 'validation', 'validation_set', 'zone', 'gap', 'fold', 'catch_up', 'overlap', 'cron', 'schedule',
             'kind', 'state', 'job_state', 'phase', 'after_job', 'redriven_as', 'status')",
    )
    .fetch_all(&db.pool)
    .await
    .unwrap();
    assert!(columns.len() > 12, "the columns are found");
    for column in columns {
        let [table, name, ty]: [String; 3] = [column.get(0), column.get(1), column.get(2)];
        let set = match (table.as_str(), name.as_str(), ty.as_str()) {
            (_, _, "text[]") => format!("{name} = {name} || $1"),
            (_, "name" | "task", _) => {
                format!("{name} = {name} || case when {name} like 'app.%' then '' else $1 end")
            }
            _ => format!("{name} = $1"),
        };
        let statement = AssertSqlSafe(format!("update jobs.{table} set {set}"));
        sqlx::query(statement)
            .bind(odd)
            .execute(&db.pool)
            .await
            .unwrap_or_else(|error| panic!("{table}.{name}: {error}"));
    }
}

#[tokio::test]
async fn no_command_prints_foreign_text_raw() {
    let db = hostile().await;
    let ids: Vec<String> = db.all("select job_id::text from jobs.\"all\"").await;
    assert_eq!(ids.len(), 5);
    let steps = "insert into jobs.checkpoint (job_id, name, kind, task, until, waits, attempt, saved_at)
                 select job_id, $1, 'signal', task, now() + interval '1 h', true, attempt, now() from jobs.\"all\"";
    sqlx::query(steps).bind(HOSTILE).execute(&db.pool).await.unwrap();
    let unique = serde_json::json!({ "key": HOSTILE }).to_string();
    let out = folder().join("client");
    let out = out.to_str().unwrap();
    let mut commands: Vec<Vec<&str>> = vec![
        vec!["new", HOSTILE],
        vec!["new", "shop", "--path", "shop \u{202e}\u{1b}[2J"],
        vec!["new", "shop", "--pgjobs", HOSTILE],
        vec!["inspect"],
        vec!["inspect", "jobs"],
        vec!["inspect", "tasks"],
        vec!["inspect", "workers"],
        vec!["top", "--once"],
        vec!["top", "--once", "--json"],
        vec!["check"],
        vec!["doctor"],
        vec!["check", "--sample", "all"],
        vec!["publish", "odd.tas"],
        vec!["publish", HOSTILE],
        vec!["publish", "odd.x", "--wait", "--wait-timeout", "50ms"],
        vec!["migrate"],
        vec!["codegen", "--lang", "python"],
        vec!["codegen", "--lang", "typescript"],
        vec!["codegen", "--lang", "rust"],
        vec!["codegen", "--lang", "rust", "--out", out],
        vec!["codegen", "--lang", "rust", "--check", out],
        vec!["codegen", "--lang", "rust", "--topic", "o*\u{202e}\u{2028}*"],
        vec!["worker", "--topic", "no\u{202e}*"],
        vec!["signal", HOSTILE],
        vec!["signal", "x\u{202e}y", "--payload", "\"\u{202e}\""],
        vec!["explain", "nosuchjob"],
        vec!["explain", "no\u{1b}[2Jjob"],
        vec!["no\u{202e}command"],
        vec!["inspect", "jobs", "--topic", "o*\u{202e}*"],
        vec!["cancel", "--topic", "o*\u{202e}*"],
        vec!["purge", "--topic", "o*\u{202e}*"],
        vec!["cancel", "--topic", "x\u{202e}*", "--yes"],
        vec!["purge", "--topic", "x\u{202e}*", "--yes"],
        vec!["retry", "--topic", "*", "--yes"],
        vec!["retry", "--topic", "*", "--error", HOSTILE, "--yes"],
        vec!["redrive", "--topic", "*", "--dry-run"],
        vec!["redrive", "--topic", "*", "--yes"],
        vec!["cancel", "--topic", "x\u{202e}*", "--yes", "--reason", HOSTILE],
        vec!["operation", "list"],
        vec!["operation", "show", "1"],
        vec!["operation", "watch", "1"],
        vec!["operation", "pause", "1", "--reason", HOSTILE],
        vec!["operation", "resume", "1"],
        vec!["operation", "cancel", "1"],
        vec!["audit"],
        vec!["audit", HOSTILE],
        vec!["watch", "add", "o*\u{202e}*"],
        vec!["watch", "list"],
        vec!["watch", "remove", "o*\u{202e}*"],
        vec!["retention", "list"],
        vec!["retention", "set", "x\u{202e}*", "3"],
        vec!["retention", "drop", "x\u{202e}y"],
        vec!["publish", "odd.x", "--unique", &unique],
        vec!["publish", "odd.x", "--unique", &unique],
        vec!["control", "log", HOSTILE, "--all", "--reason", HOSTILE],
        vec!["control", "pause", "--topic", "o*\u{202e}*"],
        vec!["control", "receipts"],
        vec!["servers", "list"],
        vec!["servers", "add", HOSTILE],
        vec!["servers", "drain", HOSTILE],
        vec!["limit", "list"],
        vec!["limit", "list", "--topic", "o*\u{202e}*"],
        vec!["limit", "show", HOSTILE],
        vec!["limit", "show", "no\u{202e}"],
        vec!["limit", "set", HOSTILE, "--max", "2"],
        vec!["limit", "set", "x\u{202e}", "--topic", "x\u{202e}*", "--max", "2"],
        vec!["limit", "block", HOSTILE, HOSTILE, "--for", "5m", "--reason", HOSTILE],
        vec!["limit", "release", HOSTILE, HOSTILE],
        vec!["limit", "drop", HOSTILE],
        vec!["workflow", "list"],
        vec!["workflow", "list", "--name", HOSTILE, "--state", "failed"],
        vec!["workflow", "list", "--state", HOSTILE],
        vec!["workflow", "show", "1"],
        vec!["workflow", "results", "1", HOSTILE],
        vec!["workflow", "results", "1", "no\u{202e}"],
        vec!["workflow", "retry", "1", "--node", "no\u{202e}"],
        vec!["workflow", "cancel", "1", "--node", HOSTILE, "--yes", "--reason", HOSTILE],
        vec!["workflow", "show", "1"],
        vec!["unique", "list"],
        vec!["unique", "release", HOSTILE, HOSTILE, "--yes"],
        vec!["unique", "release", HOSTILE, HOSTILE],
    ];
    db.run(&format!("select jobs.set_draining(true, $note${HOSTILE}$note$)")).await;
    let schedule: String = db.one("select name from jobs.schedule").await;
    commands.push(vec!["schedule", "list"]);
    for verb in ["show", "next", "log", "explain", "run", "pause", "resume", "drop"] {
        commands.push(vec!["schedule", verb, &schedule]);
    }
    for id in &ids {
        commands.extend([
            vec!["inspect", "job", id],
            vec!["explain", id],
            vec!["edit", id, "--arg", HOSTILE],
        ]);
        commands.push(vec!["redrive", id, "--yes"]);
    }
    let ended: String = db.one("select job_id::text from jobs.job").await;
    commands.push(vec!["inspect", "job", &ended, "--follow"]);
    for command in &commands {
        for more in [&[][..], &["--json"], &["-vvv"], &["-vvv", "--log", "json"]] {
            let arguments = [&command[..], more].concat();
            assert_shown(&run(&mut on(&db.url, &arguments)), &arguments);
        }
        let arguments = [&command[..], &["--color", "always"]].concat();
        assert_shown(&without_colors(run(&mut on(&db.url, &arguments))), &arguments);
    }
    let said = run(&mut on(&db.url, &["inspect", "jobs"]));
    assert!(said.out.contains(r"\u{1b}[2J"), "it is shown, escaped: {said:?}");
    let escaped = run(&mut on(&db.url, &["inspect", "jobs", "--color", "always"]));
    assert!(!escaped.out.contains("\u{1b}[2J"), "{escaped:?}");
}

/// An error may be a whole document of somebody's; its lines are no lines of the log.
#[tokio::test]
async fn the_log_of_a_worker_holds_no_forged_line() {
    let db = Db::new().await;
    let reason = format!("reason={HOSTILE}");
    run(&mut on(&db.url, &["publish", "app.broken", "--kwarg", &reason])).data();
    for more in [&[][..], &["--color", "always"], &["--log", "json"], &["-vvv"]] {
        let id: String = db.one("select job_id::text from jobs.\"all\" where task = 'app.broken'").await;
        let said = run(on(&db.url, &["worker", "--burst"]).args(more));
        assert_shown(&without_colors(said), more);
        until("it ended", async || {
            db.one::<String>("select status::text from jobs.\"all\"").await == "failed"
        })
        .await;
        run(&mut on(&db.url, &["retry", &id, "--yes"])).data();
    }
}

/// The panic of a task may hold what it was given; that it panicked, and where, is a line of the log like any other.
#[tokio::test]
async fn a_panic_is_one_line_of_the_log() {
    let db = Db::new().await;
    let text = format!("text={HOSTILE} canary-81516");
    for more in [&["--color", "always"][..], &["--quiet"], &["--quiet", "--log", "json"]] {
        run(&mut on(&db.url, &["publish", "app.panic", "--retries", "1", "--kwarg", &text])).data();
        let mut worker = on(&db.url, &["worker", "--burst"]);
        worker.args(more).env("RUST_LOG", "off").env("PGPASSWORD", "canary-81516");
        let said = without_colors(run(&mut worker));
        assert_shown(&said, more);
        assert!(!said.err.contains("canary"), "{said:?}");
        let told: Vec<&str> = said.err.lines().filter(|line| line.contains("tests/app/main.rs:")).collect();
        assert_eq!(told.len(), 1, "{said:?}");
        assert!(
            told[0].contains("panicked") && told[0].contains("ERROR") && told[0].contains("forged"),
            "{said:?}"
        );
        if more.contains(&"json") {
            for line in said.err.lines() {
                assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
            }
        }
    }
}

/// `| true` and `| head` take no failure away.
#[tokio::test]
async fn the_exit_code_holds_when_nobody_reads_stdout() {
    let db = Db::new().await;
    run(&mut on(&db.url, &["publish", "app.broken"])).data();
    for (arguments, code) in [
        (&["worker", "--burst", "--fail-on-failure"][..], 1),
        (&["inspect", "--watch", "1"], 0),
        (&["inspect", "job", "nosuchjob", "--json"], 1),
    ] {
        let mut command = on(&db.url, arguments);
        let mut child = command
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("the program starts");
        drop(child.stdout.take());
        assert_eq!(ended(&mut child).code(), Some(code), "{arguments:?}");
    }
}
