//! Checks the parameters: their names and attributes.

use syn::{Pat, PatIdent};

use super::types;
use crate::errors::Errors;
use crate::model::{Kind, Param, Task, option_of};

pub(super) fn check(task: &Task, errors: &mut Errors) {
    for param in &task.params {
        marks(param, errors);
        if param.is_argument() {
            name(param, errors);
            types::check_argument(&param.ty, errors);
        } else {
            types::check_injected(&param.ty, errors);
        }
    }
    kwargs(task, errors);
    cfgs(task, errors);
}

fn marks(param: &Param, errors: &mut Errors) {
    let marks = &param.markers;
    if let (Some(_), Some((default, _))) = (&marks.inject, &marks.default) {
        errors.add(
            default,
            "injected state comes from the worker and has no default; \
             remove `#[default]`, or `#[inject]` if it is an argument",
        );
    }
    if let (Some(_), Some((schema, _))) = (&marks.inject, &marks.schema) {
        errors.add(
            schema,
            "injected state does not travel and needs no schema; remove `#[schemars]`, or `#[inject]`",
        );
    }
    if let (Some(sensitive), true) = (&marks.sensitive, marks.inject.is_some() || marks.kwargs.is_some()) {
        errors.add(
            sensitive,
            "`#[sensitive]` is for one argument that is published; injected state is not shown anyway, and of the keywords \
             left over only those that are parameters can be hidden",
        );
    }
    if let (Some(from), true) = (&marks.from, marks.inject.is_some() || marks.kwargs.is_some()) {
        errors.add(
            from,
            "`#[from]` is for an argument that the result of another job may be; \
             remove it, or the other mark",
        );
    }
    if let (Some(kwargs), true) = (&marks.kwargs, marks.inject.is_some() || marks.default.is_some()) {
        errors
            .add(kwargs, "`#[kwargs]` takes every keyword left over and stands alone; remove the other mark");
    }
    if let (Some((default, _)), Some(_), None) = (&marks.default, option_of(&param.ty), &marks.inject) {
        errors.add(
            default,
            "an `Option` argument that is absent is `None` already, and a default would make that impossible to publish; \
             remove `#[default]`, or take the type without `Option`",
        );
    }
}

fn name(param: &Param, errors: &mut Errors) {
    let why = "an argument needs a name, which is its keyword in the job";
    let ident = match &param.pat {
        Pat::Ident(PatIdent { by_ref: None, subpat: None, ident, .. }) => ident,
        Pat::Wild(wild) => return errors.add(wild, format!("{why}; write one, for example `_unused`")),
        pat => return errors.add(pat, format!("{why}; take it whole, and take it apart in the body")),
    };
    let keyword = param.keyword();
    if param.has_setter() && (matches!(&*keyword, "new" | "publish" | "after") || keyword.starts_with("__")) {
        errors.add(
            ident,
            format!(
                "`{keyword}` is taken: this argument gets a setter of its name on the call, \
                 beside `new`, `publish` and `after`; choose another name"
            ),
        );
    }
}

fn kwargs(task: &Task, errors: &mut Errors) {
    let mut arguments = task.arguments().skip_while(|param| !matches!(param.kind, Kind::Kwargs));
    arguments.next();
    for param in arguments {
        match &param.markers.kwargs {
            Some(second) => errors.add(
                second,
                "there is one `#[kwargs]` parameter at most; the first one takes every keyword left over",
            ),
            None => errors.add(
                &param.pat,
                "`#[kwargs]` takes the keywords left over and comes after every argument; move it to the end",
            ),
        }
    }
}

/// A parameter that depends on a feature would change the meaning of stored jobs.
fn cfgs(task: &Task, errors: &mut Errors) {
    for input in &task.function.sig.inputs {
        let syn::FnArg::Typed(input) = input else { continue };
        for attr in
            input.attrs.iter().filter(|attr| attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr"))
        {
            errors.add(
                attr,
                "a parameter is there in every build, \
                 since stored jobs have it; put `#[cfg]` on the function",
            );
        }
    }
}
