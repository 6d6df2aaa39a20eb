//! The `#[task]` attribute of pgjobs; use it as `pgjobs::task`, where it is documented.
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
mod errors;
mod expand;
mod fallback;
mod model;
mod options;
mod signature;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod unique;

/// Makes an `async fn` a task; documented on `pgjobs::task`.
#[proc_macro_attribute]
pub fn task(options: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    attribute(options.into(), item.into()).into()
}

fn attribute(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = errors::Errors::default();
    let options = options::Options::read(options, &mut errors);
    let Some(function) = errors.keep(signature::Function::read(item.clone())) else {
        return fallback::item(&item, errors);
    };
    let task = model::Task::new(function, options, &mut errors);
    check::check(&task, &mut errors);
    match errors.into_compile_errors() {
        None => expand::expand(&task),
        Some(errors) => fallback::task(&task, &errors),
    }
}
