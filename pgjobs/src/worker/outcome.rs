//! Chooses the outcome to send after the database refused the first outcome of a run.

use std::time::Duration;

use crate::db::refusal::{is_about_schema, is_conflict, is_internal};
use crate::db::settle::Outcome;
use crate::types::error::Error;

/// A text that any database accepts, whatever its encoding.
const SUCCEEDED: &str =
    "the run succeeded, but the database refused its result; the log of its worker says why";
const FAILED: &str = "the run failed, and the database refused its error; the log of its worker has both";

/// A refusal that lasts this long is permanent.
const PERSISTENT: Duration = Duration::from_secs(60);
/// The same for an error inside the server, which passes at once or never.
const INTERNAL: Duration = Duration::from_secs(10);
/// The longest pause before an outcome that is refused alone is sent again.
const LONGEST_REST: Duration = Duration::from_secs(5);

/// How long an outcome that was refused for this reason is sent again before its content counts as the
/// reason. `None`: for as long as the worker lives, since the reason is never in the outcome.
pub(super) fn patience(error: &Error) -> Option<Duration> {
    match error {
        error if is_conflict(error) || is_about_schema(error) => None,
        error if is_internal(error) => Some(INTERNAL),
        _ => Some(PERSISTENT),
    }
}

/// How long to pause before an outcome that has been refused for this time is sent again: at first hardly at
/// all, so that a reason that passes at once costs nothing. When another transaction has locked the row,
/// there is no pause.
pub(super) fn rest(refused_for: Duration, error: &Error) -> Duration {
    if is_conflict(error) { Duration::ZERO } else { (refused_for / 4).min(LONGEST_REST) }
}

/// The outcome to send in place of one that the database refused for its content `times` times in a row.
/// `Some(None)` sends the same again; `None` gives up, and the job is requeued when its lease expires.
///
/// A success is sent once more, since the reason for its refusal may have passed. No error message is sent
/// twice, and the last one is a text that cannot be the reason.
pub(super) fn after_refusal(outcome: &Outcome, times: u8, error: &Error) -> Option<Option<Outcome>> {
    match (outcome, times) {
        (Outcome::Success(_) | Outcome::Verify, 1) => Some(None),
        (Outcome::Success(_) | Outcome::Verify, _) => {
            let text = format!("the run succeeded; and the database refused this outcome: {error}");
            Some(Some(Outcome::Fail(text)))
        }
        (Outcome::Fail(text), _) if text.starts_with("the run succeeded;") => {
            Some(Some(Outcome::Fail(SUCCEEDED.to_owned())))
        }
        (Outcome::Fail(text) | Outcome::Retry(text, _), _) if text == SUCCEEDED || text == FAILED => None,
        (Outcome::Fail(_), _) => Some(Some(Outcome::Fail(FAILED.to_owned()))),
        (Outcome::Retry(_, delay), _) => Some(Some(Outcome::Retry(FAILED.to_owned(), *delay))),
        (Outcome::Snooze(_) | Outcome::Release | Outcome::ReleaseUnknown, 1..3) => Some(None),
        (Outcome::Snooze(_) | Outcome::Release | Outcome::ReleaseUnknown, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    /// All that is sent, until it gives up, to a database that refuses everything.
    fn said(mut outcome: Outcome) -> Vec<String> {
        let error = Error::Encode("\u{2713}".to_owned());
        let mut said = vec![format!("{outcome:?}")];
        for times in 1.. {
            match after_refusal(&outcome, times, &error) {
                None => break,
                Some(None) => {}
                Some(Some(next)) => outcome = next,
            }
            said.push(format!("{outcome:?}"));
            assert!(said.len() < 10, "{said:?}");
        }
        said
    }

    #[test]
    fn what_no_outcome_can_be_the_reason_for_is_never_given_up() {
        let refused = |code: &str| Error::Refused { code: code.into(), message: String::new(), hint: None };
        for code in ["42501", "42883", "42P01", "3F000", "XX001", "XX002", "40P01", "55P03"] {
            assert_eq!(patience(&refused(code)), None, "{code}");
        }
        assert_eq!(patience(&refused("XX000")), Some(INTERNAL));
        assert_eq!(patience(&refused("23514")), Some(PERSISTENT));
        assert_eq!(rest(Duration::from_secs(3600), &refused("42501")), LONGEST_REST);
        assert_eq!(rest(Duration::from_secs(3600), &refused("55P03")), Duration::ZERO);
    }

    #[test]
    fn no_text_is_sent_twice_and_the_last_is_plain() {
        for first in [Outcome::Fail("\u{2713}".into()), Outcome::Retry("\u{2713}".into(), Duration::ZERO)] {
            let said = said(first);
            assert_eq!(said.len(), 2, "{said:?}");
            assert_ne!(said[0], said[1]);
            assert!(said[1].is_ascii() && said[1].contains(FAILED), "{said:?}");
        }
    }

    #[test]
    fn a_success_is_sent_once_more_before_it_becomes_a_failure() {
        let said = said(Outcome::Success(RawValue::from_string("1".into()).unwrap()));
        assert_eq!(said.len(), 4, "{said:?}");
        assert_eq!(said[0], said[1]);
        assert!(said[2].contains("refused this outcome"), "{said:?}");
        assert!(said[3].is_ascii() && said[3].contains(SUCCEEDED), "{said:?}");
    }
}
