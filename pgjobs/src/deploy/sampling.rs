//! Reads the open jobs of a task, all of them or a sample, and decodes each.

use std::collections::{BTreeMap, HashSet};

use sqlx::PgConnection;

use super::findings::{Coverage, UnreadableJob};
use crate::db::deploy::{self, InUse, Open};
use crate::task::definition::TaskDef;
use crate::types::error::Error;
use crate::types::job_id::JobId;

/// Jobs in one page; each body is at most a megabyte.
const PAGE: u64 = 200;
/// Jobs whose bodies are fetched by id in one query.
const CHUNK: usize = 20;
/// Jobs that are read at each position of a sampled queue.
const EACH: u64 = 10;
/// The size of a packed row, whose jobs are returned together.
const ROW: u64 = 64;
/// Jobs that a finding names.
const NAMED: usize = 10;

/// What was found in the jobs of one task.
pub(super) struct SampleResult {
    pub(super) coverage: Coverage,
    /// Some of those that do not fit.
    pub(super) unreadable: Vec<UnreadableJob>,
    /// The number of jobs that fail, by reason.
    pub(super) reasons: BTreeMap<String, u64>,
    /// How many have positional values.
    pub(super) by_position: u64,
    /// Some of those whose bodies the server cannot send, and how many there are.
    pub(super) unsendable: Vec<UnreadableJob>,
    pub(super) not_sent: u64,
}

/// Decodes the open jobs of one task.
pub(super) struct Sampling<'a> {
    connection: &'a mut PgConnection,
    def: &'static TaskDef,
    task: &'a InUse,
    sample: u64,
    seen: SampleResult,
    /// Jobs of a sample that were read already: the pages of a sample may overlap.
    known: Option<HashSet<String>>,
    progress: &'a mut (dyn FnMut(u64) + Send),
}

impl<'a> Sampling<'a> {
    pub(super) fn new(
        connection: &'a mut PgConnection,
        def: &'static TaskDef,
        task: &'a InUse,
        sample: u64,
        progress: &'a mut (dyn FnMut(u64) + Send),
    ) -> Self {
        let coverage = Coverage {
            task: task.task.clone(),
            open: open(task),
            exact: task.exact,
            sampled: 0,
            unreadable: 0,
        };
        let seen = SampleResult {
            coverage,
            unreadable: Vec::new(),
            reasons: BTreeMap::new(),
            by_position: 0,
            unsendable: Vec::new(),
            not_sent: 0,
        };
        Sampling { connection, def, task, sample, seen, known: Some(HashSet::new()), progress }
    }

    /// Jobs outside the queue (scheduled or running) get their share of the sample, those in the queue the
    /// rest.
    pub(super) async fn run(mut self) -> Result<SampleResult, Error> {
        if self.sample == 0 {
            return Ok(self.seen);
        }
        let task = self.task;
        let beside = (task.scheduled + task.running).unsigned_abs();
        let all = task.exact && open(task) <= self.sample;
        let share = match (all, beside) {
            (true, _) => beside,
            (false, 0) => 0,
            (false, _) => (self.sample.saturating_mul(beside) / open(task).max(1)).clamp(1, self.sample),
        };
        self.sample_not_ready(share).await?;
        let left = self.sample - self.seen.coverage.sampled.min(self.sample);
        let ended = match all || task.ready.unsigned_abs() <= left {
            true => self.whole_queue().await?,
            false => self.sampled_queue(left).await?,
        };
        let seen = &mut self.seen.coverage;
        // Some of the counted jobs have ended since: the jobs that were read are all that are left.
        seen.open = if all && ended { seen.sampled } else { seen.open.max(seen.sampled) };
        Ok(self.seen)
    }

    async fn sample_not_ready(&mut self, num: u64) -> Result<(), Error> {
        if num == 0 {
            return Ok(());
        }
        let jobs = deploy::sample_not_ready(self.connection, &self.task.task, integer(num)).await?;
        for chunk in jobs.chunks(CHUNK) {
            let mut rest = chunk;
            while !rest.is_empty() {
                let page = deploy::open_bodies(self.connection, rest).await?;
                // Large bodies are returned in several pages; jobs that have ended are not returned.
                let Some(last) = page.last().map(|job| job.job_id.as_str().to_owned()) else { break };
                let seen = rest.iter().position(|id| *id == last).map_or(rest.len(), |at| at + 1);
                rest = &rest[seen..];
                self.decode(page, num);
            }
        }
        Ok(())
    }

    /// Reads the queue page by page to its end, or until the sample is full, since more jobs may have been
    /// published. Returns whether it reached the end.
    async fn whole_queue(&mut self) -> Result<bool, Error> {
        self.known = None; // no job is read twice
        let mut from = None;
        while self.seen.coverage.sampled < self.sample {
            let (page, last) =
                deploy::read_ready(self.connection, &self.task.task, from, integer(PAGE)).await?;
            let Some(last) = last else { return Ok(true) };
            self.decode(page, u64::MAX);
            from = Some(last.next());
        }
        Ok(false)
    }

    /// Reads a few jobs at each of many positions: the first and the last of the queue, and others spread
    /// evenly between.
    async fn sampled_queue(&mut self, num: u64) -> Result<bool, Error> {
        let spots = (num / EACH).clamp(1, 100_000);
        let each = num.div_ceil(spots);
        let mut keys =
            deploy::sample_keys(self.connection, &self.task.task, integer(spots.max(2) - 1), integer(each))
                .await?;
        // The end first: with very many priorities, the other positions would fill the sample before it.
        if let Some(end) = keys.pop() {
            let most = integer(each.saturating_add(ROW));
            let (mut page, _) = deploy::read_ready(self.connection, &self.task.task, Some(end), most).await?;
            page.reverse();
            self.decode(page, each);
        }
        for key in keys {
            let (page, _) =
                deploy::read_ready(self.connection, &self.task.task, Some(key), integer(each)).await?;
            self.decode(page, each);
        }
        Ok(false)
    }

    /// Decodes up to `most` of these jobs, skipping those that were decoded before.
    fn decode(&mut self, page: Vec<Open>, most: u64) {
        let mut taken = 0;
        for job in page {
            let full = taken >= most || self.seen.coverage.sampled >= self.sample;
            let is_known = |known: &mut HashSet<String>| !known.insert(job.job_id.as_str().to_owned());
            if full || self.known.as_mut().is_some_and(is_known) {
                continue;
            }
            taken += 1;
            self.decode_one(job);
        }
        (self.progress)(self.seen.coverage.sampled);
    }

    fn decode_one(&mut self, job: Open) {
        self.seen.coverage.sampled += 1;
        let body = match &job.body {
            Ok(body) => body.as_deref(),
            Err(reason) => return self.not_sent(job.job_id, reason),
        };
        self.seen.by_position += u64::from(is_by_position(body));
        let Err(error) = (self.def.decode)(body) else { return };
        self.seen.coverage.unreadable += 1;
        let reason = error.to_string().trim_start_matches("arguments do not fit: ").to_owned();
        *self.seen.reasons.entry(reason).or_default() += 1;
        if self.seen.unreadable.len() < NAMED {
            let (path, reason) = (error.path().to_owned(), error.reason().to_owned());
            self.seen.unreadable.push(UnreadableJob { job_id: job.job_id, path, reason });
        }
    }

    /// Records a job that no program can read: that is not a schema error of this program.
    fn not_sent(&mut self, job_id: JobId, reason: &str) {
        self.seen.not_sent += 1;
        if self.seen.unsendable.len() < NAMED {
            let reason = format!("the server cannot send its arguments: {reason}");
            self.seen.unsendable.push(UnreadableJob { job_id, path: String::new(), reason });
        }
    }
}

/// The number of open jobs of a task; a lower bound.
pub(super) fn open(task: &InUse) -> u64 {
    (task.ready + task.scheduled + task.running).unsigned_abs()
}

fn is_by_position(body: Option<&str>) -> bool {
    #[derive(serde::Deserialize)]
    struct Positions {
        args: Option<Vec<serde::de::IgnoredAny>>,
    }
    let positions = body.and_then(|body| serde_json::from_str::<Positions>(body).ok());
    positions.and_then(|positions| positions.args).is_some_and(|args| !args.is_empty())
}

fn integer(number: u64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
