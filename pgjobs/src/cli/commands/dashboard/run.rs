//! Decides who may log in, serves until a signal.

use std::net::SocketAddr;

use serde_json::json;
use sqlx::PgPool;

use super::DashboardArgs;
use super::server::Server;
use crate::cli::args::global::Global;
use crate::cli::args::read_from::ReadFrom;
use crate::cli::database::places::{self, Opened};
use crate::cli::database::target::Target;
use crate::cli::database::{connect, reader, standby, target};
use crate::cli::interrupt::Interrupt;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::db::identity;
use crate::web::{Dashboard, Role, Users};

/// The variable with the password of the one user.
const PASSWORD: &str = "PGJOBS_DASHBOARD_PASSWORD";
/// Connections to each server.
const CONNECTIONS: u32 = 10;
/// A password of one's own is at least so long.
const SHORTEST: usize = 12;

pub(crate) async fn run(args: DashboardArgs, global: &Global, console: &Console) -> Result<(), Failure> {
    let role: Role = args.role.parse().map_err(Failure::usage)?;
    let login = login(&args, role)?;
    let mut dashboard =
        dashboard(&args.read_from, global, console).await?.name(&args.name).login(login.users);
    if let Some(path) = &args.path {
        dashboard = dashboard.path(path);
    }
    let interrupt = Interrupt::listen();
    let server = Server::bind(args.listen).await?;
    let document = json!({ "url": server.url(), "user": login.one, "password": login.made });
    console.data(&document, || match (&login.one, &login.made) {
        (Some(user), Some(password)) => format!("{} (log in as {user} with {password})", server.url()),
        _ => server.url(),
    })?;
    console.note("Ctrl-C stops it");
    server.serve(dashboard, interrupt.first()).await
}

/// The dashboard of what the user chose; with a standby, by which people see what happens, also while the primary is
/// away.
async fn dashboard(from: &ReadFrom, global: &Global, console: &Console) -> Result<Dashboard, Failure> {
    let Some(standby) = standby::chosen(from, global).await? else {
        let opened = places::open(places::chosen(global, console).await?, CONNECTIONS).await?;
        return over(&opened);
    };
    let target = target::find(global, console).await?;
    let (standby, reads) = reader::pool(standby, CONNECTIONS).await?;
    let pool = match connect::reach(target.clone()).await {
        Ok(target) => {
            let pool = connect::pool_on(&target, CONNECTIONS);
            refuse_stranger((&target, &pool), (&standby, &reads)).await?;
            pool
        }
        Err(failure) => {
            tracing::warn!("nothing can be changed: {}", failure.message());
            connect::pool_on(&target, CONNECTIONS)
        }
    };
    Ok(Dashboard::new(pool).read_from(reads))
}

/// Refuses the standby of another database: its jobs would be shown, and those of this one changed. Where a role may
/// not know which database it is, what the user says is taken.
async fn refuse_stranger(primary: (&Target, &PgPool), standby: (&Target, &PgPool)) -> Result<(), Failure> {
    let (own, other) = (identity::of_data(primary.1).await, identity::of_data(standby.1).await);
    match own.zip(other) {
        Some((own, other)) if own != other => Err(Failure::usage(format!(
            "{} is no standby of {}: correct one of them",
            standby.0.describe(),
            primary.0.describe()
        ))),
        _ => Ok(()),
    }
}

/// A dashboard of one database, or of several servers.
pub(super) fn over(opened: &[Opened]) -> Result<Dashboard, Failure> {
    let mut all = opened.iter().map(|one| (one.place.name.clone(), one.pool.clone()));
    let (name, pool) = all.next().ok_or_else(|| Failure::usage("no database is named"))?;
    let first = Dashboard::new(pool);
    let first = match name {
        Some(name) => first.server_name(name),
        None => first,
    };
    Ok(all.fold(first, |dashboard, (name, pool)| dashboard.server(name.unwrap_or_default(), pool)))
}

/// Who may log in.
struct Login {
    users: Users,
    /// The name of the one user.
    one: Option<&'static str>,
    /// Their password, if it was made here.
    made: Option<String>,
}

fn login(args: &DashboardArgs, role: Role) -> Result<Login, Failure> {
    if let Some(file) = &args.users {
        let lines = std::fs::read_to_string(file)
            .map_err(|error| Failure::usage(format!("{} cannot be read: {error}", file.display())))?;
        let users =
            Users::parse(&lines).map_err(|reason| Failure::usage(format!("{}: {reason}", file.display())))?;
        return Ok(Login { users, one: None, made: None });
    }
    match std::env::var(PASSWORD).ok().filter(|password| !password.is_empty()) {
        Some(password) if password.chars().count() < SHORTEST => Err(Failure::usage(format!(
            "the password of {PASSWORD} has fewer than {SHORTEST} characters: `openssl rand -hex 16` makes one"
        ))),
        Some(password) => Ok(one(role, &password, None)),
        None => made(args.listen, role),
    }
}

/// A password that is printed once: for this machine alone, since whoever started this is the only one who sees it.
fn made(listen: SocketAddr, role: Role) -> Result<Login, Failure> {
    if !listen.ip().is_loopback() {
        return Err(Failure::usage(format!(
            "{listen} is reached by other machines, and nobody is said to log in: set {PASSWORD} or --users, or \
             listen on 127.0.0.1"
        )));
    }
    let password = new_password();
    Ok(one(role, &password, Some(password.clone())))
}

fn one(role: Role, password: &str, made: Option<String>) -> Login {
    Login { users: Users::one(role.as_str(), role, password), one: Some(role.as_str()), made }
}

/// A password that nobody guesses: 122 random bits.
pub(super) fn new_password() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}
