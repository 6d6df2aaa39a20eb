//! Numbers and times as text.

use chrono::{DateTime, Utc};

/// "3 minutes": only the largest unit.
pub(crate) fn span(seconds: i64) -> String {
    let (count, unit) = match seconds.max(0) {
        0 => return "under a second".to_owned(),
        s @ 1..=99 => (s, "second"),
        s @ 100..=5999 => (s / 60, "minute"),
        s @ 6000..=172_799 => (s / 3600, "hour"),
        s => (s / 86_400, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

/// "3 minutes ago", "in 2 hours".
pub(crate) fn when(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (now - time).num_seconds();
    match seconds {
        ..0 => format!("in {}", span(-seconds)),
        0 => "just now".to_owned(),
        _ => format!("{} ago", span(seconds)),
    }
}

/// "for another 2 hours"; "until 3 minutes ago" of what is over.
pub(crate) fn until(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    match (time - now).num_seconds() {
        seconds @ 1.. => format!("for another {}", span(seconds)),
        _ => format!("until {}", when(time, now)),
    }
}

/// "12,345".
pub(crate) fn count(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or_default().to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// "12,345", or "12,345+" when there may be more.
pub(crate) fn counted(number: impl TryInto<u64>, exact: bool) -> String {
    count(number) + if exact { "" } else { "+" }
}

/// "1 job", "12,345 jobs".
pub(crate) fn jobs(number: u64) -> String {
    format!("{} job{}", count(number), if number == 1 { "" } else { "s" })
}

/// "1 job", "at least 1,000,000 jobs" when counting stopped there.
pub(crate) fn jobs_counted(number: u64, exact: bool) -> String {
    format!("{}{}", if exact { "" } else { "at least " }, jobs(number))
}

/// `user_id: i64, [locale: String], **extra`, made of names, types, and whether they are required; an `open`
/// task takes keywords of any other name.
pub(crate) fn parameters<'a>(
    parameters: impl Iterator<Item = (&'a str, &'a str, bool)>,
    open: bool,
) -> String {
    let shown = parameters.map(|(name, ty, required)| {
        let typed = if ty.is_empty() { name.to_owned() } else { format!("{name}: {ty}") };
        if required { typed } else { format!("[{typed}]") }
    });
    let shown: Vec<String> = shown.chain(open.then(|| "**extra".to_owned())).collect();
    shown.join(", ")
}

/// The first line, shortened to fit a table cell.
pub(crate) fn first_line(text: &str, longest: usize) -> String {
    cut(text.trim().lines().next().unwrap_or_default(), longest)
}

/// At most `longest` characters; a shortened text ends in `…`.
pub(crate) fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        None => text.to_owned(),
        Some(_) => text.chars().take(longest - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_words() {
        for (seconds, words) in [
            (0, "under a second"),
            (1, "1 second"),
            (90, "90 seconds"),
            (200, "3 minutes"),
            (7200, "2 hours"),
            (400_000, "4 days"),
        ] {
            assert_eq!(span(seconds), words);
        }
        let now = Utc::now();
        assert_eq!(when(now, now), "just now");
        assert_eq!(when(now - chrono::TimeDelta::seconds(61), now), "61 seconds ago");
        assert_eq!(when(now + chrono::TimeDelta::seconds(601), now), "in 10 minutes");
        assert_eq!(until(now + chrono::TimeDelta::seconds(601), now), "for another 10 minutes");
        assert_eq!(until(now, now), "until just now");
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(count(0_u64), "0");
        assert_eq!(count(999_u64), "999");
        assert_eq!(count(1_234_567_i64), "1,234,567");
        assert_eq!((counted(2500, false), counted(2500, true)), ("2,500+".to_owned(), "2,500".to_owned()));
        assert_eq!(jobs(1), "1 job");
    }
}
