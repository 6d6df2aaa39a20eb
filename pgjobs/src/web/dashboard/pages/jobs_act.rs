//! Before jobs are changed: what would happen to which of them, the reason, and the button.

use maud::{Markup, html};
use serde::Deserialize;

use super::jobs::filter::Filter;
use crate::db::admin::operation::{self, Chosen, Preview};
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::form::Fields;
use crate::web::dashboard::verbs::Verb;
use crate::web::dashboard::view::View;
use crate::web::dashboard::words::{counted, number};

/// Above this number, it is typed before anything happens.
pub(in crate::web::dashboard) const TYPED: i64 = 1000;
/// A selection has so many jobs at most.
const SELECTED: usize = 1000;

/// A verb on jobs: its button, what it does, and what it does not.
pub(in crate::web::dashboard) struct Act {
    pub(in crate::web::dashboard) verb: Verb,
    word: &'static str,
    does: &'static str,
    does_not: &'static str,
    is_danger: bool,
}

const ACTS: &[Act] = &[
    Act {
        verb: Verb::Retry,
        word: "Retry",
        does: "They go back in the queue with all their runs, under the same ids.",
        does_not: "What their earlier runs did stays done. Jobs that succeeded, were re-driven, or whose unique key another job holds stay as they are.",
        is_danger: false,
    },
    Act {
        verb: Verb::Redrive,
        word: "Re-drive",
        does: "Each is published anew as a new job, with the same arguments; the old one stays in history and names the new one.",
        does_not: "The old jobs do not run again. Jobs that were re-driven before are left out.",
        is_danger: false,
    },
    Act {
        verb: Verb::Cancel,
        word: "Cancel",
        does: "Those that wait never run. Those that run end now, and their code is asked to stop, and is cut off after 5 seconds.",
        does_not: "What their code did so far is not undone. Jobs that have ended stay as they are.",
        is_danger: true,
    },
    Act {
        verb: Verb::Purge,
        word: "Delete",
        does: "Those that wait are deleted for good, without a trace in history.",
        does_not: "Jobs that run or have ended stay as they are. It cannot be undone.",
        is_danger: true,
    },
];

/// The verb that a form or a URL names.
pub(in crate::web::dashboard) fn act(fields: &Fields) -> Result<&'static Act, Failed> {
    let verb = fields.get("do").and_then(Verb::named);
    let found = ACTS.iter().find(|act| Some(act.verb) == verb);
    found.ok_or_else(|| Failed::bad("It is not said what to do: do is retry, redrive, cancel or purge."))
}

/// The ids of a selection, each once.
pub(in crate::web::dashboard) fn selected(fields: &Fields) -> Result<Vec<crate::JobId>, Failed> {
    let mut ids: Vec<&str> = fields.all("id").filter(|id| (1..=32).contains(&id.len())).collect();
    ids.sort_unstable();
    ids.dedup();
    match ids.len() {
        0 => Err(Failed::bad("No job is selected.")),
        1..=SELECTED => Ok(ids.into_iter().map(|id| crate::JobId::from_database(id.to_owned())).collect()),
        n => Err(Failed::bad(format!(
            "{n} jobs are selected, and a selection has at most {SELECTED}: use all that match."
        ))),
    }
}

/// All that match a filter, as an operation takes them.
pub(in crate::web::dashboard) fn chosen<'a>(act: &Act, filter: &'a Filter) -> Result<Chosen<'a>, Failed> {
    if !filter.is_for_operations() {
        return Err(Failed::bad(
            "All that match are taken by state, task, error and time only: drop the other filters, or select jobs.",
        ));
    }
    let state = match (act.verb, filter.state) {
        (Verb::Cancel, "open") | (Verb::Purge, _) => None,
        (_, state) => Some(state),
    };
    Ok(Chosen {
        kind: act.verb.name(),
        topic: filter.get("task").unwrap_or("*"),
        state,
        error: filter.get("error"),
        since: filter.since,
        until: filter.until,
    })
}

pub(in crate::web::dashboard) async fn show(ask: &Ask) -> Result<View, Failed> {
    let act = act(&ask.query)?;
    ask.need(act.verb)?;
    let main = match ask.get("all") {
        Some(_) => all(ask, act, None).await?,
        None => some(ask, act)?,
    };
    Ok(View::still(format!("{} jobs", act.word), main))
}

/// The page of all that match; `error` is what was wrong with the form.
pub(in crate::web::dashboard) async fn all(
    ask: &Ask,
    act: &Act,
    error: Option<&str>,
) -> Result<Markup, Failed> {
    let filter = Filter::of(&ask.query, ask.now())?;
    let mut tx = ask.read().await?;
    let preview = operation::preview(&mut tx, &chosen(act, &filter)?).await?;
    tx.commit().await?;
    let hidden = filter.query().into_iter().chain([("all", "1"), ("do", act.verb.name())]);
    Ok(page(ask, act, preview.jobs, preview.exact, hidden.collect(), examples(ask, &preview), error))
}

fn some(ask: &Ask, act: &Act) -> Result<Markup, Failed> {
    let ids = selected(&ask.query)?;
    let filter = Filter::of(&ask.query, ask.now())?;
    let back = crate::web::dashboard::url::with_query("/jobs", filter.query());
    let mut hidden = vec![("do", act.verb.name()), ("back", back.as_str())];
    hidden.extend(ids.iter().map(|id| ("id", id.as_str())));
    let list = html! { ul { @for id in ids.iter().take(20) { li { a.mono href=(ask.link_to("/jobs/", id.as_str())) { (id) } } } } };
    let jobs = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    Ok(page(ask, act, jobs, true, hidden, list, None))
}

#[derive(Deserialize)]
struct Example {
    job_id: String,
    task: String,
    error: Option<String>,
}

fn examples(ask: &Ask, preview: &Preview) -> Markup {
    let examples: Vec<Example> = serde_json::from_str(preview.examples.get()).unwrap_or_default();
    html! {
        @if !examples.is_empty() {
            p.faint { "The newest of them:" }
            ul { @for job in &examples { li {
                a href=(ask.link_to("/jobs/", &job.job_id)) { (job.task) } " "
                span.dim { (job.error.as_deref().and_then(|error| error.lines().next()).unwrap_or("")) }
            } } }
        }
    }
}

fn page(
    ask: &Ask,
    act: &Act,
    jobs: i64,
    exact: bool,
    hidden: Vec<(&str, &str)>,
    list: Markup,
    error: Option<&str>,
) -> Markup {
    let much = if exact { counted(jobs, "job", "jobs") } else { format!("{} jobs or more", number(jobs)) };
    let class = if act.is_danger { "danger main-act" } else { "main-act" };
    html! {
        p.crumb { a href=(ask.link("/jobs")) { "Jobs" } }
        div.page-head { h1 { (act.word) " " (much) "?" } }
        p.say { (act.does) }
        p { b { "It does not: " } (act.does_not) }
        p.dim { "Each job is looked at again when it is its turn: one that no longer matches is left alone." }
        div.sec { (list) }
        @if jobs == 0 {
            div.empty { p { "No job matches any more, so there is nothing to do." } p { a href=(ask.link("/jobs")) { "Back to the jobs" } } }
        } @else {
            form.form method="post" action=(ask.link(&format!("/jobs/{}", act.verb.name()))) {
                @for (name, value) in hidden { input type="hidden" name=(name) value=(value); }
                input type="hidden" name="matched" value=(jobs);
                @if let Some(error) = error { p.err.full role="alert" { (error) } }
                div.field.full {
                    label for="reason" { "Reason" }
                    input id="reason" name="reason" maxlength="800" autocomplete="off";
                    p { "The audit keeps it, with your name." }
                }
                @if jobs > TYPED {
                    div.field.full {
                        label for="typed" { "Type " (jobs) " to go on" }
                        input id="typed" name="typed" inputmode="numeric" autocomplete="off" required;
                    }
                }
                div.acts.full {
                    button class=(class) { (act.word) " " (much) }
                    a.btn href=(ask.link("/jobs")) { "Do nothing" }
                }
            }
        }
    }
}
