//! The policies of a schedule, each one of a few words.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::error::Error;

/// An enum whose variants are words of SQL, of the macro and of the command line.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $option:literal: $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "lowercase")]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Its word in SQL and in `#[task(…)]`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                $(if text == $word {
                    return Ok($name::$variant);
                })+
                let words = [$($word),+].join(", ");
                Err(Error::Option { name: $option, reason: format!("`{}` is none of {words}", text.escape_debug()) })
            }
        }
    };
}

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
