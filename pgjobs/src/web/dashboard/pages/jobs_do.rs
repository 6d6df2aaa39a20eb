//! Changes jobs: a selection at once, all that match as an operation, whose page shows how far it is.

use sqlx::PgConnection;

use super::jobs::filter::Filter;
use super::jobs_act::{TYPED, act, all, chosen, selected};
use crate::db::admin;
use crate::db::admin::operation;
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::form::Fields;
use crate::web::dashboard::verbs::Verb;
use crate::web::dashboard::view::{Done, Section, View};

/// The action of a verb on jobs. The path says the verb, so that its permission was checked; the form says the same.
pub(in crate::web::dashboard) async fn run(ask: &Ask, fields: &Fields) -> Result<Done, Failed> {
    let act = act(fields)?;
    if !ask.path.ends_with(act.verb.name()) {
        return Err(Failed::bad("The form is for another action than its address."));
    }
    if fields.get("all").is_some() {
        return start(ask, fields).await;
    }
    let ids = selected(fields)?;
    let reason = ask.reason(fields);
    let mut tx = ask.write().await?;
    let done = change(&mut tx, act.verb, &ids, &reason).await?;
    tx.commit().await?;
    let n = done.to_string();
    let back = fields.get("back").filter(|back| back.starts_with("/jobs")).unwrap_or("/jobs");
    let path = match ids.as_slice() {
        [one] => format!("/jobs/{}", crate::web::dashboard::url::encode(one.as_str())),
        _ => back.to_owned(),
    };
    let sign = if path.contains('?') { '&' } else { '?' };
    Ok(Done::Go(format!("{path}{sign}did={}&n={n}", act.verb.name())))
}

async fn change(
    tx: &mut PgConnection,
    verb: Verb,
    ids: &[crate::JobId],
    reason: &str,
) -> Result<usize, Failed> {
    Ok(match verb {
        Verb::Retry => admin::retry(tx, ids, Some(reason)).await?.len(),
        Verb::Redrive => {
            let redriven = admin::edit::redrive(tx, ids, Some(reason)).await?;
            redriven.iter().filter(|job| job.new_job_id.is_some()).count()
        }
        Verb::Cancel => admin::cancel(tx, ids, crate::admin::GRACE, Some(reason)).await?.len(),
        verb => return Err(Failed::bad(format!("{} takes all that match, not a selection.", verb.name()))),
    })
}

/// Starts the operation. The form returns the preview's number, and typed where it is large: so nobody starts something
/// larger than what was shown.
async fn start(ask: &Ask, fields: &Fields) -> Result<Done, Failed> {
    let act = act(fields)?;
    let filter = Filter::of(fields, ask.now())?;
    let shown: i64 = fields.get("matched").and_then(|matched| matched.parse().ok()).unwrap_or(i64::MAX);
    let typed = fields.get("typed").map(|typed| typed.replace([',', ' '], ""));
    if shown > TYPED && typed.as_deref() != Some(shown.to_string().as_str()) {
        let again = Ask { query: fields.clone(), ..ask.clone() };
        let main = all(&again, act, Some("The number that was typed is not the number of jobs.")).await?;
        return Ok(Done::Show(
            Section::Jobs,
            Box::new(View {
                status: axum::http::StatusCode::UNPROCESSABLE_ENTITY,
                ..View::still("Again", main)
            }),
        ));
    }
    let mut tx = ask.write().await?;
    let preview = operation::preview(&mut tx, &chosen(act, &filter)?).await?;
    if preview.jobs > shown.saturating_mul(2).saturating_add(TYPED) {
        return Err(Failed::status(
            axum::http::StatusCode::CONFLICT,
            "Many more jobs match by now than the preview showed: look again.",
        ));
    }
    let reason = ask.reason(fields);
    let manner = operation::Manner { rate: None, grace: None, reason: Some(&reason) };
    let started = operation::start(&mut *tx, &chosen(act, &filter)?, manner, Some(preview.jobs)).await?;
    tx.commit().await?;
    Ok(Done::Go(format!("/operations/{}", started.id)))
}
