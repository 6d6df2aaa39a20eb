//! The text format of Prometheus, for what the database measures.

use std::fmt::Write as _;

use crate::db::metrics::Series;

/// What each metric of the database means; docs/src/monitoring.md lists them in the same order.
pub(super) const METRICS: &[(&str, &str)] = &[
    (
        "pgjobs_open_jobs",
        "jobs that have not ended, by task and state; a lower bound from pgjobs_open_jobs_cap on",
    ),
    ("pgjobs_open_jobs_cap", "how many rows of one task are counted"),
    ("pgjobs_blocked_jobs", "ready jobs of tasks that are paused, or that no live worker has"),
    ("pgjobs_oldest_ready_seconds", "for how long the oldest ready job of the task waits"),
    ("pgjobs_failed_jobs_last_hour", "jobs of the task that ended as failed within an hour"),
    ("pgjobs_slo_seconds", "how soon a job of the task has to end after it is due"),
    ("pgjobs_limit_held", "slots of the limit that jobs hold"),
    ("pgjobs_limit_max", "slots that the limit has, of each key"),
    ("pgjobs_workflows", "workflows that run, are compensating, or failed, counted to 10,001"),
    ("pgjobs_limit_blocked", "jobs that wait for a slot of the limit, counted to 10,001"),
    ("pgjobs_schedule_lag_seconds", "for how long a schedule is due and nobody ticks"),
    ("pgjobs_promotion_lag_seconds", "for how long a job is due and not in the queue"),
    ("pgjobs_live_workers", "workers that live"),
    ("pgjobs_late_workers", "workers that live and whose heartbeat is late"),
    ("pgjobs_paused_workers", "workers that a command has paused"),
    ("pgjobs_live_slots", "slots of all workers that live"),
    ("pgjobs_table_rows", "rows of a table, estimated"),
    ("pgjobs_dead_rows", "dead rows of a table, estimated"),
    ("pgjobs_table_bytes", "size of a table with its indexes; of history as of its last vacuum"),
    ("pgjobs_oldest_snapshot_seconds", "age of the oldest snapshot, by the kind of who holds it"),
    ("pgjobs_oldest_snapshot_transactions", "the same in transactions"),
    ("pgjobs_standby_lag_seconds", "age of what a standby shows; 0 on a primary"),
    ("pgjobs_standby_lag_bytes", "what a standby has received and not replayed"),
    ("pgjobs_server_up", "whether the server answers, where there are several"),
    ("pgjobs_problem", "problems of this kind that `pgjobs doctor` shows now"),
];

/// The series, each under what its metric means. They are in order of their names.
pub(super) fn text(all: &[Series]) -> String {
    let mut text = String::new();
    let mut last = "";
    for series in all {
        if series.name != last {
            head(&mut text, &series.name);
            last = &series.name;
        }
        line(&mut text, series);
    }
    text
}

fn head(text: &mut String, name: &str) {
    if let Some((_, meaning)) = METRICS.iter().find(|(known, _)| *known == name) {
        let _ = writeln!(text, "# HELP {name} {meaning}");
    }
    let _ = writeln!(text, "# TYPE {name} gauge");
}

fn line(text: &mut String, series: &Series) {
    text.push_str(&series.name);
    for (at, (label, value)) in series.labels.iter().enumerate() {
        let _ = write!(text, "{}{label}=\"", if at == 0 { '{' } else { ',' });
        value.chars().for_each(|c| escaped(text, c));
        text.push('"');
    }
    let end = if series.labels.is_empty() { "" } else { "}" };
    let _ = writeln!(text, "{end} {}", series.value);
}

/// The value of a label: names of tasks come from anywhere.
fn escaped(text: &mut String, c: char) {
    match c {
        '\\' => text.push_str("\\\\"),
        '"' => text.push_str("\\\""),
        '\n' => text.push_str("\\n"),
        c => text.push(c),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn no_name_of_a_task_breaks_out_of_its_label() {
        let labels = BTreeMap::from([("task".to_owned(), "a\"} 1\nb\\".to_owned())]);
        let series = |labels| Series { name: "pgjobs_live_workers".to_owned(), labels, value: 0.5 };
        let shown = text(&[series(labels), series(BTreeMap::new())]);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(
            lines,
            [
                "# HELP pgjobs_live_workers workers that live",
                "# TYPE pgjobs_live_workers gauge",
                r#"pgjobs_live_workers{task="a\"} 1\nb\\"} 0.5"#,
                "pgjobs_live_workers 0.5"
            ]
        );
    }
}
