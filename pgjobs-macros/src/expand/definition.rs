//! Generates `impl Task`: the static description in the registry.

use proc_macro2::{Literal, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use crate::docs::whole;
use crate::duration;
use crate::model::{Kind, Param, Task};
use crate::text::source;

pub(super) fn implementation(task: &Task) -> TokenStream {
    let (pgjobs, call, returned) = (task.library(), task.call(), &task.returned);
    let outcome = task.outcome();
    let output =
        quote_spanned!(returned.span()=> type Output = <#returned as #pgjobs::define::#outcome>::Output;);
    let def = definition(task);
    quote! {
        #[automatically_derived]
        impl #pgjobs::Task for #call {
            #output
            const DEF: &'static #pgjobs::define::TaskDef = #def;
        }
    }
}

fn definition(task: &Task) -> TokenStream {
    let pgjobs = task.library();
    let (name, aliases, doc) = (name(task), &task.options.aliases, whole(&task.function.attrs));
    let location = location(task);
    let params: Vec<_> = task.arguments().filter_map(|param| parameter(&pgjobs, param)).collect();
    let extra_kwargs = task.arguments().any(|param| matches!(param.kind, Kind::Kwargs));
    let needs: Vec<_> = task.params.iter().filter_map(Param::state).collect();
    let output = super::output(task);
    let steps = [
        (!aliases.is_empty()).then(|| quote!(.aliases(&[#(#aliases),*]))),
        (!doc.is_empty()).then(|| quote!(.doc(#doc))),
        Some(quote!(.location(#location))),
        (!params.is_empty()).then(|| quote!(.params(&[#(#params),*]))),
        super::limit::defaults(task).map(|defaults| quote!(.defaults(&[#(#defaults),*]))),
        extra_kwargs.then(|| quote!(.extra_kwargs())),
        (!needs.is_empty()).then(|| quote!(.needs(&[#(#pgjobs::__private::need::<#needs>()),*]))),
        options(task).map(|options| quote!(.options(#options))),
        (!task.options.steps.is_empty()).then(|| {
            let steps = &task.options.steps;
            quote!(.steps(&[#(#steps),*]))
        }),
        super::unique::unique(task).map(|unique| quote!(.unique(#unique))),
        super::schedule::schedules(task).map(|schedules| quote!(.schedules(&[#(#schedules),*]))),
        super::limit::limits(task).map(|limits| quote!(.limits(&[#(#limits),*]))),
        Some(quote!(.call::<Self>().result::<#output>())),
    ];
    let steps = steps.into_iter().flatten();
    let made = match many(task) {
        Some(many) => quote!(many(#name, #many)),
        None => quote!(new(#name, Self::__run)),
    };
    quote!(&#pgjobs::define::TaskDef::#made #(#steps)*)
}

/// How a batch handler is called.
fn many(task: &Task) -> Option<TokenStream> {
    let (pgjobs, options) = (task.library(), &task.options);
    let most = Literal::i64_unsuffixed(options.batch.as_ref()?.value);
    let linger = options.linger.as_ref().map(|at| duration::expression(at.value));
    let linger = linger.map(|linger| quote!(.linger(#linger)));
    Some(quote!(#pgjobs::define::Many::new(#most, Self::__run) #linger))
}

fn name(task: &Task) -> TokenStream {
    let (pgjobs, plain) = (task.library(), task.plain_name());
    match &task.options.name {
        Some(name) => quote!(#name),
        None => quote!(#pgjobs::__private::dotted_name!(#plain)),
    }
}

/// Has the span of the function's name, so that `line!` is its line and not the attribute's.
fn location(task: &Task) -> TokenStream {
    let span = task.function.sig.ident.span();
    quote_spanned!(span=> ::core::concat!(::core::file!(), ":", ::core::line!()))
}

fn parameter(pgjobs: &TokenStream, param: &Param) -> Option<TokenStream> {
    let (name, ty) = (param.keyword(), source(&param.ty));
    let required = match param.kind {
        Kind::Required => true,
        Kind::Kwargs => return None,
        _ => false,
    };
    Some(quote!(#pgjobs::define::Param { name: #name, ty: #ty, required: #required }))
}

/// None: the defaults.
fn options(task: &Task) -> Option<TokenStream> {
    let (pgjobs, options) = (task.library(), &task.options);
    let retries = options.retries.as_ref().map(|at| Literal::i64_unsuffixed(at.value));
    let timeout = options.timeout.as_ref().map(|at| duration::expression(at.value));
    let warn_after = options.warn_after.as_ref().map(|at| duration::expression(at.value));
    let slo = options.slo.as_ref().map(|at| duration::expression(at.value));
    let priority = options.priority.as_ref().map(|at| Literal::i64_unsuffixed(at.value));
    let backoff = options.backoff.as_ref().map(|backoff| backoff.expression(&pgjobs));
    let keep = options.keep.as_ref().map(|keep| keep.expression(&pgjobs));
    let validation = options.validation.as_ref().map(|validation| validation.expression(&pgjobs));
    let log = options.log.as_ref().map(|log| log.expression(&pgjobs));
    let trace = options.trace.as_ref().map(|trace| trace.expression(&pgjobs));
    let events = options.events;
    let steps: Vec<TokenStream> = [
        retries.map(|retries| quote!(.retries(#retries))),
        timeout.map(|timeout| quote!(.timeout(#timeout))),
        warn_after.map(|after| quote!(.warn_after(#after))),
        slo.map(|slo| quote!(.slo(#slo))),
        priority.map(|priority| quote!(.priority(#priority))),
        backoff.map(|backoff| quote!(.backoff(#backoff))),
        keep.map(|keep| quote!(.keep(#keep))),
        validation.map(|validation| quote!(.validation(#validation))),
        log.map(|log| quote!(.log(#log))),
        trace.map(|trace| quote!(.trace(#trace))),
        events.map(|events| quote!(.events(#events))),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!steps.is_empty()).then(|| quote!(#pgjobs::define::TaskOptions::new() #(#steps)*))
}
