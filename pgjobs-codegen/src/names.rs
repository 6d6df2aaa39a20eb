//! Turns names that were made for something else into identifiers.

use std::collections::BTreeSet;

/// The words of a name: `mail.sendWelcome-2` is `mail`, `send`, `Welcome`, `2`.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    for c in name.chars() {
        let starts =
            !before.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && !before.is_ascii_uppercase());
        match c.is_ascii_alphanumeric() {
            true if starts => words.push(c.to_string()),
            true => words.last_mut().expect("a word has started").push(c),
            false => {}
        }
        before = c;
    }
    words
}

fn capital(word: &str) -> String {
    let (first, rest) = word.split_at(word.len().min(1));
    first.to_ascii_uppercase() + rest
}

/// Adds a beginning to a name that does not begin as an identifier must.
fn begun(name: String, beginning: &str) -> String {
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) { name } else { beginning.to_owned() + &name }
}

/// `MailWelcome`.
pub(crate) fn pascal(name: &str) -> String {
    begun(words(name).iter().map(|word| capital(word)).collect(), "N")
}

/// `mail_welcome`.
pub(crate) fn snake(name: &str) -> String {
    begun(words(name).join("_").to_ascii_lowercase(), "n_")
}

/// `mailWelcome`.
pub(crate) fn camel(name: &str) -> String {
    let words = words(name);
    let first = words.first().map(|word| word.to_ascii_lowercase()).unwrap_or_default();
    begun(words.iter().skip(1).fold(first, |name, word| name + &capital(word)), "n")
}

/// Whether a name is an identifier in all three languages, keywords aside.
pub(crate) fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The names of one scope, all different.
#[derive(Default)]
pub(crate) struct Names {
    taken: BTreeSet<String>,
}

impl Names {
    /// A scope in which these names are taken already.
    pub(crate) fn without(reserved: &[&str]) -> Self {
        Names { taken: reserved.iter().map(|&name| name.to_owned()).collect() }
    }

    /// The name, or the name with the first number that makes it unique.
    pub(crate) fn unique(&mut self, name: &str, between: &str) -> String {
        let numbered = (2..).map(|n| format!("{name}{between}{n}"));
        let free = std::iter::once(name.to_owned()).chain(numbered).find(|name| !self.taken.contains(name));
        let free = free.unwrap_or_default();
        self.taken.insert(free.clone());
        free
    }
}

/// Type names that a language, or the fixed part of each generated file, uses already.
pub(crate) const TYPES: &[&str] = &[
    "Any",
    "Array",
    "BTreeMap",
    "Body",
    "Boolean",
    "Box",
    "Connection",
    "Date",
    "Default",
    "Duration",
    "Enum",
    "Err",
    "Error",
    "Exception",
    "False",
    "Generic",
    "Instant",
    "Job",
    "JobCancelled",
    "JobEnded",
    "JobError",
    "JobFailed",
    "JobUnknown",
    "Literal",
    "LookupError",
    "Map",
    "Mapping",
    "None",
    "NodeEdge",
    "NodeResult",
    "NotRequired",
    "Number",
    "Object",
    "Ok",
    "Option",
    "Options",
    "PgExecutor",
    "PgPool",
    "Promise",
    "PromiseLike",
    "Protocol",
    "Record",
    "Result",
    "RuntimeError",
    "Self",
    "Sequence",
    "Set",
    "Some",
    "String",
    "Symbol",
    "SystemTime",
    "T",
    "TimeoutError",
    "True",
    "TypeAlias",
    "TypeVar",
    "TypedDict",
    "Value",
    "Vec",
    "WaitError",
    "Workflow",
    "WorkflowEnded",
    "WorkflowError",
    "WorkflowNode",
    "WorkflowOptions",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_turn_into_identifiers() {
        for (name, expected) in [
            ("mail.welcome", ["MailWelcome", "mail_welcome", "mailWelcome"]),
            ("mail.sendWelcome-2", ["MailSendWelcome2", "mail_send_welcome_2", "mailSendWelcome2"]),
            ("HTTPCheck", ["HTTPCheck", "httpcheck", "httpcheck"]),
            ("2fa", ["N2fa", "n_2fa", "n2fa"]),
            ("é", ["N", "n_", "n"]),
        ] {
            assert_eq!([pascal(name), snake(name), camel(name)], expected, "{name}");
        }
    }

    #[test]
    fn no_name_is_given_twice() {
        let mut names = Names::without(&["list"]);
        let given = ["list", "a_b", "a_b", "a_b_2"].map(|name| names.unique(name, "_"));
        assert_eq!(given, ["list_2", "a_b", "a_b_2", "a_b_2_2"]);
    }
}
