//! The table of these pages and of what is done on them: a line for each.

use super::{
    audit, database, errors, limits, schedules, statistics, tasks, topic, topics, workers, workflows,
};
use crate::web::dashboard::verbs::Verb;
use crate::web::dashboard::view::Section::{
    Audit, Database, Errors, Limits, Schedules, Tasks, Topics, Workers, Workflows,
};
use crate::web::dashboard::view::{Action, Page};

/// Read by GET: they change nothing.
#[rustfmt::skip]
pub(in crate::web::dashboard) const PAGES: &[Page] = &[
    Page { path: "/tasks", section: Tasks, verb: Verb::View, show: |ask| Box::pin(tasks::show(ask)) },
    Page { path: "/tasks/{name}", section: Tasks, verb: Verb::View, show: |ask| Box::pin(tasks::one(ask)) },
    Page { path: "/topics", section: Topics, verb: Verb::View, show: |ask| Box::pin(topics::show(ask)) },
    Page { path: "/limits", section: Limits, verb: Verb::View, show: |ask| Box::pin(limits::show(ask)) },
    Page { path: "/limits/{name}", section: Limits, verb: Verb::View, show: |ask| Box::pin(limits::one(ask)) },
    Page { path: "/topics/{name}", section: Topics, verb: Verb::View, show: |ask| Box::pin(topic::show(ask)) },
    Page { path: "/schedules", section: Schedules, verb: Verb::View, show: |ask| Box::pin(schedules::show(ask)) },
    Page { path: "/schedules/{name}", section: Schedules, verb: Verb::View, show: |ask| Box::pin(schedules::one(ask)) },
    Page { path: "/workers", section: Workers, verb: Verb::View, show: |ask| Box::pin(workers::show(ask)) },
    Page { path: "/workers/{id}", section: Workers, verb: Verb::View, show: |ask| Box::pin(workers::one(ask)) },
    Page { path: "/workers/{id}/stop", section: Workers, verb: Verb::Stop, show: |ask| Box::pin(workers::stop_form(ask)) },
    Page { path: "/workflows", section: Workflows, verb: Verb::View, show: |ask| Box::pin(workflows::show(ask)) },
    Page { path: "/workflows/{id}", section: Workflows, verb: Verb::View, show: |ask| Box::pin(workflows::one(ask)) },
    Page { path: "/workflows/{id}/act", section: Workflows, verb: Verb::View, show: |ask| Box::pin(workflows::confirm(ask)) },
    Page { path: "/errors", section: Errors, verb: Verb::View, show: |ask| Box::pin(errors::show(ask)) },
    Page { path: "/database", section: Database, verb: Verb::View, show: |ask| Box::pin(database::show(ask)) },
    Page { path: "/audit", section: Audit, verb: Verb::Audit, show: |ask| Box::pin(audit::show(ask)) },
];

/// Made by POST.
#[rustfmt::skip]
pub(in crate::web::dashboard) const ACTIONS: &[Action] = &[
    Action { path: "/statistics", verb: Verb::Control, run: |ask, form| Box::pin(statistics::keep(ask, form)) },
    Action { path: "/tasks/{name}/publish", verb: Verb::Publish, run: |ask, form| Box::pin(tasks::publish(ask, form)) },
    Action { path: "/topics/pause", verb: Verb::Pause, run: |ask, form| Box::pin(topics::pause(ask, form)) },
    Action { path: "/topics/resume", verb: Verb::Pause, run: |ask, form| Box::pin(topics::resume(ask, form)) },
    Action { path: "/limits/set", verb: Verb::Limit, run: |ask, form| Box::pin(limits::set(ask, form)) },
    Action { path: "/limits/drop", verb: Verb::Limit, run: |ask, form| Box::pin(limits::drop(ask, form)) },
    Action { path: "/limits/block", verb: Verb::Limit, run: |ask, form| Box::pin(limits::block(ask, form)) },
    Action { path: "/limits/release", verb: Verb::Limit, run: |ask, form| Box::pin(limits::release(ask, form)) },
    Action { path: "/schedules/{name}/run", verb: Verb::Schedule, run: |ask, form| Box::pin(schedules::run(ask, form)) },
    Action { path: "/schedules/{name}/pause", verb: Verb::Schedule, run: |ask, form| Box::pin(schedules::pause(ask, form)) },
    Action { path: "/schedules/{name}/resume", verb: Verb::Schedule, run: |ask, form| Box::pin(schedules::resume(ask, form)) },
    Action { path: "/schedules/{name}/backfill", verb: Verb::Schedule, run: |ask, form| Box::pin(schedules::backfill(ask, form)) },
    Action { path: "/schedules/{name}/edit", verb: Verb::Schedule, run: |ask, form| Box::pin(schedules::edit(ask, form)) },
    Action { path: "/workflows/{id}/cancel", verb: Verb::Cancel, run: |ask, form| Box::pin(workflows::cancel(ask, form)) },
    Action { path: "/workflows/{id}/retry", verb: Verb::Retry, run: |ask, form| Box::pin(workflows::retry(ask, form)) },
    Action { path: "/workers/{id}/stop", verb: Verb::Stop, run: |ask, form| Box::pin(workers::stop(ask, form)) },
    Action { path: "/workers/{id}/{kind}", verb: Verb::Control, run: |ask, form| Box::pin(workers::send(ask, form)) },
];
