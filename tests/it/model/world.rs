//! The database and the model, side by side.

use std::collections::BTreeSet;

use proptest::{prop_assert, prop_assert_eq};
use sqlx::Executor;
use sqlx::postgres::PgConnection;
use sqlx::types::Uuid;

use pgjobs_tests::Db;

use super::database::{self, Answer, Verified, call};
use super::job::{Job, Jobs, Micros};
use super::operation::Operation;
use super::step::Step;
use super::transactions::{Model, Transaction};

pub(super) struct World {
    _db: Db,
    sessions: Vec<PgConnection>,
    /// Sees what is committed.
    pub(super) observer: PgConnection,
    pub(super) model: Model,
}

impl World {
    pub(super) async fn new() -> Self {
        let db = Db::with_clock().await;
        let mut sessions = Vec::new();
        for _ in 0..4 {
            let mut session = db.connect().await;
            // Nothing that is tried here waits for a transaction of its neighbours.
            session.execute("set statement_timeout = '10s'").await.expect("set");
            sessions.push(session);
        }
        let observer = sessions.pop().expect("four");
        World { _db: db, sessions, observer, model: Model::default() }
    }

    pub(super) async fn play(&mut self, operations: &[Operation]) -> Verified {
        self.reset().await?;
        self.register().await?;
        for (nth, operation) in operations.iter().enumerate() {
            self.carry_out(operation).await?;
            if nth % 8 == 7 {
                self.check_views().await?;
            }
        }
        for session in 1..=2 {
            self.finish(session, session == 1).await?;
        }
        self.check_views().await
    }

    async fn reset(&mut self) -> Verified {
        for session in &mut self.sessions {
            session.execute("rollback").await.expect("rollback");
        }
        let clear = "truncate jobs.pending, jobs.batch, jobs.job, jobs.worker";
        self.observer.execute(clear).await.expect("truncate");
        let start = "select jobs.now(), nextval('jobs.job_number')";
        let rows = database::rows(&mut self.observer, start).await?;
        let now = database::micros(&rows[0], 0).expect("a time");
        self.model = Model { now, last_seq: database::column(&rows, 1)[0], ..Model::default() };
        Ok(())
    }

    /// Makes a call, has the model follow it, and compares what the session then sees.
    pub(super) async fn act(
        &mut self,
        session: usize,
        sql: &str,
        follow: impl FnOnce(&mut Step, &Answer) -> Verified,
    ) -> Verified {
        let before = self.model.view(session);
        let answer = call(&mut self.sessions[session], sql).await;
        // A refusal changes nothing.
        let seen =
            if answer.is_ok() { database::jobs(&mut self.sessions[session]).await } else { before.clone() };
        let locked = self.model.locked_for(session);
        let mut step = Step {
            jobs: before,
            seen: &seen,
            now: self.model.now,
            locked: &locked,
            last_seq: self.model.last_seq,
            workers: &mut self.model.workers,
        };
        follow(&mut step, &answer)?;
        step.unpack();
        compare(&step.jobs, &seen, sql)?;
        if answer.is_err() && self.model.open.contains_key(&session) {
            return self.finish(session, false).await;
        }
        self.model.record(session, seen);
        self.check_workers().await?;
        self.check_others(session, sql).await
    }

    /// What is not committed nobody else sees, and a call locks no more than it must.
    async fn check_others(&mut self, session: usize, sql: &str) -> Verified {
        if !self.model.open.contains_key(&session) {
            return Ok(());
        }
        compare(&self.model.jobs, &database::jobs(&mut self.observer).await, sql)?;
        for number in database::locked(&mut self.observer).await {
            self.model.locked.entry(number).or_insert(session);
        }
        let changed = self.model.changed(session);
        // To find packed rows and unpack them, the first rows of key ranges may be locked as well; and batches of which
        // a run has expired.
        let packed = |job: &Job| self.model.packed && job.is_pending();
        let batch = |job: &Job| job.run().map(|run| (run.lease, run.batch_index >> 6));
        let batches: BTreeSet<_> =
            changed.iter().filter_map(|n| self.model.jobs.get(n).and_then(batch)).collect();
        for (number, _) in self.model.locked.iter().filter(|(_, locker)| **locker == session) {
            let job = &self.model.jobs[number];
            let needed = changed.contains(number)
                || packed(job)
                || batch(job).is_some_and(|batch| {
                    batches.contains(&batch) || job.run().is_some_and(|run| run.worker.is_some())
                });
            prop_assert!(needed, "{} locks {:?} for nothing", sql, job);
        }
        Ok(())
    }

    pub(super) async fn begin(&mut self, session: usize) -> Verified {
        if !self.model.open.contains_key(&session) {
            database::rows(&mut self.sessions[session], "begin").await?;
            self.model.open.insert(session, Transaction::default());
        }
        Ok(())
    }

    pub(super) async fn finish(&mut self, session: usize, commit: bool) -> Verified {
        if self.model.open.contains_key(&session) {
            let end = if commit { "commit" } else { "rollback" };
            database::rows(&mut self.sessions[session], end).await?;
            self.model.finish(session, commit);
            compare(&self.model.jobs, &database::jobs(&mut self.observer).await, end)?;
        }
        Ok(())
    }

    async fn check_workers(&mut self) -> Verified {
        let rows = database::rows(
            &mut self.observer,
            "select id, expires_at, lost_at is not null from jobs.worker order by id",
        )
        .await?;
        let shown: Vec<(Uuid, Option<Micros>, bool)> = database::column(&rows, 0)
            .into_iter()
            .zip(&rows)
            .map(|(id, row)| (id, database::micros(row, 1), sqlx::Row::get(row, 2)))
            .collect();
        let known: Vec<_> = self
            .model
            .workers
            .iter()
            .map(|(id, worker)| (*id, Some(worker.expires_at), worker.lost))
            .collect();
        prop_assert_eq!(shown, known, "workers");
        Ok(())
    }

    /// The public views say the same.
    async fn check_views(&mut self) -> Verified {
        let shown = database::views(&mut self.observer).await;
        let locked = BTreeSet::new();
        let model = &mut self.model;
        let (now, last_seq) = (model.now, model.last_seq);
        let step = Step {
            jobs: Jobs::new(),
            seen: &Jobs::new(),
            now,
            locked: &locked,
            last_seq,
            workers: &mut model.workers,
        };
        let known: Vec<_> = model.jobs.values().map(|job| described(job, step.shows_expired(job))).collect();
        prop_assert_eq!(shown, known, "the views");
        Ok(())
    }
}

/// Prints only what differs.
fn compare(expected: &Jobs, seen: &Jobs, sql: &str) -> Verified {
    for number in expected.keys().chain(seen.keys()) {
        prop_assert_eq!(seen.get(number), expected.get(number), "database and model, after {}", sql);
    }
    Ok(())
}

fn described(job: &Job, expired: bool) -> (i64, String, [Option<Micros>; 4]) {
    let (run, end) = (job.run(), job.end());
    let yes = |yes: bool| if yes { "t" } else { "f" };
    let mut text = format!(
        "{} {} {} {} {} {} worker",
        job.status(),
        job.task,
        job.priority,
        job.retries,
        job.max_retries,
        job.attempt
    );
    let mut add = |word: &str| text.extend([" ", word]);
    if let Some(worker) = run.and_then(|run| run.worker).or(end.and_then(|end| end.worker)) {
        add(&worker.to_string());
    }
    add("error");
    job.traceback.iter().for_each(|error| add(error));
    add("result");
    end.and_then(|end| end.result).iter().for_each(|result| add(&result.to_string()));
    add(&format!("queue {} running {} expired {}", yes(end.is_none()), yes(run.is_some()), yes(expired)));
    let run_at = run.map(|run| run.run_at).or(end.and_then(|end| end.run_at));
    (job.number, text, [job.scheduled_at, run_at, end.map(|end| end.at), run.map(|run| run.expires_at)])
}
