//! Two handwritten tasks: a no-op, and an errand that reports how soon it started and then runs as its job
//! asks.

use std::time::{Duration, Instant};

use schemars::{Schema, schema_for};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;

use crate::define::{Context, Handler, Param, StateType, TaskDef, TaskOptions};
use crate::task::job::ClaimTimes;
use crate::{Backoff, Task, TaskError};

pub(crate) const TOPIC: &str = "pgjobs.bench.*";

/// The state of the bench's worker: a clock that the publisher shares, and a channel for pick-up times.
pub(crate) struct Probe {
    pub(crate) epoch: Instant,
    pub(crate) pick_ups: UnboundedSender<PickedUp>,
}

/// A job whose run began.
pub(crate) struct PickedUp {
    /// The time from just before its publish.
    pub(crate) after: Duration,
    pub(crate) claim: ClaimTimes,
    pub(crate) began: Instant,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Noop {}

#[derive(Serialize, Deserialize)]
pub(crate) struct Errand {
    /// Nanoseconds from the epoch to the moment just before the publish; absent if the pick-up time is not
    /// measured.
    published: Option<u64>,
    manner: Manner,
}

/// What a run does.
#[derive(Serialize, Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Manner {
    Plain,
    FailFirst,
    Sleep,
}

const OPTIONS: TaskOptions = TaskOptions {
    // The second run always succeeds; the further attempts are for a worker that lost its lease.
    retries: 5,
    // Short, so that most retries fall into the measured time.
    backoff: Backoff::fixed(Duration::from_millis(500)),
    ..TaskOptions::DEFAULT
};
const NAP: Duration = Duration::from_millis(50);

pub(crate) static NOOP: TaskDef = TaskDef {
    name: "pgjobs.bench.noop",
    aliases: &[],
    doc: "Does nothing.",
    location: concat!(file!(), ":", line!()),
    params: &[],
    defaults: &[],
    extra_kwargs: false,
    needs: &[],
    schedules: &[],
    limits: &[],
    options: OPTIONS,
    unique: None,
    steps: &[],
    args_schema: anything,
    result_schema: nothing,
    decode: TaskDef::decode_as::<Noop>,
    run: Handler::One(|context| Box::pin(async move { context.finish(()) })),
};

pub(crate) static ERRAND: TaskDef = TaskDef {
    name: "pgjobs.bench.errand",
    doc: "Says how soon it was started, then does nothing, fails once or sleeps.",
    location: concat!(file!(), ":", line!()),
    params: &[
        Param { name: "published", ty: "Option<u64>", required: false },
        Param { name: "manner", ty: "Manner", required: true },
    ],
    needs: &[StateType::of::<Probe>()],
    decode: TaskDef::decode_as::<Errand>,
    run: Handler::One(|context| {
        Box::pin(async move {
            let outcome = errand(&context).await;
            context.finish(outcome)
        })
    }),
    ..NOOP
};

impl Task for Noop {
    type Output = ();
    const DEF: &'static TaskDef = &NOOP;
}

impl Task for Errand {
    type Output = ();
    const DEF: &'static TaskDef = &ERRAND;
}

impl Errand {
    pub(crate) fn new(manner: Manner) -> Self {
        Errand { published: None, manner }
    }

    /// An errand to be published at once: its pick-up time counts from now.
    pub(crate) fn timed(manner: Manner, epoch: Instant) -> Self {
        Errand { published: Some(since(epoch)), manner }
    }
}

impl Manner {
    /// What the n-th job does: of every hundred, one fails its first run and one sleeps.
    pub(crate) fn of(number: u64) -> Self {
        match number % 100 {
            0 => Manner::FailFirst,
            50 => Manner::Sleep,
            _ => Manner::Plain,
        }
    }
}

async fn errand(context: &Context) -> Result<(), TaskError> {
    let probe = context.state::<Probe>()?;
    let began = Instant::now(); // before anything else is done
    let args: Errand = context.arguments()?;
    let first = context.job().attempt() == 1;
    if let (true, Some(published)) = (first, args.published) {
        // Fails when the bench has ended, which then does not use the time.
        let after = (began - probe.epoch).saturating_sub(Duration::from_nanos(published));
        let _ = probe.pick_ups.send(PickedUp { after, claim: context.job().times(), began });
    }
    match args.manner {
        Manner::Sleep => tokio::time::sleep(NAP).await,
        Manner::FailFirst if first => return Err(TaskError::new("the first run fails")),
        Manner::FailFirst | Manner::Plain => {}
    }
    Ok(())
}

fn since(epoch: Instant) -> u64 {
    u64::try_from(epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

fn anything() -> Schema {
    schemars::json_schema!({ "type": "object" })
}

fn nothing() -> Schema {
    schema_for!(())
}
