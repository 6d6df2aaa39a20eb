//! What commands that read ask: one database, or each of several servers.
//!
//! A server that cannot be asked costs what it would have said and nothing else: a warning, and exit code 4.

use std::time::Duration;

use futures_util::future::join_all;
use serde::Serialize;
use serde_json::json;
use sqlx::PgPool;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::connect;
use super::places::{self, Place};
use super::target::Target;
use crate::JobId;
use crate::cli::args::global::Global;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::lines::Lines;
use crate::cli::output::redact;

/// Connections to each server.
const CONNECTIONS: u32 = 4;
/// One of several servers that has not answered a question within this time is away for it, such as one whose tables
/// are locked: what the others said is printed. Longer than the slowest list takes on a large history, and short enough
/// for somebody who waits.
const LIMIT: Duration = Duration::from_secs(30);

/// The databases that a command reads.
pub(crate) struct Readers {
    all: Vec<Reader>,
}

/// One of them; its connection is opened by the first question.
pub(crate) struct Reader {
    /// `None` where there is only one database, which needs no name.
    name: Option<String>,
    target: Target,
    pool: OnceCell<PgPool>,
    /// Whether to warn of rows that the server hides from its role.
    warns: bool,
}

/// What the user chose to read. Nothing is connected yet.
pub(crate) async fn chosen(global: &Global, console: &Console) -> Result<Readers, Failure> {
    let places = places::chosen(global, console).await?;
    Ok(Readers { all: places.into_iter().map(Reader::new).collect() })
}

impl Reader {
    fn new(Place { name, target }: Place) -> Self {
        Reader { name, target, pool: OnceCell::new(), warns: false }
    }

    async fn pool(&self) -> Result<&PgPool, Failure> {
        let open = async || {
            let pool = connect::pool(&self.target, CONNECTIONS).await?;
            if self.warns {
                connect::warn_of_hidden(&pool).await;
            }
            Ok(pool)
        };
        self.pool.get_or_try_init(open).await
    }

    /// Asks this one; of several, for a limited time.
    async fn ask<T>(&self, question: &impl AsyncFn(&PgPool) -> Result<T, Failure>) -> Result<T, Failure> {
        if self.name.is_none() {
            return self.ask_at_length(question).await;
        }
        let late = || {
            Failure::database(format!(
                "no answer to this question within {} s: a table may be locked there, see `pg_locks`",
                LIMIT.as_secs()
            ))
        };
        timeout(LIMIT, self.ask_at_length(question)).await.unwrap_or_else(|_| Err(late()))
    }

    /// Asks this one, and finds out why it had no connection.
    async fn ask_at_length<T>(
        &self,
        question: &impl AsyncFn(&PgPool) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        match question(self.pool().await?).await {
            Err(failure) if failure.is_starved() => Err(connect::explained_on(&self.target, failure).await),
            answer => answer,
        }
    }
}

impl Readers {
    /// One database, whose pool is open.
    pub(crate) fn of(target: Target, pool: PgPool) -> Self {
        Readers {
            all: vec![Reader { name: None, target, pool: OnceCell::new_with(Some(pool)), warns: false }],
        }
    }

    /// Whether these are several servers.
    pub(crate) fn are_several(&self) -> bool {
        self.all.len() > 1
    }

    /// The database and its place; of several servers their names.
    #[cfg(feature = "top")]
    pub(crate) fn title(&self) -> String {
        match self.all.as_slice() {
            [Reader { name: None, target, .. }] => target.title(),
            all => all.iter().filter_map(|reader| reader.name.as_deref()).collect::<Vec<_>>().join(", "),
        }
    }

    /// The same, with a warning of rows that a server hides from its role.
    pub(crate) fn warning_of_hidden(mut self) -> Self {
        self.all.iter_mut().for_each(|reader| reader.warns = true);
        self
    }

    /// Asks all at once. One of several that cannot be asked is left out; with one database, or when none answers,
    /// its failure is that of the command.
    pub(crate) async fn ask<T>(
        &self,
        question: impl AsyncFn(&PgPool) -> Result<T, Failure>,
    ) -> Result<Answers<T>, Failure> {
        let mut answers = Answers { all: Vec::new(), away: Vec::new() };
        let mut first = None;
        for (name, answer) in self.ask_each(question).await {
            match (answer, name) {
                (Ok(answer), name) => answers.all.push((name, answer)),
                (Err(failure), None) => return Err(failure),
                (Err(failure), Some(name)) => {
                    answers.away.push(Away::new(&name, &failure));
                    first.get_or_insert(failure);
                }
            }
        }
        match first {
            Some(failure) if answers.all.is_empty() => Err(failure.with_message(answers.reasons())),
            _ => Ok(answers),
        }
    }

    /// Asks all at once, whether or not any answers.
    pub(crate) async fn ask_each<T>(
        &self,
        question: impl AsyncFn(&PgPool) -> Result<T, Failure>,
    ) -> Vec<(Option<String>, Result<T, Failure>)> {
        let asked = join_all(self.all.iter().map(|reader| reader.ask(&question))).await;
        self.all.iter().map(|reader| reader.name.clone()).zip(asked).collect()
    }

    /// As [`Readers::ask`], for questions whose answers are rows.
    pub(crate) async fn list<R>(
        &self,
        question: impl AsyncFn(&PgPool) -> Result<Vec<R>, Failure>,
    ) -> Result<Rows<R>, Failure> {
        let Answers { all, away } = self.ask(question).await?;
        let of = |(server, rows): (Option<String>, Vec<R>)| {
            rows.into_iter().map(move |row| Of { server: server.clone(), row })
        };
        Ok(Rows { all: all.into_iter().flat_map(of).collect(), away: Absent(away) })
    }

    /// The pool of the server that has this, and its name where there are several. `has` answers whether a server
    /// has it; it is not asked where there is only one.
    pub(crate) async fn holder(
        &self,
        what: &str,
        has: impl AsyncFn(&PgPool) -> Result<bool, Failure>,
    ) -> Result<(Option<String>, PgPool), Failure> {
        if let [reader] = self.all.as_slice() {
            return Ok((None, reader.pool().await?.clone()));
        }
        let Answers { all, away } = self.ask(has).await?;
        let holders: Vec<String> =
            all.into_iter().filter(|(_, has)| *has).filter_map(|(name, _)| name).collect();
        match (holders.as_slice(), away.as_slice()) {
            ([name], _) => {
                let reader = self.all.iter().find(|reader| reader.name.as_ref() == Some(name));
                let reader = reader.ok_or_else(|| Failure::failed(format!("no server is called {name}")))?;
                Ok((Some(name.clone()), reader.pool().await?.clone()))
            }
            ([], []) => Err(Failure::failed(format!("no server has {what}"))),
            ([], _) => Err(Failure::database(format!(
                "no server that answered has {what}, and not all answered: {}",
                Absent(away).reasons()
            ))),
            (names, _) => {
                Err(Failure::usage(format!("{} have {what}: say which one with --on NAME", names.join(", "))))
            }
        }
    }

    /// The pool of the server that has this job, and its name where there are several.
    pub(crate) async fn holder_of_job(&self, id: &JobId) -> Result<(Option<String>, PgPool), Failure> {
        let has = async |pool: &PgPool| match crate::inspect::explain(pool, id).await {
            Ok(_) => Ok(true),
            Err(crate::Error::UnknownJob(_)) => Ok(false),
            Err(error) => Err(error.into()),
        };
        self.holder(&format!("the job {id}"), has).await
    }
}

/// A server that could not be asked.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Away {
    pub(crate) server: String,
    pub(crate) reason: String,
}

impl Away {
    fn new(server: &str, failure: &Failure) -> Self {
        Away { server: server.to_owned(), reason: redact::hide(failure.message()) }
    }
}

/// The servers that could not be asked.
pub(crate) struct Absent(Vec<Away>);

/// The answers of those that could be asked, each with the name of its server where there are several.
pub(crate) struct Answers<T> {
    pub(crate) all: Vec<(Option<String>, T)>,
    pub(crate) away: Vec<Away>,
}

impl<T> Answers<T> {
    fn reasons(&self) -> String {
        reasons(&self.away)
    }

    /// The answers, and who gave none.
    pub(crate) fn apart(self) -> (Vec<(Option<String>, T)>, Absent) {
        (self.all, Absent(self.away))
    }
}

fn reasons(away: &[Away]) -> String {
    let one = |away: &Away| format!("server {}: {}", away.server, away.reason);
    away.iter().map(one).collect::<Vec<_>>().join("\n")
}

impl Absent {
    fn reasons(&self) -> String {
        reasons(&self.0)
    }

    pub(crate) fn all(&self) -> &[Away] {
        &self.0
    }

    /// Prints what was read; fails with exit code 4 when somebody could not be asked.
    pub(crate) fn print<L: Into<Lines>>(
        &self,
        console: &Console,
        document: &impl Serialize,
        text: impl FnOnce() -> L,
    ) -> Result<(), Failure> {
        console.data(&self.beside(document), text)?;
        self.end()
    }

    /// The document with those that could not be asked.
    pub(crate) fn document(&self, document: &impl Serialize) -> serde_json::Value {
        json!(self.beside(document))
    }

    fn beside<'a, D: Serialize>(&'a self, data: &'a D) -> impl Serialize + 'a {
        #[derive(Serialize)]
        struct Document<'a, D> {
            #[serde(flatten)]
            data: &'a D,
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            away: &'a [Away],
        }
        Document { data, away: &self.0 }
    }

    /// Warns that the output is without some servers, where the command fails for another reason.
    pub(crate) fn warn(&self) {
        if !self.0.is_empty() {
            tracing::warn!("this is without those that could not be asked: {}", self.reasons());
        }
    }

    /// Nothing, or that the output is without some servers.
    pub(crate) fn end(&self) -> Result<(), Failure> {
        match self.0.as_slice() {
            [] => Ok(()),
            _ => Err(Failure::partial(format!(
                "this is without those that could not be asked: {}",
                self.reasons()
            ))),
        }
    }
}

/// Rows of all servers that could be asked.
pub(crate) struct Rows<R> {
    pub(crate) all: Vec<Of<R>>,
    pub(crate) away: Absent,
}

/// A row, and the server that it is of, where there are several.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Of<R> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server: Option<String>,
    #[serde(flatten)]
    pub(crate) row: R,
}

impl<R> Of<R> {
    /// For a table: the server, and the cells.
    pub(crate) fn cells<const N: usize>(
        &self,
        cells: impl FnOnce(&R) -> [String; N],
    ) -> (Option<&str>, [String; N]) {
        (self.server.as_deref(), cells(&self.row))
    }
}
