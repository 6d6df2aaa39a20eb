//! What is said of a run when the database does not take what was said of it first.

use crate::error::Error;
use crate::sql::settle::Verdict;

/// A text that any database takes, whatever its encoding.
const SUCCEEDED: &str =
    "the run succeeded, but the database refused its result; the log of its worker says why";
const FAILED: &str = "the run failed, and the database refused its error; the log of its worker has both";

/// The verdict to send in the place of one that was refused `times` times for its content, one after another;
/// `Some(None)` says it again as it was, `None` gives up, and the job comes back when its lease runs out.
///
/// A success is said once more, since what it was refused for may have passed. Nothing else is sent twice, and the
/// last text is one that cannot be the reason.
pub(super) fn after_refusal(verdict: &Verdict, times: u8, error: &Error) -> Option<Option<Verdict>> {
    match (verdict, times) {
        (Verdict::Success(_) | Verdict::Verify(_), 1) => Some(None),
        (Verdict::Success(_) | Verdict::Verify(_), _) => {
            let text = format!("the run succeeded; and the database refused this verdict: {error}");
            Some(Some(Verdict::Fail(text)))
        }
        (Verdict::Fail(text), _) if text.starts_with("the run succeeded;") => {
            Some(Some(Verdict::Fail(SUCCEEDED.to_owned())))
        }
        (Verdict::Fail(text) | Verdict::Retry(text, _), _) if text == SUCCEEDED || text == FAILED => None,
        (Verdict::Fail(_), _) => Some(Some(Verdict::Fail(FAILED.to_owned()))),
        (Verdict::Retry(_, delay), _) => Some(Some(Verdict::Retry(FAILED.to_owned(), *delay))),
        (Verdict::Snooze(_) | Verdict::Release | Verdict::Disown, 1..3) => Some(None),
        (Verdict::Snooze(_) | Verdict::Release | Verdict::Disown, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::value::RawValue;

    use super::*;

    /// What is sent until the database is given up, which refuses everything.
    fn said(mut verdict: Verdict) -> Vec<String> {
        let error = Error::Encode("\u{2713}".to_owned());
        let mut said = vec![format!("{verdict:?}")];
        for times in 1.. {
            match after_refusal(&verdict, times, &error) {
                None => break,
                Some(None) => {}
                Some(Some(next)) => verdict = next,
            }
            said.push(format!("{verdict:?}"));
            assert!(said.len() < 10, "{said:?}");
        }
        said
    }

    #[test]
    fn no_text_is_sent_twice_and_the_last_is_plain() {
        for first in [Verdict::Fail("\u{2713}".into()), Verdict::Retry("\u{2713}".into(), Duration::ZERO)] {
            let said = said(first);
            assert_eq!(said.len(), 2, "{said:?}");
            assert_ne!(said[0], said[1]);
            assert!(said[1].is_ascii() && said[1].contains(FAILED), "{said:?}");
        }
    }

    #[test]
    fn a_success_is_said_once_more_before_it_becomes_a_failure() {
        let said = said(Verdict::Success(RawValue::from_string("1".into()).unwrap()));
        assert_eq!(said.len(), 4, "{said:?}");
        assert_eq!(said[0], said[1]);
        assert!(said[2].contains("refused this verdict"), "{said:?}");
        assert!(said[3].is_ascii() && said[3].contains(SUCCEEDED), "{said:?}");
    }
}
