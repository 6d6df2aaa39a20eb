//! The frame of all pages: head, top, rail, foot.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use maud::{DOCTYPE, Markup, html};

use super::ask::Ask;
use super::assets::{MARK, SCRIPT, STYLE};
use super::html::icon;
use super::markup::sprite;
use super::url::with_query;
use super::verbs::Verb;
use super::view::{SECTIONS, Section, View};
use super::words::said;

/// `light`, `dark`, or nothing for what the system says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Theme {
    System,
    Light,
    Dark,
}

impl Theme {
    pub(super) fn named(name: Option<&str>) -> Self {
        match name {
            Some("light") => Theme::Light,
            Some("dark") => Theme::Dark,
            _ => Theme::System,
        }
    }

    fn class(self) -> Option<&'static str> {
        match self {
            Theme::System => None,
            Theme::Light => Some("theme-light"),
            Theme::Dark => Some("theme-dark"),
        }
    }
}

/// A whole page.
pub(super) fn page(ask: &Ask, section: Section, theme: Theme, view: View) -> Response {
    let of = with_query(&ask.path, ask.query.iter());
    let stream = view.live.then(|| ask.link_with("/live", [("of", of.as_str())]));
    let body = html! {
        body data-stream=[stream] data-base=(ask.base) {
            (sprite())
            a.skip href="#main" { "Skip to content" }
            (top(ask, section))
            (rail(ask, section))
            main id="main" tabindex="-1" { (view.main) }
            (keys())
            (foot(ask))
        }
    };
    let place = match &ask.site.server {
        Some(server) => format!("{server} · {}", ask.site.entrance.name),
        None => ask.site.entrance.name.clone(),
    };
    let title = format!("{} · {place} · pgjobs", view.title);
    answer(view.status, &document(&ask.base, theme, &title, &body))
}

/// A page without rail, for those who are not logged in, and for errors that come before a viewer is known.
pub(super) fn alone(base: &str, theme: Theme, status: StatusCode, title: &str, main: &Markup) -> Response {
    let body = html! {
        body.alone {
            (sprite())
            main id="main" tabindex="-1" { div.brand { (mark()) span { "pgjobs" } } (main) }
        }
    };
    answer(status, &document(base, theme, &format!("{title} · pgjobs"), &body))
}

fn document(base: &str, theme: Theme, title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" class=[theme.class()] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                link rel="stylesheet" href={ (base) (STYLE.path) };
                link rel="icon" href={ (base) (MARK.path) } type="image/svg+xml";
                script src={ (base) (SCRIPT.path) } defer {}
            }
            (body)
        }
    }
}

fn answer(status: StatusCode, page: &Markup) -> Response {
    let mut response = (status, page.0.clone()).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

fn mark() -> Markup {
    html! {
        svg viewBox="0 0 30 12" aria-hidden="true" {
            path d="M0 5h9v2H0zM23 5h7v2h-7z" {}
            path.live d="M8 0h16v12H8z" {}
        }
    }
}

fn top(ask: &Ask, section: Section) -> Markup {
    html! {
        header.top {
            a.brand href={ (ask.site.under(&ask.root, "/")) } aria-label="pgjobs, overview" { (mark()) span { "pgjobs" } }
            button.menu-button popovertarget="rail" { "Sections" }
            p.where { b { (ask.site.entrance.name) } " " (age(ask)) }
            @if !ask.site.names.is_empty() { (chooser(ask, section)) }
            form.find role="search" action=(ask.link("/jobs")) {
                input type="search" name="q" id="search" aria-label="Search jobs" maxlength="500"
                    placeholder="Job id, or task: key: tag: error: args:   ( / )";
            }
            div.end {
                span.st.s-running id="live" hidden { "live" }
                (bell(ask))
                button.bare.kb popovertarget="keys" aria-label="Keys" { kbd { "?" } }
                (who(ask))
            }
        }
    }
}

/// The servers, and which of them this page is of; a choice leads to the same section of another.
fn chooser(ask: &Ask, section: Section) -> Markup {
    let path = SECTIONS.iter().find(|row| row.0 == section).map_or("/", |row| row.1);
    let here = ask.site.server.as_deref();
    html! {
        button.bare popovertarget="servers" aria-label="Servers" { (here.unwrap_or("all servers")) " ▾" }
        nav.servers id="servers" popover aria-label="Servers" {
            ul {
                li { a href=(ask.site.under(&ask.root, "/")) aria-current=[here.is_none().then_some("page")] { "all servers" } }
                @for name in ask.site.names.iter() {
                    li { a href=(ask.link_on(name, path)) aria-current=[(here == Some(name.as_str())).then_some("page")] { (name) } }
                }
            }
        }
    }
}

/// The number of problems, which lives on each page.
pub(super) fn bell(ask: &Ask) -> Markup {
    let problems = ask.snapshot.problems.len();
    html! {
        a.plain.st id="bell" data-live href=(ask.link("/#problems")) {
            (icon("bell")) " " b { (problems) } " " span.kb { @if problems == 1 { "problem" } @else { "problems" } }
        }
    }
}

/// From so many seconds on the data of a standby are old.
const OLD: f64 = 5.0;

/// Where pages are read from a standby, how old they are; it lives on each page.
pub(super) fn age(ask: &Ask) -> Markup {
    let (class, words) = match (&ask.site.standby, &ask.snapshot.standby) {
        (None, _) => return html! {},
        (Some(_), None) => ("st s-failed", "read from a server that is no standby".to_owned()),
        (Some(_), Some(standby)) => {
            let class = if standby.seconds >= OLD { "st s-failed" } else { "st" };
            let seconds = TimeDelta::seconds(standby.seconds.round() as i64);
            let old =
                if standby.seconds < 10.0 { format!("{} s", seconds.num_seconds()) } else { said(seconds) };
            (class, format!("standby, {old} old"))
        }
    };
    html! { span id="age" data-live class=(class) { (words) } }
}

fn who(ask: &Ask) -> Markup {
    html! {
        form.who method="post" action=(ask.link("/logout")) {
            span { (ask.viewer.name) } " " span.faint { (ask.viewer.role) }
            @if ask.site.entrance.gate.has_login() { " " button.bare { "Log out" } }
        }
    }
}

fn rail(ask: &Ask, section: Section) -> Markup {
    if !ask.site.over.is_empty() {
        return rail_of_servers(ask);
    }
    html! {
        nav.rail id="rail" popover aria-label="Sections" {
            ul {
                @for (this, path, word, letter) in SECTIONS.iter().filter(|row| row.0 != Section::Audit || ask.may(Verb::Audit)) {
                    li {
                        a href=(ask.link(path)) aria-current=[(*this == section).then_some("page")] data-go=(letter) {
                            (word) " " kbd aria-hidden="true" { "g " (letter) }
                        }
                    }
                }
            }
        }
    }
}

/// Over several servers there are few sections, and the way to each server.
fn rail_of_servers(ask: &Ask) -> Markup {
    html! {
        nav.rail id="rail" popover aria-label="Sections" {
            ul {
                @for (path, words) in [("/", "All servers"), ("/schedules", "Their schedules")] {
                    li { a href=(ask.link(path)) aria-current=[(ask.path == path).then_some("page")] { (words) } }
                }
                @for name in ask.site.names.iter() { li { a href=(ask.link_on(name, "/")) { (name) } } }
            }
        }
    }
}

const KEYS: &[(&str, &str)] = &[
    ("g and a letter", "go to a section; the letters stand beside them"),
    ("/", "search"),
    ("j k", "next, previous row"),
    ("x", "select the row; with Shift a range"),
    ("Enter", "open the row"),
    (".", "actions of the selection"),
    ("[ ]", "newer, older page"),
    ("p", "pause or go on with updates"),
    ("y", "copy the id"),
    ("Esc", "close; drop the selection"),
    ("?", "this list"),
];

fn keys() -> Markup {
    html! {
        div popover id="keys" role="dialog" aria-labelledby="keys-title" {
            h2 id="keys-title" { "Keys" }
            dl.keys { @for (key, what) in KEYS { dt { kbd { (key) } } dd { (what) } } }
            form { label { input type="checkbox" id="keys-on" checked; " Single-letter keys on" } }
        }
        p.vh role="status" id="status" {}
    }
}

fn foot(ask: &Ask) -> Markup {
    html! {
        footer.foot {
            span { "pgjobs " (env!("CARGO_PKG_VERSION")) }
            span { "Times in UTC, as of " (ask.now().format("%H:%M:%S").to_string()) }
            @if ask.snapshot.is_late { span { "Problems and counts of ended jobs are older, or missing: they took the database too long." } }
            form.theme method="post" action=(ask.link("/theme")) {
                input type="hidden" name="to" value=(with_query(&ask.path, ask.query.iter()));
                "Theme: "
                @for name in ["auto", "light", "dark"] { button.bare name="theme" value=(name) { (name) } " " }
            }
        }
    }
}
