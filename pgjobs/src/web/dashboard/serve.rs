//! From a request to an answer: what all pages and actions need.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{NestedPath, Request};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, Uri};
use axum::response::Response;
use maud::html;

use super::ask::Ask;
use super::failed::Failed;
use super::form::Fields;
use super::gate::{Entry, THEME, cookie};
use super::layout::{Theme, alone, page};
use super::live::Board;
use super::login::Bases;
use super::route::{Params, Table};
use super::site::{Entrance, Site};
use super::sites::{Part, Sites};
use super::snapshot::Snapshot;
use super::view::{Done, Page, Section, View};
use super::viewer::Viewer;
use super::{assets, guard, live, login, trouble};

/// Answers a request.
pub(super) async fn serve(sites: Arc<Sites>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    guard::seal(answer(&sites, parts, body).await)
}

async fn answer(sites: &Sites, parts: Parts, body: Body) -> Response {
    let (entrance, theme) = (sites.entrance(), Theme::named(cookie(&parts, THEME)));
    let root = root(entrance, &parts);
    let (part, server, path) = sites.part(parts.uri.path());
    let (path, base) = (path.to_owned(), format!("{root}{server}"));
    if let Some(reason) = guard::forged(&parts, path == "/live") {
        return said(&root, theme, StatusCode::FORBIDDEN, &format!("This request was refused: {reason}."));
    }
    let is_post = parts.method == Method::POST;
    match (path.as_str(), is_post) {
        (asset, false) if asset.starts_with("/assets/") => return assets::serve(asset),
        ("/login", true) | ("/logout", true) | ("/theme", true) => {
            let bases = Bases { root: &root, here: &base };
            return public(&part.site, &path, bases, theme, parts, body).await;
        }
        _ => {}
    }
    let viewer = match entrance.gate.enter(&parts, &entrance.sessions) {
        // No text of the database has this character, and the name is a part of reasons.
        Entry::Open(viewer) => Viewer { name: viewer.name.replace('\0', "\u{fffd}"), ..viewer },
        Entry::Login if path == "/login" => return login_form(&root, theme, &parts.uri),
        Entry::Login if is_from_elsewhere(&parts) => return again(&root, theme),
        Entry::Login if is_post => return login::to_form(&root, "/"),
        Entry::Login => return login::to_form(&root, &path_and_query(&parts.uri)),
        Entry::Refused => return said(&root, theme, StatusCode::UNAUTHORIZED, "You are not let in here."),
        Entry::Closed => return said(&root, theme, StatusCode::FORBIDDEN, CLOSED),
    };
    let Part { site, board, table } = part.clone();
    let asked = Asked { site, board, base, root, theme, path, viewer };
    match parts.method {
        Method::GET | Method::HEAD => asked.get(table, &parts.uri).await,
        Method::POST => asked.post(table, parts, body).await,
        _ => said(
            &asked.base,
            theme,
            StatusCode::METHOD_NOT_ALLOWED,
            "Pages are read with GET, and changes are made with POST.",
        ),
    }
}

const CLOSED: &str = "This dashboard is closed: the program says neither who may log in (Dashboard::login) nor how it \
                      knows its users (Dashboard::authenticate).";

/// The path under which the browser sees the dashboard, without a slash at its end.
fn root(entrance: &Entrance, parts: &Parts) -> String {
    let nested =
        || parts.extensions.get::<NestedPath>().map(|path| path.as_str().trim_end_matches('/').to_owned());
    entrance.path.clone().or_else(nested).unwrap_or_default()
}

fn path_and_query(uri: &Uri) -> String {
    uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string)
}

fn said(base: &str, theme: Theme, status: StatusCode, words: &str) -> Response {
    alone(base, theme, status, "Refused", &html! { p.say { (words) } })
}

fn login_form(base: &str, theme: Theme, uri: &Uri) -> Response {
    let to = Fields::of_query(uri).ok().and_then(|query| query.get("to").map(str::to_owned));
    login::form(base, theme, to.as_deref().unwrap_or("/"), None)
}

/// Whether somebody follows a link from another site: the session's cookie is not sent with it, and would be with the
/// next request.
fn is_from_elsewhere(parts: &Parts) -> bool {
    parts.headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site" || site == "same-site")
}

fn again(base: &str, theme: Theme) -> Response {
    let main = html! { meta http-equiv="refresh" content="0"; p { "One moment …" } };
    alone(base, theme, StatusCode::OK, "One moment", &main)
}

/// What can be posted by those who are not logged in.
async fn public(
    site: &Site,
    path: &str,
    bases: Bases<'_>,
    theme: Theme,
    parts: Parts,
    body: Body,
) -> Response {
    let fields = match Fields::of_body(parts.clone(), body).await {
        Ok(fields) => fields,
        Err(failed) => return said(bases.root, theme, failed.code(), &failed.words()),
    };
    match path {
        "/login" => login::begin(site, &parts, bases.root, theme, &fields),
        "/logout" => login::end(site, &parts, bases.root),
        _ => login::theme(site, &parts, bases, &fields),
    }
}

/// A request of a viewer.
struct Asked {
    site: Arc<Site>,
    board: Arc<Board>,
    base: String,
    root: String,
    theme: Theme,
    path: String,
    viewer: Viewer,
}

impl Asked {
    async fn get(self, table: &'static Table, uri: &Uri) -> Response {
        let query = match Fields::of_query(uri) {
            Ok(query) => query,
            Err(failed) => return self.failed(failed, None).await,
        };
        match self.path.as_str() {
            "/login" => login::go(&self.site.under(&self.root, "/")),
            "/live" => self.live(table, &query).await,
            path => match table.page(path) {
                Some((found, params)) => self.page(found, params, query).await,
                None => self.failed(no_page(path), None).await,
            },
        }
    }

    async fn page(self, found: &'static Page, params: Params, query: Fields) -> Response {
        let ask = match self.ask(params, query).await {
            Ok(ask) => ask,
            Err(failed) => return self.failed(failed, None).await,
        };
        let view = async {
            ask.need(found.verb)?;
            ask.shown(found.show).await
        };
        match view.await {
            Ok(View { go: Some(path), .. }) => login::go(&ask.link(&path)),
            Ok(view) => page(&ask, found.section, self.theme, view),
            Err(failed) => self.failed(failed, Some(&ask)).await,
        }
    }

    async fn ask(&self, params: Params, query: Fields) -> Result<Ask, Failed> {
        let snapshot = self.site.snapshot().await?;
        Ok(self.ask_with(params, query, snapshot))
    }

    fn ask_with(&self, params: Params, query: Fields, snapshot: Arc<Snapshot>) -> Ask {
        let Asked { site, base, root, path, viewer, .. } = self;
        let (site, base, root) = (site.clone(), base.clone(), root.clone());
        let (path, viewer) = (path.clone(), viewer.clone());
        Ask { site, viewer, is_action: false, base, root, path, params, query, snapshot }
    }

    /// The stream of another page, whose path and query are in the query.
    async fn live(mut self, table: &'static Table, query: &Fields) -> Response {
        let of = query.get("of").unwrap_or("/").to_owned();
        let Some(uri) = of.parse::<Uri>().ok().filter(|uri| uri.path().starts_with('/')) else {
            return self.failed(Failed::bad("of is the path of a page"), None).await;
        };
        let (Some((found, params)), Ok(query)) = (table.page(uri.path()), Fields::of_query(&uri)) else {
            return self.failed(no_page(uri.path()), None).await;
        };
        self.path = uri.path().to_owned();
        match self.ask(params, query).await {
            Ok(ask) => match ask.need(found.verb) {
                Ok(()) => live::stream(&self.board, ask, &of, found.show),
                Err(failed) => self.failed(failed, Some(&ask)).await,
            },
            Err(failed) => self.failed(failed, None).await,
        }
    }

    async fn post(self, table: &'static Table, parts: Parts, body: Body) -> Response {
        let Some((action, params)) = table.action(&self.path) else {
            return self.failed(no_page(&self.path), None).await;
        };
        // The permission before the form is read, so that nobody learns from its errors.
        if self.viewer.role < action.verb.role() {
            return self.failed(Failed::NotPermitted(action.verb), None).await;
        }
        let fields = match Fields::of_body(parts, body).await {
            Ok(fields) => fields,
            Err(failed) => return self.failed(failed, None).await,
        };
        let ask = match self.ask(params, Fields::default()).await {
            Ok(ask) => Ask { is_action: true, ..ask },
            Err(failed) => return self.failed(failed, None).await,
        };
        let done = (action.run)(&ask, &fields).await;
        self.site.changed().await;
        match done {
            Ok(Done::Go(path)) => login::go(&ask.link(login::local(&path))),
            Ok(Done::Show(section, view)) => page(&ask, section, self.theme, *view),
            Err(failed) => self.failed(failed, Some(&ask)).await,
        }
    }

    /// The page of an error, in the frame where there is one: with the last snapshot, if the database is away.
    async fn failed(&self, failed: Failed, ask: Option<&Ask>) -> Response {
        let last = self.site.last().await;
        let of_standby = ask.map_or(self.site.standby.is_some(), Ask::reads_standby);
        let view: View = trouble::view(&failed, last.as_deref(), of_standby);
        let ask = match ask {
            Some(ask) => ask.clone(),
            None => self.ask_with(Vec::new(), Fields::default(), last.unwrap_or_default()),
        };
        page(&ask, Section::None, self.theme, view)
    }
}

fn no_page(path: &str) -> Failed {
    Failed::missing(format!("There is no page {path} here."))
}
