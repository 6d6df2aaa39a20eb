//! Why a claim was refused, and when a job is the reason.

/// Why a claim was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It took too long.
    Slow,
    /// Because of the content of its jobs.
    Content,
    /// The server had no memory for it, which may pass.
    Memory,
}

impl Refusal {
    /// How often a single job is refused before it counts as the reason.
    pub(super) fn patience(self) -> Option<u32> {
        match self {
            Refusal::Slow => None,
            Refusal::Content => Some(2),
            Refusal::Memory => Some(10),
        }
    }
}
