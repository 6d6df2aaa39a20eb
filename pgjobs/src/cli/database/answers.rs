//! What servers answered, and which of them did not.

use serde::Serialize;
use serde_json::json;

use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::lines::Lines;
use crate::cli::output::redact;

/// A server that could not be asked.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Away {
    pub(crate) server: String,
    pub(crate) reason: String,
}

impl Away {
    pub(super) fn new(server: &str, failure: &Failure) -> Self {
        Away { server: server.to_owned(), reason: redact::hide(failure.message()) }
    }
}

/// The servers that could not be asked.
pub(crate) struct Absent(pub(super) Vec<Away>);

/// The answers of those that could be asked, each with the name of its server where there are several.
pub(crate) struct Answers<T> {
    pub(crate) all: Vec<(Option<String>, T)>,
    pub(crate) away: Vec<Away>,
}

impl<T> Answers<T> {
    /// Why the others could not be asked.
    pub(super) fn reasons(&self) -> String {
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
    pub(super) fn reasons(&self) -> String {
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

impl<R> Rows<R> {
    /// The first rows of all servers in this order; those of one database are in their order already.
    pub(crate) fn first<K: Ord>(mut self, number: u16, order: impl Fn(&R) -> K) -> Self {
        if self.all.iter().any(|row| row.server.is_some()) {
            self.all.sort_by_cached_key(|of| order(&of.row));
            self.all.truncate(usize::from(number));
        }
        self
    }
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
