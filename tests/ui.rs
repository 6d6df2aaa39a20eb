//! What `#[task]` refuses, and in which words: one mistake a file, in `ui/fail`.
//!
//! The words are rustc's in part, so they hold for the stable compiler of the day, and the comparison is
//! behind the feature `ui`. `TRYBUILD=overwrite cargo test -p pgjobs-tests --features ui --test ui` rewrites them, to be
//! read like code.

// The accepted shapes are short; `ui/pass/strict.rs` turns these lints on again.
#![allow(missing_docs, unreachable_pub)]

#[cfg(feature = "ui")]
#[test]
fn every_mistake_is_explained_where_it_was_made() {
    trybuild::TestCases::new().compile_fail("ui/fail/*.rs");
}

#[path = "ui/pass/mod.rs"]
pub mod pass;
