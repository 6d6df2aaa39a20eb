//! What is the same in each run of a command, and what is not.

use std::collections::BTreeMap;

/// The ids of jobs as a page has them, and as they are in this run.
#[derive(Clone, Default)]
pub(crate) struct Ids {
    page: String,
    known: BTreeMap<String, String>,
}

impl Ids {
    /// Begins a page.
    pub(crate) fn turn_to(&mut self, page: &str) {
        if self.page != page {
            *self = Ids {
                page: page.to_owned(),
                ..Ids::default()
            };
        }
    }

    /// A command of a page with the ids of this run.
    pub(crate) fn of_this_run(&self, command: &str) -> String {
        self.known
            .iter()
            .fold(command.to_owned(), |text, (shown, id)| {
                text.replace(shown, id)
            })
    }

    /// Whether a line is what a page shows. An id that is seen for the first time is learned.
    pub(crate) fn is_as_shown(&mut self, line: &str, shown: &str) -> bool {
        let (words, shown) = (words(line), words(shown));
        words.len() == shown.len()
            && words
                .iter()
                .zip(&shown)
                .all(|(word, shown)| self.is_word(word, shown))
    }

    fn is_word(&mut self, word: &str, shown: &str) -> bool {
        if let Some((before, after)) = shown.split_once('…') {
            return word.starts_with(before) && word.ends_with(after);
        }
        let (id, shown_id) = (trimmed(word), trimmed(shown));
        if is_id(id) && is_id(shown_id) {
            return self
                .known
                .entry(shown_id.to_owned())
                .or_insert_with(|| id.to_owned())
                == id;
        }
        word == shown || is_time(shown) && pattern(word) == pattern(shown)
    }
}

/// The words of a line. How long ago something was, or when it will be, is one word, always the same.
fn words(line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut found = Vec::new();
    let mut rest = &words[..];
    while let [first, after @ ..] = rest {
        rest = match rest {
            ["just", "now", after @ ..] | ["(now)", after @ ..] => note(&mut found, after),
            [_, _, "ago", after @ ..] if is_number(first) => note(&mut found, after),
            ["in" | "(in", _, unit, after @ ..] if is_unit(unit) => note(&mut found, after),
            [_, "ago)", after @ ..] if is_time(first) => note(&mut found, after),
            [_, _, "ago)", after @ ..] if is_number(first) => note(&mut found, after),
            _ => {
                found.push((*first).to_owned());
                after
            }
        };
    }
    found
}

fn note<'w>(found: &mut Vec<String>, after: &'w [&'w str]) -> &'w [&'w str] {
    found.push("(then)".to_owned());
    after
}

fn is_number(word: &str) -> bool {
    trimmed(word).bytes().all(|letter| letter.is_ascii_digit())
}

fn is_unit(word: &str) -> bool {
    ["second", "minute", "hour", "day"]
        .iter()
        .any(|unit| word.starts_with(unit))
}

fn trimmed(word: &str) -> &str {
    word.trim_matches(|letter: char| !letter.is_ascii_alphanumeric())
}

/// Of a job, or of a worker.
fn is_id(word: &str) -> bool {
    let is_hex = |part: &str| part.bytes().all(|letter| letter.is_ascii_hexdigit());
    word.split('-').all(is_hex) && (word.len() == 32 || word.len() == 36)
}

/// A date, a time of day, or a duration with its unit, such as `1.4s`.
fn is_time(word: &str) -> bool {
    let word = trimmed(word);
    let number = word.trim_end_matches(['m', 's', 'µ', 'h']);
    let is_span = number.len() < word.len() && number.parse::<f64>().is_ok();
    is_span
        || word.contains(':') && word.bytes().any(|letter| letter.is_ascii_digit())
        || word.matches('-').count() == 2
}

/// The word with one `0` for each number in it.
fn pattern(word: &str) -> String {
    let mut pattern = String::new();
    for letter in word.chars() {
        let is_number = letter.is_ascii_digit() || letter == '.';
        if !is_number {
            pattern.push(letter);
        } else if !pattern.ends_with('0') {
            pattern.push('0');
        }
    }
    pattern
}

#[test]
fn an_id_stands_for_the_same_one_everywhere() {
    let mut ids = Ids::default();
    let [shown, other] = ["0".repeat(32), "1".repeat(32)];
    let [here, there] = ["a".repeat(32), "b".repeat(32)];
    assert!(ids.is_as_shown(&format!("job {here}"), &format!("job {shown}")));
    assert!(ids.is_as_shown(&format!("({there})"), &format!("({other})")));
    assert!(!ids.is_as_shown(&format!("job {there}"), &format!("job {shown}")));
    assert_eq!(
        ids.of_this_run(&format!("explain {shown}")),
        format!("explain {here}")
    );
}

#[test]
fn times_differ_and_numbers_do_not() {
    let mut ids = Ids::default();
    assert!(ids.is_as_shown("ended just now in run 1", "ended 5 seconds ago in run 1"));
    assert!(ids.is_as_shown(
        "it ended (00:00:06 ago) in attempt 1",
        "it ended (now) in attempt 1"
    ));
    assert!(!ids.is_as_shown("ended just now in run 1", "ended 5 seconds ago in run 2"));
    assert!(ids.is_as_shown("ended at 09:15:02 after 1.2s", "ended at 10:00:00 after 4s"));
    assert!(!ids.is_as_shown("3 runs", "2 runs"));
    assert!(ids.is_as_shown("at http://127.0.0.1:8080/", "at http://…/"));
    assert!(!ids.is_as_shown("one two", "one"));
}
