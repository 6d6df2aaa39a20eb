//! What operators do to many jobs, and to single ones: operations, re-drive, edit, rules for history, the
//! audit.

mod audit;
mod beside;
mod deaths;
mod edit;
mod keep;
mod operations;
mod redrive;

use pgjobs_tests::Db;

/// Writes so many failed jobs of task mail.send into history, over some days, with errors "timed out 1", …
async fn failed(db: &Db, jobs: u32, days: u32) {
    db.run(&format!(
        "update jobs.config set history_days = 400;
         select count(jobs._make_partition(current_date - g)) from generate_series(1, {days} - 1) g;
         insert into jobs.job (id, job_id, task, body, retries, max_retries, priority, timeout, status, created_at, complete_on, traceback, attempt, meta)
         select nextval('jobs.job_number'), jobs._new_job_id(jobs._id_time(now() - (g % {days}) * interval '1 day' - interval '1 hour'), g), 'mail.send',
           jsonb_build_object('args', jsonb_build_array(g)), 2, 3, 4, 90, 'failed', now() - interval '40 days', now() - (g % {days}) * interval '1 day' - interval '1 s',
           'timed out ' || g, 3, '{{\"tags\": [\"vip\"]}}'
         from generate_series(1, {jobs}) g"
    ))
    .await;
}

/// Starts an operation with these arguments of jobs.start_operation, and returns its number.
async fn start(db: &Db, arguments: &str) -> i64 {
    db.one(&format!("select (jobs.start_operation({arguments})).id")).await
}

/// Does the steps of an operation until it ends; the state, and the numbers of jobs that were done and
/// skipped.
async fn finish(db: &Db, id: i64) -> (String, i64, i64) {
    loop {
        let now = format!("select state from jobs.step_operation({id}, 10)");
        if db.one::<String>(&now).await != "running" {
            break;
        }
    }
    numbers(db, id).await
}

async fn numbers(db: &Db, id: i64) -> (String, i64, i64) {
    let state = db.one(&format!("select state from jobs.get_operation({id})")).await;
    let done = db.one(&format!("select done from jobs.get_operation({id})")).await;
    (state, done, db.one(&format!("select skipped from jobs.get_operation({id})")).await)
}
