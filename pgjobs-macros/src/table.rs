//! Reads `name = value, name(…), …` by a table with a row for each option.
//!
//! A row's reader is given the option as it was written: so it may take a value, or a list that a table of its
//! own reads. Unknown names and options that are given twice are reported here, for every table alike.

use proc_macro2::TokenStream;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Meta, Token};

use crate::elsewhere;
use crate::errors::Errors;
use crate::text::{nearest, source};

/// One option, and how it is read into a `T`.
pub(crate) struct Row<T> {
    pub(crate) name: &'static str,
    /// Whether it may be given more than once; its reader then adds to what it read before.
    pub(crate) repeats: bool,
    pub(crate) read: fn(&mut T, &Meta, &mut Errors),
}

/// An option that may be given once.
pub(crate) const fn once<T>(name: &'static str, read: fn(&mut T, &Meta, &mut Errors)) -> Row<T> {
    Row { name, repeats: false, read }
}

/// Reads all options into `to`, also those after a mistake.
pub(crate) fn read<T>(rows: &[Row<T>], tokens: TokenStream, to: &mut T, errors: &mut Errors) {
    let metas = Parser::parse2(|input: ParseStream<'_>| Ok(metas(input, errors)), tokens);
    let mut seen: Vec<&str> = Vec::new();
    for meta in errors.keep(metas).unwrap_or_default() {
        let name = source(meta.path());
        match rows.iter().find(|row| row.name == name) {
            // `unique(customer)`: the argument without the option that takes it.
            None if matches!(meta, Meta::Path(_)) && rows.iter().any(|row| row.name == "key") => {
                errors.add(meta.path(), format!("unknown option `{name}`; did you mean `key = {name}`?"));
            }
            None => errors.add(meta.path(), unknown(&name, rows)),
            Some(row) if seen.contains(&row.name) && !row.repeats => {
                errors.add(meta.path(), format!("`{name}` is given twice; keep one"));
            }
            Some(row) => {
                seen.push(row.name);
                (row.read)(to, &meta, errors);
            }
        }
    }
}

/// Reads one option by its row in a table that has it.
pub(crate) fn one<T>(rows: &[Row<T>], meta: &Meta, to: &mut T, errors: &mut Errors) {
    let name = source(meta.path());
    if let Some(row) = rows.iter().find(|row| row.name == name) {
        (row.read)(to, meta, errors);
    }
}

/// The value of an option that is written `name = value`, as `read` reads it.
pub(crate) fn value<V>(
    meta: &Meta,
    errors: &mut Errors,
    read: impl FnOnce(&Expr) -> syn::Result<V>,
) -> Option<V> {
    let read = match meta {
        Meta::NameValue(meta) => read(ungrouped(&meta.value)),
        _ => {
            let name = source(meta.path());
            Err(syn::Error::new_spanned(meta, format!("`{name}` takes a value: `{name} = …`")))
        }
    };
    errors.keep(read)
}

/// The options of an option that is written `name(…)`, by a table of its own; `form` shows how it is written.
pub(crate) fn list<T: Default>(meta: &Meta, rows: &[Row<T>], errors: &mut Errors, form: &str) -> Option<T> {
    let mut options = T::default();
    fill(&mut options, meta, rows, errors, form).then_some(options)
}

/// The same into options that are there; false after a mistake in its form.
pub(crate) fn fill<T>(to: &mut T, meta: &Meta, rows: &[Row<T>], errors: &mut Errors, form: &str) -> bool {
    let Meta::List(list) = meta else {
        errors.add(meta, form);
        return false;
    };
    read(rows, list.tokens.clone(), to, errors);
    true
}

/// The expression without the invisible group in which a `macro_rules!` wraps its fragments.
pub(crate) fn ungrouped(expr: &Expr) -> &Expr {
    match expr {
        Expr::Group(group) => ungrouped(&group.expr),
        _ => expr,
    }
}

/// Continues after a mistake in one option, so that mistakes in later options are reported as well.
fn metas(input: ParseStream<'_>, errors: &mut Errors) -> Vec<Meta> {
    let mut metas = Vec::new();
    while !input.is_empty() {
        metas.extend(errors.keep(input.parse::<Meta>()));
        while !input.is_empty() && !input.peek(Token![,]) {
            let _skipped = input.parse::<proc_macro2::TokenTree>();
        }
        let _comma = input.parse::<Token![,]>();
    }
    metas
}

fn unknown<T>(name: &str, rows: &[Row<T>]) -> String {
    let known: Vec<&str> = rows.iter().map(|row| row.name).collect();
    // The names of other systems are those of options of a task, whose table has `retries`.
    let other = elsewhere::remedy(name).filter(|_| known.contains(&"retries"));
    if let Some(remedy) = other {
        return format!("unknown option `{name}`: {remedy}");
    }
    match nearest(name, &known) {
        Some(near) => format!("unknown option `{name}`; did you mean `{near}`?"),
        None => format!("unknown option `{name}`; the options are `{}`", known.join("`, `")),
    }
}

/// The rows are of no real option: they show all that a reader may do.
#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Garden {
        size: Option<String>,
        beds: Vec<Bed>,
    }

    #[derive(Default, Debug, PartialEq)]
    struct Bed {
        plant: Option<String>,
        rows: Option<String>,
    }

    const GARDEN: &[Row<Garden>] = &[
        once("size", |garden, meta, errors| garden.size = value(meta, errors, text)),
        Row { repeats: true, ..once("bed", |garden, meta, errors| garden.beds.extend(bed(meta, errors))) },
    ];

    const BED: &[Row<Bed>] = &[
        once("plant", |bed, meta, errors| bed.plant = value(meta, errors, text)),
        once("rows", |bed, meta, errors| bed.rows = value(meta, errors, text)),
    ];

    fn text(value: &Expr) -> syn::Result<String> {
        Ok(source(value))
    }

    fn bed(meta: &Meta, errors: &mut Errors) -> Option<Bed> {
        list(meta, BED, errors, "`bed` takes a list: bed(plant = leek)")
    }

    /// What was read, and the messages of all mistakes.
    fn garden(options: &str) -> (Garden, Vec<String>) {
        let (mut garden, mut errors) = (Garden::default(), Errors::default());
        read(GARDEN, options.parse().expect("tokens"), &mut garden, &mut errors);
        (garden, errors.messages())
    }

    fn planted(plant: &str, rows: &str) -> Bed {
        Bed { plant: Some(plant.to_owned()), rows: Some(rows.to_owned()) }
    }

    #[test]
    fn a_value_and_a_repeated_list_are_read() {
        let (garden, mistakes) =
            garden("bed(plant = leek, rows = 2), size = 7, bed(rows = 1, plant = kale),");
        assert_eq!(mistakes, [""; 0]);
        assert_eq!(garden.size.as_deref(), Some("7"));
        assert_eq!(garden.beds, [planted("leek", "2"), planted("kale", "1")]);
    }

    #[test]
    fn what_may_not_repeat_is_refused_the_second_time() {
        let (garden, mistakes) = garden("size = 7, bed(rows = 1, rows = 2, plant = leek), size = 8");
        assert_eq!(mistakes, ["`rows` is given twice; keep one", "`size` is given twice; keep one"]);
        assert_eq!(garden.size.as_deref(), Some("7"), "the first counts");
        assert_eq!(garden.beds, [planted("leek", "1")]);
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_names_of_its_own_table() {
        let (_, mistakes) = garden("sise = 7, bed(plants = leek, colour = red)");
        let expected = [
            "unknown option `sise`; did you mean `size`?",
            "unknown option `plants`; did you mean `plant`?",
            "unknown option `colour`; the options are `plant`, `rows`",
        ];
        assert_eq!(mistakes, expected);
    }

    #[test]
    fn the_wrong_form_is_refused_and_what_follows_is_read() {
        let (garden, mistakes) = garden("size(7), bed = leek, bed(rows, plant = leek), size = 8");
        let expected = [
            "`size` takes a value: `size = …`",
            "`bed` takes a list: bed(plant = leek)",
            "`rows` takes a value: `rows = …`",
            "`size` is given twice; keep one",
        ];
        assert_eq!(mistakes, expected);
        assert_eq!(garden.beds, [Bed { plant: Some("leek".to_owned()), rows: None }]);
    }

    #[test]
    fn what_is_no_option_is_refused_and_what_follows_is_read() {
        let (garden, mistakes) = garden("7 8, bed(\"leek\", rows = 1), size = 9");
        assert_eq!(mistakes.len(), 2, "{mistakes:?}");
        assert_eq!(garden.size.as_deref(), Some("9"));
        assert_eq!(garden.beds, [Bed { plant: None, rows: Some("1".to_owned()) }]);
    }
}
