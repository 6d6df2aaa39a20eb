//! What the exit code of a worker says.

use crate::cli::args::global::program;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::{End, WorkerReport};

/// The failure with --fail-on-failure, if any. Jobs that are known to have failed count also when the
/// database cannot be asked for others.
pub(super) fn judge(report: &WorkerReport, lost: Result<u64, Failure>, left_out: &[&str]) -> Option<Failure> {
    let (lost, unknown) = match lost {
        Ok(lost) => (lost, None),
        Err(failure) => (0, Some(failure)),
    };
    failure(report, report.failed.saturating_add(lost), left_out).or(unknown)
}

/// Why the exit code is not 0, apart from the end that was asked for. `left_out` are the servers that could not be
/// reached at the start.
pub(crate) fn failure(report: &WorkerReport, failed: u64, left_out: &[&str]) -> Option<Failure> {
    let broken = "a part of the worker ended abnormally, and with it the worker: the log says which; what it ran comes \
                  back when its lease has run out";
    let unfinished = "the burst ended without knowing that nothing is left: a claim of its own has not ended on the \
                      server (the log says where); run it again";
    match report.end {
        End::Orderly if failed == 0 => None,
        End::Orderly => Some(format!(
            "{} ended as failed: `{} inspect jobs --state failed`",
            format::jobs(failed),
            program()
        )),
        End::Unfinished if report.unsettled > 0 => Some(untold(report.unsettled)),
        End::Unfinished if !left_out.is_empty() => Some(format!(
            "the burst ended without the servers that could not be reached at its start, and may have jobs: {}; run it \
             again when they answer",
            left_out.join(", ")
        )),
        End::Unfinished => Some(unfinished.to_owned()),
        End::Broken => Some(broken.to_owned()),
    }
    .map(Failure::failed)
}

fn untold(runs: u64) -> String {
    format!(
        "the database could not be told how {} ended here: these run again when the lease of this worker has run out; \
         the log says why",
        format::jobs(runs)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_said_also_when_no_more_can_be_asked() {
        let away = || Err(Failure::database("away"));
        let said = |failed, lost| {
            let report = WorkerReport { failed, ..WorkerReport::default() };
            judge(&report, lost, &[]).map(|failure| format!("{failure:?}"))
        };
        assert!(said(1, away()).is_some_and(|said| said.contains("1 job ended as failed")));
        assert!(said(0, away()).is_some_and(|said| said.contains("away")));
        assert!(said(1, Ok(2)).is_some_and(|said| said.contains("3 jobs ended as failed")));
        assert_eq!(said(0, Ok(0)), None);
    }

    #[test]
    fn whatever_ended_the_worker_shows_in_the_exit_code() {
        let told = |report: WorkerReport, failed| {
            failure(&report, failed, &[]).map(|failure| format!("{failure:?}"))
        };
        let said = |end, failed| told(WorkerReport { end, ..WorkerReport::default() }, failed);
        assert_eq!(said(End::Orderly, 0), None);
        for (end, failed, word) in [
            (End::Orderly, 2, "2 jobs ended as failed"),
            (End::Unfinished, 0, "run it again"),
            (End::Broken, 0, "ended abnormally"),
        ] {
            assert!(said(end, failed).is_some_and(|said| said.contains(word)), "{end:?}");
        }
        let without = WorkerReport { end: End::Unfinished, ..WorkerReport::default() };
        let without = failure(&without, 0, &["us"]).map(|failure| format!("{failure:?}"));
        assert!(
            without.is_some_and(
                |said| said.contains("could not be reached at its start, and may have jobs: us;")
            )
        );
        let untold = WorkerReport { unsettled: 2, end: End::Unfinished, ..WorkerReport::default() };
        assert!(told(untold, 0).is_some_and(|said| said.contains("could not be told how 2 jobs ended")));
    }
}
