//! History lies in daily partitions, which retention makes and drops without anybody's noticing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pgjobs_tests::{Db, Said, until};
use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::sessions::{as_role, code, refusal, role};

const PARTITIONS: &str = "select count(*) from pg_inherits where inhparent = 'jobs.job'::regclass and inhrelid::regclass::text ~ 'job_[0-9]{8}$'";
const DAY: u64 = 86_400;

#[tokio::test]
async fn partitions_are_made_ahead_and_dropped_when_old() {
    let db = Db::with_clock().await;
    assert_eq!(db.one::<i64>(PARTITIONS).await, 3, "today and two more");
    db.run("select jobs.publish('old'); select jobs.ack(job_id) from jobs.consume(1)").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_default").await, 0);
    db.advance(Duration::from_secs(DAY * 13)).await;
    db.run("select jobs.maintain_partitions(); select jobs.publish('new'); select jobs.ack(job_id) from jobs.consume(1)")
        .await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.job").await, 2);
    db.advance(Duration::from_secs(DAY * 2)).await;
    let done: Vec<String> =
        db.all("select r from jobs.maintain_partitions() r where r like 'dropped%'").await;
    assert!(!done.is_empty());
    assert_eq!(db.all::<String>("select task from jobs.job").await, ["new"]);
}

#[tokio::test]
async fn history_is_kept_for_ever_when_asked() {
    let db = Db::with_clock().await;
    db.run("update jobs.config set history_days = null; select jobs.publish('old'); select jobs.ack(job_id) from jobs.consume(1)").await;
    db.advance(Duration::from_secs(DAY * 1000)).await;
    db.run("select jobs.maintain_partitions()").await;
    db.advance(Duration::from_secs(DAY)).await;
    db.run("select jobs.maintain_partitions()").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.job").await, 1);
}

#[tokio::test]
async fn jobs_that_end_without_a_partition_are_kept_and_moved_later() {
    let db = Db::with_clock().await;
    db.advance(Duration::from_secs(DAY * 10)).await;
    db.run("select jobs.publish('a'); select jobs.ack(job_id) from jobs.consume(1)").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_default").await, 1);
    db.run("select jobs.maintain_partitions()").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_default").await, 0);
    assert_eq!(db.one::<i64>("select count(*) from jobs.job").await, 1);
}

#[tokio::test]
async fn a_reader_of_history_delays_retention_and_nothing_else() {
    let db = Db::with_clock().await;
    db.advance(Duration::from_secs(DAY * 40)).await;
    let mut reader = db.connect().await;
    let mut reading = reader.begin().await.unwrap();
    reading.execute("select count(*) from jobs.job").await.unwrap();
    db.run("select jobs.maintain_partitions()").await; // gives way
    db.run("select jobs.publish('a'); select jobs.ack(job_id) from jobs.consume(1)").await;
    reading.commit().await.unwrap();
    db.run("select jobs.maintain_partitions()").await;
    assert_eq!(db.one::<i64>(PARTITIONS).await, 3, "not at once, so that many workers do not disturb often");
    db.advance(Duration::from_secs(61)).await;
    db.run("select jobs.maintain_partitions()").await;
    assert_eq!(db.one::<i64>(PARTITIONS).await, 3);
    assert_eq!(db.one::<i64>("select gave_way::int8 from jobs.retention").await, 0);
    let made = "select count(*) from jobs._partitions() where day >= (jobs.now() at time zone 'utc')::date";
    assert_eq!(db.one::<i64>(made).await, 3);
}

/// A clock that goes a month on for a moment, and back, must not cost the history.
#[tokio::test]
async fn a_false_step_of_the_clock_drops_nothing() {
    let db = Db::with_clock().await;
    db.run(
        "select jobs.publish('a') from generate_series(1, 3); select jobs.ack(job_id) from jobs.consume(2)",
    )
    .await;
    db.run("update jobs.test_clock set at = at + interval '30 days'").await;
    db.run("select jobs.maintain_partitions(); select jobs.ack(job_id) from jobs.consume(1); select jobs.maintain_partitions(); select jobs.maintain_partitions()").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.job").await, 3);
    db.run("update jobs.test_clock set at = at - interval '30 days'; select jobs.maintain_partitions()")
        .await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.job").await, 3);
    // Time that really passes is believed an hour later.
    db.run("update jobs.test_clock set at = at + interval '40 days'; select jobs.maintain_partitions()")
        .await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.job").await, 3);
    db.run("update jobs.test_clock set at = at + interval '61 minutes'; select jobs.maintain_partitions()")
        .await;
    assert_eq!(
        db.one::<i64>("select count(*) from jobs.job where complete_on < jobs.now() - interval '30 days'")
            .await,
        0
    );
}

/// Anybody may hold an advisory key.
#[tokio::test]
async fn strangers_cannot_keep_retention_from_working() {
    let db = Db::with_clock().await;
    let mut stranger = db.connect().await;
    stranger
        .execute("select pg_advisory_lock(hashtextextended('jobs.maintain_partitions', 0))")
        .await
        .unwrap();
    db.advance(Duration::from_secs(DAY)).await;
    assert!(db.one::<i64>("select count(*) from jobs.maintain_partitions()").await > 0);
}

#[tokio::test]
async fn retention_works_whatever_a_backslash_means() {
    let db = Db::with_clock().await;
    db.advance(Duration::from_secs(DAY * 20)).await;
    db.run("set standard_conforming_strings = off; set backslash_quote = off; set escape_string_warning = off; select jobs.maintain_partitions()").await;
    assert_eq!(db.one::<i64>(PARTITIONS).await, 3);
}

/// Its locks last as long as the caller's transaction, and no longer than a caller that sleeps.
#[tokio::test]
async fn a_session_that_forgets_its_transaction_is_closed() {
    let db = Db::with_clock().await;
    let mut session = db.connect().await;
    let mut transaction = session.begin().await.unwrap();
    transaction.execute("select jobs.maintain_partitions()").await.unwrap();
    let limit: String = sqlx::query_scalar("select current_setting('idle_in_transaction_session_timeout')")
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    assert_eq!(limit, "10s");
    let statements: String = sqlx::query_scalar("select current_setting('statement_timeout')")
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    assert_eq!(statements, "10s", "and so long may each later statement take");
    transaction.commit().await.unwrap();
    let after: String = sqlx::query_scalar("select current_setting('idle_in_transaction_session_timeout')")
        .fetch_one(&mut session)
        .await
        .unwrap();
    assert_eq!(after, "0");
}

/// Locks on history that a session holds which others have to wait for.
const HELD: &str = "select count(*) from pg_locks where relation = 'jobs.job'::regclass and mode = 'AccessExclusiveLock' and granted
    and database = (select oid from pg_database where datname = current_database())";

/// Whoever works may make and drop partitions, and not keep the lock for it: acks wait for that.
#[tokio::test]
async fn a_worker_cannot_keep_the_lock_of_history() {
    let db = Db::with_clock().await;
    db.advance(Duration::from_secs(DAY)).await;
    let mut worker = as_role(&db, "jobs_worker").await;
    let (said, _listening) = Said::listen();
    for call in [
        "select jobs.maintain_partitions()",
        "do $$ begin perform jobs.maintain_partitions(); end $$",
        "create function pg_temp.maintain_partitions_and_commit() returns void language plpgsql as $$ begin perform jobs.maintain_partitions(); end $$;
         set local search_path = pg_temp, jobs, pg_catalog; select pg_temp.maintain_partitions_and_commit()",
        r#"create function pg_temp."x jobs.maintain_partitions_and_commit() y"() returns void language plpgsql as $$ begin perform jobs.maintain_partitions(); end $$;
         select pg_temp."x jobs.maintain_partitions_and_commit() y"()"#,
    ] {
        worker.execute("begin").await.unwrap();
        assert_eq!(code(&mut worker, call).await, "ok", "{call}");
        assert_eq!(db.one::<i64>(HELD).await, 0, "{call}");
        worker.execute("rollback").await.unwrap();
        assert!(said.take().contains("jobs.maintain_partitions did nothing"), "{call}");
    }
    for call in [
        "begin; call jobs.maintain_partitions_and_commit()",
        "select 1; call jobs.maintain_partitions_and_commit()",
    ] {
        let (state, message) = refusal(&mut worker, call).await;
        assert_eq!(
            (state.as_str(), message.as_str()),
            ("2D000", "invalid transaction termination"),
            "{call}"
        );
        worker.execute("rollback").await.unwrap();
    }
    assert_eq!(db.one::<i64>(PARTITIONS).await, 3);
    sqlx::query("call jobs.maintain_partitions_and_commit()").execute(&mut worker).await.unwrap();
    assert_eq!(db.one::<i64>(PARTITIONS).await, 4, "{}", said.take());
    assert_eq!(db.one::<i64>(HELD).await, 0);
}

/// A prepared transaction keeps its locks when its session has ended.
#[tokio::test]
async fn what_retention_locked_cannot_be_prepared() {
    let db = Db::with_clock().await;
    db.advance(Duration::from_secs(DAY)).await;
    let mut session = db.connect().await;
    session.execute("begin; select jobs.maintain_partitions()").await.unwrap();
    let (_, message) = refusal(&mut session, "prepare transaction 'history'").await;
    assert!(message.contains("cannot PREPARE"), "{message}");
    // The server reports an error before it ends the transaction.
    until("its lock is released", async || db.one::<i64>(HELD).await == 0).await;
}

/// One caller at a time works. Who has to return for his sake says after a while who that is.
#[tokio::test]
async fn a_caller_of_retain_that_does_not_end_is_named() {
    let db = Db::with_clock().await;
    let mut holder = db.connect().await;
    holder.execute("begin; select jobs.maintain_partitions()").await.unwrap();
    let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut holder).await.unwrap();
    let (said, _listening) = Said::listen();
    db.run("select jobs.maintain_partitions()").await;
    db.run("select jobs.maintain_partitions()").await;
    assert!(!said.take().contains("WARN"));
    db.run("select jobs.maintain_partitions()").await;
    let words = said.take();
    assert!(
        words.contains(&format!(
            "3 calls of jobs.maintain_partitions found that server process {pid} is at it"
        )),
        "{words}"
    );
    holder.execute("commit").await.unwrap();
    db.run("select jobs.maintain_partitions()").await;
    assert_eq!(db.one::<i64>("select pg_sequence_last_value('jobs.retentions_turned_away')").await, 0);
}

/// Whatever the settings take, every function that uses them can bear.
#[tokio::test]
async fn the_least_and_the_greatest_of_each_setting_work() {
    let db = Db::new().await;
    let ranges: Vec<String> = db
        .all(
            "select a.attname || ' ' || regexp_replace(pg_get_constraintdef(c.oid), '^.*>= ([0-9]+)\\).*<= ([0-9]+)\\).*$', '\\1 \\2')
             from pg_attribute a left join pg_constraint c on c.conrelid = a.attrelid and c.contype = 'c' and c.conkey = array[a.attnum]
             where a.attrelid = 'jobs.config'::regclass and a.attnum > 0 and a.atttypid = 'int4'::regtype order by 1",
        )
        .await;
    assert_eq!(ranges.len(), 8, "{ranges:?}");
    for range in ranges {
        let [name, least, greatest] = range.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{range}: no range")
        };
        for value in [least, greatest] {
            db.run(&format!("update jobs.config set {name} = {value}")).await;
            db.run("select jobs.maintain_partitions(); select jobs.publish('a', '{}'), jobs.publish_arrays('{a,b}', '{null,null}', null, null, null, null, null) where (select max_bulk > 1 from jobs.config);
                    select jobs.publish('a'); select jobs.ack(job_id, '1', lease) from jobs.consume(1); select jobs.overview(); select jobs.signal('s')").await;
        }
        for value in [least.parse::<i64>().unwrap() - 1, greatest.parse::<i64>().unwrap() + 1] {
            let (state, message) = db.refusal(&format!("update jobs.config set {name} = {value}")).await;
            assert!(state == "23514" && message.contains(least), "{range} {value}: {state} {message}");
        }
        db.run("update jobs.config set history_days = 14, max_body_bytes = 1048576, max_result_bytes = 67108864, max_bulk = 100000, max_bulk_bytes = 67108864, max_step_bytes = 1048576, signal_days = 14").await;
    }
}

/// What several clients do in a loop until they are told to stop: their slowest call, and their errors.
async fn loop_of(
    db: &Db,
    stop: &Arc<AtomicBool>,
    clients: usize,
    pause: Duration,
    sql: &'static str,
) -> Vec<Client> {
    let mut all = Vec::new();
    for _ in 0..clients {
        let (mut session, stop) = (db.connect().await, stop.clone());
        all.push(tokio::spawn(async move {
            let (mut slowest, mut calls, mut errors) = (Duration::ZERO, 0, Vec::new());
            while !stop.load(Ordering::Relaxed) {
                let start = Instant::now();
                match session.execute(AssertSqlSafe(sql)).await {
                    Ok(_) => calls += 1,
                    Err(error) => errors.push(error.to_string()),
                }
                slowest = slowest.max(start.elapsed());
                tokio::time::sleep(pause).await;
            }
            (slowest, calls, errors)
        }));
    }
    all
}

type Client = tokio::task::JoinHandle<(Duration, u32, Vec<String>)>;

/// All of them: the slowest call, how many, and no error.
async fn outcome(clients: Vec<Client>) -> (Duration, u32) {
    let (mut slowest, mut calls) = (Duration::ZERO, 0);
    for client in clients {
        let (one, some, errors) = client.await.unwrap();
        assert!(errors.is_empty(), "{errors:?}");
        (slowest, calls) = (slowest.max(one), calls + some);
    }
    (slowest, calls)
}

const READ: &str = "select * from jobs.result('00000000000070008000000000000000')";
const PUBLISH: &str = "select jobs.publish_arrays('{b}', '{1}'::jsonb[], null, null, null, null, null,
    array[(select jobs._new_job_id(jobs._id_time(jobs.now()), 1))::text])";
const WORK: &str = "do $$ declare v record; begin perform jobs.publish('a'); select * into v from jobs.consume_topic('a', 1);
    if v.job_id is not null then perform jobs.ack(v.job_id, '1', v.lease); end if; end $$";

/// Midnights, one after another: each makes a partition and drops one, now or in a later call.
async fn midnights(db: &Db, nights: u32) -> Vec<String> {
    let mut done = Vec::new();
    for _ in 0..nights {
        db.advance(Duration::from_secs(DAY)).await;
        for _ in 0..20 {
            let now = db.all::<String>("select r from jobs.maintain_partitions() r").await;
            let gave_way = now.is_empty();
            done.extend(now);
            if !gave_way {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            db.run("update jobs.retention set gave_way_at = null").await; // a minute later
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    done
}

/// A hundred calls a second.
async fn busy(db: &Db, stop: &Arc<AtomicBool>) -> Vec<Client> {
    let pause = Duration::from_millis(90);
    let mut clients = loop_of(db, stop, 4, pause, READ).await;
    clients.extend(loop_of(db, stop, 3, pause, PUBLISH).await);
    clients.extend(loop_of(db, stop, 3, pause, WORK).await);
    clients
}

/// By how much the slowest call was slower than that of a database beside it, where `retaining` does nothing, and what that did.
async fn slowdown<T>(db: &Db, beside: &Db, retaining: impl Future<Output = T>) -> (Duration, T) {
    let stop = Arc::new(AtomicBool::new(false));
    let (here, there) = (busy(db, &stop).await, busy(beside, &stop).await);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let done = retaining.await;
    stop.store(true, Ordering::Relaxed);
    let (here, there) = (outcome(here).await, outcome(there).await);
    assert!(here.1 > 0, "no call ended");
    (here.0.saturating_sub(there.0), done)
}

/// What nobody notices.
const UNNOTICED: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn midnight_passes_unnoticed_by_those_who_read_publish_and_work() {
    let (db, beside) = (Db::with_clock().await, Db::with_clock().await);
    db.run("update jobs.config set history_days = 3").await;
    let mut slowdowns = Vec::new();
    // Several times, because a busy machine makes a call slow now and then; a lock makes one slow each time.
    while slowdowns.len() < 5 && slowdowns.iter().all(|slow| *slow >= UNNOTICED) {
        let (slow, done) = slowdown(&db, &beside, midnights(&db, 8)).await;
        assert!(done.iter().filter(|step| step.starts_with("made")).count() >= 7, "{done:?}");
        assert!(done.iter().filter(|step| step.starts_with("dropped")).count() >= 3, "{done:?}");
        slowdowns.push(slow);
    }
    assert!(slowdowns.iter().any(|slow| *slow < UNNOTICED), "{slowdowns:?}");
}

/// A dump reads everything for hours: retention gives way to it, and nobody waits behind retention.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_waits_behind_a_retention_that_waits_for_a_dump() {
    let (db, beside) = (Db::new().await, Db::new().await);
    for database in [&db, &beside] {
        database.run("select jobs._make_partition((jobs.now() at time zone 'utc')::date - 100)").await;
    }
    let mut dump = db.connect().await;
    let mut dumping = dump.begin().await.unwrap();
    dumping.execute("lock table jobs.job in access share mode").await.unwrap();
    let mut slowdowns = Vec::new();
    while slowdowns.len() < 5 && slowdowns.iter().all(|slow| *slow >= UNNOTICED) {
        db.run("update jobs.retention set gave_way = 0").await;
        let giving_way = async {
            for _ in 0..5 {
                db.run("update jobs.retention set gave_way_at = null; select jobs.maintain_partitions()")
                    .await;
            }
        };
        slowdowns.push(slowdown(&db, &beside, giving_way).await.0);
    }
    assert!(slowdowns.iter().any(|slow| *slow < UNNOTICED), "{slowdowns:?}");
    assert_eq!(db.one::<i64>("select gave_way::int8 from jobs.retention").await, 5);
    dumping.rollback().await.unwrap();
}

/// Nobody retained for days, and everything of today is in the default partition.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_success_is_a_success_while_todays_partition_is_made() {
    let db = Db::new().await;
    let today: String = db.one("select to_char((now() at time zone 'utc')::date, 'YYYYMMDD')").await;
    db.run(&format!("drop table jobs.job_{today}")).await;
    db.run(
        "insert into jobs.job (id, job_id, task, retries, max_retries, priority, timeout, status, created_at, complete_on, attempt)
         select g, jobs._new_job_id(jobs._id_time(now()), g), 'noop', 0, 3, 0, 60, 'success', now(), now(), 1 from generate_series(1, 60000) g",
    )
    .await;
    let stop = Arc::new(AtomicBool::new(false));
    let clients = loop_of(&db, &stop, 4, Duration::ZERO, WORK).await;
    let mut done = Vec::new();
    for _ in 0..20 {
        db.run("update jobs.retention set gave_way_at = null").await;
        done.extend(db.all::<String>("select r from jobs.maintain_partitions() r").await);
        if !done.is_empty() {
            break;
        }
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, Ordering::Relaxed);
    let (slowest, calls) = outcome(clients).await;
    println!("{calls} jobs ended meanwhile, the slowest in {slowest:?}; {done:?}");
    assert_eq!(done, [format!("made job_{today} of job_default")]);
    assert_eq!(db.one::<i64>("select count(*) from jobs.job where task = 'a'").await, i64::from(calls));
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_default").await, 0);
    assert_eq!(db.one::<i64>("select count(*) from jobs.job").await, 60_000 + i64::from(calls));
}

/// The same by hand: a job that ends in the instant in which its partition is made, and is committed later.
#[tokio::test]
async fn who_ends_a_job_waits_for_the_partition_and_uses_it() {
    let db = Db::new().await;
    let today: String = db.one("select to_char((now() at time zone 'utc')::date, 'YYYYMMDD')").await;
    db.run(&format!("drop table jobs.job_{today}; select jobs.publish('a')")).await;
    let mut making = db.connect().await;
    let mut transaction = making.begin().await.unwrap();
    transaction.execute("select jobs.maintain_partitions()").await.unwrap();
    let ending = tokio::spawn({
        let pool = db.pool.clone();
        async move { sqlx::query("select jobs.ack(job_id) from jobs.consume(1)").execute(&pool).await }
    });
    let waits = "select exists (select from pg_locks where not granted and relation = 'jobs.job'::regclass and database = (select oid from pg_database where datname = current_database()))";
    pgjobs_tests::until("the ack waits", async || db.one::<bool>(waits).await).await;
    transaction.commit().await.unwrap();
    ending.await.unwrap().expect("the ack");
    assert_eq!(db.one::<i64>(&format!("select count(*) from jobs.job_{today}")).await, 1);
}

/// The words around the names are of the server's language, and the names are quoted where a setting says so.
#[tokio::test]
async fn retention_knows_who_calls_it_in_every_language() {
    let db = Db::new().await;
    role(&db, "history_caller", "jobs_reader").await;
    db.run("grant execute on function jobs._may_lock_history to history_caller").await;
    let mut caller = as_role(&db, "history_caller").await;
    for (at, statement, called_by, may) in [
        (
            "PL/pgSQL function jobs.maintain_partitions() line 5 at GET DIAGNOSTICS",
            r#"SQL statement "SELECT jobs.maintain_partitions()""#,
            "PL/pgSQL function jobs.maintain_partitions_and_commit() line 3 at PERFORM",
            true,
        ),
        (
            "PL/pgSQL-Funktion jobs.maintain_partitions() Zeile 5 bei GET DIAGNOSTICS",
            "SQL-Anweisung »SELECT jobs.maintain_partitions()«",
            "PL/pgSQL-Funktion jobs.maintain_partitions_and_commit() Zeile 3 bei PERFORM",
            true,
        ),
        (
            "fonction PL/pgSQL jobs.maintain_partitions(), ligne 5 à GET DIAGNOSTICS",
            "instruction SQL « SELECT jobs.maintain_partitions() »",
            "fonction PL/pgSQL jobs.maintain_partitions_and_commit(), ligne 3 à PERFORM",
            true,
        ),
        (
            "PL/pgSQL関数jobs.maintain_partitions()の5行目 - GET DIAGNOSTICS",
            r#"SQL文"SELECT jobs.maintain_partitions()""#,
            "PL/pgSQL関数jobs.maintain_partitions_and_commit()の3行目 - PERFORM",
            true,
        ),
        (
            r#"PL/pgSQL function "jobs"."maintain_partitions"() line 5 at GET DIAGNOSTICS"#,
            r#"SQL statement "SELECT jobs.maintain_partitions()""#,
            r#"PL/pgSQL function "jobs"."maintain_partitions_and_commit"() line 3 at PERFORM"#,
            true,
        ),
        (
            "PL/pgSQL function jobs.maintain_partitions() line 5 at GET DIAGNOSTICS",
            r#"SQL statement "SELECT jobs.maintain_partitions()""#,
            "PL/pgSQL function maintain_partitions_and_commit() line 3 at PERFORM",
            false,
        ),
        (
            "PL/pgSQL function jobs.maintain_partitions() line 5 at GET DIAGNOSTICS",
            r#"SQL statement "SELECT jobs.maintain_partitions()""#,
            "PL/pgSQL function mine.maintain_partitions_and_commit() line 3 at PERFORM",
            false,
        ),
        (
            "PL/pgSQL function jobs.maintain_partitions() line 5 at GET DIAGNOSTICS",
            r#"SQL statement "SELECT jobs.maintain_partitions()""#,
            r#"PL/pgSQL function "jobs.maintain_partitions_and_commit()".f() line 3 at PERFORM"#,
            false,
        ),
        (
            "PL/pgSQL function jobs.maintain_partitions() line 5 at GET DIAGNOSTICS",
            r#"SQL statement "SELECT f()""#,
            "PL/pgSQL function jobs.maintain_partitions_and_commit() line 3 at PERFORM",
            false,
        ),
    ] {
        let context = [at, statement, called_by].join("\n");
        let says: bool = sqlx::query_scalar("select jobs._may_lock_history($1)")
            .bind(&context)
            .fetch_one(&mut caller)
            .await
            .unwrap();
        assert_eq!(says, may, "{context}");
    }
}

/// As every worker calls it.
#[tokio::test]
async fn a_worker_makes_partitions_in_a_session_that_quotes_all_names() {
    let db = Db::with_clock().await;
    role(&db, "history_worker", "jobs_worker").await;
    db.advance(Duration::from_secs(DAY * 20)).await;
    let newest = "select max(inhrelid::regclass::text) from pg_inherits where inhparent = 'jobs.job'::regclass and inhrelid::regclass::text ~ '[0-9]{8}$'";
    let before: String = db.one(newest).await;
    let mut worker = as_role(&db, "history_worker").await;
    worker.execute("set quote_all_identifiers = on").await.unwrap();
    worker.execute("call jobs.maintain_partitions_and_commit()").await.unwrap();
    assert_ne!(db.one::<String>(newest).await, before, "it made those of the days to come");
}

/// A view of somebody's leans on them, or a vacuum holds one.
#[tokio::test]
async fn a_partition_that_cannot_be_dropped_hinders_no_other() {
    let db = Db::with_clock().await;
    db.run("update jobs.config set history_days = 365").await;
    for _ in 0..12 {
        db.advance(Duration::from_secs(DAY)).await;
        db.run("select jobs.maintain_partitions()").await;
    }
    let old: Vec<String> = db
        .all("select inhrelid::regclass::text from pg_inherits where inhparent = 'jobs.job'::regclass and inhrelid::regclass::text ~ '[0-9]{8}$' order by 1 limit 11")
        .await;
    for name in &old[..10] {
        db.run(&format!("create view public.{} as select * from {name}", name.replace('.', "_"))).await;
    }
    db.run("update jobs.config set history_days = 1; select jobs.maintain_partitions()").await;
    assert!(
        !db.one::<bool>(&format!("select to_regclass('{}') is not null", old[10])).await,
        "the eleventh goes"
    );

    let mut vacuum = db.connect().await;
    db.run(&format!("drop view public.{}", old[0].replace('.', "_"))).await;
    let today = "jobs.job_' || to_char((jobs.now() at time zone 'utc')::date, 'YYYYMMDD')";
    db.run(&format!("do $$ begin execute 'drop table {today}; end $$")).await;
    vacuum
        .execute(AssertSqlSafe(format!("begin; lock table {} in share update exclusive mode", old[0])))
        .await
        .unwrap();
    db.run("select jobs.maintain_partitions()").await;
    assert!(
        db.one::<bool>(&format!("select to_regclass('{today}) is not null")).await,
        "today's is made all the same"
    );
}
