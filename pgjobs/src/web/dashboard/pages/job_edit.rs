//! A form that changes a job: its arguments and options. For those who may see what is sensitive, since it shows all.

use axum::http::StatusCode;
use chrono::{DateTime, NaiveDateTime, Utc};
use maud::{Markup, html};

use super::job::id;
use crate::db;
use crate::db::admin::edit::{Changes, edit};
use crate::inspect::JobRow;
use crate::types::job_state::JobState;
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::form::Fields;
use crate::web::dashboard::url::encode;
use crate::web::dashboard::view::{Done, Section, View};

/// A larger body is not put into a form.
const LARGEST: usize = 1 << 20;

pub(in crate::web::dashboard) async fn show(ask: &Ask) -> Result<View, Failed> {
    let (row, body) = read(ask).await?;
    if body.len() > LARGEST {
        return Err(Failed::bad("The arguments are larger than 1 MiB: pgjobs edit changes them."));
    }
    let given = |name: &str| match name {
        "body" => body.clone(),
        "priority" => row.priority.to_string(),
        "timeout" => row.timeout.to_string(),
        "runs" => row.max_retries.to_string(),
        _ => String::new(),
    };
    Ok(View::still(format!("Edit {}", row.task), form(ask, &row, &given, None)))
}

async fn read(ask: &Ask) -> Result<(JobRow, String), Failed> {
    let id = id(ask)?;
    let mut tx = ask.read().await?;
    let row = db::inspect::get(&mut tx, &id).await?;
    let body = db::dashboard::body::revealed(&mut tx, &id).await?;
    tx.commit().await?;
    Ok((row, body.unwrap_or_else(|| "null".to_owned())))
}

fn form(ask: &Ask, row: &JobRow, given: &dyn Fn(&str) -> String, error: Option<&str>) -> Markup {
    let id = row.job_id.as_str();
    let number = |name: &str, label: &str, hint: &str| {
        html! {
            div.field { label for=(name) { (label) } input id=(name) name=(name) inputmode="decimal" maxlength="40" value=(given(name)); p { (hint) } }
        }
    };
    html! {
        p.crumb { a href=(ask.link("/jobs")) { "Jobs" } ", " a.mono href=(ask.link_to("/jobs/", id)) { (id) } }
        div.page-head { h1 { "Edit " (row.task) } p { "only a job that does not run and was no success" } }
        form.form method="post" action=(ask.link(&format!("/jobs/{}/edit", encode(id)))) {
            @if let Some(error) = error { p.err.full role="alert" { (error) } }
            div.field.full {
                label for="body" { "Arguments " span.ty { "JSON: {\"args\": […], \"kwargs\": {…}}" } }
                textarea id="body" name="body" rows="12" spellcheck="false" aria-invalid=[error.map(|_| "true")] { (given("body")) }
                p { "They are checked against the task's schema, as a publish checks them. Numbers stay exact." }
            }
            (number("priority", "Priority", "greater first"))
            (number("runs", "Runs in all", "3 means at most three"))
            (number("timeout", "Timeout", "seconds"))
            @if row.state == JobState::Pending { (number("at", "Runs at", "2026-11-29T18:00 (UTC); empty: as it is")) }
            div.field.full { label for="reason" { "Reason" } input id="reason" name="reason" maxlength="800" autocomplete="off"; p { "The audit keeps it, with the old values." } }
            div.acts.full { button.main-act { "Save" } a.btn href=(ask.link_to("/jobs/", id)) { "Do nothing" } }
        }
    }
}

/// Saves the form; what the database refuses is said above it, in its words.
pub(in crate::web::dashboard) async fn save(ask: &Ask, fields: &Fields) -> Result<Done, Failed> {
    let (row, old) = read(ask).await?;
    match try_to(ask, fields, &row, &old).await {
        Ok(()) => Ok(Done::Go(format!("/jobs/{}?did=edit&n=1", encode(row.job_id.as_str())))),
        Err(failed) if failed.code().is_client_error() && failed.code() != StatusCode::FORBIDDEN => {
            let given = |name: &str| fields.get(name).unwrap_or("").to_owned();
            let main = form(ask, &row, &given, Some(&failed.words()));
            Ok(Done::Show(
                Section::Jobs,
                Box::new(View { status: failed.code(), ..View::still("Edit again", main) }),
            ))
        }
        Err(failed) => Err(failed),
    }
}

async fn try_to(ask: &Ask, fields: &Fields, row: &JobRow, old: &str) -> Result<(), Failed> {
    let body = fields.get("body").filter(|body| body.trim() != old.trim());
    if let Some(body) = body {
        // Only whether it is JSON: the text goes to the database as it is, each digit of it.
        serde_json::from_str::<&serde_json::value::RawValue>(body).map_err(|error| {
            Failed::status(StatusCode::UNPROCESSABLE_ENTITY, format!("The arguments are no JSON: {error}."))
        })?;
    }
    let changes = Changes {
        body,
        priority: changed(number(fields, "priority")?, row.priority),
        scheduled_at: fields.get("at").map(time).transpose()?,
        timeout: changed(number(fields, "timeout")?, row.timeout),
        max_retries: changed(number(fields, "runs")?, row.max_retries),
        meta: None,
    };
    let reason = ask.reason(fields);
    let mut tx = ask.write().await?;
    edit(&mut *tx, &row.job_id, &changes, Some(&reason)).await?;
    tx.commit().await?;
    Ok(())
}

fn changed<T: PartialEq>(new: Option<T>, old: T) -> Option<T> {
    new.filter(|new| *new != old)
}

fn number<T: std::str::FromStr>(fields: &Fields, name: &str) -> Result<Option<T>, Failed> {
    let parse =
        |text: &str| text.trim().parse().map_err(|_| Failed::bad(format!("{name} is a number, not {text}.")));
    fields.get(name).map(parse).transpose()
}

fn time(text: &str) -> Result<DateTime<Utc>, Failed> {
    let plain = |form| NaiveDateTime::parse_from_str(text.trim(), form).ok().map(|time| time.and_utc());
    let exact = DateTime::parse_from_rfc3339(text.trim()).ok().map(|time| time.to_utc());
    let found = exact.or_else(|| plain("%Y-%m-%dT%H:%M")).or_else(|| plain("%Y-%m-%dT%H:%M:%S"));
    found.ok_or_else(|| Failed::bad(format!("{text} is no time: 2026-11-29T18:00 (UTC).")))
}
