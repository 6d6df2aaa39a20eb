//! Starts the server, or several, announces their URLs, runs the worker and stops.

use serde_json::{Value, json};

use super::Dev;
use crate::cli::args::global::program;
#[cfg(feature = "web")]
use crate::cli::commands::dashboard::beside::Beside;
use crate::cli::commands::{banner, worker};
use crate::cli::database::dev_folder::{Project, running};
use crate::cli::database::places::{self, Opened, Place};
use crate::cli::database::servers::VARIABLE;
use crate::cli::database::target::Target;
use crate::cli::interrupt::Interrupt;
use crate::cli::output::confirm::confirm;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::progress::Progress;
use crate::cli::setup::Setup;
use crate::local_postgres::LocalPostgres;
use crate::{Error, Worker, WorkerHealth};

pub(crate) async fn run(mut args: Dev, setup: Setup, console: &Console) -> Result<(), Failure> {
    let project = Project::here()?;
    if args.print {
        let text = running()
            .await
            .ok_or_else(|| Failure::database(format!("nothing runs here: start `{} dev`", program())))?;
        return print(&text, &[], None, console);
    }
    let is_running = project.running().await.is_some();
    if args.destroy {
        return destroy(&project, is_running, args.yes, console);
    }
    if is_running && !args.ephemeral {
        return Err(Failure::failed(format!(
            "`{0} dev` runs here already, and its database ends with it: start `{0} worker` for one more worker, \
             or `{0} dev --ephemeral` for a database of its own",
            program()
        )));
    }
    let locals = start(&args, &project, console).await?;
    let text = announced(&locals);
    if !is_running {
        project.announce(&text)?;
    }
    let outcome = serve(&locals, &text, setup, &mut args, console).await;
    if !is_running {
        project.withdraw();
    }
    console.note("stopping");
    for local in locals {
        local.server.stop().await?;
    }
    outcome
}

/// A server that runs here, and its name where there are several.
struct Local {
    name: Option<String>,
    server: LocalPostgres,
}

impl Local {
    fn url(&self) -> String {
        self.server.url("postgres")
    }
}

async fn start(args: &Dev, project: &Project, console: &Console) -> Result<Vec<Local>, Failure> {
    project.make()?;
    let _progress = Progress::spinner(console, "starting PostgreSQL");
    let mut locals = Vec::new();
    for nth in 1..=args.servers {
        let builder = LocalPostgres::builder().allow_download(true);
        let builder = if args.ephemeral { builder } else { builder.data_dir(project.data(nth)) };
        let name = (args.servers > 1).then(|| format!("s{nth}"));
        locals.push(Local { name, server: builder.start().await? });
    }
    Ok(locals)
}

/// What other commands find in the folder: a URL, or a line `name=URL` for each server.
fn announced(locals: &[Local]) -> String {
    let line = |local: &Local| match &local.name {
        Some(name) => format!("{name}={}", local.url()),
        None => local.url(),
    };
    locals.iter().map(line).collect::<Vec<_>>().join("\n")
}

async fn serve(
    locals: &[Local],
    text: &str,
    setup: Setup,
    args: &mut Dev,
    console: &Console,
) -> Result<(), Failure> {
    let opened = open(locals, console).await?;
    let interrupt = Interrupt::listen();
    let serves = serves(args, &opened, console).await?;
    #[cfg(feature = "web")]
    let dashboard = Beside::start(&opened).await?;
    #[cfg(feature = "web")]
    let shown = Some(dashboard.document());
    #[cfg(not(feature = "web"))]
    let shown = None;
    print(text, locals, shown, console)?;
    #[cfg(feature = "web")]
    console.note(dashboard.words());
    work(&opened, (setup, serves), interrupt, console).await
}

/// Connects to the servers, and brings their schemas up to date.
async fn open(locals: &[Local], console: &Console) -> Result<Vec<Opened>, Failure> {
    let place = |local: &Local| {
        let target = Target::new(local.server.options(), "`dev`");
        Place { name: local.name.clone(), target }
    };
    locals.iter().for_each(|local| console.note(local.server.describe()));
    let opened = places::open(locals.iter().map(place).collect(), 20).await?;
    for one in &opened {
        let applied = crate::migrate(&one.pool).await?;
        if !applied.is_empty() {
            console.note(format!("applied {} migrations", applied.len()));
        }
    }
    Ok(opened)
}

fn print(text: &str, locals: &[Local], dashboard: Option<Value>, console: &Console) -> Result<(), Failure> {
    let first = locals.first().map(|local| &local.server);
    let is_one = text.starts_with("postgres");
    let servers = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let document = json!({
        "database_url": is_one.then_some(text),
        "servers": (!is_one).then_some(&servers),
        "server_version": first.map(LocalPostgres::version),
        "data_dir": first.map(LocalPostgres::data_dir),
        "dashboard": dashboard,
    });
    console.data(&document, || match is_one {
        true => format!("export DATABASE_URL='{text}'"),
        false => format!("export {VARIABLE}='{servers}'"),
    })
}

/// Serves what there is to serve, once the worker has started.
type Serves = Box<dyn FnOnce(WorkerHealth) + Send>;

#[cfg(feature = "web")]
async fn serves(args: &mut Dev, opened: &[Opened], console: &Console) -> Result<Serves, Failure> {
    let places = opened.iter().map(|one| one.place.clone()).collect();
    let served = std::mem::take(&mut args.serving).begin(places, None, console).await?;
    Ok(Box::new(move |worker| served.into_iter().for_each(|served| served.serve(worker.clone()))))
}

#[cfg(not(feature = "web"))]
async fn serves(_: &mut Dev, _: &[Opened], _: &Console) -> Result<Serves, Failure> {
    Ok(Box::new(drop))
}

/// Runs until Ctrl-C, with a worker if this program has tasks.
async fn work(
    opened: &[Opened],
    (setup, serves): (Setup, Serves),
    interrupt: Interrupt,
    console: &Console,
) -> Result<(), Failure> {
    let worker = setup.apply(worker::on(opened)?);
    if is_idle(&worker) {
        console.note("Ctrl-C stops it");
        interrupt.first().await;
        return Ok(());
    }
    banner::announce(&worker, opened, console).await?;
    let working = worker.start().await?;
    serves(working.health());
    interrupt.first().await;
    let report = working.shutdown().await;
    console.note(worker::summary(&report).join("\n")); // the data of this command is the URL
    worker::failure(&report, 0, &[]).map_or(Ok(()), Err)
}

/// Whether the program has no task at all.
fn is_idle(worker: &Worker) -> bool {
    matches!(worker.tasks(), Err(Error::NoTasks { known, .. }) if known.is_empty())
}

fn destroy(project: &Project, running: bool, yes: bool, console: &Console) -> Result<(), Failure> {
    if running {
        return Err(Failure::failed(format!("`{} dev` runs here: stop it first", program())));
    }
    let existed = project.place.exists();
    if existed {
        confirm(&format!("remove {} with all its data?", project.place.display()), yes, console)?;
        project.remove()?;
    }
    let document = json!({ "removed": existed, "folder": project.place });
    let verb = if existed { "removed" } else { "nothing at" };
    console.data(&document, || format!("{verb} {}", project.place.display()))
}
