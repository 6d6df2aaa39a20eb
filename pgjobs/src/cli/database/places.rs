//! The databases that a command is about: one, or several servers with their names.

use futures_util::future::join_all;
use sqlx::PgPool;

use super::connect;
use super::servers::{self, Server};
use super::target::{self, Target};
use crate::cli::args::global::Global;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;

/// A database, and its name where there are several.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) name: Option<String>,
    pub(crate) target: Target,
}

/// What the user chose: all servers, the one of `--on`, or the one database. Nothing is connected yet.
pub(crate) async fn chosen(global: &Global, console: &Console) -> Result<Vec<Place>, Failure> {
    let single = |target| vec![Place { name: None, target }];
    Ok(match servers(global).await? {
        Some(all) if global.on.is_none() && all.len() > 1 => all.into_iter().map(Place::from).collect(),
        Some(all) => single(servers::one(all, global.on.as_deref())?.target),
        None => single(target::find(global, console).await?),
    })
}

/// The servers that the user names, else those that `dev` runs here if no database is named at all.
pub(crate) async fn servers(global: &Global) -> Result<Option<Vec<Server>>, Failure> {
    if let Some(all) = servers::named(global)? {
        return Ok(Some(all));
    }
    if target::unnamed(global)?.is_some() {
        return Ok(None);
    }
    match target::running().await {
        Some(text) => servers::of_dev(&text),
        None => Ok(None),
    }
}

impl From<Server> for Place {
    fn from(Server { name, target }: Server) -> Self {
        Place { name: Some(name), target }
    }
}

/// A database with a pool on it, for a program that goes on.
pub(crate) struct Opened {
    pub(crate) place: Place,
    pub(crate) pool: PgPool,
    /// Whether it answered.
    pub(crate) is_there: bool,
}

/// Opens pools. One database has to answer; of several one, and each that does not is warned of and tried again by
/// whoever uses its pool.
pub(crate) async fn open(places: Vec<Place>, connections: u32) -> Result<Vec<Opened>, Failure> {
    let reached = join_all(places.iter().map(|place| connect::reach(place.target.clone()))).await;
    let (mut opened, mut first) = (Vec::new(), None);
    for (place, reached) in places.into_iter().zip(reached) {
        let is_there = reached.is_ok();
        let target = match (reached, &place.name) {
            (Ok(target), _) => target,
            (Err(failure), None) => return Err(failure),
            (Err(failure), Some(name)) => {
                tracing::warn!("server {name} is tried again: {}", failure.message());
                first.get_or_insert(failure);
                place.target
            }
        };
        let pool = connect::pool_on(&target, connections);
        opened.push(Opened { place: Place { target, ..place }, pool, is_there });
    }
    match first {
        Some(failure) if opened.iter().all(|one| !one.is_there) => Err(failure),
        _ => Ok(opened),
    }
}
