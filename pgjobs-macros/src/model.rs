//! The model: a task as it was declared, which all later steps read.

use proc_macro2::{Span, TokenStream};
use quote::format_ident;
use syn::ext::IdentExt;
use syn::{Attribute, Expr, GenericArgument, Ident, Pat, PatType, PathArguments, ReturnType, Type};

use crate::errors::Errors;
use crate::options::Options;
use crate::signature::{Function, Markers};

pub(crate) struct Task {
    pub(crate) function: Function,
    pub(crate) options: Options,
    pub(crate) params: Vec<Param>,
    /// The function's return type, `()` written out.
    pub(crate) returned: Type,
}

/// One parameter of the function.
pub(crate) struct Param {
    /// Its name; a placeholder for a pattern.
    pub(crate) ident: Ident,
    pub(crate) pat: Pat,
    /// The type of one job's argument, or of the injected state.
    pub(crate) ty: Type,
    /// Whether the function takes a `Vec` of them, one for each job.
    pub(crate) is_each: bool,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) kind: Kind,
    /// Its attributes, for the checks.
    pub(crate) markers: Markers,
}

/// The source of a parameter's value.
pub(crate) enum Kind {
    /// Published, and required.
    Required,
    /// Published, or this expression.
    Default(Expr),
    /// An `Option` of this type, published or `None`.
    Optional(Type),
    /// Every published keyword that matches no parameter.
    Kwargs,
    /// The worker's state of this type, borrowed.
    Borrowed(Type),
    /// The worker's state of the parameter's type, cloned.
    Owned,
}

impl Task {
    pub(crate) fn new(mut function: Function, options: Options, errors: &mut Errors) -> Self {
        let inputs = function.markers(errors);
        let params =
            inputs.into_iter().enumerate().map(|(at, (input, markers))| Param::new(at, input, markers));
        let returned = match &function.sig.output {
            ReturnType::Default => syn::parse_quote!(()),
            ReturnType::Type(_, ty) => (**ty).clone(),
        };
        Task { params: params.collect(), function, options, returned }
    }

    pub(crate) fn library(&self) -> TokenStream {
        self.options.library(Span::call_site())
    }

    /// The library, with the user's span for errors in that code.
    pub(crate) fn library_at(&self, span: Span) -> TokenStream {
        self.options.library(span)
    }

    /// The struct's name: the function's own unless option `call` is set.
    pub(crate) fn call(&self) -> Ident {
        generated(self.options.call.as_ref().unwrap_or(&self.function.sig.ident))
    }

    /// The function's name without `r#`.
    pub(crate) fn plain_name(&self) -> String {
        self.function.sig.ident.unraw().to_string()
    }

    /// Whether the function runs several jobs at once.
    pub(crate) fn is_batch_handler(&self) -> bool {
        self.options.is_batch_handler
    }

    /// The trait of what the function may return; of a function with `#[each]` also where `batch` was forgotten.
    pub(crate) fn outcome(&self) -> Ident {
        let is_meant = self.params.iter().any(|param| param.markers.each.is_some());
        let name = if self.is_batch_handler() || is_meant { "IntoOutcomes" } else { "IntoOutcome" };
        Ident::new(name, Span::call_site())
    }

    /// The parameters that are published.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = &Param> {
        self.params.iter().filter(|param| param.is_argument())
    }

    /// The required arguments.
    pub(crate) fn required(&self) -> impl Iterator<Item = &Param> {
        self.params.iter().filter(|param| matches!(param.kind, Kind::Required))
    }
}

impl Param {
    fn new(at: usize, input: PatType, mut markers: Markers) -> Self {
        let ident = match &*input.pat {
            Pat::Ident(pat) => generated(&pat.ident),
            _ => format_ident!("parameter_{at}"),
        };
        let whole = ungrouped(*input.ty);
        let each = markers.each.as_ref().and_then(|_| argument_of(&whole, "Vec")).cloned();
        let (is_each, ty) = (each.is_some(), each.map_or(whole, ungrouped));
        let kind = Kind::of(&ty, &markers);
        let docs = std::mem::take(&mut markers.docs);
        Param { ident, pat: *input.pat, ty, is_each, docs, kind, markers }
    }

    pub(crate) fn is_argument(&self) -> bool {
        !matches!(self.kind, Kind::Borrowed(_) | Kind::Owned)
    }

    /// Whether the call has a setter for it.
    pub(crate) fn has_setter(&self) -> bool {
        matches!(self.kind, Kind::Default(_) | Kind::Optional(_) | Kind::Kwargs)
    }

    /// The keyword in a job's body.
    pub(crate) fn keyword(&self) -> String {
        self.ident.unraw().to_string()
    }

    /// The function that returns its default value.
    pub(crate) fn default_fn(&self) -> Ident {
        format_ident!("__default_{}", self.ident.unraw(), span = self.ident.span())
    }

    /// The type of the state that it injects.
    pub(crate) fn state(&self) -> Option<&Type> {
        match &self.kind {
            Kind::Borrowed(inner) => Some(inner),
            Kind::Owned => Some(&self.ty),
            _ => None,
        }
    }
}

impl Kind {
    fn of(ty: &Type, markers: &Markers) -> Self {
        if markers.inject.is_some() {
            return match ty {
                Type::Reference(reference) => Kind::Borrowed((*reference.elem).clone()),
                _ => Kind::Owned,
            };
        }
        if markers.kwargs.is_some() {
            return Kind::Kwargs;
        }
        match (&markers.default, option_of(ty)) {
            (Some((_, expr)), _) => Kind::Default(expr.clone()),
            (None, Some(inner)) => Kind::Optional(inner.clone()),
            (None, None) => Kind::Required,
        }
    }
}

/// A user's name for a generated item: it keeps the location, but originates from this macro.
///
/// Lints ignore generated code, so a struct in snake case does not get an `#[allow]`, which a crate that
/// forbids the lint would refuse.
fn generated(ident: &Ident) -> Ident {
    let mut ident = ident.clone();
    ident.set_span(Span::call_site().located_at(ident.span()));
    ident
}

/// The type without the invisible group in which a `macro_rules!` wraps its fragments.
fn ungrouped(ty: Type) -> Type {
    match ty {
        Type::Group(group) => ungrouped(*group.elem),
        _ => ty,
    }
}

/// The `T` of an `Option<T>`, judged by the name: a macro cannot resolve an alias.
pub(crate) fn option_of(ty: &Type) -> Option<&Type> {
    argument_of(ty, "Option")
}

/// The `T` of a type with this name and one argument.
fn argument_of<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    let Type::Path(path) = ty else { return None };
    let segment = path.path.segments.last()?;
    let PathArguments::AngleBracketed(args) = &segment.arguments else { return None };
    match args.args.first()? {
        GenericArgument::Type(inner) if segment.ident == name => Some(inner),
        _ => None,
    }
}
