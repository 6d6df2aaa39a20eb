//! How bad a finding is.

use serde::Serialize;

/// The severity of a finding; more severe ones come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something does not work, or would not: of a deploy check, jobs that are open now would fail or never
    /// run.
    Error,
    /// Something may stop working: of a deploy check, no job that was decoded would break.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}
