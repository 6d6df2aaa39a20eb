//! A schedule that the code declares with its task.

use std::time::Duration;

use serde_json::{Map, Value};

use super::schedule::{CatchUp, Fold, Gap, Overlap};

/// A schedule of a task as the code declares it, with `#[task(cron = "…")]` or by hand. A worker saves it
/// when it starts; its jobs get no arguments, so every argument of the task may be absent.
///
/// ```
/// use pgjobs::define::TaskSchedule;
/// use pgjobs::schedule::CatchUp;
///
/// const NIGHTLY: TaskSchedule =
///     TaskSchedule::cron("0 3 * * *").zone("Europe/Berlin").catch_up(CatchUp::Skip);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct TaskSchedule {
    name: Option<&'static str>,
    when: When,
    zone: Option<&'static str>,
    gap: Option<Gap>,
    fold: Option<Fold>,
    jitter: Option<Duration>,
    catch_up: Option<CatchUp>,
    catch_up_limit: Option<u32>,
    overlap: Option<Overlap>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum When {
    Cron(&'static str),
    Every(Duration),
}

impl TaskSchedule {
    /// Due as a cron line says: minute, hour, day, month, weekday.
    pub const fn cron(line: &'static str) -> Self {
        TaskSchedule::new(When::Cron(line))
    }

    /// Due every so often, 1 second to 366 days, counted from 1970 in UTC.
    pub const fn every(length: Duration) -> Self {
        TaskSchedule::new(When::Every(length))
    }

    const fn new(when: When) -> Self {
        TaskSchedule {
            name: None,
            when,
            zone: None,
            gap: None,
            fold: None,
            jitter: None,
            catch_up: None,
            catch_up_limit: None,
            overlap: None,
        }
    }

    /// Sets its name, which is the task's name otherwise; several schedules of a task need different ones.
    pub const fn name(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// Sets the time zone of its cron line, such as `Europe/Berlin`; UTC otherwise.
    pub const fn zone(mut self, zone: &'static str) -> Self {
        self.zone = Some(zone);
        self
    }

    /// Sets what happens to a time that the clock skips.
    pub const fn gap(mut self, gap: Gap) -> Self {
        self.gap = Some(gap);
        self
    }

    /// Sets what happens to a time that the clock shows twice.
    pub const fn fold(mut self, fold: Fold) -> Self {
        self.fold = Some(fold);
        self
    }

    /// Delays each tick by a part of this length, at most a day, that its name and time decide.
    pub const fn jitter(mut self, jitter: Duration) -> Self {
        self.jitter = Some(jitter);
        self
    }

    /// Sets which of several late ticks are published.
    pub const fn catch_up(mut self, catch_up: CatchUp) -> Self {
        self.catch_up = Some(catch_up);
        self
    }

    /// Sets how many late ticks are published with [`CatchUp::All`], 1 to 1000; 100 otherwise.
    pub const fn catch_up_limit(mut self, ticks: u32) -> Self {
        self.catch_up_limit = Some(ticks);
        self
    }

    /// Sets what happens to a tick while the job of the tick before is open.
    pub const fn overlap(mut self, overlap: Overlap) -> Self {
        self.overlap = Some(overlap);
        self
    }

    /// As `jobs.register_tasks` takes it; `task`: the name of the task.
    pub(crate) fn describe(&self, task: &str) -> Value {
        let seconds = |length: Duration| Value::String(format!("{} s", length.as_secs_f64()));
        let when = match self.when {
            When::Cron(line) => ("cron", Some(line.into())),
            When::Every(length) => ("every", Some(seconds(length))),
        };
        let fields = [
            ("name", Some(self.name.unwrap_or(task).into())),
            when,
            ("zone", self.zone.map(Value::from)),
            ("gap", self.gap.map(|gap| gap.as_str().into())),
            ("fold", self.fold.map(|fold| fold.as_str().into())),
            ("jitter", self.jitter.map(seconds)),
            ("catch_up", self.catch_up.map(|catch_up| catch_up.as_str().into())),
            ("catch_up_limit", self.catch_up_limit.map(Value::from)),
            ("overlap", self.overlap.map(|overlap| overlap.as_str().into())),
        ];
        let set = fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        Value::Object(set.collect::<Map<String, Value>>())
    }
}
