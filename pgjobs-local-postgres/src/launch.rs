use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    LocalPostgres, LocalPostgresBuilder,
    address::Address,
    error::{LocalPostgresError, Result},
    folder::RunFolder,
    launched::{Keeper, Launched},
    postmaster::Postmaster,
    site::Site,
    watchdog::Watchdog,
};

pub(crate) const START_LIMIT: Duration = Duration::from_secs(30);
pub(crate) const RETRY: Duration = Duration::from_millis(10);
const GRACE: Duration = Duration::from_millis(50);

/// Prepares and launches a server, and waits until it answers.
///
/// On a data folder that is kept, other programs may start or stop a server at the same moment. PostgreSQL's
/// own lock decides which one wins; the loser then searches for the winner's server.
pub(crate) async fn start(builder: LocalPostgresBuilder) -> Result<LocalPostgres> {
    let site = Arc::new(blocking(move || Site::prepare(builder)).await?);
    let deadline = Instant::now() + START_LIMIT;
    loop {
        if let Some(server) = running(&site, deadline).await {
            return Ok(server);
        }
        let launched = blocking({
            let site = Arc::clone(&site);
            move || Launched::new(&site, RunFolder::create(&site.user)?, Keeper::Own)
        });
        match launched.await?.ready(&site, deadline).await {
            Err(LocalPostgresError::Ended { .. }) if is_taken(&site) && Instant::now() < deadline => {
                continue;
            }
            outcome => return outcome,
        }
    }
}

/// Waits for the server that another program runs on the data folder: returns it once it answers, and `None`
/// when it is gone or the deadline has passed.
async fn running(site: &Site, deadline: Instant) -> Option<LocalPostgres> {
    let data_dir = site.kept_dir()?;
    while Instant::now() < deadline {
        let postmaster = Postmaster::read(data_dir).filter(Postmaster::is_alive)?;
        if let Some(address) = postmaster.address
            && let Some(version) = lasting_version(&address).await
        {
            return Some(server(site, address, data_dir.to_owned(), postmaster.pid, version, None));
        }
        tokio::time::sleep(RETRY).await;
    }
    None
}

/// Asks twice: when the program that started the server has just ended, the server still answers until the
/// watchdog has stopped it.
pub(crate) async fn lasting_version(address: &Address) -> Option<String> {
    address.ask_version().await.ok()?;
    tokio::time::sleep(GRACE).await;
    address.ask_version().await.ok()
}

fn is_taken(site: &Site) -> bool {
    site.kept_dir().and_then(Postmaster::read).is_some_and(|postmaster| postmaster.is_alive())
}

pub(crate) fn server(
    site: &Site,
    address: Address,
    data_dir: PathBuf,
    pid: u32,
    version: String,
    watchdog: Option<Watchdog>,
) -> LocalPostgres {
    let (bindir, origin) = (site.binaries.bindir.clone(), site.binaries.origin.clone());
    LocalPostgres {
        address,
        data_dir,
        bindir,
        origin,
        version,
        pid,
        kept: site.kept_dir().is_some(),
        watchdog,
    }
}

/// Runs work that waits for files and child processes outside of the async runtime.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => {
                Err(LocalPostgresError::Program { program: "start".to_owned(), reason: error.to_string() })
            }
        },
    }
}
