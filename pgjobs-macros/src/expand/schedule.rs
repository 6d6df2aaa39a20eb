//! Generates the schedules of a task.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use crate::duration;
use crate::model::Task;
use crate::schedule::Schedule;

/// The constant expression for each schedule; `None` without any.
pub(super) fn schedules(task: &Task) -> Option<Vec<TokenStream>> {
    let pgjobs = task.library();
    let schedules: Vec<TokenStream> =
        task.options.schedules().filter_map(|(schedule, _)| self::schedule(&pgjobs, schedule)).collect();
    (!schedules.is_empty()).then_some(schedules)
}

/// `None`: neither a cron line nor a length, which was reported.
fn schedule(pgjobs: &TokenStream, schedule: &Schedule) -> Option<TokenStream> {
    let due = match (&schedule.cron, &schedule.every) {
        (Some(line), _) => quote!(cron(#line)),
        (None, Some(at)) => {
            let length = duration::expression(at.value);
            quote!(every(#length))
        }
        (None, None) => return None,
    };
    let expression = |chosen: &crate::choice::Chosen| chosen.expression(pgjobs);
    let steps = [
        schedule.name.as_ref().map(|name| quote!(.name(#name))),
        schedule.zone.as_ref().map(|zone| quote!(.zone(#zone))),
        schedule.gap.as_ref().map(expression).map(|gap| quote!(.gap(#gap))),
        schedule.fold.as_ref().map(expression).map(|fold| quote!(.fold(#fold))),
        schedule
            .jitter
            .as_ref()
            .map(|at| duration::expression(at.value))
            .map(|jitter| quote!(.jitter(#jitter))),
        schedule.catch_up.as_ref().map(expression).map(|catch_up| quote!(.catch_up(#catch_up))),
        schedule
            .catch_up_limit
            .as_ref()
            .map(|at| Literal::i64_unsuffixed(at.value))
            .map(|limit| quote!(.catch_up_limit(#limit))),
        schedule.overlap.as_ref().map(expression).map(|overlap| quote!(.overlap(#overlap))),
    ];
    let steps = steps.into_iter().flatten();
    Some(quote!(#pgjobs::define::TaskSchedule::#due #(#steps)*))
}
