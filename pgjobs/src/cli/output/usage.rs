//! Usage errors without arguments of jobs and URLs: those may be secrets, and output gets logged.

use std::error::Error;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::types::text::is_shown;

/// The options that hold arguments of jobs.
const OF_JOBS: [&str; 4] = ["--args", "--kwargs", "--arg", "--kwarg"];

/// The message to print when clap's own would quote an argument of a job.
pub(crate) fn without_values(error: &clap::Error) -> Option<String> {
    if quotes_a_url(error) {
        return Some(format!("error: {A_URL}\n\nFor more information, try '--help'."));
    }
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

const A_URL: &str = "a URL stands where none is taken (not shown: it may have a password): write --server NAME=URL, or set \
                     DATABASE_URL";

/// Whether clap's message would repeat a URL, which may have a password.
fn quotes_a_url(error: &clap::Error) -> bool {
    let has_url = |value: &ContextValue| match value {
        ContextValue::String(text) => text.contains("://"),
        ContextValue::Strings(texts) => texts.iter().any(|text| text.contains("://")),
        _ => false,
    };
    error.context().any(|(_, value)| has_url(value))
}

/// Whether no argument holds a character that a terminal would act on. clap's message does not show this: it
/// quotes the arguments, with their escape sequences if it is coloured and without them if not.
pub(crate) fn arguments_are_shown() -> bool {
    std::env::args_os().all(|argument| argument.to_str().is_some_and(|text| text.chars().all(is_shown)))
}

fn publishes() -> bool {
    std::env::args_os().any(|argument| argument == "publish")
}
