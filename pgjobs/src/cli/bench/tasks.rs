//! Two tasks written by hand: one that does nothing, one that says that it was started.

use std::time::Instant;

use schemars::{Schema, schema_for};
use serde::Serialize;
use tokio::sync::mpsc::UnboundedSender;

use crate::{JobId, Need, Task, TaskDef, TaskOptions};

/// Tells the bench when a task was started.
pub(super) struct Probe(pub(super) UnboundedSender<Start>);

/// Which job, and when.
pub(super) type Start = (JobId, Instant);

#[derive(Serialize)]
pub(super) struct Noop {}

#[derive(Serialize)]
pub(super) struct Ping {}

pub(super) const TOPIC: &str = "pgjobs.bench.*";

const OPTIONS: TaskOptions = TaskOptions { retries: 1, ..TaskOptions::DEFAULT };

pub(super) static NOOP: TaskDef = TaskDef {
    name: "pgjobs.bench.noop",
    aliases: &[],
    doc: "Does nothing.",
    place: concat!(file!(), ":", line!()),
    params: &[],
    open: false,
    needs: &[],
    options: OPTIONS,
    args_schema: no_arguments,
    result_schema: nothing,
    run: |context| Box::pin(async move { context.finish(()) }),
};

pub(super) static PING: TaskDef = TaskDef {
    name: "pgjobs.bench.ping",
    doc: "Says when it was started.",
    needs: &[Need::of::<Probe>()],
    run: |context| {
        Box::pin(async move {
            let start = (context.job().id().clone(), Instant::now());
            // The bench may have ended; then nobody wants to know.
            let _ = context.state::<Probe>()?.0.send(start);
            context.finish(())
        })
    },
    ..NOOP
};

impl Task for Noop {
    type Output = ();
    const DEF: &'static TaskDef = &NOOP;
}

impl Task for Ping {
    type Output = ();
    const DEF: &'static TaskDef = &PING;
}

fn no_arguments() -> Schema {
    schemars::json_schema!({ "type": "object", "properties": {}, "additionalProperties": false })
}

fn nothing() -> Schema {
    schema_for!(())
}
