//! The names of steps: which may be used, and for what.

use super::{StepError, Steps};

/// What a name is asked for as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Step,
    Sleep,
    Signal,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Kind::Step => "step",
            Kind::Sleep => "sleep",
            Kind::Signal => "signal",
        }
    }

    /// Refuses a name under which something else is recorded.
    pub(super) fn check(self, name: &str, recorded: &str) -> Result<(), StepError> {
        if self.as_str() == recorded {
            return Ok(());
        }
        let reason = format!("it is recorded as a {recorded}, and asked for as a {}", self.as_str());
        Err(StepError::Name { step: name.to_owned(), reason })
    }
}

/// The longest name, in characters.
const LONGEST: usize = 200;

impl Steps {
    /// Refuses a name that cannot be stored, or that the task does not declare.
    pub(super) fn check_name(&self, name: &str) -> Result<(), StepError> {
        let is_name = (1..=LONGEST).contains(&name.chars().count()) && !name.chars().any(char::is_control);
        if !is_name {
            let reason = "a name has 1 to 200 characters, none of them a control character".to_owned();
            return Err(StepError::Name { step: name.chars().take(LONGEST).collect(), reason });
        }
        if self.declared.is_empty() || self.declared.iter().any(|declared| covers(declared, name)) {
            return Ok(());
        }
        Err(StepError::Undeclared { step: name.to_owned(), task: self.task, declared: self.declared })
    }
}

/// Whether a declared name, which may end with `*`, stands for this one.
pub(crate) fn covers(declared: &str, name: &str) -> bool {
    declared.strip_suffix('*').map_or(declared == name, |beginning| name.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_at_the_end_of_a_declared_name_stands_for_anything() {
        assert!(covers("approve/*", "approve/7") && covers("*", "x") && covers("a", "a"));
        assert!(!covers("approve/*", "approve") && !covers("a", "ab") && !covers("a*b", "axb"));
    }

    #[test]
    fn a_name_is_asked_for_as_what_is_recorded() {
        assert!(Kind::Step.check("a", "step").is_ok());
        let error = Kind::Sleep.check("a", "signal").unwrap_err().to_string();
        assert!(error.contains("recorded as a signal, and asked for as a sleep"), "{error}");
    }
}
