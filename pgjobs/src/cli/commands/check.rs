//! `check`: whether this program would break jobs that are open now.

use std::sync::{Mutex, PoisonError};

use clap::Args;
use serde::Serialize;
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;

use crate::cli::args::global::Global;
use crate::cli::database::readers::{self, Absent, Of};
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::cli::output::lines::{Line, Style};
use crate::cli::output::progress::Progress;
use crate::cli::setup::Setup;
use crate::deploy::{Coverage, DeployCheck, DeployReport, Finding, Severity};
use crate::task::definition::TaskDef;
use crate::{Error, Topic, Worker};

const AFTER_HELP: &str = "\
Run it with the new program, before its `migrate` and its workers. It decodes open jobs as a worker of \
this program would, and compares arguments with what the database knows. It changes nothing, and never \
prints an argument.

The exit code is 0 when no open job would break, though there may be warnings, and 1 otherwise; \
it is 2 when there is no task under a topic, neither in this program nor in the database, and 4 when one of \
several servers could not be asked.

Examples:
  app check
  app check --topic 'mail.*' --sample all --json | jq '.findings[] | .code, .task'";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Check {
    /// Only tasks under this topic, such as 'mail.*', all of which are this program's; may be given several
    /// times.
    #[arg(long, value_name = "TOPIC")]
    topic: Vec<Topic>,
    /// Decode at most N jobs of each task: the first, the last and evenly spaced ones between; or `all`.
    #[arg(long, value_name = "N", default_value = "1000", value_parser = sample)]
    sample: u64,
    /// Fail on warnings as well.
    #[arg(long)]
    strict: bool,
}

fn sample(text: &str) -> Result<u64, String> {
    match text.parse() {
        _ if text == "all" => Ok(u64::MAX),
        Ok(0) | Err(_) => Err("write how many jobs, 1 or more, or `all`".to_owned()),
        Ok(number) => Ok(number),
    }
}

pub(crate) async fn run(
    args: Check,
    setup: Setup,
    global: &Global,
    console: &Console,
) -> Result<(), Failure> {
    let readers = readers::chosen(global, console).await?;
    let tasks = setup.apply(Worker::new(nowhere())).tasks()?;
    let looking = Looking { console, are_several: readers.are_several(), progress: Mutex::default() };
    let asked = readers.ask(async |pool| {
        let check = DeployCheck::new().tasks(tasks.clone()).sample(args.sample);
        let check = check.on_progress(|sampled, of| looking.at(sampled, of));
        let check = args.topic.iter().cloned().fold(check, DeployCheck::topic);
        match looking.are_several {
            true => Ok(check.run_on_one(pool).await?),
            false => Ok((check.run(pool).await?, Vec::new())), // refuses a topic before it looks at any job
        }
    });
    let (reports, absent) = asked.await?.apart();
    drop(looking);
    refuse_empty_topics(&reports, &tasks)?;
    tell(&Found::of(reports), &absent, args.strict, console)
}

/// A pool for a worker that is asked for its tasks alone: it never connects.
fn nowhere() -> PgPool {
    PgPool::connect_lazy_with(PgConnectOptions::new_without_pgpass())
}

/// A report, the topics without any task, and the server that both are of, where there are several.
type Report = (Option<String>, (DeployReport, Vec<String>));

/// A topic that is empty everywhere is a mistake.
fn refuse_empty_topics(reports: &[Report], tasks: &[&'static TaskDef]) -> Result<(), Failure> {
    let is_empty = |topic: &&String| reports.iter().all(|(_, (_, empty))| empty.contains(topic));
    let first = reports.first().map_or(&[][..], |(_, (_, empty))| empty);
    let topics: Vec<String> = first.iter().filter(is_empty).cloned().collect();
    let known = tasks.iter().map(|def| def.name).collect();
    if topics.is_empty() { Ok(()) } else { Err(Error::NoTasks { topics, known }.into()) }
}

/// How far it is: a bar, or where several servers are asked at once that it goes on.
struct Looking<'c> {
    console: &'c Console,
    are_several: bool,
    progress: Mutex<Option<Progress>>,
}

impl Looking<'_> {
    /// It begins with the first job that is looked at.
    fn at(&self, sampled: u64, of: u64) {
        let bar = || Progress::bar(self.console, &format!("looking at {}", format::jobs(of)), of);
        let spinner = || Progress::spinner(self.console, "looking at the open jobs of all servers");
        let begin = || if self.are_several { spinner() } else { bar() };
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.get_or_insert_with(begin).at(sampled);
    }
}

/// What was found, each with the server that it is of, where there are several.
#[derive(Serialize)]
struct Found {
    errors: usize,
    warnings: usize,
    findings: Vec<Of<Finding>>,
    coverage: Vec<Of<Coverage>>,
}

impl Found {
    fn of(reports: Vec<Report>) -> Self {
        let (mut findings, mut coverage) = (Vec::new(), Vec::new());
        for (server, (report, _)) in reports {
            findings.extend(report.findings.into_iter().map(|row| Of { server: server.clone(), row }));
            coverage.extend(report.coverage.into_iter().map(|row| Of { server: server.clone(), row }));
        }
        findings.sort_by_key(|finding| (finding.row.severity, finding.row.code));
        let count = |severity| findings.iter().filter(|finding| finding.row.severity == severity).count();
        Found { errors: count(Severity::Error), warnings: count(Severity::Warning), findings, coverage }
    }

    /// Why this fails, if it does.
    fn refusal(&self, strict: bool) -> Option<String> {
        match (self.errors, self.warnings) {
            (1.., _) => {
                Some(format!("this program would break open jobs: {}", counted(self.errors, "error")))
            }
            (0, 1..) if strict => Some(format!("{}, and --strict", counted(self.warnings, "warning"))),
            _ => None,
        }
    }
}

fn tell(found: &Found, absent: &Absent, strict: bool, console: &Console) -> Result<(), Failure> {
    let Some(reason) = found.refusal(strict) else { return absent.print(console, found, || text(found)) };
    if console.json {
        return Err(Failure::failed(reason).about(absent.document(found)));
    }
    console.lines(text(found))?;
    absent.warn();
    Err(Failure::failed(reason))
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn text(found: &Found) -> Vec<Line> {
    let mut lines: Vec<Line> = found.findings.iter().flat_map(of_finding).collect();
    lines.extend(found.coverage.iter().map(coverage_line).map(Line::from));
    if found.findings.is_empty() {
        lines.push(Line::from("no open job would break".to_owned()));
    }
    lines
}

fn of_finding(of: &Of<Finding>) -> Vec<Line> {
    let (finding, place) = (&of.row, place(of));
    let style = if finding.severity == Severity::Error { Style::Error } else { Style::Warning };
    let what = format!(" {} {}{place}: {}", finding.code.as_str(), finding.task, finding.message);
    let mut lines = vec![Line::painted(style, finding.severity.as_str()).plain(&what)];
    for job in &finding.jobs {
        let place = if job.path.is_empty() { String::new() } else { format!("`{}`: ", job.path) };
        lines.push(Line::from(format!("  job {}  {place}{}", job.job_id, job.reason)));
    }
    lines.push(Line::from(format!("  remedy: {}", finding.remedy)));
    lines
}

fn coverage_line(of: &Of<Coverage>) -> String {
    let (coverage, place) = (&of.row, place(of));
    let open = format::jobs_counted(coverage.open, coverage.exact);
    format!("{}{place}: sampled {} of {open}", coverage.task, format::count(coverage.sampled))
}

/// Where it is, where there are several servers.
fn place<R>(of: &Of<R>) -> String {
    of.server.as_ref().map(|server| format!(" on {server}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_a_number_or_all() {
        assert_eq!((sample("7"), sample("all")), (Ok(7), Ok(u64::MAX)));
        assert!(sample("0").is_err() && sample("some").is_err());
    }
}
