//! A request, as pages see it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use sqlx::postgres::Postgres;

use super::failed::Failed;
use super::form::Fields;
use super::limit::in_time;
use super::site::Site;
use super::snapshot::Snapshot;
use super::url::{encode, of_server, with_query};
use super::verbs::Verb;
use super::view::{Show, View};
use super::viewer::Viewer;
use crate::db::dashboard as db;

/// A request of somebody who may enter.
#[derive(Clone)]
pub(super) struct Ask {
    pub(super) site: Arc<Site>,
    pub(super) viewer: Viewer,
    /// Whether something is to be changed.
    pub(super) is_action: bool,
    /// The path of these pages, without a slash at its end: that of the dashboard, or of one of its servers.
    pub(super) base: String,
    /// The path of the dashboard.
    pub(super) root: String,
    /// The path within these pages.
    pub(super) path: String,
    /// The parameters of the path, by name.
    pub(super) params: Vec<(&'static str, String)>,
    pub(super) query: Fields,
    /// What all pages share, at most a second old.
    pub(super) snapshot: Arc<Snapshot>,
}

impl Ask {
    /// Whether the viewer may do this.
    pub(super) fn may(&self, verb: Verb) -> bool {
        self.viewer.role >= verb.role()
    }

    /// Nothing, or that the viewer may not.
    pub(super) fn need(&self, verb: Verb) -> Result<(), Failed> {
        if self.may(verb) { Ok(()) } else { Err(Failed::NotPermitted(verb)) }
    }

    /// A parameter of the path; empty if the table of routes does not name it.
    pub(super) fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(this, _)| *this == name).map_or("", |(_, value)| value.as_str())
    }

    /// The first value of the query that is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.query.get(name)
    }

    /// The database's time when the snapshot was read.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.snapshot.at
    }

    /// What it reads from. What an action reads is what it is going to change, on the primary.
    pub(super) fn pool(&self) -> &PgPool {
        if self.is_action { &self.site.pool } else { self.site.reads() }
    }

    /// Whether what it could not read is on the standby.
    pub(super) fn reads_standby(&self) -> bool {
        !self.is_action && self.site.standby.is_some()
    }

    /// A transaction that can only read, whose statements end after 2 seconds.
    pub(super) async fn read(&self) -> Result<sqlx::Transaction<'static, Postgres>, Failed> {
        Ok(db::begin_read(self.pool()).await?)
    }

    /// A transaction for a change, whose statements end after 15 seconds, and for which the audit names the viewer.
    pub(super) async fn write(&self) -> Result<sqlx::Transaction<'static, Postgres>, Failed> {
        Ok(db::begin_write(&self.site.pool, &self.viewer.name).await?)
    }

    /// The view of a page; once more where a standby ended a query so that its replay goes on.
    pub(super) async fn shown(&self, show: Show) -> Result<View, Failed> {
        match in_time(show(self)).await {
            Err(failed) if failed.is_recovery_conflict() => in_time(show(self)).await,
            view => view,
        }
    }

    /// The reason: who of the dashboard's users, and why. Not only the audit keeps it: what explains a pause or a
    /// cancelled job says it as well, and knows the role of the database alone otherwise.
    pub(super) fn reason(&self, fields: &Fields) -> String {
        let why = fields.get("reason").unwrap_or("no reason given");
        format!("{} (dashboard): {}", self.viewer.name, why.trim())
    }

    /// A link to a path of the dashboard, whose parts are encoded already.
    pub(super) fn link(&self, path: &str) -> String {
        self.site.under(&self.base, path)
    }

    /// A link to the pages of another server, or of this one.
    pub(super) fn link_on(&self, server: &str, path: &str) -> String {
        self.site.under(&format!("{}{}", self.root, of_server(server)), path)
    }

    /// The link with a query.
    pub(super) fn link_with<'a>(
        &self,
        path: &str,
        query: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> String {
        with_query(&self.link(path), query)
    }

    /// The link to a page of one thing: `/jobs/` and its id.
    pub(super) fn link_to(&self, folder: &str, name: &str) -> String {
        self.link(&format!("{folder}{}", encode(name)))
    }
}
