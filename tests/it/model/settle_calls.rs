//! Operations as calls, and the answers that the model expects: outcomes, and an operator's commands.

use std::collections::BTreeMap;

use proptest::prop_assert_eq;
use sqlx::Row;

use super::calls::allowed;
use super::database::{Verified, column};
use super::job::SECOND;
use super::operation::{Outcome, Pick};
use super::settling::{RunKey, seconds, time};
use super::world::World;

impl World {
    pub(super) async fn ack(&mut self, session: usize, pick: Pick, lease: bool) -> Verified {
        let Some((key, _)) =
            self.model.run(session, pick).filter(|run| !self.would_wait(session, run.0.number))
        else {
            return Ok(());
        };
        let lease = lease.then_some(key.lease);
        let result = key.number * 10;
        let sql = format!(
            "select (jobs.ack('{}', '{result}', {})).result::bigint",
            self.model.ids[&key.number],
            quoted(lease)
        );
        self.act(session, &sql, |step, answer| {
            let answered: Result<i64, &str> =
                answer.as_ref().map(|rows| rows[0].get(0)).map_err(String::as_str);
            prop_assert_eq!(answered, step.ack(key.number, lease, result));
            Ok(())
        })
        .await
    }

    pub(super) async fn nack(
        &mut self,
        session: usize,
        pick: Pick,
        lease: bool,
        delay: Option<i64>,
        ensure_running: bool,
    ) -> Verified {
        let run = self
            .model
            .run(session, pick)
            .filter(|_| ensure_running || lease)
            .map(|run| (run.0.number, lease.then_some(run.0.lease)));
        let Some((number, lease)) = run.or(self.model.job(session, pick).map(|number| (number, None))) else {
            return Ok(());
        };
        if self.would_wait(session, number) {
            return Ok(());
        }
        let at = time(delay.map(|delay| self.model.now + delay * SECOND));
        let sql = format!(
            "select jobs.nack('{}', 'no', {at}, {ensure_running}, {})",
            self.model.ids[&number],
            quoted(lease)
        );
        self.act(session, &sql, |step, answer| {
            prop_assert_eq!(
                answer.as_ref().err().map(String::as_str),
                step.nack(number, lease, "no", delay, ensure_running)?
            );
            Ok(())
        })
        .await
    }

    pub(super) async fn settle(
        &mut self,
        session: usize,
        outcomes: &[Outcome],
        batch_indexes: bool,
        times: usize,
    ) -> Verified {
        let mut settled: Vec<(RunKey, &Outcome)> = Vec::new();
        for outcome in outcomes {
            let Some((run, _)) = self.model.run(session, outcome.pick) else { return Ok(()) };
            if !settled.iter().any(|other| other.0 == run) {
                settled.push((run, outcome));
            }
        }
        let sql = self.settling(&settled, batch_indexes);
        for _ in 0..times {
            self.act(session, &sql, |step, answer| {
                let answered: BTreeMap<i32, String> =
                    allowed(answer)?.iter().map(|row| (row.get(0), row.get(1))).collect();
                let mut refused = BTreeMap::new();
                for (nth, (run, outcome)) in settled.iter().enumerate() {
                    let refusal = step.settle(*run, outcome.outcome, run.number * 10, outcome.delay)?;
                    refused.extend(refusal.map(|refusal| (nth as i32 + 1, refusal.to_owned())));
                }
                prop_assert_eq!(answered, refused, "outcomes");
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    fn settling(&self, settled: &[(RunKey, &Outcome)], batch_indexes: bool) -> String {
        let list = |of: &dyn Fn(&(RunKey, &Outcome)) -> String| {
            settled.iter().map(of).collect::<Vec<_>>().join(", ")
        };
        let outcomes = if settled.iter().all(|run| run.1.outcome == "success") {
            "null".to_owned()
        } else {
            format!("array[{}]", list(&|run| format!("'{}'", run.1.outcome)))
        };
        let batch_indexes = if batch_indexes {
            format!("array[{}]", list(&|run| run.0.batch_index.to_string()))
        } else {
            "null".into()
        };
        format!(
            "select at, reason from jobs.settle(array[{}], array[{}]::uuid[], {outcomes}, array[{}]::jsonb[],
               array_fill('reason'::text, array[{}]), array[{}]::float8[], {batch_indexes})",
            list(&|run| format!("'{}'", self.model.ids[&run.0.number])),
            list(&|run| format!("'{}'", run.0.lease)),
            list(&|run| format!("'{}'", run.0.number * 10)),
            settled.len(),
            list(&|run| seconds(run.1.delay)),
        )
    }

    pub(super) async fn cancel(&mut self, session: usize, picks: &[Pick]) -> Verified {
        let numbers: Vec<i64> =
            self.jobs(session, picks).into_iter().filter(|n| !self.would_wait(session, *n)).collect();
        let sql = format!(
            "select id from unnest((select array_agg(c) from jobs.cancel({}) c)) c join jobs.\"all\" on job_id = c order by 1",
            self.listed(&numbers)
        );
        self.act(session, &sql, |step, answer| {
            prop_assert_eq!(column::<i64>(allowed(answer)?, 0), step.cancel(&numbers), "cancelled");
            Ok(())
        })
        .await
    }

    pub(super) async fn retry(&mut self, picks: &[Pick]) -> Verified {
        let picks: Vec<Pick> = picks.iter().map(|pick| Pick { live: false, ..*pick }).collect();
        let numbers = self.jobs(0, &picks);
        let sql = format!("select jobs.retry({})", self.listed(&numbers));
        let ids = self.model.ids.clone();
        self.act(0, &sql, |step, answer| {
            let mut answered: Vec<String> = column(allowed(answer)?, 0);
            let mut requeued: Vec<String> =
                step.retry(&numbers)?.iter().map(|number| ids[number].clone()).collect();
            answered.sort();
            requeued.sort();
            prop_assert_eq!(answered, requeued, "requeued");
            Ok(())
        })
        .await
    }

    pub(super) async fn purge(&mut self, topic: &str, limit: usize) -> Verified {
        self.act(0, &format!("select jobs.purge('{topic}', {limit})"), |step, answer| {
            let purged: i64 = allowed(answer)?[0].get(0);
            step.purge(topic, limit, purged as usize)
        })
        .await
    }

    pub(super) async fn release(&mut self, pick: Pick) -> Verified {
        let Some((key, Some(worker))) = self.model.run(0, pick) else { return Ok(()) };
        let claiming = self.model.open.values().any(|open| open.claiming.contains(&worker));
        let mut taken = self.model.runs.iter().filter(|run| run.0.lease == key.lease);
        if claiming || taken.any(|run| self.would_wait(0, run.0.number)) {
            return Ok(());
        }
        self.act(0, &format!("select jobs.release('{worker}', '{}')", key.lease), |step, answer| {
            let released: i32 = allowed(answer)?[0].get(0);
            prop_assert_eq!(released as usize, step.release_claim(worker, key.lease), "released");
            Ok(())
        })
        .await
    }

    fn would_wait(&self, session: usize, number: i64) -> bool {
        self.model.locked.get(&number).is_some_and(|holder| *holder != session)
    }

    fn jobs(&self, session: usize, picks: &[Pick]) -> Vec<i64> {
        picks.iter().filter_map(|pick| self.model.job(session, *pick)).collect()
    }

    fn listed(&self, numbers: &[i64]) -> String {
        let ids: Vec<&str> = numbers.iter().map(|number| self.model.ids[number].as_str()).collect();
        format!("'{{{}}}'", ids.join(","))
    }
}

fn quoted(lease: Option<sqlx::types::Uuid>) -> String {
    lease.map_or("null".into(), |lease| format!("'{lease}'"))
}
