//! The table of pages and actions. A page is a line here and a module in `pages/`, which reads through
//! `db/dashboard/` or the functions of other floors.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::routing::any;

use super::pages::{
    job, job_edit, jobs, jobs_act, jobs_do, operations, overview, routes, servers, servers_schedules,
};
use super::route::Table;
use super::serve::serve;
use super::site::Site;
use super::sites::Sites;
use super::verbs::Verb;
use super::view::Section::{Jobs, Operations, Overview, Schedules};
use super::view::{Action, Page};

/// Read by GET: they change nothing. A path comes before one that would also fit.
#[rustfmt::skip]
const PAGES: &[Page] = &[
    Page { path: "/", section: Overview, verb: Verb::View, show: |ask| Box::pin(overview::show(ask)) },
    Page { path: "/jobs", section: Jobs, verb: Verb::View, show: |ask| Box::pin(jobs::show(ask)) },
    Page { path: "/jobs/act", section: Jobs, verb: Verb::View, show: |ask| Box::pin(jobs_act::show(ask)) },
    Page { path: "/jobs/{id}", section: Jobs, verb: Verb::View, show: |ask| Box::pin(job::show(ask)) },
    Page { path: "/jobs/{id}/edit", section: Jobs, verb: Verb::Edit, show: |ask| Box::pin(job_edit::show(ask)) },
    Page { path: "/operations", section: Operations, verb: Verb::View, show: |ask| Box::pin(operations::list(ask)) },
    Page { path: "/operations/{id}", section: Operations, verb: Verb::View, show: |ask| Box::pin(operations::show(ask)) },
];

/// Made by POST, by a page of this dashboard, and by a viewer who may do the verb.
#[rustfmt::skip]
const ACTIONS: &[Action] = &[
    Action { path: "/jobs/retry", verb: Verb::Retry, run: |ask, form| Box::pin(jobs_do::run(ask, form)) },
    Action { path: "/jobs/redrive", verb: Verb::Redrive, run: |ask, form| Box::pin(jobs_do::run(ask, form)) },
    Action { path: "/jobs/cancel", verb: Verb::Cancel, run: |ask, form| Box::pin(jobs_do::run(ask, form)) },
    Action { path: "/jobs/purge", verb: Verb::Purge, run: |ask, form| Box::pin(jobs_do::run(ask, form)) },
    Action { path: "/jobs/{id}/edit", verb: Verb::Edit, run: |ask, form| Box::pin(job_edit::save(ask, form)) },
    Action { path: "/operations/{id}", verb: Verb::Operate, run: |ask, form| Box::pin(operations::change(ask, form)) },
];

static TABLE: Table = Table { pages: &[PAGES, routes::PAGES], actions: &[ACTIONS, routes::ACTIONS] };

/// The pages over several servers.
#[rustfmt::skip]
const OVER_ALL: &[Page] = &[
    Page { path: "/", section: Overview, verb: Verb::View, show: |ask| Box::pin(servers::show(ask)) },
    Page { path: "/jobs", section: Jobs, verb: Verb::View, show: |ask| Box::pin(servers::find(ask)) },
    Page { path: "/schedules", section: Schedules, verb: Verb::View, show: |ask| Box::pin(servers_schedules::show(ask)) },
];

static OVER: Table = Table { pages: &[OVER_ALL], actions: &[] };

/// The routes of the dashboard of one database.
pub(super) fn of_one(site: Arc<Site>) -> Router {
    router(Sites::one(site, &TABLE))
}

/// The routes of the dashboard of several servers.
pub(super) fn of_several(over: Arc<Site>) -> Router {
    router(Sites::several(over, &OVER, &TABLE))
}

fn router(sites: Sites) -> Router {
    let sites = Arc::new(sites);
    let handler = any(move |request: Request| serve(sites.clone(), request));
    Router::new().route("/", handler.clone()).route("/{*rest}", handler)
}
