//! Readers on a standby: whatever only reads works there, and says how old it is.

mod commands;
mod conflicts;
mod functions;
mod lag;
mod pages;

use pgjobs_tests::{Cluster, until};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool};

/// Something of every kind that is shown: jobs in each state, a schedule, a limit, a pause, an operation, a
/// worker.
const FILL: &str = r#"
    select jobs.register_tasks('[{"name": "mail.run", "retries": 3, "timeout": 60, "priority": 0, "args_schema": {}, "result_schema": {}}]');
    select jobs.publish('mail.run', '{"args": [1]}');
    select jobs.consume(1);
    select jobs.publish('mail.bad', '{"args": [2]}', i_max_retries => 1, i_meta => '{"tags": ["vip"]}');
    select jobs.nack(job_id, 'timed out') from jobs.consume(1);
    select jobs.publish('mail.a', '{"args": [3]}');
    select jobs.publish('mail.later', '{}', now() + interval '1 day');
    select jobs.set_schedule('nightly', 'mail.run', i_cron => '0 3 * * *');
    select jobs.set_limit('few', 'mail.*', '{"max": 2}');
    select jobs.pause_topic('bill.*', i_note => 'inventory');
    select jobs.watch('mail.*');
    select jobs.keep_statistics(true);
    select jobs.publish_workflow('[{"name": "n", "task": "mail.flow"}, {"name": "m", "task": "mail.flow", "after": ["n"]}]');
    select jobs.start_operation('retry', 'mail.*', 'failed');
"#;

/// A cluster with something of every kind, which the standby has as well; and a pool on its primary.
async fn filled() -> (Cluster, PgPool) {
    let cluster = Cluster::start().await;
    let primary = PgPoolOptions::new().max_connections(5).connect_lazy_with(cluster.options()[0].clone());
    for statement in FILL.split_terminator(";\n").map(str::trim).filter(|statement| !statement.is_empty()) {
        let done = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&primary).await;
        done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    shown(&cluster, &primary).await;
    (cluster, primary)
}

/// Waits until the standby shows all that the primary has committed.
async fn shown(cluster: &Cluster, primary: &PgPool) {
    let now: String =
        sqlx::query_scalar("select pg_current_wal_insert_lsn()::text").fetch_one(primary).await.unwrap();
    until("the standby has caught up", async || {
        let caught_up = sqlx::query_scalar::<_, bool>("select pg_last_wal_replay_lsn() >= $1::pg_lsn");
        caught_up.bind(&now).fetch_one(&cluster.other).await.unwrap()
    })
    .await;
}

/// Runs a statement.
async fn run(pool: &PgPool, sql: &'static str) {
    sqlx::raw_sql(sql).execute(pool).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Stops the replay of the standby, or lets it go on. What it receives meanwhile it keeps.
async fn hold_replay(cluster: &Cluster, held: bool) {
    run(&cluster.other, if held { "select pg_wal_replay_pause()" } else { "select pg_wal_replay_resume()" })
        .await;
    let state = if held { "paused" } else { "not paused" };
    until("replay is as it should be", async || {
        let now: String = sqlx::query_scalar("select pg_get_wal_replay_pause_state()")
            .fetch_one(&cluster.other)
            .await
            .unwrap();
        now == state
    })
    .await;
}
