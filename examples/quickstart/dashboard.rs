//! The dashboard of this program, on this machine alone.

use pgjobs::web::{Dashboard, Role, Viewer, axum};
use sqlx::PgPool;
use tokio::net::TcpListener;

/// Serves it on a free port of the loopback address and returns its URL. Whoever uses this machine may do everything
/// there: enough for a trial, which ends with the program. A program of yours asks for a login.
pub(crate) async fn serve(pool: PgPool) -> std::io::Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let router = Dashboard::new(pool)
        .name("quickstart")
        .authenticate(|_| Some(Viewer::new("you", Role::Admin)))
        .router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(url)
}
