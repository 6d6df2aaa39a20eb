//! Runs the command line: from the arguments to the exit code.

use std::process::ExitCode;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, FromArgMatches};

use super::args::global::color_of_arguments;
use super::command::{Cli, Command};
use super::commands::{
    audit, bench, check, codegen, completions, control, dashboard, dev, doctor, edit, explain, inspect, jobs,
    limit, migrate, new, operation, pause, publish, retention, schedule, servers, signal, tail, top, unique,
    watch, worker, workflow,
};
use super::database::connect;
use super::output::console::{self, Console};
use super::output::failure::Failure;
use super::output::{log, panics, redact};
use super::setup::Setup;
use crate::Worker;
use crate::types::text::shown;

/// Runs the command line with the tasks that are linked into this binary.
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     pgjobs::cli::main()
/// }
/// ```
///
/// It creates a tokio runtime; call it from a plain `main`. For tasks that require state see [`App`].
pub fn main() -> ExitCode {
    App::new().main()
}

/// What the command line takes: for tests of what the documentation says of it.
#[doc(hidden)]
pub fn command() -> clap::Command {
    Cli::command()
}

/// The command line of a binary that configures its worker in code as well.
///
/// ```no_run
/// use std::process::ExitCode;
/// use pgjobs::cli::App;
///
/// struct Mailer;
///
/// fn main() -> ExitCode {
///     App::new()
///         .state(Mailer)
///         .configure(|worker| worker.on_failure(|job, error| eprintln!("{}: {error}", job.task())))
///         .main()
/// }
/// ```
#[derive(Default)]
#[must_use = "nothing runs before `main`"]
pub struct App {
    setup: Setup,
}

impl App {
    /// A command line without state.
    pub fn new() -> Self {
        App::default()
    }

    /// Adds a value that tasks receive with `#[inject]`, one for each type.
    pub fn state<T: Send + Sync + 'static>(self, value: T) -> Self {
        self.configure(|worker| worker.state(value))
    }

    /// Configures the worker before the options of the command line do: layers, hooks, hand-written tasks,
    /// other defaults.
    pub fn configure(mut self, step: impl FnOnce(Worker) -> Worker + Send + 'static) -> Self {
        self.setup.add(step);
        self
    }

    /// Reads the arguments of the process, runs the command and returns the exit code.
    ///
    /// From then on a panic is one log line, without escape sequences and passwords. To report panics
    /// elsewhere, set a panic hook in a step of [`configure`](App::configure), which runs later.
    pub fn main(self) -> ExitCode {
        let cli = match parse() {
            Ok(cli) => cli,
            Err(error) => {
                console::usage(&error);
                return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
            }
        };
        let console = Console::new(&cli.global);
        log::start(&cli.global, cli.command.default_log(), &console);
        panics::log();
        let code = match on_runtime(self.run(cli, &console)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => report(failure, &console),
        };
        #[cfg(feature = "otel")]
        super::output::spans::flush();
        code
    }

    async fn run(self, cli: Cli, console: &Console) -> Result<(), Failure> {
        match Box::pin(self.command(cli, console)).await {
            Err(failure) if failure.is_starved() => Err(connect::explained(failure).await),
            outcome => outcome,
        }
    }

    async fn command(self, cli: Cli, console: &Console) -> Result<(), Failure> {
        let global = &cli.global;
        match cli.command {
            Command::New(args) => new::run(&args, console),
            Command::Dev(args) => dev::run(args, self.setup, console).await,
            Command::Migrate(args) => migrate::run(args, global, console).await,
            Command::Worker(args) => worker::run(args, self.setup, global, console).await,
            Command::Publish(args) => publish::run(args, global, console).await,
            Command::Inspect(args) => inspect::run(args, global, console).await,
            Command::Doctor(args) => doctor::run(args, global, console).await,
            Command::Top(args) => top::run(args, global, console).await,
            Command::Explain(args) => explain::run(args, global, console).await,
            Command::Tail(args) => tail::run(args, global, console).await,
            Command::Schedule(args) => schedule::run(args, global, console).await,
            Command::Control(args) => control::run(args, global, console).await,
            Command::Dashboard(args) => dashboard::run(args, global, console).await,
            Command::Pause(args) => pause::pause(args, global, console).await,
            Command::Resume(args) => pause::resume(args, global, console).await,
            Command::Limit(args) => limit::run(args, global, console).await,
            Command::Servers(args) => servers::run(args, global, console).await,
            Command::Signal(args) => signal::run(args, global, console).await,
            Command::Workflow(args) => workflow::run(args, global, console).await,
            Command::Watch(args) => watch::run(args, global, console).await,
            Command::Check(args) => check::run(args, self.setup, global, console).await,
            Command::Retry(args) => jobs::retry(args, global, console).await,
            Command::Redrive(args) => jobs::redrive(args, global, console).await,
            Command::Edit(args) => edit::run(*args, global, console).await,
            Command::Cancel(args) => jobs::cancel(args, global, console).await,
            Command::Purge(args) => jobs::purge(args, global, console).await,
            Command::Operation(args) => operation::run(args, global, console).await,
            Command::Retention(args) => retention::run(args, global, console).await,
            Command::Audit(args) => audit::run(args, global, console).await,
            Command::Unique(args) => unique::run(args, global, console).await,
            Command::Bench(args) => bench::run(args, global, console).await,
            Command::Codegen(args) => codegen::run(args, global, console).await,
            Command::Completions(args) => completions::run(&args, Cli::command(), console),
        }
    }
}

fn parse() -> Result<Cli, clap::Error> {
    let mut command = Cli::command().color(color_of_arguments());
    let matches = command.try_get_matches_from_mut(std::env::args_os()).map_err(on_one_line)?;
    Cli::from_arg_matches(&matches).map_err(|error| on_one_line(error.format(&mut command)))
}

/// What was given as an argument, on one line: a line break in it would begin a line that looks like ours.
fn on_one_line(mut error: clap::Error) -> clap::Error {
    for kind in [ContextKind::InvalidValue, ContextKind::InvalidArg, ContextKind::InvalidSubcommand] {
        if let Some(ContextValue::String(given)) = error.get(kind) {
            let given = ContextValue::String(shown(given).into_owned());
            error.insert(kind, given);
        }
    }
    error
}

fn report(failure: Failure, console: &Console) -> ExitCode {
    let (message, code) = (redact::hide(failure.message()), failure.exit_code());
    if failure.is_partial() {
        console.warning(&message);
        return code;
    }
    console.error(failure.code_to_show().as_deref(), &message);
    if console.json && !failure.is_printed() {
        // If stdout cannot be written, stderr still has the error.
        let _ = console.document(&failure.document(&message));
    }
    code
}

fn on_runtime(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("the runtime does not start: {error}")))?;
    let outcome = runtime.block_on(Box::pin(work));
    // Blocking code of a task must not keep the process alive after the worker has ended.
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}
