//! The policies of a schedule, each one of a few words.

use super::words::words;

words! {
    /// Which ticks are published when several came late, because no worker was there or the schedule was
    /// paused. A tick is late when it is published more than a minute after its time.
    CatchUp, "catch_up":
    /// None that is late.
    Skip = "skip",
    /// The last of them, which is the default: a nightly report runs once after a weekend without workers.
    Last = "last",
    /// All of them, but at most the last `catch_up_limit`: 100 unless set, 1000 at most.
    All = "all",
}

words! {
    /// What happens to a tick while the job of the tick before is pending or running.
    Overlap, "overlap":
    /// Its job is published as well; the default.
    Allow = "allow",
    /// Nothing is published, and the schedule's log says which job was in the way.
    Skip = "skip",
}

words! {
    /// What happens to a time that a clock skips when it goes forward. Left out: `Shift` for a line with
    /// fixed hours, `Skip` for one whose hour field begins with `*`.
    Gap, "gap":
    /// It is due at the first moment after the gap.
    Shift = "shift",
    /// It is not due on that day.
    Skip = "skip",
}

words! {
    /// What happens to a time that a clock shows twice when it goes back. Left out: `First` for a line with
    /// fixed hours, `Both` for one whose hour field begins with `*`.
    Fold, "fold":
    /// It is due the first time.
    First = "first",
    /// It is due the second time.
    Second = "second",
    /// It is due both times.
    Both = "both",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        for fold in [Fold::First, Fold::Second, Fold::Both] {
            assert_eq!(fold.to_string().parse::<Fold>().unwrap(), fold);
        }
        let error = "sometimes".parse::<CatchUp>().unwrap_err().to_string();
        assert!(error.contains("catch_up") && error.contains("skip, last, all"), "{error}");
    }
}
