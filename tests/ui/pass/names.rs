//! Names that generated code uses as well.

use pgjobs::{TaskError, task};

#[derive(serde::Serialize, serde::Deserialize, pgjobs::schemars::JsonSchema)]
#[schemars(crate = "pgjobs::schemars")]
pub struct P(i64);

#[task]
#[allow(clippy::too_many_arguments)]
pub async fn call(
    publisher: P,
    context: String,
    arguments: Vec<String>,
    returned: bool,
    #[default(1)] state_0: i64,
    #[inject] job: &pgjobs::Job,
    run: Option<bool>,
    #[default("x")] task: String,
    #[default("y")] clone: String,
) -> Result<(), TaskError> {
    drop((publisher, context, arguments, returned, state_0, job.id(), run, task, clone));
    Ok(())
}

macro_rules! task_returning {
    ($name:ident, $argument:ident: $ty:ty, $result:ty) => {
        #[task]
        pub async fn $name($argument: $ty, publisher: i64) -> $result {
            let _ = ($argument, publisher);
            Ok(())
        }
    };
}

task_returning!(context, publisher_of: P, Result<(), TaskError>);

/// Compiled, not run: it would need a database.
pub fn published(pool: &pgjobs::sqlx::PgPool) {
    drop(call::publish(pool, P(1), String::new(), Vec::new(), true));
    drop(context::publish(pool, P(1), 2));
}
