//! Options that are one of a few words, such as `keep`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::text::nearest;

/// The words of an option; each is a variant of an enum of the library.
pub(crate) struct Choice {
    option: &'static str,
    purpose: &'static str,
    /// Its path in the library.
    library_enum: &'static str,
    variants: &'static [(&'static str, &'static str)],
}

pub(crate) const KEEP: Choice = Choice {
    option: "keep",
    purpose: "it says which ended jobs stay in history",
    library_enum: "Keep",
    variants: &[("all", "All"), ("failed", "Failed"), ("none", "None")],
};

pub(crate) const VALIDATE: Choice = Choice {
    option: "validate",
    purpose: "it says what publishing does with arguments that do not fit",
    library_enum: "Validation",
    variants: &[("off", "Off"), ("warn", "Warn"), ("strict", "Strict")],
};

pub(crate) const LOG: Choice = Choice {
    option: "log",
    purpose: "it says from which level on what its runs log is kept",
    library_enum: "LogLevel",
    variants: &[
        ("off", "Off"),
        ("error", "Error"),
        ("warn", "Warn"),
        ("info", "Info"),
        ("debug", "Debug"),
        ("trace", "Trace"),
    ],
};

pub(crate) const TRACE: Choice = Choice {
    option: "trace",
    purpose: "it says how the trace of a run stands to its publisher's",
    library_enum: "Trace",
    variants: &[("link", "Link"), ("child", "Child")],
};

pub(crate) const ON_CONFLICT: Choice = Choice {
    option: "on_conflict",
    purpose: "it says what publishing does when another job holds the key",
    library_enum: "OnConflict",
    variants: &[("keep", "Keep"), ("replace", "Replace"), ("postpone", "Postpone"), ("refuse", "Refuse")],
};

pub(crate) const ON_DEAD: Choice = Choice {
    option: "on_dead",
    purpose: "it says what follows when a job in order fails for good",
    library_enum: "limits::OnDead",
    variants: &[("skip", "Skip"), ("hold", "Hold"), ("pause", "Pause")],
};

pub(crate) const CATCH_UP: Choice = Choice {
    option: "catch_up",
    purpose: "it says which of several late ticks are published",
    library_enum: "schedule::CatchUp",
    variants: &[("skip", "Skip"), ("last", "Last"), ("all", "All")],
};

pub(crate) const OVERLAP: Choice = Choice {
    option: "overlap",
    purpose: "it says what happens to a tick while the job of the tick before is open",
    library_enum: "schedule::Overlap",
    variants: &[("allow", "Allow"), ("skip", "Skip")],
};

pub(crate) const GAP: Choice = Choice {
    option: "gap",
    purpose: "it says what happens to a time that the clock skips",
    library_enum: "schedule::Gap",
    variants: &[("shift", "Shift"), ("skip", "Skip")],
};

pub(crate) const FOLD: Choice = Choice {
    option: "fold",
    purpose: "it says what happens to a time that the clock shows twice",
    library_enum: "schedule::Fold",
    variants: &[("first", "First"), ("second", "Second"), ("both", "Both")],
};

/// The word that was chosen.
#[derive(Debug, PartialEq)]
pub(crate) struct Chosen {
    library_enum: &'static str,
    variant: &'static str,
}

impl Choice {
    pub(crate) fn parse(&self, text: &str) -> Result<Chosen, String> {
        let chosen = self.variants.iter().find(|(word, _)| *word == text.trim());
        let (_, variant) = chosen.ok_or_else(|| self.refusal(text.trim()))?;
        Ok(Chosen { library_enum: self.library_enum, variant })
    }

    fn refusal(&self, text: &str) -> String {
        let words: Vec<&str> = self.variants.iter().map(|(word, _)| *word).collect();
        let meant = nearest(text, &words).map_or(String::new(), |near| format!("did you mean \"{near}\"? "));
        let words = format!("\"{}\"", words.join("\", \""));
        let (first, last) = words.rsplit_once(", ").unwrap_or_default();
        format!("{meant}`{}` is {first} or {last}; {}", self.option, self.purpose)
    }
}

impl Chosen {
    /// Whether it is this variant.
    pub(crate) fn is(&self, variant: &str) -> bool {
        self.variant == variant
    }

    /// The constant expression for it.
    pub(crate) fn expression(&self, library: &TokenStream) -> TokenStream {
        let path = self.library_enum.split("::").chain([self.variant]);
        let path = path.map(|word| Ident::new(word, Span::call_site()));
        quote!(#library #(::#path)*)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(choice: &Choice, text: &str) -> Result<String, String> {
        choice.parse(text).map(|chosen| crate::text::source(chosen.expression(&quote!(pgjobs))))
    }

    #[test]
    fn the_words_are_read_as_variants() {
        for (choice, word, expected) in [
            (KEEP, "all", "pgjobs::Keep::All"),
            (KEEP, " failed ", "pgjobs::Keep::Failed"),
            (KEEP, "none", "pgjobs::Keep::None"),
            (VALIDATE, "off", "pgjobs::Validation::Off"),
            (VALIDATE, " warn ", "pgjobs::Validation::Warn"),
            (VALIDATE, "strict", "pgjobs::Validation::Strict"),
            (TRACE, "child", "pgjobs::Trace::Child"),
            (CATCH_UP, "all", "pgjobs::schedule::CatchUp::All"),
            (ON_CONFLICT, "postpone", "pgjobs::OnConflict::Postpone"),
        ] {
            assert_eq!(read(&choice, word).as_deref(), Ok(expected), "{word:?}");
        }
    }

    #[test]
    fn other_words_are_refused_with_all_that_there_are() {
        let all = "`keep` is \"all\", \"failed\" or \"none\"; it says which ended jobs stay in history";
        for text in ["", "All", "success", "failed, cancelled", "off"] {
            assert!(read(&KEEP, text).is_err_and(|reason| reason.ends_with(all)), "{text:?}");
        }
        for text in ["", "Off", "on", "strict, warn", "none"] {
            assert!(read(&VALIDATE, text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_misspelt_word_is_refused_with_the_one_that_was_meant() {
        assert!(
            read(&KEEP, "faild").is_err_and(|reason| reason.starts_with("did you mean \"failed\"? `keep`"))
        );
        assert!(read(&KEEP, "success").is_err_and(|reason| reason.starts_with("`keep`")));
    }
}
