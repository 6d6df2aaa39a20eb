//! The ways to publish.

use pgjobs::{Error, NewJob, Task};
use pgjobs_tests::Db;
use serde_json::value::RawValue;

use super::generator::Case;
use super::tasks::{NAMES, RawCall};

/// A refusal: its SQLSTATE, or what kind of error the library made of it, and its words.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) code: String,
    pub(crate) words: String,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        // Debug too: it is what a `main` that returns the error prints.
        let words = format!("{error} {error:?}");
        let code = match error {
            Error::Refused { code, .. } => code,
            Error::Encode(_) => "encode".to_owned(),
            Error::Option { .. } => "option".to_owned(),
            Error::Database(error) => return Refusal { words, ..Refusal::from(error) },
            _ => "other".to_owned(),
        };
        Refusal { code, words }
    }
}

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default();
        Refusal { code: code.into_owned(), words: error.to_string() }
    }
}

impl Refusal {
    /// Which job of a call it names, counted from 0.
    fn position(&self) -> Option<usize> {
        let (_, rest) = self.words.split_once("job ")?;
        rest.split(' ').next()?.parse::<usize>().ok()?.checked_sub(1)
    }
}

const PUBLISH: &str = "select array[(jobs.publish($1[1], $2[1]::jsonb)).job_id::text]";
const BULK: &str = "select array(select b.job_id::text from jobs.publish_bulk(array(
    select row(u.task, u.body::jsonb, null, null, null, null)::jobs.bulk_job
    from unnest($1, $2) with ordinality u(task, body, at) order by u.at)) b)";
const ALL: &str = "select jobs.publish_arrays($1, $2::jsonb[], null, null, null, null, null)::text[]";
const PACKED: &str =
    "select jobs.publish_arrays($1[1:1], $2::jsonb[], null, null, null, null, null, null, true)::text[]";

async fn sql(
    db: &Db,
    statement: &'static str,
    tasks: &[&str],
    bodies: &[&str],
) -> Result<Vec<String>, Refusal> {
    Ok(sqlx::query_scalar(statement).bind(tasks).bind(bodies).fetch_one(&db.pool).await?)
}

/// Each by itself.
pub(crate) async fn one(db: &Db, case: &Case) -> Result<String, Refusal> {
    Ok(sql(db, PUBLISH, &[&case.task], &[&case.body]).await?.remove(0))
}

/// By name, with one positional argument.
pub(crate) async fn named(db: &Db, case: &Case) -> Result<String, Refusal> {
    let job = NewJob::named(&*case.task).arg(raw(&case.value)?).publish(&db.pool).await?;
    Ok(job.id().to_string())
}

/// Through the type of a task.
pub(crate) async fn typed(db: &Db, case: &Case) -> Result<String, Refusal> {
    Ok(RawCall { value: raw(&case.value)? }.publish(&db.pool).await?.id().to_string())
}

fn raw(value: &str) -> Result<Box<RawValue>, Refusal> {
    RawValue::from_string(value.to_owned())
        .map_err(|error| Refusal { code: "encode".to_owned(), words: error.to_string() })
}

/// All or nothing, and what is refused is taken out; a cast that fails names no job, and all go one by one.
pub(crate) async fn bulk(db: &Db, cases: &[Case], packed: bool) -> Vec<Result<String, Refusal>> {
    let mut answers: Vec<Option<Result<String, Refusal>>> = cases.iter().map(|_| None).collect();
    loop {
        let open: Vec<usize> = (0..cases.len()).filter(|at| answers[*at].is_none()).collect();
        // Packed jobs have one task.
        let task = |at: &usize| if packed { NAMES[1] } else { &cases[*at].task };
        let tasks: Vec<&str> = open.iter().map(task).collect();
        let bodies: Vec<&str> = open.iter().map(|at| &*cases[*at].body).collect();
        let statement = match (packed, open.len() % 2) {
            (true, _) => PACKED,
            (_, 0) => BULK,
            _ => ALL,
        };
        match sql(db, statement, &tasks, &bodies).await {
            Ok(ids) => {
                assert_eq!(ids.len(), open.len());
                open.into_iter().zip(ids).for_each(|(at, id)| answers[at] = Some(Ok(id)));
                return answers.into_iter().flatten().collect();
            }
            Err(refusal) if refusal.code.starts_with("PT") => {
                let at = refusal.position().filter(|at| *at < open.len()).expect(&refusal.words);
                answers[open[at]] = Some(Err(refusal));
            }
            Err(refusal) => {
                assert!(refusal.code.starts_with("22") || refusal.code.starts_with("54"), "{refusal:?}");
                let at = unreadable(db, &bodies, &tasks).await;
                answers[open[at]] = Some(Err(refusal));
            }
        }
    }
}

/// The first that is no text or no `jsonb`.
async fn unreadable(db: &Db, bodies: &[&str], tasks: &[&str]) -> usize {
    for (at, (body, task)) in bodies.iter().zip(tasks).enumerate() {
        let read: Result<i32, _> = sqlx::query_scalar("select length($1::jsonb::text) + length($2)")
            .bind(body)
            .bind(task)
            .fetch_one(&db.pool)
            .await;
        if read.is_err() {
            return at;
        }
    }
    panic!("a call was refused in which every body can be read")
}
