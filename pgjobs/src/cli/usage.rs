//! Wrong usage in words that hold no argument of a job: those may be secrets, and what is printed is logged.

use std::error::Error;

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The options that hold arguments of jobs.
const OF_JOBS: [&str; 4] = ["--args", "--kwargs", "--arg", "--kwarg"];

/// The message, when clap's own would quote an argument of a job.
pub(super) fn without_values(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else { return None };
    let option = argument.split([' ', '=']).next().unwrap_or_default();
    let reason = match error.kind() {
        ErrorKind::ValueValidation | ErrorKind::InvalidValue if OF_JOBS.contains(&option) => {
            let reason = error.source().map_or_else(|| "it cannot be read".to_owned(), ToString::to_string);
            format!("the value of {option} (not shown) cannot be used: {reason}")
        }
        ErrorKind::UnknownArgument if !argument.starts_with('-') && publishes() => {
            "an argument too many (not shown: it may belong to a value); put a value that holds spaces in quotes"
                .to_owned()
        }
        _ => return None,
    };
    Some(format!("error: {reason}\n\nFor more information, try '--help'."))
}

fn publishes() -> bool {
    std::env::args_os().any(|argument| argument == "publish")
}
