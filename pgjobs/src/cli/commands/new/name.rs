//! The name of a service: what may be the name of a crate.

use std::str::FromStr;

/// As many as registries take.
const LONGEST: usize = 64;

/// Crates that the compiler brings, and those that a new service depends on.
const TAKEN: [&str; 11] =
    ["alloc", "core", "proc_macro", "std", "test", "axum", "pgjobs", "sqlx", "tokio", "tracing", "uuid"];

/// Words of Rust 2024, which name nothing else.
const KEYWORDS: [&str; 52] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static",
    "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual",
    "where", "while", "yield", "union",
];

/// A name that cargo and the compiler take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name(String);

impl Name {
    /// As a package: `my-service`.
    pub(super) fn package(&self) -> &str {
        &self.0
    }

    /// As a word of Rust: `my_service`.
    pub(super) fn krate(&self) -> String {
        self.0.replace('-', "_")
    }
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = Name(text.to_owned());
        let refused = |reason: &str| format!("{reason}: write a name such as my-service");
        let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        if text.is_empty() || text.len() > LONGEST {
            return Err(refused("the name of a crate has 1 to 64 letters"));
        }
        if !text.chars().all(is_allowed) {
            return Err(refused("the name of a crate has small letters of ASCII, digits, `-` and `_`"));
        }
        if !text.starts_with(|c: char| c.is_ascii_lowercase()) {
            return Err(refused("the name of a crate begins with a letter"));
        }
        let krate = name.krate();
        if KEYWORDS.contains(&&*krate) {
            return Err(refused("it is a word of Rust"));
        }
        if TAKEN.contains(&&*krate) {
            return Err(refused("another crate of the service has this name"));
        }
        Ok(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_cargo_refuses_is_refused_with_a_remedy() {
        for (name, reason) in [
            ("", "1 to 64"),
            (&*"a".repeat(65), "1 to 64"),
            ("Shop", "small letters"),
            ("my shop", "small letters"),
            ("../shop", "small letters"),
            ("shöp", "small letters"),
            ("a.b", "small letters"),
            ("7-shops", "begins with a letter"),
            ("-shop", "begins with a letter"),
            ("_shop", "begins with a letter"),
            ("async", "word of Rust"),
            ("std", "another crate"),
            ("proc-macro", "another crate"),
            ("pgjobs", "another crate"),
        ] {
            let error = name.parse::<Name>().unwrap_err();
            assert!(error.contains(reason) && error.ends_with("such as my-service"), "{name}: {error}");
        }
    }

    #[test]
    fn a_name_is_a_package_and_a_word_of_rust() {
        let name: Name = "my-2nd_shop".parse().unwrap();
        assert_eq!((name.package(), &*name.krate()), ("my-2nd_shop", "my_2nd_shop"));
        assert!("a".repeat(64).parse::<Name>().is_ok());
    }
}
