//! Parts of pages that many of them use. Text of others is escaped by maud; shapes always have their word.

use chrono::{DateTime, SecondsFormat, Utc};
use maud::{Markup, Render, html};

use super::url::is_link;
use super::words::{ago, exact};

/// A shape of the sprite, which means nothing without its word: `ready`, `failed`, `bell`.
pub(super) fn icon(name: &str) -> Markup {
    html! { svg class={ "ic s-" (name) } aria-hidden="true" { use href={ "#i-" (name) } {} } }
}

/// A state: shape, colour and word.
pub(super) fn state(name: &str) -> Markup {
    html! { span class={ "st s-" (name) } { (icon(name)) " " (name) } }
}

/// A time as so long ago, and exactly where the pointer rests.
pub(super) fn time(now: DateTime<Utc>, at: DateTime<Utc>) -> Markup {
    let iso = at.to_rfc3339_opts(SecondsFormat::Millis, true);
    html! { time datetime=(iso) title=(exact(at)) { (ago(now, at)) } }
}

/// A time of day, and exactly where the pointer rests.
pub(super) fn clock(at: DateTime<Utc>) -> Markup {
    let iso = at.to_rfc3339_opts(SecondsFormat::Millis, true);
    html! { time datetime=(iso) title=(exact(at)) { (at.format("%H:%M:%S%.3f").to_string()) } }
}

/// A section: an ink rule, a title, what is beside it, and its content.
pub(super) fn section(title: &str, note: impl Render, end: impl Render, body: impl Render) -> Markup {
    html! {
        section.sec {
            header { h2 { (title) } (note) div.end { (end) } }
            (body)
        }
    }
}

/// A region that is replaced in place while somebody looks. The id is unique in the page.
pub(super) fn live(id: &str, body: impl Render) -> Markup {
    html! { div id=(id) data-live { (body) } }
}

/// A table in its named, focusable frame, which alone may scroll sideways.
pub(super) fn table(name: &str, head: impl Render, rows: impl Render) -> Markup {
    html! {
        div.wrap tabindex="0" role="region" aria-label=(name) {
            table { thead { tr { (head) } } tbody { (rows) } }
        }
    }
}

/// A button that copies this text.
pub(super) fn copy(text: &str, what: &str) -> Markup {
    html! { button.bare type="button" data-copy=(text) aria-label={ "Copy " (what) } { "Copy" } }
}

/// A command to copy.
pub(super) fn command(text: &str) -> Markup {
    html! { div.cmd { code { (text) } (copy(text, text)) } }
}

/// Text with its parts between backticks as code.
pub(super) fn with_code(text: &str) -> Markup {
    html! {
        @for (nth, part) in text.split('`').enumerate() {
            @if nth % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// A link to a page of the web, and plain text for anything else.
pub(super) fn outward(text: &str) -> Markup {
    html! {
        @if is_link(text) { a href=(text) rel="noopener noreferrer nofollow" { (text) } } @else { (text) }
    }
}

/// A gauge: a thin track, thick use, ochre when it is full. The width is in whole percent.
pub(super) fn gauge(used: i64, of: i64) -> Markup {
    let percent = if of > 0 { (100 * used / of).clamp(0, 100) } else { 0 };
    let class = if of > 0 && used >= of { "u full" } else { "u" };
    html! {
        svg.gauge viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label={ (used) " of " (of) } {
            rect.t y="2.5" width="100" height="3" {}
            rect class=(class) width=(percent) height="8" {}
        }
    }
}

/// A fact of a definition list; nothing where there is no value.
pub(super) fn fact(name: &str, value: Option<impl Render>) -> Markup {
    html! { @if let Some(value) = value { dt { (name) } dd { (value) } } }
}

/// A sentence, what is beneath it, and the next step, where there is nothing to show.
pub(super) fn empty(sentence: &str, next: impl Render) -> Markup {
    html! { div.empty { p { (sentence) } (next) } }
}
