//! The commands.

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Parser, Subcommand};

use super::args::global::Global;
use super::commands::{
    audit, bench, check, codegen, completions, control, dashboard, dev, doctor, edit, explain, inspect, jobs,
    limit, migrate, new, operation, pause, publish, retention, schedule, servers, signal, tail, top, unique,
    watch, worker, workflow,
};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const AFTER_HELP: &str = "\
Database:
  DATABASE_URL names it, or --dsn-file, or one of PGHOST, PGHOSTADDR, PGDATABASE and PGUSER with the other \
PG* variables of libpq (but PGSERVICE). Without any of these a database that `dev` runs for the current \
folder is used. The URL is not taken as an argument: the arguments of a running \
program are visible to every user (`ps`). Of several hosts, postgresql://user@db1,db2:5433/name, the one with \
the primary is taken, and a worker follows it to another of them after a failover.
  Several databases that share the work have names: PGJOBS_SERVERS='eu=postgresql://... us=postgresql://...', or \
--server eu=postgresql://..., whose URL has no password. Commands that read ask all of them; those that change \
something work on one, --on eu.

Output:
  Data goes to stdout, everything else to stderr. With --json stdout holds exactly one JSON document \
(--watch: one a line); a failure is {\"error\": {...}} there, and also a line on stderr. Wrong usage is \
reported on stderr alone.
  Characters that a terminal would act on are shown as \\u{1b}; a JSON document has them as \\u001b.

Exit codes:
  0    done
  1    what was asked for failed: the job failed or was not found, the database refused
  2    wrong usage or configuration
  3    the database cannot be reached or is not migrated
  4    of several servers some could not be asked; what the others said is printed
  130  ended by a second signal
  An error has a code as well, error[no_tasks], which the page \"Errors and codes\" of the book explains.";

/// Background jobs on PostgreSQL: publish, run, inspect and repair.
#[derive(Parser)]
#[command(name = "pgjobs", version, styles = STYLES, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Write a new service: tasks, worker, web server, tests.
    New(new::NewArgs),
    /// Run a local PostgreSQL server for this folder, and its worker.
    Dev(dev::Dev),
    /// Bring schema `jobs` up to date.
    Migrate(migrate::MigrateArgs),
    /// Run the jobs of the tasks in this program.
    Worker(worker::WorkerArgs),
    /// Publish a job and, if asked, wait for its result.
    Publish(publish::PublishArgs),
    /// List and show jobs, tasks and workers.
    Inspect(inspect::Inspect),
    /// Show why a job is not running.
    Explain(explain::Explain),
    /// Show what is wrong with this installation, and how to fix it.
    Doctor(doctor::Doctor),
    /// Print what happens to jobs, a line each, as it happens.
    Tail(tail::Tail),
    /// Show what happens now, as a page in the terminal.
    Top(top::TopArgs),
    /// List, make, pause and run schedules.
    Schedule(schedule::Schedule),
    /// Pause, resume, drain, stop and change workers that run.
    Control(control::Control),
    /// Serve the pages on which people see and repair what runs.
    Dashboard(dashboard::DashboardArgs),
    /// Stop the jobs of a topic, without touching them, until it is resumed.
    Pause(pause::PauseArgs),
    /// Let the jobs of a paused topic run again.
    Resume(pause::ResumeArgs),
    /// List, make, change and drop limits, and close and open their keys.
    Limit(limit::Limit),
    /// List, add and drain servers, where there are several.
    Servers(servers::Servers),
    /// Send a signal, for which jobs wait.
    Signal(signal::SignalArgs),
    /// List and draw workflows, cancel and retry them, and print results of their nodes.
    Workflow(workflow::Workflow),
    /// Say whose events are written.
    Watch(watch::Watch),
    /// Check whether this program would break jobs that are open now.
    Check(check::Check),
    /// Requeue failed or cancelled jobs.
    #[command(after_help = jobs::RETRY_HELP)]
    Retry(jobs::EndedArgs),
    /// Publish failed or cancelled jobs anew, as new jobs.
    #[command(after_help = jobs::REDRIVE_HELP)]
    Redrive(jobs::EndedArgs),
    /// Change a job that does not run.
    Edit(Box<edit::EditArgs>),
    /// Cancel pending and running jobs.
    Cancel(jobs::CancelArgs),
    /// Delete pending jobs for good.
    Purge(jobs::PurgeArgs),
    /// List, show, stop and follow operations over many jobs.
    Operation(operation::OperationArgs),
    /// List, set and drop rules for keeping history.
    Retention(retention::Retention),
    /// Show what people did.
    Audit(audit::AuditArgs),
    /// List unique keys, and take one away.
    Unique(unique::Unique),
    /// Measure this machine and this server, scenario by scenario.
    Bench(bench::Bench),
    /// Generate a typed client of the tasks: Python, TypeScript or Rust.
    Codegen(codegen::Codegen),
    /// Print the completion script of a shell.
    Completions(completions::Completions),
}

impl Command {
    /// The log filter when the user sets none. It turns off the driver's warnings, because pgjobs reports the
    /// same with the reason and the remedy.
    pub(crate) fn default_log(&self) -> &'static str {
        match self {
            // The log of a worker is for what its tasks log.
            Command::Worker(_) | Command::Dev(_) => "info,sqlx=error",
            // Its jobs fail on purpose, hundreds per second; the measurement would include the time to log
            // that.
            Command::Bench(_) => "warn,pgjobs::worker::run=error,sqlx=error",
            // Its page says what is wrong, and a line of the log would be written over it.
            Command::Top(_) => "off",
            _ => "warn,sqlx=error",
        }
    }
}
