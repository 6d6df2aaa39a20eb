//! The last ticks of a schedule, the newest at the right, so that columns line up at now.

use maud::{Markup, html};

/// What became of a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web::dashboard) enum Tick {
    /// Its job was published.
    Published,
    /// It was due while nobody looked, and its job was published later.
    CaughtUp,
    /// Left out on purpose: the job before ran still, or the schedule was paused.
    Skipped,
    /// Nothing was published and nobody wanted that: it was missed, or the publish failed.
    Missed,
}

const MOST: usize = 20;
const STEP: usize = 8;

/// At most twenty ticks, given newest first.
pub(in crate::web::dashboard) fn ticks(newest_first: &[Tick]) -> Markup {
    let shown: Vec<Tick> = newest_first.iter().take(MOST).rev().copied().collect();
    let first = MOST - shown.len();
    html! {
        svg.ticks width="160" height="20" viewBox="0 0 160 20" preserveAspectRatio="xMaxYMid slice" role="img" aria-label=(sentence(&shown)) {
            @for (nth, tick) in shown.iter().enumerate() { (mark(*tick, (first + nth) * STEP)) }
        }
    }
}

/// One mark, for a legend that has the word beside it.
pub(in crate::web::dashboard) fn tick_mark(tick: Tick) -> Markup {
    html! { svg.ticks width="8" height="20" viewBox="0 0 8 20" aria-hidden="true" { (mark(tick, 0)) } }
}

fn mark(tick: Tick, x: usize) -> Markup {
    html! {
        @match tick {
            Tick::Published => { rect.p x=(x) y="3" width="5" height="15" {} }
            Tick::CaughtUp => { rect.cu x=(x) y="10" width="5" height="8" {} }
            Tick::Skipped => { rect.s x={ (x) ".5" } y="3.5" width="4" height="14" {} }
            Tick::Missed => { path.x d={ "M" (x) ",7l5,6m0,-6l-5,6" } {} }
        }
    }
}

fn sentence(shown: &[Tick]) -> String {
    let words = [
        (Tick::Published, "published"),
        (Tick::CaughtUp, "caught up"),
        (Tick::Skipped, "skipped"),
        (Tick::Missed, "missed"),
    ];
    let counts = words.map(|(kind, word)| (shown.iter().filter(|tick| **tick == kind).count(), word));
    let said: Vec<String> =
        counts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    if said.is_empty() {
        "no tick yet".to_owned()
    } else {
        format!("last {}: {}", shown.len(), said.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_tick_is_at_the_right_edge() {
        let svg = ticks(&[Tick::Missed, Tick::Published]).into_string();
        assert!(svg.contains("M152,7"), "{svg}");
        assert!(svg.contains("<rect class=\"p\" x=\"144\""), "{svg}");
        assert!(svg.contains("last 2: 1 published, 1 missed"), "{svg}");
    }

    #[test]
    fn more_than_twenty_are_the_newest_twenty() {
        let many: Vec<Tick> = (0..30).map(|n| if n < 20 { Tick::Skipped } else { Tick::Published }).collect();
        let svg = ticks(&many).into_string();
        assert!(svg.contains("last 20: 20 skipped"), "{svg}");
        assert_eq!(sentence(&[]), "no tick yet");
    }
}
