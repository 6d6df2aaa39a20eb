//! `pgjobs::local_postgres` against real servers.
//!
//! How a server ends with its program, whoever runs it, can only be seen from another process. So
//! some tests run this test program again, as [`helper::act`], in a role of its own.
#![cfg(unix)]

mod helper;

use std::{fs, os::unix::fs::MetadataExt, path::Path, sync::Arc};

use helper::{Role, TempFolder, builder, eventually, is_root, status_of};
use pgjobs::{
    local_postgres::{LocalPostgres, LocalPostgresError},
    sqlx::{self, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions},
};

type Outcome = Result<(), Box<dyn std::error::Error>>;

async fn connect(server: &LocalPostgres, database: &str) -> sqlx::Result<PgConnection> {
    server.options().database(database).connect().await
}

async fn number(connection: &mut PgConnection, query: &'static str) -> sqlx::Result<i64> {
    sqlx::query_scalar(query).fetch_one(connection).await
}

fn run_folder(server: &LocalPostgres) -> std::path::PathBuf {
    server.data_dir().parent().unwrap().to_owned()
}

#[tokio::test]
async fn a_server_starts_answers_and_leaves_nothing() -> Outcome {
    let server = builder().start().await?;
    let mut connection = server.url("postgres").parse::<PgConnectOptions>()?.connect().await?;
    assert_eq!(number(&mut connection, "select 42::bigint").await?, 42);
    connection.close().await?;
    assert!(server.describe().contains(server.version()), "{}", server.describe());
    assert!(server.bindir().join("postgres").is_file());

    let folder = run_folder(&server);
    assert!(server.log_file().is_file());
    server.stop().await?;
    assert!(!folder.exists());
    Ok(())
}

#[tokio::test]
async fn psql_understands_the_url() -> Outcome {
    let server = builder().start().await?;
    server.create_database("Odd name & more").await?;
    let psql = server.bindir().join("psql");
    let psql = if psql.is_file() { psql } else { "psql".into() };
    let url = server.url("Odd name & more");
    let output =
        std::process::Command::new(psql).args(["-XAtc", "select current_database()", &url]).output()?;
    assert_eq!(String::from_utf8_lossy(&output.stdout), "Odd name & more\n", "{output:?}");
    Ok(())
}

#[tokio::test]
async fn an_ephemeral_server_forgets_unless_it_is_durable() -> Outcome {
    for (durable, expected) in [(false, "off"), (true, "on")] {
        let server = builder().durable(durable).start().await?;
        let mut connection = connect(&server, "postgres").await?;
        for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
            let query = sqlx::query_scalar("select current_setting($1)").bind(setting);
            let value: String = query.fetch_one(&mut connection).await?;
            assert_eq!(value, expected, "{setting}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn two_servers_run_at_once_and_know_nothing_of_each_other() -> Outcome {
    let (one, two) = tokio::try_join!(builder().start(), builder().start())?;
    one.create_database("only_here").await?;
    assert!(connect(&one, "only_here").await.is_ok());
    assert!(connect(&two, "only_here").await.is_err());
    assert_ne!(one.pid(), two.pid());
    Ok(())
}

#[tokio::test]
async fn twenty_clones_at_once_are_independent() -> Outcome {
    let server = Arc::new(builder().start().await?);
    server.create_database("template").await?;
    let mut connection = connect(&server, "template").await?;
    sqlx::raw_sql("create table item as select 1 as n").execute(&mut connection).await?;
    connection.close().await?;

    let clones: Vec<_> = (0..20).map(|n| tokio::spawn(fill_a_clone(Arc::clone(&server), n))).collect();
    for clone in clones {
        clone.await?.map_err(|error| error.to_string())?;
    }
    let mut connection = connect(&server, "template").await?;
    assert_eq!(number(&mut connection, "select count(*) from item").await?, 1);
    Ok(())
}

/// Each clone gets as many rows as no other has, and must see exactly these.
async fn fill_a_clone(
    server: Arc<LocalPostgres>,
    n: i32,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let name = format!("clone_{n}");
    server.clone_database("template", &name).await?;
    let mut connection = connect(&server, &name).await?;
    let insert = sqlx::query("insert into item select generate_series(1, $1)").bind(n);
    insert.execute(&mut connection).await?;
    assert_eq!(number(&mut connection, "select count(*) from item").await?, i64::from(n) + 1);
    Ok(())
}

#[tokio::test]
async fn a_clone_waits_for_a_session_that_leaves_the_template() -> Outcome {
    let server = builder().start().await?;
    server.create_database("template").await?;
    let connection = connect(&server, "template").await?;
    let (cloned, closed) = tokio::join!(server.clone_database("template", "copy"), connection.close());
    closed?;
    cloned?;
    Ok(())
}

#[tokio::test]
async fn a_name_that_is_taken_is_an_error_that_names_it() -> Outcome {
    let server = builder().start().await?;
    server.create_database("taken").await?;
    let error = server.create_database("taken").await.unwrap_err();
    assert!(matches!(error, LocalPostgresError::Database { .. }));
    assert!(error.to_string().contains("could not create database `taken`"), "{error}");
    server.drop_database("taken").await?;
    server.create_database("taken").await?;
    Ok(())
}

#[tokio::test]
async fn a_server_that_does_not_start_shows_the_end_of_its_log() {
    let builder = builder().setting("no_such_setting", "1");
    let error = builder.start().await.unwrap_err();
    assert!(matches!(error, LocalPostgresError::Ended { .. }), "{error}");
    assert!(error.to_string().contains("no_such_setting"), "{error}");
}

#[tokio::test]
async fn a_dropped_server_goes_away() -> Outcome {
    let server = builder().start().await?;
    let (folder, pid) = (run_folder(&server), server.pid());
    drop(server);
    eventually("the folder is removed", || !folder.exists());
    assert!(status_of(pid).is_none());
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_killed_leaves_neither_watchdog_nor_folder() -> Outcome {
    let server = builder().start().await?;
    let folder = run_folder(&server);
    helper::kill("-KILL", &server.pid().to_string());
    eventually("the watchdog removes the folder by itself", || !folder.exists());
    server.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_server_ends_with_its_program_although_a_child_lives_on() -> Outcome {
    let mut program = Role::Hold.spawn();
    let (folder, server) = (program.line(), program.line());
    let child = program.line();
    assert!(Path::new(&folder).is_dir());

    program.kill();
    eventually("the folder is removed", || !Path::new(&folder).exists());
    assert!(status_of(server.parse()?).is_none(), "the server must be gone before its folder");
    assert!(status_of(child.parse()?).is_some(), "the child must have outlived the server");
    helper::kill("-KILL", &child);
    Ok(())
}

#[tokio::test]
async fn ctrl_c_does_not_stop_the_server_before_the_program_is_done() -> Outcome {
    let mut program = Role::Interrupted.spawn();
    assert_eq!(program.line(), "ready");
    // A terminal sends the signal to the whole group.
    helper::kill("-INT", &format!("-{}", program.id()));
    assert_eq!(program.line(), "answered after ctrl-c");
    assert!(program.ended_well());
    Ok(())
}

#[tokio::test]
async fn root_gives_the_server_to_a_user_without_any_of_its_groups() -> Outcome {
    if !is_root() {
        return Ok(());
    }
    // With extra groups, as root has them after a login.
    let mut program = Role::Hold.spawn_with_groups("0,1,6");
    let (_folder, server, child) = (program.line(), program.line(), program.line());
    let status = status_of(server.parse()?).expect("the server runs");
    for line in ["Uid:", "Gid:"] {
        let ids: Vec<&str> = helper::field(&status, line).split_whitespace().collect();
        assert!(ids.iter().all(|id| *id != "0"), "{line} {ids:?}");
    }
    assert_eq!(helper::field(&status, "Groups:").trim(), "");
    helper::kill("-KILL", &child);
    Ok(())
}

#[tokio::test]
async fn an_ordinary_user_runs_the_server_as_oneself() -> Outcome {
    let home = TempFolder::for_everybody();
    // Its cache is empty, and what root has downloaded is not its own.
    let bindir = builder().start().await?.bindir().to_owned();
    let program = Role::Answer.command_as_ordinary_user(&home).env("HOME", home.path());
    let mut program = program.env("PGJOBS_PG_BINDIR", bindir).start();
    let (uid, server_uid) = (program.line(), program.line());
    assert_ne!(uid, "0");
    assert_eq!(uid, server_uid);
    assert!(program.ended_well());
    Ok(())
}

#[tokio::test]
async fn when_nothing_is_found_the_error_lists_the_paths_and_remedies() -> Outcome {
    let folder = TempFolder::for_everybody();
    let data_dir = folder.path().join("data");
    fs::create_dir(&data_dir)?;
    // No installation is of this version, so each is looked at and none will do.
    fs::write(data_dir.join("PG_VERSION"), "99\n")?;
    let mut program = Role::Fail.command().env("LP_DATA_DIR", &data_dir).env("PATH", "/nowhere").start();
    let text = program.rest();
    for part in [
        "PGJOBS_PG_BINDIR: not set",
        "PATH: nothing",
        "pg_config --bindir: nothing",
        "/usr/lib/postgresql/*/bin: ",
        "a download: not allowed in this program",
        "apt-get install",
        "dnf install",
        "brew install",
        "export PGJOBS_PG_BINDIR=",
        "export DATABASE_URL=",
    ] {
        assert!(text.contains(part), "`{part}` is missing in:\n{text}");
    }
    Ok(())
}

#[tokio::test]
async fn a_named_folder_without_programs_is_an_error_that_names_it() {
    let mut program = Role::Fail.command().env("PGJOBS_PG_BINDIR", "/nowhere/bin").start();
    let text = program.rest();
    assert!(text.contains("no usable PostgreSQL in `/nowhere/bin`: `initdb` is missing"), "{text}");
}

#[tokio::test]
async fn offline_forbids_a_download_that_the_program_allows() {
    let cache = TempFolder::for_everybody();
    let command = Role::Download.command().env("PGJOBS_OFFLINE", "1").env("PGJOBS_CACHE_DIR", cache.path());
    let text = command.start().rest();
    assert!(text.contains("a download: PGJOBS_OFFLINE forbids it"), "{text}");
}

#[cfg(feature = "download")]
#[tokio::test]
async fn a_download_into_an_empty_cache_starts_and_the_next_start_finds_it() {
    let cache = TempFolder::for_everybody();
    for origin in ["(a download)", "(an earlier download)"] {
        let mut program = Role::Download.command().env("PGJOBS_CACHE_DIR", cache.path()).start();
        let text = program.rest();
        assert!(text.contains("PostgreSQL 18."), "{text}");
        assert!(text.contains(origin), "{text}");
    }
}

#[cfg(feature = "download")]
#[tokio::test]
async fn an_ordinary_user_can_download_too() {
    let home = TempFolder::for_everybody();
    let command = Role::Download.command_as_ordinary_user(&home).env("HOME", home.path());
    let text = command.start().rest();
    assert!(text.contains("PostgreSQL 18."), "{text}");
    assert!(home.path().join(".cache/pgjobs").is_dir());
}

#[tokio::test]
async fn a_data_folder_survives_a_stop_and_a_start() -> Outcome {
    let folder = TempFolder::for_everybody();
    let data_dir = folder.path().join("data");
    for expected in 1..=2 {
        let server = builder().data_dir(&data_dir).start().await?;
        let mut connection = connect(&server, "postgres").await?;
        sqlx::raw_sql("create table if not exists visit (at timestamptz)").execute(&mut connection).await?;
        sqlx::query("insert into visit values (now())").execute(&mut connection).await?;
        assert_eq!(number(&mut connection, "select count(*) from visit").await?, expected);
        let fsync: String = sqlx::query_scalar("show fsync").fetch_one(&mut connection).await?;
        assert_eq!(fsync, "on");
        server.stop().await?;
        assert!(data_dir.join("PG_VERSION").is_file());
    }
    Ok(())
}

#[tokio::test]
async fn a_start_right_after_a_drop_on_the_same_data_gets_a_server() -> Outcome {
    let folder = TempFolder::for_everybody();
    for _ in 0..4 {
        let builder = builder().data_dir(folder.path().join("data"));
        let server = builder.start().await?;
        // Not the one that was dropped: that is on its way out.
        assert!(!server.describe().contains("already running"), "{}", server.describe());
        let mut connection = connect(&server, "postgres").await?;
        assert_eq!(number(&mut connection, "select 1::bigint").await?, 1);
    }
    Ok(())
}

#[tokio::test]
async fn a_live_server_on_a_data_folder_is_used_and_left_alone() -> Outcome {
    let folder = TempFolder::for_everybody();
    let builder = builder().data_dir(folder.path().join("data"));
    let (one, two) = tokio::try_join!(builder.clone().start(), builder.clone().start())?;
    assert_eq!(one.pid(), two.pid(), "both must use the same server");

    let (owner, guest) = if one.describe().contains("already running") { (two, one) } else { (one, two) };
    guest.stop().await?;
    let mut connection = connect(&owner, "postgres").await?;
    assert_eq!(number(&mut connection, "select 1::bigint").await?, 1);
    connection.close().await?;
    owner.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_folder_of_something_else_is_not_touched() -> Outcome {
    let folder = TempFolder::for_everybody();
    fs::write(folder.path().join("novel.txt"), "chapter one")?;
    let error = builder().data_dir(folder.path()).start().await.unwrap_err();
    assert!(matches!(error, LocalPostgresError::DataDir { .. }), "{error}");
    assert!(folder.path().join("novel.txt").is_file());
    Ok(())
}

#[tokio::test]
async fn the_environment_decides_which_database_is_used() {
    let url = "postgresql://ann:secret@db.example:5433/shop";
    let text = Role::Database.command().env("DATABASE_URL", url).start().rest();
    assert_eq!(text.trim(), "database `shop` on db.example:5433 as `ann` (from DATABASE_URL)");

    let libpq =
        Role::Database.command().env("PGHOST", "/run/pg").env("PGUSER", "ann").env("PGPASSWORD", "secret");
    assert_eq!(libpq.start().rest().trim(), "database `ann` on /run/pg as `ann` (from the PG* variables)");

    let text = Role::Database.command().env("DATABASE_URL", "").start().rest();
    assert!(text.contains("stops and is removed with this program"), "{text}");

    let text = Role::Database.command().env("DATABASE_URL", "mysql://ann:secret@db/shop").start().rest();
    assert!(text.contains("DATABASE_URL cannot be used") && !text.contains("secret"), "{text}");
}

#[tokio::test]
async fn a_shared_server_ends_after_the_last_who_uses_it() -> Outcome {
    let shared = || builder().shared(format!("test-{}", std::process::id()));
    let first = shared().setting("max_connections", "77").start().await?;
    let second = shared().start().await?;
    assert_eq!(first.pid(), second.pid());
    assert!(second.describe().contains("is shared"), "{}", second.describe());
    let folder = run_folder(&first);

    first.stop().await?; // leaves it to the second
    let mut connection = connect(&second, "postgres").await?;
    assert_eq!(number(&mut connection, "select current_setting('max_connections')::bigint").await?, 77);
    connection.close().await?;
    drop(second);

    let third = shared().start().await?; // comes back in time
    assert!(third.url("postgres").contains(folder.to_str().unwrap()));
    connect(&third, "postgres").await?.close().await?;
    drop(third);
    eventually("the server is gone with its folder", || !folder.exists());
    Ok(())
}

#[tokio::test]
async fn programs_that_start_at_a_time_share_one_server() -> Outcome {
    let name = format!("race-{}", std::process::id());
    let start = |_| tokio::spawn(builder().shared(name.clone()).start());
    let mut servers = Vec::new();
    for starting in (0..4).map(start).collect::<Vec<_>>() {
        servers.push(starting.await??);
    }
    assert!(servers.iter().all(|server| server.pid() == servers[0].pid()));
    Ok(())
}

#[tokio::test]
async fn a_shared_folder_that_nobody_serves_is_made_anew() -> Outcome {
    let name = format!("stale-{}", std::process::id());
    let server = builder().shared(&name).start().await?;
    let (folder, owner) = (run_folder(&server), fs::metadata(server.data_dir())?);
    drop(server);
    eventually("it is gone", || !folder.exists());
    // As a machine leaves it that lost its power.
    fs::create_dir(&folder)?;
    fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    std::os::unix::fs::chown(&folder, Some(owner.uid()), None)?;
    let server = builder().shared(&name).start().await?;
    assert_eq!(run_folder(&server), folder);
    connect(&server, "postgres").await?.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_shared_folder_of_somebody_else_is_refused() -> Outcome {
    let name = format!("alien-{}", std::process::id());
    let server = builder().shared(&name).start().await?;
    let folder = run_folder(&server);
    drop(server);
    eventually("it is gone", || !folder.exists());
    fs::create_dir(&folder)?;
    fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o777))?;
    let refused = builder().shared(&name).start().await;
    fs::remove_dir(&folder)?;
    let error = refused.unwrap_err();
    assert!(matches!(error, LocalPostgresError::DataDir { .. }), "{error}");
    assert!(error.to_string().contains("others may enter it"), "{error}");
    Ok(())
}
