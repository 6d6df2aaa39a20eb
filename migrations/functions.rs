//! The functions, views and grants of schema `jobs`, applied as a whole.

use std::sync::LazyLock;

use sqlx::migrate::{Migration as SqlxMigration, MigrationType};
use sqlx::{Executor, PgConnection, SqlStr};

use crate::{Error, Migration, hex};

/// In the order in which they are applied: a view or a function in plain SQL follows what it names.
pub(crate) const FILES: &[Migration] = files!("functions":
    "00_clock"
    "01_notify"
    "02_text"
    "03_job_id"
    "04_topic"
    "05_arrays"
    "06_views"
    "10_publish"
    "11_declared_options"
    "11_publishable"
    "12_packed_rows"
    "13_unique_key"
    "14_publish_unique"
    "15_unique_holders"
    "16_store"
    "17_workflow_graph"
    "17_workflow_nodes"
    "18_publish_workflow"
    "20_key_ranges"
    "21_claim"
    "22_claim_rows"
    "23_claim_answer"
    "24_consume"
    "25_pause"
    "25_server_state"
    "26_limit"
    "26_limit_options"
    "27_bucket"
    "28_admit"
    "29_acquire"
    "29_claim_capped"
    "29_claim_limited"
    "30_runs"
    "31_settle"
    "32_ack"
    "33_after_end"
    "33_kept_slots"
    "33_node_ends"
    "33_slots"
    "34_progress"
    "35_log"
    "36_event"
    "37_advance"
    "37_events_after"
    "37_start_nodes"
    "37_undo"
    "37_workflow_events"
    "38_tend_workflows"
    "38_watch"
    "39_event_partitions"
    "40_workers"
    "41_check_limits"
    "41_sweep"
    "42_maintain"
    "43_beat"
    "44_command"
    "45_control"
    "46_cancel_runs"
    "47_step"
    "48_signal"
    "49_end_steps"
    "50_declaration"
    "51_task_owner"
    "52_register_tasks"
    "53_publish_check"
    "54_declare_schedules"
    "55_declare_limits"
    "56_sensitive"
    "60_history"
    "61_keep"
    "61_partitions"
    "61_run_partitions"
    "62_maintain_partitions"
    "63_cron"
    "64_next_tick"
    "65_schedule"
    "66_due_ticks"
    "67_tick"
    "68_change_schedule"
    "69_schedules"
    "70_dashboard"
    "71_job"
    "72_find"
    "73_ended_lately"
    "73_overview"
    "74_cancel_and_retry"
    "74_cancel_workflow"
    "74_retry_workflow"
    "75_explain"
    "76_explain_limits"
    "76_explain_schedule"
    "76_explain_workflow"
    "76_limit_keys"
    "76_limits"
    "76_unique_keys"
    "76_workflow_results"
    "76_workflows"
    "77_edit"
    "77_redrive"
    "78_operation"
    "79_operation_steps"
    "80_schema_error"
    "81_schema_error_of_type"
    "82_predicate"
    "83_predicate_of_body"
    "84_validation"
    "85_topic_grants"
    "86_rollup"
    "86_statistics"
    "87_audit"
    "88_errors"
    "90_deploy_check"
    "91_problems"
    "92_problems_of_queues"
    "93_problems_of_workers"
    "94_problems_of_limits"
    "94_problems_of_schedules"
    "94_problems_of_workflows"
    "95_problems_of_history"
    "96_problems_of_server"
    "97_metrics"
    "97_server_health"
    "97_standby"
    "98_metrics_of_database"
    "99_grants"
);

static ALL: LazyLock<String> = LazyLock::new(|| {
    FILES.iter().map(|file| format!("-- functions/{}\n{}\n", file.name, file.sql.trim_end())).collect()
});

pub(crate) fn step() -> Migration {
    Migration { name: "functions", sql: &ALL }
}

/// Whether these functions are missing, of an older release, or of another build of this release.
pub(crate) async fn are_missing(connection: &mut PgConnection) -> Result<bool, Error> {
    let recorded = "select s.release, s.checksum from jobs.schema_functions s";
    let recorded: Option<(String, Vec<u8>)> = sqlx::query_as(recorded).fetch_optional(connection).await?;
    Ok(recorded.is_none_or(|(release, sum)| {
        let (there, here) = (numbers(&release), numbers(RELEASE));
        there < here || there == here && sum != checksum(&ALL)
    }))
}

/// Creates or replaces them, and records that. Views stay when they are those that are recorded: replacing one
/// waits for every transaction that has read it. `anew`: tables have changed, so views are replaced as well.
pub(crate) async fn apply(connection: &mut PgConnection, anew: bool) -> Result<(), Error> {
    let recorded = "select s.views from jobs.schema_functions s";
    let recorded: Option<Vec<u8>> = sqlx::query_scalar(recorded).fetch_optional(&mut *connection).await?;
    let keeps_views = !anew && recorded == Some(checksum(views()));
    for file in FILES.iter().filter(|file| file.name != VIEWS || !keeps_views) {
        connection.execute(file.sql).await?;
    }
    connection.execute(sqlx::AssertSqlSafe(record())).await?;
    Ok(())
}

/// The statement that records them.
pub(crate) fn record() -> String {
    format!(
        "insert into jobs.schema_functions (release, checksum, views, served_roles)\n\
         select '{RELEASE}', '\\x{}', '\\x{}', array(\n  \
           select r.rolname from pg_catalog.pg_roles r where r.rolname ~ '^jobs_(publisher|worker|reader|admin)$')\n\
         on conflict (only_row) do update set release = excluded.release, checksum = excluded.checksum,\n  \
           views = excluded.views, served_roles = excluded.served_roles, installed_on = excluded.installed_on;\n",
        hex(&checksum(&ALL)),
        hex(&checksum(views()))
    )
}

const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// The numbers of a release, which compare as releases do: 0.10.0 is newer than 0.9.1, and 1.0.0-rc.2 older than
/// 1.0.0.
fn numbers(release: &str) -> Vec<u64> {
    let (release, candidate) = release.split_once('-').map_or((release, None), |(r, c)| (r, Some(c)));
    let parts = |text: &str| text.split('.').filter_map(|part| part.parse().ok()).collect::<Vec<u64>>();
    let is_final = u64::from(candidate.is_none());
    [parts(release), vec![is_final], candidate.map(parts).unwrap_or_default()].concat()
}

/// The file of the views.
const VIEWS: &str = "06_views";

fn views() -> &'static str {
    FILES.iter().find(|file| file.name == VIEWS).map_or("", |file| file.sql)
}

fn checksum(sql: &'static str) -> Vec<u8> {
    let sql = SqlStr::from_static(sql);
    SqlxMigration::new(0, "functions".into(), MigrationType::Simple, sql, false).checksum.into_owned()
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn releases_compare_by_their_numbers() {
        assert!(numbers("0.10.0") > numbers("0.9.1"));
        assert!(numbers("1.0.0") > numbers("1.0.0-rc.2"));
        assert!(numbers("1.0.0-rc.10") > numbers("1.0.0-rc.2"));
        assert!(numbers("1.0.1-rc.1") > numbers("1.0.0"));
    }
}
