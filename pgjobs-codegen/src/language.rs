//! The languages of clients.

use std::fmt;

/// The language of a client.
///
/// ```
/// use pgjobs_codegen::Language;
///
/// assert_eq!(Language::named("python"), Some(Language::Python));
/// assert_eq!(Language::Python.to_string(), "python");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Language {
    /// Python 3.11 and newer, with asyncpg.
    Python,
    /// TypeScript, with postgres.js.
    Typescript,
    /// Rust, with sqlx, serde and tokio.
    Rust,
}

impl Language {
    /// All of them, for a list of choices.
    pub const ALL: &[Language] = &[Language::Python, Language::Typescript, Language::Rust];

    /// Its name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Language::Python => "python",
            Language::Typescript => "typescript",
            Language::Rust => "rust",
        }
    }

    /// The language of this name, if there is one.
    pub fn named(name: &str) -> Option<Language> {
        Language::ALL.iter().copied().find(|language| language.name() == name)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
