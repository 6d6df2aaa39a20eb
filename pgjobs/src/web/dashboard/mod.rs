//! The dashboard: pages on which people see what runs and repair it.
//!
//! *How it is made.* `router.rs` has a line for each page and each action; a page is a function from a request
//! (`ask.rs`) to a view (`view.rs`), and `serve.rs` does what all of them need: who asks (`gate.rs`), the
//! frame (`layout.rs`), errors (`failed.rs`). Every answer passes `guard.rs`. Pages read through `db::dashboard` and the
//! functions of other floors, and never a private table.
//!
//! *How it lives.* `snapshot.rs` reads once a second at most what all pages share; `live.rs` renders each view that
//! somebody watches once a second at most, and sends it to all who watch it.

mod ask;
mod assets;
mod attempts;
mod charts;
mod failed;
mod form;
mod gate;
mod glance;
mod guard;
mod html;
mod json;
mod layout;
mod limit;
mod live;
mod login;
mod markup;
mod pages;
mod route;
mod router;
mod serve;
mod sessions;
mod site;
mod sites;
mod snapshot;
mod trouble;
mod url;
mod users;
mod verbs;
mod view;
mod viewer;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::http::request::Parts;
use sqlx::PgPool;

use gate::Gate;
use site::{Entrance, Site, Source};

pub use users::Users;
pub use verbs::Verb;
pub use viewer::{Role, Viewer};

/// The dashboard before it is mounted.
///
/// It is closed until it is said who may enter: [`login`](Dashboard::login) shows a form for these users, and
/// [`authenticate`](Dashboard::authenticate) asks your own code. Without either, each page answers 403 and says so.
///
/// What a person may do is their [`Role`]: [`Verb`] lists what needs which. The role of the database that the pool
/// connects as limits it too: `jobs_reader` cannot show arguments, and only `jobs_admin` can change jobs.
///
/// Reads end after 2 seconds. Its pages need no more than a few connections of the pool at a time, however many
/// people look at them.
#[must_use = "it is served by the router that `router` makes"]
pub struct Dashboard {
    pool: PgPool,
    standby: Option<PgPool>,
    /// The name of that database's server, which is said where there are several.
    server: String,
    /// Further servers.
    others: Vec<(String, PgPool)>,
    name: String,
    gate: Gate,
    path: Option<String>,
}

impl Dashboard {
    /// A dashboard of the database of this pool.
    pub fn new(pool: PgPool) -> Self {
        let (name, server) = ("pgjobs".to_owned(), "main".to_owned());
        Dashboard { pool, standby: None, server, others: Vec::new(), name, gate: Gate::Closed, path: None }
    }

    /// Reads pages from this pool, of a hot standby, so that people who look cost the primary nothing. Changes
    /// are made on the primary, and the page that follows waits for them, for at most two seconds. Each page says
    /// how old it is. While the standby does not answer there are no pages: the primary is not read instead. It is
    /// the standby of the database of [`new`](Dashboard::new): other servers are read themselves.
    pub fn read_from(mut self, standby: PgPool) -> Self {
        self.standby = Some(standby);
        self
    }

    /// The name of this installation, which each page shows: `shop production`. By default `pgjobs`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The name of the server that [`new`](Dashboard::new) was given, where [`server`](Dashboard::server) adds others;
    /// by default `main`. Give it the name that workers and publishers use.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server = name.into();
        self
    }

    /// Shows a further server: another complete database of pgjobs, see the page "Several servers" of the book.
    ///
    /// The start page is then over all servers, each has its pages under `/s/NAME`, and every page has a list of the
    /// servers in its head. One that is away says so on its own pages, and keeps no other waiting. A name that is
    /// used twice means the first of them.
    ///
    /// ```no_run
    /// # fn f(us: sqlx::PgPool, eu: sqlx::PgPool) {
    /// use pgjobs::web::Dashboard;
    ///
    /// let dashboard = Dashboard::new(us).server_name("us").server("eu", eu);
    /// # }
    /// ```
    pub fn server(mut self, name: impl Into<String>, pool: PgPool) -> Self {
        self.others.push((name.into(), pool));
        self
    }

    /// Asks for name and password of these users.
    pub fn login(mut self, users: Users) -> Self {
        self.gate = Gate::Login(users);
        self
    }

    /// Asks your own code who makes a request; `None` is refused with 401. The hook is called for each request
    /// and must not block: let a middleware of yours find the user, and read it from the extensions here.
    ///
    /// ```no_run
    /// use pgjobs::web::{Dashboard, Role, Viewer};
    /// # fn f(pool: sqlx::PgPool) -> axum::Router {
    /// #[derive(Clone)]
    /// struct User { name: String, is_staff: bool }
    ///
    /// Dashboard::new(pool)
    ///     .authenticate(|request| {
    ///         let user = request.extensions.get::<User>().filter(|user| user.is_staff)?;
    ///         Some(Viewer::new(&user.name, Role::Operator))
    ///     })
    ///     .router()
    /// # }
    /// ```
    pub fn authenticate(mut self, hook: impl Fn(&Parts) -> Option<Viewer> + Send + Sync + 'static) -> Self {
        self.gate = Gate::Hook(Box::new(hook));
        self
    }

    /// The path under which browsers see it, where a proxy takes it off: `/admin/jobs`. A path of
    /// [`Router::nest`] is found by itself.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        let path = path.into();
        self.path = Some(path.trim_end_matches('/').to_owned());
        self
    }

    /// The routes, to be served as they are or nested into your own.
    ///
    /// Streams of live updates end after a minute and are opened anew by the browser, so a graceful shutdown of
    /// your server waits no longer than that.
    pub fn router(self) -> Router {
        let Dashboard { pool, standby, server, others, name, gate, path } = self;
        let (sessions, attempts) = Default::default();
        let entrance = Arc::new(Entrance { name, gate, sessions, attempts, path });
        if others.is_empty() {
            return router::of_one(Site::new(entrance, Source { pool, standby }, None, Arc::default()));
        }
        let first = (server, Source { pool: pool.clone(), standby });
        let others = others.into_iter().map(|(name, pool)| (name, Source { pool, standby: None }));
        let servers: Vec<(String, Source)> = std::iter::once(first).chain(others).collect();
        let names: Arc<[String]> = servers.iter().map(|(name, _)| name.clone()).collect();
        let site = |(name, source)| Site::new(entrance.clone(), source, Some(name), names.clone());
        let sites = servers.into_iter().map(site).collect();
        router::of_several(Site::over(entrance.clone(), pool, sites))
    }
}
