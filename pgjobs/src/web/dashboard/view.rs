//! What a page gives, and what an action ends with.

use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use maud::Markup;

use super::ask::Ask;
use super::failed::Failed;
use super::form::Fields;
use super::verbs::Verb;

/// The sections of the rail, in its order: path, word, letter of the key `g`.
pub(super) const SECTIONS: &[(Section, &str, &str, &str)] = &[
    (Section::Overview, "/", "Overview", "o"),
    (Section::Jobs, "/jobs", "Jobs", "j"),
    (Section::Workflows, "/workflows", "Workflows", "w"),
    (Section::Tasks, "/tasks", "Tasks", "t"),
    (Section::Topics, "/topics", "Topics", "i"),
    (Section::Limits, "/limits", "Limits", "l"),
    (Section::Schedules, "/schedules", "Schedules", "s"),
    (Section::Workers, "/workers", "Workers", "k"),
    (Section::Errors, "/errors", "Errors", "e"),
    (Section::Operations, "/operations", "Operations", "b"),
    (Section::Database, "/database", "Database", "d"),
    (Section::Audit, "/audit", "Audit", "a"),
];

/// A part of the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// The first page.
    Overview,
    /// Jobs and one job.
    Jobs,
    /// Workflows and one workflow.
    Workflows,
    /// Tasks and one task.
    Tasks,
    /// Topics and what is paused.
    Topics,
    /// Limits and one limit.
    Limits,
    /// Schedules and one schedule.
    Schedules,
    /// Workers and one worker.
    Workers,
    /// Errors in groups.
    Errors,
    /// Operations over many jobs.
    Operations,
    /// The database's health and all problems.
    Database,
    /// What people did.
    Audit,
    /// No part of its own: errors.
    None,
}

/// A page without its frame. Elements of `main` that have an `id` and the attribute `data-live` are replaced in place
/// while somebody looks, with what the same page function gives a second later.
pub(super) struct View {
    pub(super) title: String,
    pub(super) status: StatusCode,
    pub(super) main: Markup,
    /// Whether it is rendered anew each second while somebody looks.
    pub(super) live: bool,
    /// Another path of the dashboard, where the browser is sent instead.
    pub(super) go: Option<String>,
}

impl View {
    /// A page that stays as it is.
    pub(super) fn still(title: impl Into<String>, main: Markup) -> Self {
        View { title: title.into(), status: StatusCode::OK, main, live: false, go: None }
    }

    /// A page that is replaced in place.
    pub(super) fn live(title: impl Into<String>, main: Markup) -> Self {
        View { live: true, ..View::still(title, main) }
    }
}

impl View {
    /// No page, but the way to another one.
    pub(super) fn go(path: String) -> Self {
        View { go: Some(path), ..View::still("", maud::html! {}) }
    }
}

/// What an action ends with.
pub(super) enum Done {
    /// The browser goes to this path of the dashboard, so that a reload does nothing again.
    Go(String),
    /// A page: the form again, with what is wrong in it.
    Show(Section, Box<View>),
}

/// A page of the table in `router.rs`.
pub(super) struct Page {
    /// `/jobs/{id}`: parts between braces are parameters.
    pub(super) path: &'static str,
    pub(super) section: Section,
    /// What a viewer needs to see it.
    pub(super) verb: Verb,
    pub(super) show: Show,
}

pub(super) type Show = for<'a> fn(&'a Ask) -> BoxFuture<'a, Result<View, Failed>>;

/// An action of the table in `router.rs`; always a POST.
pub(super) struct Action {
    pub(super) path: &'static str,
    /// What it does, and so who may do it.
    pub(super) verb: Verb,
    pub(super) run: Run,
}

pub(super) type Run = for<'a> fn(&'a Ask, &'a Fields) -> BoxFuture<'a, Result<Done, Failed>>;
