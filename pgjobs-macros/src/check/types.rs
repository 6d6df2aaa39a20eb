//! Checks the types: a published type owns its data and has a name.

use syn::visit::Visit;
use syn::{Lifetime, Type, TypeImplTrait, TypeReference};

use crate::errors::Errors;
use crate::text::source;

/// The first part of a type that cannot be stored: borrowed, or without a name.
#[derive(Default)]
struct Unfit<'a>(Option<Found<'a>>);

enum Found<'a> {
    Reference(&'a TypeReference),
    Lifetime(&'a Lifetime),
    Impl(&'a TypeImplTrait),
}

impl<'a> Visit<'a> for Unfit<'a> {
    fn visit_type_reference(&mut self, reference: &'a TypeReference) {
        self.0.get_or_insert(Found::Reference(reference));
    }

    fn visit_lifetime(&mut self, lifetime: &'a Lifetime) {
        // Any other lifetime is declared on the function, and refused there.
        if lifetime.ident == "_" {
            self.0.get_or_insert(Found::Lifetime(lifetime));
        }
    }

    fn visit_type_impl_trait(&mut self, ty: &'a TypeImplTrait) {
        self.0.get_or_insert(Found::Impl(ty));
    }
}

fn unfit(ty: &Type) -> Option<Found<'_>> {
    let mut unfit = Unfit::default();
    unfit.visit_type(ty);
    unfit.0
}

/// Whether a type can be written in a separate `impl`.
pub(crate) fn is_fit(ty: &Type) -> bool {
    unfit(ty).is_none()
}

pub(super) fn check_argument(ty: &Type, errors: &mut Errors) {
    if let Some(name) = of_the_worker(ty) {
        let reason = format!(
            "`{name}` is no argument: the worker hands it to its runs; write `#[inject]` before it, and `&{name}`"
        );
        return errors.add(ty, reason);
    }
    match unfit(ty) {
        Some(Found::Reference(reference)) => {
            let fix = owned(&reference.elem);
            errors.add(
                reference,
                format!(
                    "arguments are read back from the database; \
                 use {fix}, or mark shared state with `#[inject]`"
                ),
            );
        }
        Some(Found::Lifetime(lifetime)) => {
            errors.add(
                lifetime,
                "arguments are read back from the database and borrow from nothing; \
                 use an owned type or `'static`",
            );
        }
        Some(Found::Impl(ty)) => {
            errors.add(
                ty,
                "an argument needs a type with a name, to be read back from the database; write the type out",
            );
        }
        None => {}
    }
}

/// The name of a type that runs get from the worker. A type of the user's may be called `Job` as well: that one is an
/// argument unless it is borrowed, which no argument is.
fn of_the_worker(ty: &Type) -> Option<&'static str> {
    let (ty, names) = match ty {
        Type::Reference(reference) => (&*reference.elem, &["PgPool", "Job", "Jobs", "Steps"][..]),
        owned => (owned, &["PgPool"][..]),
    };
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    names.iter().find(|name| last.ident == **name).copied()
}

/// The owned type to suggest instead of a reference.
fn owned(target: &Type) -> String {
    match target {
        Type::Slice(slice) => format!("`Vec<{}>`", source(&slice.elem)),
        Type::Path(path) if path.path.is_ident("str") => "`String`".into(),
        Type::Path(path) if path.path.is_ident("Path") => "`PathBuf`".into(),
        Type::TraitObject(_) => "an owned type".into(),
        other => format!("`{}`", source(other)),
    }
}

pub(super) fn check_injected(ty: &Type, errors: &mut Errors) {
    let inner = match ty {
        Type::Reference(reference) => {
            check_borrow(reference, errors);
            &*reference.elem
        }
        owned => owned,
    };
    match unfit(inner) {
        Some(Found::Reference(TypeReference { lifetime, .. }))
            if lifetime.as_ref().is_some_and(|l| l.ident == "static") => {}
        Some(Found::Reference(reference)) => {
            errors.add(
                reference,
                "injected state is shared between jobs and borrows from nothing; \
                 inject `&T` or `T` with an owned `T`",
            );
        }
        Some(Found::Lifetime(lifetime)) => {
            errors.add(
                lifetime,
                "injected state is shared between jobs and borrows from nothing; use an owned type",
            );
        }
        Some(Found::Impl(ty)) => {
            errors.add(
                ty,
                "injected state is found by its type; write the type's name, or `std::sync::Arc<dyn Trait>`",
            );
        }
        None => {}
    }
}

fn check_borrow(reference: &TypeReference, errors: &mut Errors) {
    if let Some(token) = &reference.mutability {
        errors.add(
            token,
            "injected state is shared between jobs that run at the same time; \
             take `&T` and put what changes in a `Mutex`",
        );
    }
    if let Some(lifetime) = reference.lifetime.as_ref().filter(|lifetime| lifetime.ident != "_") {
        errors.add(
            lifetime,
            "injected state is borrowed for one run of the job; write `&T` without a lifetime",
        );
    }
    let name = match &*reference.elem {
        Type::TraitObject(_) => source(&reference.elem),
        Type::Slice(slice) => format!("[{}]", source(&slice.elem)),
        Type::Path(path) if path.path.is_ident("str") => "str".into(),
        _ => return,
    };
    errors.add(
        &reference.elem,
        format!(
            "`{name}` has no size of its own, so the worker cannot hold it; inject `&std::sync::Arc<{name}>`"
        ),
    );
}

pub(super) fn check_returned(ty: &Type, errors: &mut Errors) {
    match unfit(ty) {
        Some(Found::Impl(ty)) => {
            errors.add(
                ty,
                "a task's result is stored, so its type needs a name; return nothing, or `Result<T, E>`",
            );
        }
        Some(Found::Reference(reference)) if reference.lifetime.is_none() => {
            let fix = owned(&reference.elem);
            errors.add(
                reference,
                format!("a task's result is stored and outlives what it borrows from; use {fix}"),
            );
        }
        Some(Found::Lifetime(lifetime)) => {
            errors.add(
                lifetime,
                "a task's result is stored and outlives what it borrows from; use an owned type",
            );
        }
        _ => {}
    }
}
