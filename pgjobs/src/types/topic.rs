//! Topics: patterns over dotted task names, such as `mail.*`.

use std::fmt;
use std::str::FromStr;

use super::error::Error;

/// A pattern over dotted task names.
///
/// `*` (or `%`, as in the original) matches any text, dots included; every other character matches itself,
/// `_` too. `mail.*` matches `mail.send` and `mail.bulk.send`, but not `mail`.
///
/// ```
/// use pgjobs::Topic;
///
/// let topic: Topic = "mail.*".parse()?;
/// assert!(topic.holds("mail.send") && topic.holds("mail.bulk.send"));
/// assert!(!topic.holds("mail") && !topic.holds("mailer.send"));
/// # Ok::<(), pgjobs::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic(String);

impl Topic {
    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a task name matches this topic.
    pub fn holds(&self, task: &str) -> bool {
        let mut parts = self.0.split(['*', '%']);
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = task.strip_prefix(first) else { return false };
        let mut parts: Vec<&str> = parts.collect();
        let Some(last) = parts.pop() else { return rest.is_empty() };
        for part in parts {
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

impl FromStr for Topic {
    type Err = Error;

    /// Refuses an empty pattern, one longer than 200 bytes, and control characters.
    fn from_str(pattern: &str) -> Result<Self, Error> {
        let refuse = |reason| Err(Error::Topic { pattern: pattern.to_owned(), reason });
        match pattern {
            "" => refuse("is empty; use `*` for every task"),
            p if p.len() > 200 => refuse("is longer than 200 bytes"),
            p if p.chars().any(char::is_control) => refuse("holds a control character"),
            p => Ok(Topic(p.to_owned())),
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_hold_what_they_say() {
        for (pattern, task, holds) in [
            ("mail.*", "mail.send", true),
            ("mail.%", "mail.a.b", true),
            ("mail.*", "mail", false),
            ("*", "anything", true),
            ("*.send", "mail.send", true),
            ("*.send", "mail.sender", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("mail.send", "mail.send", true),
            ("mail.send", "mail.sendx", false),
            ("mail_send", "mailxsend", false),
            ("ab*ba", "aba", false),
        ] {
            let topic: Topic = pattern.parse().unwrap();
            assert_eq!(topic.holds(task), holds, "{pattern} {task}");
        }
    }
}
