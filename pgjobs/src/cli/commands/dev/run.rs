//! Starts the server, announces its URL, runs the worker and stops.

use serde_json::{Value, json};
use sqlx::PgPool;

use super::Dev;
use crate::cli::args::global::program;
#[cfg(feature = "web")]
use crate::cli::commands::dashboard::beside::Beside;
use crate::cli::commands::{banner, worker};
use crate::cli::database::connect;
use crate::cli::database::dev_folder::{Project, running_url};
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
    let running = running_url().await;
    if args.destroy {
        return destroy(&project, running.is_some(), args.yes, console);
    }
    if args.print {
        let url = running
            .ok_or_else(|| Failure::database(format!("nothing runs here: start `{} dev`", program())))?;
        return print(&url, None, None, console);
    }
    let server = start(&args, &project, console).await?;
    let url = server.url("postgres");
    let announces = running.is_none();
    if announces {
        project.announce(&url)?;
    }
    let outcome = serve(&server, &url, setup, &mut args, console).await;
    if announces {
        project.withdraw();
    }
    console.note("stopping");
    server.stop().await?;
    outcome
}

async fn start(args: &Dev, project: &Project, console: &Console) -> Result<LocalPostgres, Failure> {
    project.make()?;
    let builder = LocalPostgres::builder().allow_download(true);
    let builder = if args.ephemeral { builder } else { builder.data_dir(project.data()) };
    let _progress = Progress::spinner(console, "starting PostgreSQL");
    Ok(builder.start().await?)
}

async fn serve(
    server: &LocalPostgres,
    url: &str,
    setup: Setup,
    args: &mut Dev,
    console: &Console,
) -> Result<(), Failure> {
    console.note(server.describe());
    let target = Target::new(server.options(), "`dev`");
    let pool = connect::pool(&target, 20).await?;
    let applied = crate::migrate(&pool).await?;
    if !applied.is_empty() {
        console.note(format!("applied {} migrations", applied.len()));
    }
    let interrupt = Interrupt::listen();
    let serves = serves(args, &target, console).await?;
    #[cfg(feature = "web")]
    let dashboard = Beside::start(pool.clone()).await?;
    #[cfg(feature = "web")]
    let shown = Some(dashboard.document());
    #[cfg(not(feature = "web"))]
    let shown = None;
    print(url, Some(server), shown, console)?;
    #[cfg(feature = "web")]
    console.note(dashboard.words());
    work(pool, &target, (setup, serves), interrupt, console).await
}

fn print(
    url: &str,
    server: Option<&LocalPostgres>,
    dashboard: Option<Value>,
    console: &Console,
) -> Result<(), Failure> {
    let document = json!({
        "database_url": url,
        "server_version": server.map(LocalPostgres::version),
        "data_dir": server.map(LocalPostgres::data_dir),
        "dashboard": dashboard,
    });
    console.data(&document, || format!("export DATABASE_URL='{url}'"))
}

/// Serves what there is to serve, once the worker has started.
type Serves = Box<dyn FnOnce(WorkerHealth) + Send>;

#[cfg(feature = "web")]
async fn serves(args: &mut Dev, target: &Target, console: &Console) -> Result<Serves, Failure> {
    let served = std::mem::take(&mut args.serving).begin(target, console).await?;
    Ok(Box::new(move |worker| served.into_iter().for_each(|served| served.serve(worker.clone()))))
}

#[cfg(not(feature = "web"))]
async fn serves(_: &mut Dev, _: &Target, _: &Console) -> Result<Serves, Failure> {
    Ok(Box::new(drop))
}

/// Runs until Ctrl-C, with a worker if this program has tasks.
async fn work(
    pool: PgPool,
    target: &Target,
    (setup, serves): (Setup, Serves),
    interrupt: Interrupt,
    console: &Console,
) -> Result<(), Failure> {
    let worker = setup.apply(Worker::new(pool.clone()));
    if is_idle(&worker) {
        console.note("Ctrl-C stops it");
        interrupt.first().await;
        return Ok(());
    }
    banner::announce(&worker, &pool, target, console).await?;
    let working = worker.start().await?;
    serves(working.health());
    interrupt.first().await;
    let report = working.shutdown().await;
    console.note(worker::summary(&report).join("\n")); // the data of this command is the URL
    worker::failure(&report, 0).map_or(Ok(()), Err)
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
