use pgjobs::workflow::{Flow, WorkflowHandle};
use pgjobs::{TaskError, task};
use sqlx::PgPool;

/// Renders one page.
#[task]
pub async fn render(page: u32) -> Result<String, TaskError> {
    Ok(format!("page {page}"))
}

/// Binds the pages.
#[task]
pub async fn bind(pages: Vec<String>) -> Result<String, TaskError> {
    Ok(pages.join(" + "))
}

/// Sends the catalogue to somebody.
#[task]
pub async fn send(catalogue: String, to: String) -> Result<String, TaskError> {
    Ok(format!("to {to}: {catalogue}"))
}

/// Publishes it all: the pages, side by side, then the binding, then the post.
pub async fn publish(
    pool: &PgPool,
    pages: u32,
    to: &str,
) -> Result<WorkflowHandle<String>, pgjobs::Error> {
    let mut flow = Flow::new("catalogue");
    let pages = flow.group("pages", (1..=pages).map(render::new));
    let catalogue = flow.then("catalogue", pages, bind::after());
    let sent = flow.then("sent", &catalogue, send::after(to.to_owned()));
    flow.returns(&sent).publish(pool).await
}
