//! The SQL layer in the eyes of PostgreSQL's own tools: pgTAP and plpgsql_check.
//!
//! `apt-get install postgresql-15-pgtap postgresql-15-plpgsql-check libtap-parser-sourcehandler-pgtap-perl`,
//! then `cargo test -p pgjobs-tests --features sql-tools --test sql`.

use std::path::Path;
use std::process::Command;

use pgjobs_tests::Db;

/// What plpgsql_check says of a function that is known and meant.
const MEANT: [&str; 17] = [
    // The transaction gets its number by being asked for it, before the jobs get theirs.
    "never read variable \"v_transaction\"",
    // Made of literals by jobs._weeks and jobs._in_state.
    "jobs._ended_counts(text,text,bigint): text type variable is not sanitized",
    "jobs._page_of_ended(text,text,character varying,integer): text type variable is not sanitized",
    "jobs.errors(text,timestamp with time zone,integer,integer): text type variable is not sanitized",
    // Made of literals by jobs._weeks and jobs._match.
    "jobs._matches_in_history(jobs.operation,bigint): text type variable is not sanitized",
    // Made of literals by jobs._search_open and jobs._search_history.
    "jobs._search_segment(text,text,text,text,integer,bigint,timestamp with time zone): text type variable is not sanitized",
    // The days of history are named in the statement, so its result is not known before it is made.
    "cannot determinate a result of dynamic SQL",
    "(cannot to determine result of dynamic SQL)",
    "record \"v_found\" is not assigned yet",
    "record \"v_progress\" is not assigned yet",
    "never read variable \"v_found\"",
    "never read variable \"v_progress\"",
    // The jobs and the operation after them: two answers.
    "composite OUT variable \"o_op\" is not single argument",
    // What a search found, and where to go on: two answers.
    "composite OUT variable \"o_part\" is not single argument",
    // What goes, and the states of the buckets after that: two answers.
    "composite OUT variable \"admission\" is not single argument",
    // It returns from its loop.
    "jobs._delete_blocks(text,jobs.keep_rule,timestamp with time zone): control reached end of function without RETURN",
    // jobs._not_held always raises.
    "jobs.ack(character varying,jsonb,uuid): control reached end of function without RETURN",
];

#[tokio::test]
async fn plpgsql_check_finds_nothing_in_any_function() {
    let db = Db::new().await;
    db.run("create extension plpgsql_check").await;
    let checked: i64 = db.one(&format!("select count(*) from {PLPGSQL}")).await;
    assert!(checked > 50, "only {checked} functions were found");
    let found: Vec<String> = db
        .all(&format!(
            "select p.oid::regprocedure || ': ' || c.message || ' at line ' || coalesce(c.lineno, 0) || coalesce(' (' || c.detail || ')', '')
             from {PLPGSQL}, lateral plpgsql_check_function_tb(p.oid, {TABLE}, fatal_errors => false, security_warnings => true) c"
        ))
        .await;
    let left: Vec<_> = found.iter().filter(|line| !MEANT.iter().any(|meant| line.contains(meant))).collect();
    assert!(left.is_empty(), "{left:#?}");
}

const PLPGSQL: &str = "pg_proc p join pg_language l on l.oid = p.prolang and l.lanname = 'plpgsql' and p.pronamespace = 'jobs'::regnamespace";

/// The table of a function that is a trigger.
const TABLE: &str =
    "coalesce((select t.tgrelid from pg_trigger t where t.tgfoid = p.oid limit 1), 0::oid)::regclass";

#[tokio::test]
async fn the_contract_holds_in_pgtap() {
    let db = Db::new().await;
    db.run("create extension pgtap").await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
    let options = db.options();
    let socket = options.get_socket().expect("a server on a socket");
    let output = Command::new("pg_prove")
        .env("PGHOST", socket)
        .env("PGPORT", options.get_port().to_string())
        .env("PGUSER", options.get_username())
        .env("PGDATABASE", options.get_database().expect("a name"))
        .arg(folder.join("contract.sql"))
        .output()
        .unwrap_or_else(|error| panic!("pg_prove, of libtap-parser-sourcehandler-pgtap-perl: {error}"));
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("Result: PASS"), "{said}");
}
