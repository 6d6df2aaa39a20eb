//! Logging in and out.

use axum::http::header::{LOCATION, RETRY_AFTER, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::attempts::BROWSER;
use super::form::Fields;
use super::gate::{Gate, SESSION, THEME, cookie};
use super::layout::{Theme, alone};
use super::site::Site;
use super::url::with_query;

/// The form; `to` is the path where the person wanted to go.
pub(super) fn form(base: &str, theme: Theme, to: &str, error: Option<&str>) -> Response {
    let status = if error.is_some() { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
    alone(base, theme, status, "Log in", &fields(base, to, error))
}

fn fields(base: &str, to: &str, error: Option<&str>) -> Markup {
    html! {
        h1 { "Log in" }
        form.form method="post" action={ (base) "/login" } {
            input type="hidden" name="to" value=(to);
            @if let Some(error) = error { p.err role="alert" { (error) } }
            div.field { label for="name" { "Name" } input id="name" name="name" autocomplete="username" maxlength="100" required autofocus; }
            div.field {
                label for="password" { "Password" }
                input id="password" name="password" type="password" autocomplete="current-password" maxlength="1000" required;
            }
            div.acts { button.main-act { "Log in" } }
        }
    }
}

/// Where somebody without a session is sent.
pub(super) fn to_form(base: &str, to: &str) -> Response {
    go(&with_query(&format!("{base}/login"), [("to", to)]))
}

/// The answer to the form.
pub(super) fn begin(site: &Site, request: &Parts, base: &str, theme: Theme, fields: &Fields) -> Response {
    let Gate::Login(users) = &site.entrance.gate else { return StatusCode::NOT_FOUND.into_response() };
    let (name, password) = (fields.get("name").unwrap_or(""), fields.get("password").unwrap_or(""));
    let to = fields.get("to").unwrap_or("/");
    let source = site.entrance.attempts.source(request, name, users.has(name));
    if let Some(wait) = site.entrance.attempts.begin(source) {
        let seconds = wait.as_secs() + 1;
        let words = format!("Too many wrong passwords for this name: the next attempt in {seconds} s.");
        let mut response = form(base, theme, to, Some(&words));
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        return response;
    }
    let Some(viewer) = users.check(name, password) else {
        return form(base, theme, to, Some("Name or password is wrong."));
    };
    let browser = site.entrance.attempts.was_right(source, name);
    let id = site.entrance.sessions.begin(viewer.clone());
    let mut response = go(&site.under(base, local(to)));
    set(&mut response, &cookie_of(request, base, SESSION, &id, "; HttpOnly"));
    set(&mut response, &cookie_of(request, base, BROWSER, &browser, "; HttpOnly; Max-Age=31536000"));
    response
}

/// Ends the session.
pub(super) fn end(site: &Site, request: &Parts, base: &str) -> Response {
    if let Some(id) = cookie(request, SESSION) {
        site.entrance.sessions.end(id);
    }
    let mut response = go(&format!("{base}/login"));
    set(&mut response, &cookie_of(request, base, SESSION, "", "; HttpOnly; Max-Age=0"));
    response
}

/// The path of the dashboard, for which the browser keeps something, and that of the pages where it is.
#[derive(Clone, Copy)]
pub(super) struct Bases<'a> {
    pub(super) root: &'a str,
    pub(super) here: &'a str,
}

/// Keeps the theme.
pub(super) fn theme(site: &Site, request: &Parts, bases: Bases<'_>, fields: &Fields) -> Response {
    let name = fields.get("theme").filter(|name| ["light", "dark"].contains(name)).unwrap_or("auto");
    let mut response = go(&site.under(bases.here, local(fields.get("to").unwrap_or("/"))));
    set(&mut response, &cookie_of(request, bases.root, THEME, name, "; HttpOnly; Max-Age=31536000"));
    response
}

/// Path and query within the dashboard: never another site, whatever a form says.
pub(super) fn local(to: &str) -> &str {
    let is_local = to.starts_with('/') && !to.starts_with("//") && !to.contains('\\');
    if is_local && to.bytes().all(|byte| byte.is_ascii_graphic()) && to.len() < 8000 { to } else { "/" }
}

/// `Secure` where the browser's connection is encrypted, as far as it can be known: behind a proxy by its header, which
/// a liar can only use to have his own cookie dropped.
fn cookie_of(request: &Parts, base: &str, name: &str, value: &str, more: &str) -> String {
    let is_https = request.headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https")
        || request.headers.get("origin").is_some_and(|origin| origin.as_bytes().starts_with(b"https://"));
    let path = if base.is_empty() { "/" } else { base };
    let secure = if is_https { "; Secure" } else { "" };
    format!("{name}={value}; Path={path}; SameSite=Strict{secure}{more}")
}

fn set(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(SET_COOKIE, value);
    }
}

/// Sends the browser to another page with a GET.
pub(super) fn go(to: &str) -> Response {
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    let mut response = StatusCode::SEE_OTHER.into_response();
    response.headers_mut().insert(LOCATION, to);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_to_a_page_of_this_dashboard_only() {
        for to in ["/", "/jobs?state=failed&q=a%20b"] {
            assert_eq!(local(to), to);
        }
        for to in [
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "",
            "jobs",
            "/a\r\nSet-Cookie: x",
            "/é",
        ] {
            assert_eq!(local(to), "/", "{to}");
        }
    }
}
