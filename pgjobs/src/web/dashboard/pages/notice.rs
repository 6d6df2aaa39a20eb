//! What was just done, said on the page where the browser was sent then. The URL has a word and a number, and no text,
//! so that a link cannot make the page say something.

use maud::{Markup, html};

use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::words::counted;

const WORDS: &[(&str, &str)] = &[
    ("retry", "back in the queue"),
    ("redrive", "published anew"),
    ("cancel", "cancelled"),
    ("edit", "changed"),
    ("purge", "deleted"),
    ("pause", "paused"),
    ("resume", "resumed"),
];

/// The notice, if the URL asks for one.
pub(in crate::web::dashboard) fn done(ask: &Ask) -> Markup {
    let word = ask.get("did").and_then(|did| WORDS.iter().find(|(name, _)| *name == did));
    let jobs = ask.get("n").and_then(|n| n.parse::<u32>().ok());
    html! {
        @if let (Some((_, words)), Some(n)) = (word, jobs) {
            p.done role="status" { (counted(i64::from(n), "job", "jobs")) " " (words) "." }
        }
    }
}
