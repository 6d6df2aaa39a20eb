//! Operations as calls, and the answers that the model expects: publishing, claiming, leases, the clock.

use proptest::{prop_assert, prop_assert_eq};
use sqlx::Row;
use sqlx::types::Uuid;

use super::database::{Verified, column, micros, rows};
use super::job::SECOND;
use super::leases::WORKERS_LEASE;
use super::operation::{New, Operation, Pick, TASKS};
use super::settling::{seconds, time};
use super::step::{MARGIN, Taken};
use super::world::World;

impl World {
    pub(super) async fn carry_out(&mut self, operation: &Operation) -> Verified {
        match operation {
            Operation::Publish { session, job } => {
                self.publish(*session, std::slice::from_ref(job), false).await
            }
            Operation::Bulk { session, jobs } => self.publish(*session, jobs, true).await,
            Operation::Packed { session, job, size } => {
                self.model.packed = true;
                self.publish_packed(*session, job, *size).await
            }
            Operation::Consume { session, topic, num } => self.consume(*session, topic, *num).await,
            Operation::Claim { session, worker, num, own_batch } => {
                self.claim(*session, *worker, *num, *own_batch).await
            }
            Operation::Ack { session, pick, lease } => self.ack(*session, *pick, *lease).await,
            Operation::Nack { session, pick, lease, delay, ensure_running } => {
                self.nack(*session, *pick, *lease, *delay, *ensure_running).await
            }
            Operation::Settle { session, outcomes, batch_indexes, times } => {
                self.settle(*session, outcomes, *batch_indexes, *times).await
            }
            Operation::Heartbeat { pick } => self.heartbeat(*pick).await,
            Operation::HeartbeatWorker { worker, late } => self.heartbeat_worker(*worker, late).await,
            Operation::Register => self.register().await,
            Operation::Unregister { worker } => self.unregister(*worker).await,
            Operation::Sweep { limit } => self.sweep(*limit).await,
            Operation::Promote { limit } => self.promote(*limit).await,
            Operation::Maintain => self.maintain().await,
            Operation::Advance { seconds } => self.advance(*seconds).await,
            Operation::Cancel { session, picks } => self.cancel(*session, picks).await,
            Operation::Retry { picks } => self.retry(picks).await,
            Operation::Purge { topic, limit } => self.purge(topic, *limit).await,
            Operation::Release { pick } => self.release(*pick).await,
            Operation::Begin { session } => self.begin(*session).await,
            Operation::Finish { session, commit } => self.finish(*session, *commit).await,
        }
    }

    async fn publish(&mut self, session: usize, jobs: &[New], bulk: bool) -> Verified {
        let fields = |job: &New| {
            let due = time(job.delay.map(|delay| self.model.now + delay * SECOND));
            format!("'{}', 'null', {due}, {}, {}, {}", job.task, job.timeout, job.priority, job.max_retries)
        };
        let sql = if bulk {
            let all: Vec<String> =
                jobs.iter().map(|job| format!("row({})::jobs.bulk_job", fields(job))).collect();
            format!("select id, job_id from jobs.publish_bulk(array[{}])", all.join(", "))
        } else {
            format!("select id, job_id from jobs.publish({})", fields(&jobs[0]))
        };
        self.act(session, &sql, |step, answer| {
            let published: Vec<_> = allowed(answer)?.iter().map(|row| (row.get(0), row.get(1))).collect();
            step.publish(jobs, &published)
        })
        .await
    }

    async fn publish_packed(&mut self, session: usize, job: &New, size: usize) -> Verified {
        let sql = format!(
            "select unnest(jobs.publish_arrays('{{{}}}', array_fill('1'::jsonb, array[{size}]), null, null, '{{{}}}', '{{{}}}', '{{{}}}', i_pack => true))",
            job.task, job.timeout, job.priority, job.max_retries
        );
        self.act(session, &sql, |step, answer| {
            let ids: Vec<String> = column(allowed(answer)?, 0);
            let published: Vec<_> = ids
                .into_iter()
                .filter_map(|id| Some((step.seen.values().find(|job| job.id == id)?.number, id)))
                .collect();
            step.publish(&vec![New { delay: None, ..job.clone() }; size], &published)?;
            step.pack(&published);
            Ok(())
        })
        .await
    }

    async fn consume(&mut self, session: usize, topic: &str, num: usize) -> Verified {
        let sql = match topic {
            "*" => format!("select id, lease, attempt, expires_at from jobs.consume({num})"),
            "b" => format!("select id, lease, attempt, expires_at from jobs.consume('b', {num})"),
            _ => format!("select id, lease, attempt, expires_at from jobs.consume_topic('{topic}', {num})"),
        };
        self.act(session, &sql, |step, answer| {
            let runs = allowed(answer)?;
            let got: Vec<(i64, Uuid)> = runs.iter().map(|row| (row.get(0), row.get(1))).collect();
            step.consume(topic, num, &got)?;
            for row in runs {
                let job = &step.jobs[&row.get(0)];
                let answered = (row.get(2), micros(row, 3));
                prop_assert_eq!(
                    answered,
                    (job.attempt, job.run().map(|run| run.expires_at)),
                    "as it is answered"
                );
            }
            Ok(())
        })
        .await
    }

    async fn claim(&mut self, session: usize, nth: usize, num: usize, own_batch: bool) -> Verified {
        let Some(worker) = self.worker(nth) else { return Ok(()) };
        let tasks = [&TASKS[..], &TASKS[..1], &TASKS[1..]][nth];
        let within = self.model.open.contains_key(&session);
        // A worker's large answer comes without its jobs, which another statement has to fetch.
        let num = num.min(100);
        let mut claims = false;
        let lease = self.model.new_key();
        let own_batch = if own_batch { "'{a.x}'" } else { "null" };
        // Of every two claims one is that of an idle worker, which promises the same.
        let sleeps = if num.is_multiple_of(2) { "i_sleep_seconds => 1, i_watermarks => '{}'," } else { "" };
        let sql = format!(
            "select j.id, c.part * 64 + j.ordinality::integer - 1 from jobs.claim('{worker}', '{{{}}}', {num}, '{lease}', {MARGIN},
               {sleeps} i_own_batch => {own_batch}) c, unnest(c.jobs) with ordinality j",
            tasks.join(",")
        );
        self.act(session, &sql, |step, answer| {
            if step.workers.get(&worker).is_none_or(|worker| worker.lost) {
                prop_assert_eq!(answer.as_ref().err().map(String::as_str), Some("PT410"));
                return Ok(());
            }
            let taken = |row: &sqlx::postgres::PgRow| Taken {
                number: row.get(0),
                lease,
                batch_index: row.get(1),
                worker: Some(worker),
            };
            let got: Vec<Taken> = allowed(answer)?.iter().map(taken).collect();
            // A claim that took jobs holds its worker's row until it commits.
            claims = !got.is_empty();
            step.workers.entry(worker).and_modify(|worker| worker.claiming += usize::from(within && claims));
            step.claim(tasks, num, &got)
        })
        .await?;
        if let Some(open) = self.model.open.get_mut(&session).filter(|_| claims) {
            open.claiming.push(worker);
        }
        Ok(())
    }

    async fn heartbeat(&mut self, pick: Pick) -> Verified {
        let Some((key, _)) = self.model.run(0, pick) else { return Ok(()) };
        let sql = format!("select jobs.heartbeat('{}', '{}')", self.model.ids[&key.number], key.lease);
        self.act(0, &sql, |step, answer| {
            let run = step.jobs.get(&key.number).and_then(|job| job.run());
            let live = run.filter(|run| run.lease == key.lease && run.expires_at > step.now);
            let answered = answer.as_ref().map(|rows| micros(&rows[0], 0)).map_err(String::as_str);
            prop_assert_eq!(answered, live.map(|run| Some(run.expires_at)).ok_or("PT409"));
            Ok(())
        })
        .await
    }

    async fn heartbeat_worker(&mut self, nth: usize, late: &[Pick]) -> Verified {
        let Some(worker) = self.worker(nth) else { return Ok(()) };
        let late: Vec<_> = late
            .iter()
            .filter_map(|pick| self.model.run(0, *pick))
            .map(|run| (run.0.lease, run.0.batch_index))
            .collect();
        let leases: Vec<String> = late.iter().map(|run| run.0.to_string()).collect();
        let batch_indexes: Vec<String> = late.iter().map(|run| run.1.to_string()).collect();
        let sql = format!(
            "select alive from jobs.beat('{worker}', '{{{}}}', '{{{}}}')",
            leases.join(","),
            batch_indexes.join(",")
        );
        self.act(0, &sql, |step, answer| {
            let lives: bool = allowed(answer)?[0].get(0);
            prop_assert_eq!(lives, step.heartbeat_worker(worker, &late));
            Ok(())
        })
        .await
    }

    pub(super) async fn register(&mut self) -> Verified {
        let worker = self.model.new_key();
        self.model.registered.push(worker);
        let sql = format!(
            "select jobs.register_worker('{worker}', 'host', 1, '1', '{{*}}', '{{a.x,a.y,b}}', 9, {WORKERS_LEASE})"
        );
        self.act(0, &sql, |step, answer| {
            allowed(answer)?;
            step.register(worker);
            Ok(())
        })
        .await
    }

    async fn unregister(&mut self, nth: usize) -> Verified {
        let Some(worker) = self.worker(nth) else { return Ok(()) };
        self.act(0, &format!("select jobs.unregister_worker('{worker}')"), |step, answer| {
            allowed(answer)?;
            step.workers.entry(worker).and_modify(|worker| worker.lost = true);
            step.sweep(1000).map(drop)
        })
        .await
    }

    async fn sweep(&mut self, limit: usize) -> Verified {
        self.act(0, &format!("select jobs.sweep({limit})"), |step, answer| {
            let swept: i32 = allowed(answer)?[0].get(0);
            prop_assert_eq!(swept as usize, step.sweep(limit)?, "swept");
            Ok(())
        })
        .await
    }

    async fn promote(&mut self, limit: usize) -> Verified {
        self.act(0, &format!("select jobs.promote({limit})"), |step, answer| {
            let placed: i32 = allowed(answer)?[0].get(0);
            prop_assert_eq!(placed as usize, step.promote(limit, i64::MIN, &|_| true)?, "promoted");
            Ok(())
        })
        .await
    }

    async fn maintain(&mut self) -> Verified {
        self.act(0, "select jobs.maintain()", |step, answer| {
            step.sweep(1000)?;
            step.promote(1000, i64::MIN, &|_| true)?;
            step.check_next(allowed(answer)?[0].get(0))
        })
        .await
    }

    async fn advance(&mut self, by: i64) -> Verified {
        let sql =
            format!("update jobs.test_clock set at = at + interval '{} s' returning at", seconds(Some(by)));
        let at = micros(&rows(&mut self.observer, &sql).await?[0], 0);
        self.model.now += by * SECOND;
        prop_assert!(at == Some(self.model.now), "the clock");
        Ok(())
    }

    fn worker(&self, nth: usize) -> Option<Uuid> {
        let registered = &self.model.registered;
        registered.iter().rev().nth(nth).or(registered.last()).copied()
    }
}

/// An answer that is no refusal.
pub(super) fn allowed(answer: &super::database::Answer) -> Verified<&[sqlx::postgres::PgRow]> {
    answer
        .as_deref()
        .map_err(|code| proptest::test_runner::TestCaseError::fail(format!("refused with {code}")))
}
