//! Checks the function's header: everything except its parameters.

use syn::{FnArg, GenericParam, Signature};

use crate::errors::Errors;

pub(super) fn check(sig: &Signature, errors: &mut Errors) {
    qualifiers(sig, errors);
    generics(sig, errors);
    if let Some(receiver @ FnArg::Receiver(_)) = sig.inputs.first() {
        errors.add(
            receiver,
            "a task is a free function without `self`; \
             move it out of the impl and inject the state: `#[inject] state: &State`",
        );
    }
    if let Some(variadic) = &sig.variadic {
        errors.add(
            variadic,
            "a task has a fixed list of parameters; take the rest as `#[kwargs] rest: \
             serde_json::Map<String, serde_json::Value>`",
        );
    }
    if sig.ident == "main" {
        errors.add(
            &sig.ident,
            "`main` starts the program and cannot be a task; give the task a name of its own",
        );
    }
}

fn qualifiers(sig: &Signature, errors: &mut Errors) {
    if sig.asyncness.is_none() && sig.constness.is_none() {
        errors.add(sig.fn_token, "a task is an `async fn`; write `async` before `fn`");
    }
    if let Some(token) = &sig.constness {
        errors.add(
            token,
            "a task runs in a worker, not while compiling; write `async fn` instead of `const fn`",
        );
    }
    if let Some(token) = &sig.unsafety {
        errors.add(
            token,
            "a task cannot be `unsafe`: the worker calls it for any job; put the `unsafe` block inside",
        );
    }
    if let Some(abi) = &sig.abi {
        errors.add(abi, "a task is called by the worker with Rust's own calling convention; remove `extern`");
    }
}

fn generics(sig: &Signature, errors: &mut Errors) {
    for param in &sig.generics.params {
        match param {
            GenericParam::Lifetime(_) => errors.add(
                param,
                "a task cannot have lifetime parameters: its arguments are read back from the database and own their data; \
                 injected state is borrowed without one: `#[inject] state: &State`",
            ),
            _ => errors.add(
                param,
                "a task cannot be generic: a job names its task and nothing else; write one task for each type, \
                 and let them call a shared generic function",
            ),
        }
    }
    if let (Some(clause), true) = (&sig.generics.where_clause, sig.generics.params.is_empty()) {
        errors.add(clause, "a task cannot have a where clause, since it cannot be generic");
    }
}
