//! `check`: whether this program would break jobs that are open now.

use clap::Args;
use serde_json::json;

use crate::cli::args::global::Global;
use crate::cli::database::connect::connect;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::cli::output::lines::{Line, Style};
use crate::cli::output::progress::Progress;
use crate::cli::setup::Setup;
use crate::deploy::{Coverage, DeployCheck, DeployReport, Finding, Severity};
use crate::{Topic, Worker};

const AFTER_HELP: &str = "\
Run it with the new program, before its `migrate` and its workers. It decodes open jobs as a worker of \
this program would, and compares arguments with what the database knows. It changes nothing, and never \
prints an argument.

The exit code is 0 when no open job would break, though there may be warnings, and 1 otherwise; \
it is 2 when there is no task under a topic, neither in this program nor in the database.

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
    let pool = connect(global, console).await?;
    let tasks = setup.apply(Worker::new(pool.clone())).tasks()?;
    let mut bar = None;
    let progress = |sampled, of| {
        let what = || format!("looking at {}", format::jobs(of));
        bar.get_or_insert_with(|| Progress::bar(console, &what(), of)).at(sampled);
    };
    let check = DeployCheck::new().tasks(tasks).sample(args.sample).on_progress(progress);
    let report = args.topic.into_iter().fold(check, DeployCheck::topic).run(&pool).await?;
    drop(bar);
    tell(&report, args.strict, console)
}

fn tell(report: &DeployReport, strict: bool, console: &Console) -> Result<(), Failure> {
    let (errors, warnings) = (report.count(Severity::Error), report.count(Severity::Warning));
    let document = json!({ "errors": errors, "warnings": warnings, "findings": report.findings, "coverage": report.coverage });
    let refusal = match (errors, warnings) {
        (1.., _) => Some(format!("this program would break open jobs: {}", counted(errors, "error"))),
        (0, 1..) if strict => Some(format!("{}, and --strict", counted(warnings, "warning"))),
        _ => None,
    };
    match refusal {
        Some(reason) if console.json => Err(Failure::failed(reason).about(document)),
        Some(reason) => console.lines(text(report)).and_then(|()| Err(Failure::failed(reason))),
        None => console.data(&document, || text(report)),
    }
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn text(report: &DeployReport) -> Vec<Line> {
    let mut lines: Vec<Line> = report.findings.iter().flat_map(of_finding).collect();
    lines.extend(report.coverage.iter().map(coverage_line).map(Line::from));
    if report.findings.is_empty() {
        lines.push(Line::from("no open job would break".to_owned()));
    }
    lines
}

fn of_finding(finding: &Finding) -> Vec<Line> {
    let style = if finding.severity == Severity::Error { Style::Error } else { Style::Warning };
    let what = format!(" {} {}: {}", finding.code.as_str(), finding.task, finding.message);
    let mut lines = vec![Line::painted(style, finding.severity.as_str()).plain(&what)];
    for job in &finding.jobs {
        let place = if job.path.is_empty() { String::new() } else { format!("`{}`: ", job.path) };
        lines.push(Line::from(format!("  job {}  {place}{}", job.job_id, job.reason)));
    }
    lines.push(Line::from(format!("  remedy: {}", finding.remedy)));
    lines
}

fn coverage_line(coverage: &Coverage) -> String {
    let open = format::jobs_counted(coverage.open, coverage.exact);
    format!("{}: sampled {} of {open}", coverage.task, format::count(coverage.sampled))
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
