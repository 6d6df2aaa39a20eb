//! The pages of several servers under one address: `/s/NAME/…` are those of one, and the rest is over all of them.
//! Login, permissions and what a browser keeps are shared. A server has its own snapshot and its own live views, so
//! that one that is away keeps nobody else waiting.

use std::sync::Arc;

use super::live::Board;
use super::route::Table;
use super::site::{Entrance, Site};
use super::url::{decode, of_server};

/// The pages of one database, or those over several.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) site: Arc<Site>,
    pub(super) board: Arc<Board>,
    pub(super) table: &'static Table,
}

/// All pages.
pub(super) struct Sites {
    start: Part,
    servers: Vec<Part>,
}

impl Sites {
    /// The pages of one database.
    pub(super) fn one(site: Arc<Site>, table: &'static Table) -> Self {
        Sites { start: Part { site, board: Arc::default(), table }, servers: Vec::new() }
    }

    /// The pages of these servers, and those over all of them.
    pub(super) fn several(over: Arc<Site>, of_all: &'static Table, of_one: &'static Table) -> Self {
        let part = |site: &Arc<Site>| Part { site: site.clone(), board: Arc::default(), table: of_one };
        let servers = over.over.iter().map(part).collect();
        Sites { start: Part { site: over, board: Arc::default(), table: of_all }, servers }
    }

    pub(super) fn entrance(&self) -> &Entrance {
        &self.start.site.entrance
    }

    /// Whose page a path is, what of the path names the server, and the path within its pages.
    pub(super) fn part<'p>(&self, path: &'p str) -> (&Part, String, &'p str) {
        let named = path.strip_prefix("/s/").map(|rest| rest.split_at(rest.find('/').unwrap_or(rest.len())));
        let part = named.and_then(|(name, rest)| {
            let name = decode(name)?;
            let part = self.servers.iter().find(|part| part.site.server.as_ref() == Some(&name))?;
            Some((part, of_server(&name), if rest.is_empty() { "/" } else { rest }))
        });
        part.unwrap_or((&self.start, String::new(), path))
    }
}
