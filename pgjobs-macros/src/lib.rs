//! The attributes of pgjobs, `#[task]` and `#[test]`; use them from `pgjobs`, where they are documented.
//!
//! The order of the files: `options` (by the rows of a `table`) and `signature` read what the user wrote,
//! `model` joins them, `check` finds every mistake, `expand` generates the items, and after a mistake
//! `fallback` generates just enough of them that call sites cause no further errors.

use proc_macro2::TokenStream;

mod backoff;
mod check;
mod choice;
mod docs;
mod duration;
mod elsewhere;
mod errors;
mod expand;
mod fallback;
mod limit;
mod model;
mod options;
mod rate;
mod schedule;
mod signature;
mod table;
mod test_function;
#[cfg(test)]
mod tests;
mod text;
mod unique;

/// Makes an `async fn` a task; documented on `pgjobs::task`.
#[proc_macro_attribute]
pub fn task(options: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    attribute(options.into(), item.into()).into()
}

/// Makes an `async fn` a test with a database of its own; documented on `pgjobs::test`.
#[proc_macro_attribute]
pub fn test(options: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    test_function::attribute(options.into(), item.into()).into()
}

fn attribute(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = errors::Errors::default();
    let options = options::Options::read(options, &mut errors);
    let Some(function) = errors.keep(signature::Function::read(item.clone(), "task")) else {
        return fallback::item(&item, errors);
    };
    let task = model::Task::new(function, options, &mut errors);
    check::check(&task, &mut errors);
    match errors.into_compile_errors() {
        None => expand::expand(&task),
        Some(errors) => fallback::task(&task, &errors),
    }
}
