//! A limit in a few words, for people.

use super::LimitRow;

/// What a limit says, in a few words: `max 2, 100/s, cost units`.
pub(crate) fn in_words(limit: &LimitRow) -> String {
    let mut words = Vec::new();
    if limit.in_order {
        let closes = limit.on_dead != "skip";
        words.push(if closes { format!("in order ({})", limit.on_dead) } else { "in order".to_owned() });
    } else if let Some(max) = limit.max {
        words.push(format!("max {max}"));
    }
    words.extend(limit.rates.iter().flatten().cloned());
    if let Some(cost) = &limit.cost {
        words.push(format!("cost {cost}"));
    }
    if limit.fair {
        words.push("fair".to_owned());
    }
    words.join(", ")
}
