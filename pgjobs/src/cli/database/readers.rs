//! What commands that read ask: one database, or each of several servers.
//!
//! A server that cannot be asked costs what it would have said and nothing else: a warning, and exit code 4.

use std::time::Duration;

use futures_util::future::join_all;
use sqlx::PgPool;
use tokio::sync::OnceCell;
use tokio::time::timeout;

pub(crate) use super::answers::{Absent, Answers, Away, Of, Rows};
use super::connect;
use super::places::{self, Place};
use super::target::Target;
use crate::JobId;
use crate::cli::args::global::Global;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;

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

    /// Refuses a number of one server's own where these are several: each counts by itself.
    pub(crate) fn refuse_number(&self, option: &str) -> Result<(), Failure> {
        match self.are_several() {
            true => Err(Failure::usage(format!(
                "{option} takes a number, which each server counts for itself: say which server with --on NAME"
            ))),
            false => Ok(()),
        }
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
