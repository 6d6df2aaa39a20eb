//! Rates in options: `100/s`, `300/m`, `1000/h`, `5000/d`, `100/10s`. The database reads them by the same
//! rules.

const FORM: &str = "a rate is a count and a span (s, m, h, d): \"100/s\", \"300/m\", \"1000/h\", \"100/10s\"";
const UNITS: [(char, u64); 4] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];
const LONGEST: u64 = 366 * 86_400;

/// Refuses what is no rate, with the reason.
pub(crate) fn check(text: &str) -> Result<(), String> {
    let (count, seconds) = parse(text).ok_or_else(|| format!("`{text}` is no rate; {FORM}"))?;
    if !(1..=LONGEST).contains(&seconds) {
        return Err("the span of a rate is 1 second at least and 366 days at most".to_owned());
    }
    if count < 1 || count > 1_000_000 * seconds {
        return Err("a rate has 1 start or more in its span, and at most 1000000 a second".to_owned());
    }
    Ok(())
}

/// What makes two rates the same: starts in a day, as a fraction.
pub(crate) fn are_alike(one: &str, other: &str) -> bool {
    match (parse(one), parse(other)) {
        (Some((count, seconds)), Some((others, of))) => count * of == others * seconds,
        _ => false,
    }
}

/// The count and the seconds.
fn parse(text: &str) -> Option<(u64, u64)> {
    let (count, span) = text.split_once('/')?;
    let unit = span.chars().last()?;
    let (_, scale) = UNITS.iter().find(|(letter, _)| *letter == unit)?;
    let times = &span[..span.len() - 1];
    let number = |digits: &str, most: usize| {
        let is_number = digits.len() <= most && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| digits.parse::<u64>().ok()).flatten()
    };
    let times = if times.is_empty() { 1 } else { number(times, 8)? };
    Some((number(count, 9)?, times * scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_the_database_reads_them() {
        for text in ["1/s", "100/10s", "300/m", "1000/h", "5000/d", "1000000/s", "999999999/1000s", "1/366d"]
        {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for text in [
            "",
            "100",
            "/s",
            "100/",
            "100/w",
            "100 / s",
            "-1/s",
            "1.5/s",
            "0/s",
            "1/0s",
            "1000001/s",
            "1/367d",
            "9999999999/d",
            "1/999999999s",
            "100/s ",
            "100/ä",
            "+1/s",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_same_rate_is_known_in_other_words() {
        assert!(are_alike("1/s", "60/m") && are_alike("100/10s", "10/s"));
        assert!(!are_alike("10/s", "1000/h") && !are_alike("x", "x"));
    }
}
