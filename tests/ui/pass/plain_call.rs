//! Still a function.

use pgjobs::{TaskError, task};

pub struct Mailer;

#[task]
pub async fn welcome(
    #[inject] mailer: &Mailer,
    user_id: i64,
    #[default("en")] locale: String,
) -> Result<String, TaskError> {
    let Mailer = mailer;
    Ok(format!("{user_id} {locale}"))
}

/// Compiled, not run: it would need a database.
pub fn published(pool: &pgjobs::sqlx::PgPool) {
    drop(welcome::publish(pool, 7));
    drop(pgjobs::Task::publish(welcome::new(7).locale("pt"), pool));
}

#[tokio::test]
async fn a_task_is_called_like_any_function() {
    let letter = welcome(&Mailer, 7, "pt".into()).await.expect("it does not fail");
    assert_eq!(letter, "7 pt");
}
