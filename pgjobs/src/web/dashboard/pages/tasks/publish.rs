//! Publishes a job from the form of its task.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::form::{Given, arguments};
use super::one;
use crate::inspect::TaskRow;
use crate::publish::Publish;
use crate::types::call_options::CallOptions;
use crate::types::job_request::JobRequest;
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::form::Fields;
use crate::web::dashboard::view::{Done, Section};

/// Publishes it, or shows the form again with the reason.
pub(in crate::web::dashboard) async fn publish(ask: &Ask, fields: &Fields) -> Result<Done, Failed> {
    let task = one::find(ask).await?;
    match published(ask, &task, fields).await {
        Ok(Some(id)) => Ok(Done::Go(format!("/jobs/{id}"))),
        Ok(None) => again(ask, &task, Given { fields: fields.clone(), refused: None, fits: true }).await,
        Err(failed) if failed.code().is_client_error() => {
            again(ask, &task, Given { fields: fields.clone(), refused: Some(failed.words()), fits: false })
                .await
        }
        Err(failed) => Err(failed),
    }
}

async fn again(ask: &Ask, task: &TaskRow, given: Given) -> Result<Done, Failed> {
    let refused = given.refused.is_some();
    let mut view = one::view(ask, task, &given).await?;
    view.live = false;
    view.status = if refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(Done::Show(Section::Tasks, Box::new(view)))
}

/// The new job, or nothing if it was only to be checked.
async fn published(ask: &Ask, task: &TaskRow, fields: &Fields) -> Result<Option<String>, Failed> {
    let request = JobRequest::new(
        Cow::Owned(task.name.clone()),
        Vec::<Value>::new(),
        arguments(task, fields),
        CallOptions::none(),
    );
    let mut tx = ask.write().await?;
    let mut job = Publish::<_, Value>::new(&mut *tx, request, CallOptions::none())
        .meta("dashboard_user", &ask.viewer.name);
    if let Some(priority) = number(fields, "priority")? {
        job = job.priority(priority);
    }
    if let Some(runs) = number(fields, "retries")? {
        job = job.retries(runs);
    }
    if let Some(seconds) = number::<f64>(fields, "timeout")? {
        job = job.timeout(
            Duration::try_from_secs_f64(seconds)
                .map_err(|_| Failed::bad("a timeout is a number of seconds"))?,
        );
    }
    if let Some(at) = fields.get("at") {
        let at: DateTime<Utc> = at
            .trim()
            .parse()
            .map_err(|_| Failed::bad(format!("{at} is no time: write it as 2026-11-29T18:00:00Z")))?;
        job = job.scheduled_at(at);
    }
    let id = job.await?.id().to_string();
    if fields.get("check").is_some() {
        tx.rollback().await?;
        return Ok(None);
    }
    tx.commit().await?;
    Ok(Some(id))
}

fn number<T: std::str::FromStr>(fields: &Fields, name: &str) -> Result<Option<T>, Failed> {
    let parse = |text: &str| {
        text.trim().parse().map_err(|_| Failed::bad(format!("{name} is a number, and not {text}")))
    };
    fields.get(name).map(parse).transpose()
}
