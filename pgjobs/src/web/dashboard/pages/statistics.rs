//! Turning statistics on, without which charts are empty. Looking at a page does not: nothing changes on GET.

use crate::db;
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::form::Fields;
use crate::web::dashboard::view::Done;

/// Turns them on, and goes back to the page that asked.
pub(in crate::web::dashboard) async fn keep(ask: &Ask, fields: &Fields) -> Result<Done, Failed> {
    let mut tx = ask.write().await?;
    db::statistics::keep(&mut tx, true).await?;
    tx.commit().await?;
    let back = fields.get("back").filter(|path| path.starts_with('/') && !path.starts_with("//"));
    Ok(Done::Go(back.unwrap_or("/tasks").to_owned()))
}
