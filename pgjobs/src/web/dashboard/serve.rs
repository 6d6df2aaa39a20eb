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
use super::route::{Params, Table};
use super::site::Site;
use super::snapshot::Snapshot;
use super::view::{Done, Page, Section, View};
use super::viewer::Viewer;
use super::{assets, guard, live, login, trouble};

/// Answers a request.
pub(super) async fn serve(
    site: Arc<Site>,
    board: Arc<Board>,
    table: &'static Table,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    guard::seal(answer(site, board, table, parts, body).await)
}

async fn answer(
    site: Arc<Site>,
    board: Arc<Board>,
    table: &'static Table,
    parts: Parts,
    body: Body,
) -> Response {
    let (base, theme) = (base(&site, &parts), Theme::named(cookie(&parts, THEME)));
    if let Some(reason) = guard::forged(&parts) {
        return said(&base, theme, StatusCode::FORBIDDEN, &format!("This request was refused: {reason}."));
    }
    let path = parts.uri.path().to_owned();
    let is_post = parts.method == Method::POST;
    match (path.as_str(), is_post) {
        (asset, false) if asset.starts_with("/assets/") => return assets::serve(asset),
        ("/login", true) | ("/logout", true) | ("/theme", true) => {
            return public(&site, &base, theme, parts, body).await;
        }
        _ => {}
    }
    let viewer = match site.gate.enter(&parts, &site.sessions) {
        // No text of the database has this character, and the name is a part of reasons.
        Entry::Open(viewer) => Viewer { name: viewer.name.replace('\0', "\u{fffd}"), ..viewer },
        Entry::Login if path == "/login" => return login_form(&base, theme, &parts.uri),
        Entry::Login if is_from_elsewhere(&parts) => return again(&base, theme),
        Entry::Login if is_post => return login::to_form(&base, "/"),
        Entry::Login => return login::to_form(&base, &path_and_query(&parts.uri)),
        Entry::Refused => return said(&base, theme, StatusCode::UNAUTHORIZED, "You are not let in here."),
        Entry::Closed => return said(&base, theme, StatusCode::FORBIDDEN, CLOSED),
    };
    let asked = Asked { site, board, base, theme, path, viewer };
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
fn base(site: &Site, parts: &Parts) -> String {
    let nested =
        || parts.extensions.get::<NestedPath>().map(|path| path.as_str().trim_end_matches('/').to_owned());
    site.path.clone().or_else(nested).unwrap_or_default()
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
async fn public(site: &Site, base: &str, theme: Theme, parts: Parts, body: Body) -> Response {
    let fields = match Fields::of_body(parts.clone(), body).await {
        Ok(fields) => fields,
        Err(failed) => return said(base, theme, failed.code(), &failed.words()),
    };
    match parts.uri.path() {
        "/login" => login::begin(site, &parts, base, theme, &fields),
        "/logout" => login::end(site, &parts, base),
        _ => login::theme(site, &parts, base, &fields),
    }
}

/// A request of a viewer.
struct Asked {
    site: Arc<Site>,
    board: Arc<Board>,
    base: String,
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
            "/login" => login::go(&self.site.under(&self.base, "/")),
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
        let Asked { site, base, path, viewer, .. } = self;
        let (site, base, path, viewer) = (site.clone(), base.clone(), path.clone(), viewer.clone());
        Ask { site, viewer, is_action: false, base, path, params, query, snapshot }
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
        let last = self.site.snapshots.last().await;
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
