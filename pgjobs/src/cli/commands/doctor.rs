//! `doctor`: what is wrong with this installation, and how to fix it.

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use serde_json::json;
use sqlx::PgPool;

use crate::cli::args::global::{Global, with_own_commands};
use crate::cli::args::read_from::ReadFrom;
use crate::cli::database::readers::{self, Away, Of, Readers};
use crate::cli::database::{reader, standby};
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::cli::output::lines::{Line, Style};
use crate::cli::output::redact;
use crate::inspect::{self, Problem, Severity};
use crate::{db, migrations};

const AFTER_HELP: &str = "\
It looks at workers, queues, schedules, history and the server, and needs no live worker. It changes nothing and \
never prints an argument. Each problem has a code for programs, a sentence with the numbers, and the command that \
fixes it.

Of several servers each is looked at, and one that cannot be asked is an error.

The exit code is 0 when nothing is wrong, or only warnings were found, and 1 otherwise.

Examples:
  pgjobs doctor
  pgjobs doctor --strict || notify
  pgjobs doctor --json | jq -r '.problems[] | .code, .remedy'";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Doctor {
    /// Fail on warnings as well.
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    read_from: ReadFrom,
}

pub(crate) async fn run(args: Doctor, global: &Global, console: &Console) -> Result<(), Failure> {
    let readers = readers::chosen(global, console).await?;
    let mut problems = look(&readers).await?;
    problems
        .extend(of_standby(&args.read_from, global).await?.into_iter().map(|row| Of { server: None, row }));
    problems.sort_by_key(|problem| problem.row.severity);
    tell(&problems, args.strict, console)
}

/// What is wrong with each server.
async fn look(readers: &Readers) -> Result<Vec<Of<Problem>>, Failure> {
    let found = readers.list(async |pool| {
        let mut problems = inspect::problems(pool).await?;
        problems.extend(pending(pool).await);
        problems.extend(clock(pool).await?);
        Ok(problems)
    });
    let found = found.await?;
    let away =
        found.away.all().iter().map(|away| Of { server: Some(away.server.clone()), row: absent(away) });
    let mut all: Vec<Of<Problem>> = away.collect();
    all.extend(
        found
            .all
            .into_iter()
            .map(|problem| Of { row: on(problem.row, problem.server.as_deref()), ..problem }),
    );
    Ok(all)
}

/// A server of several that could not be asked.
fn absent(away: &Away) -> Problem {
    Problem {
        code: "server_away".to_owned(),
        severity: Severity::Error,
        message: format!("the server {} cannot be asked: {}", away.server, away.reason),
        found: 1,
        allowed: 0,
        remedy: "start it or correct its address; `pgjobs servers list` shows which answer".to_owned(),
        details: json!({ "server": away.server, "reason": away.reason }),
    }
}

/// The problem with commands in its remedy that work on this server.
fn on(problem: Problem, server: Option<&str>) -> Problem {
    let Some(server) = server else { return problem };
    let piece = |(nth, piece): (usize, &str)| match piece.starts_with("pgjobs ") && nth % 2 == 1 {
        true => format!("{piece} --on {server}"),
        false => piece.to_owned(),
    };
    let remedy: Vec<String> = problem.remedy.split('`').enumerate().map(piece).collect();
    Problem { remedy: remedy.join("`"), ..problem }
}

/// Whether the schema is older than this program. Who may not read what was applied is not told.
async fn pending(pool: &PgPool) -> Option<Problem> {
    let names: Vec<&str> =
        migrations::pending(pool).await.ok()?.iter().map(|migration| migration.name).collect();
    (!names.is_empty()).then(|| Problem {
        code: "schema_behind".to_owned(),
        severity: Severity::Error,
        message: format!("the schema is older than this program: {} are not applied", names.join(", ")),
        found: i64::try_from(names.len()).unwrap_or(i64::MAX),
        allowed: 0,
        remedy: "`pgjobs migrate`".to_owned(),
        details: json!({ "pending": names }),
    })
}

/// What is wrong with the standby that others read from; the rest is asked of the primary, which knows more.
async fn of_standby(from: &ReadFrom, global: &Global) -> Result<Vec<Problem>, Failure> {
    let Some(standby) = standby::chosen(from, global).await? else { return Ok(Vec::new()) };
    let description = standby.describe();
    let pool = match reader::pool(standby, 1).await {
        Ok((_, pool)) => pool,
        Err(failure) => return Ok(vec![away(failure.message())]),
    };
    Ok(match inspect::problems(&pool).await {
        Ok(all) => all.into_iter().filter(|problem| problem.code == "standby_behind").collect(),
        Err(error) => vec![away(&format!(
            "the standby, {description}, cannot be read: {}",
            Failure::from(error).message()
        ))],
    })
}

fn away(reason: &str) -> Problem {
    Problem {
        code: "standby_away".to_owned(),
        severity: Severity::Error,
        message: redact::hide(reason),
        found: 0,
        allowed: 1,
        remedy: "start the standby, let its user read there, or correct PGJOBS_READ_DSN".to_owned(),
        details: json!({}),
    }
}

/// The greatest good difference between the two clocks.
const DIFFERENCE: TimeDelta = TimeDelta::seconds(5);

/// How far the clock of this machine is from the server's. The answer was written between the two readings of
/// this clock, so the difference to the nearer one is certain.
async fn clock(pool: &PgPool) -> Result<Option<Problem>, Failure> {
    let mut connection = pool.acquire().await?;
    let before = Utc::now();
    let there = db::inspect::now(&mut connection).await?;
    Ok(difference(before, there, Utc::now()))
}

fn difference(before: DateTime<Utc>, there: DateTime<Utc>, after: DateTime<Utc>) -> Option<Problem> {
    let (ahead, behind) = (there - after, before - there);
    let by = ahead.max(behind);
    (by > DIFFERENCE).then(|| Problem {
        code: "clock_difference".to_owned(),
        severity: Severity::Warning,
        message: format!(
            "the database's clock is {} {} that of this machine",
            format::span(by.num_seconds()),
            if ahead > behind { "ahead of" } else { "behind" }
        ),
        found: by.num_seconds(),
        allowed: DIFFERENCE.num_seconds(),
        remedy: "set the wrong one by a time service, such as `timedatectl set-ntp true`".to_owned(),
        details: json!({ "database": there, "here": after }),
    })
}

fn tell(problems: &[Of<Problem>], strict: bool, console: &Console) -> Result<(), Failure> {
    let count = |severity| problems.iter().filter(|problem| problem.row.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let document = json!({ "errors": errors, "warnings": warnings, "problems": problems });
    let refusal = match (errors, warnings) {
        (1.., _) => Some(format!("not well: {}", counted(errors, "error"))),
        (0, 1..) if strict => Some(format!("{}, and --strict", counted(warnings, "warning"))),
        _ => None,
    };
    match refusal {
        Some(reason) if console.json => Err(Failure::failed(reason).about(document)),
        Some(reason) => console.lines(text(problems)).and_then(|()| Err(Failure::failed(reason))),
        None => console.data(&document, || text(problems)),
    }
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn text(problems: &[Of<Problem>]) -> Vec<Line> {
    if problems.is_empty() {
        return vec![Line::from("nothing is wrong".to_owned())];
    }
    problems.iter().flat_map(of_problem).collect()
}

fn of_problem(Of { server, row: problem }: &Of<Problem>) -> [Line; 2] {
    let place = server.as_ref().map(|server| format!(" on {server}")).unwrap_or_default();
    let style = if problem.severity == Severity::Error { Style::Error } else { Style::Warning };
    let what = format!(" {}{place}: {}", problem.code, problem.message);
    let remedy = with_own_commands(&problem.remedy);
    let limit = format!("  found {}, allowed {}; remedy: {remedy}", problem.found, problem.allowed);
    [Line::painted(style, problem.severity.as_str()).plain(&what), Line::from(limit)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remedy_of_one_of_several_servers_says_which() {
        let problem = |remedy: &str| Problem { remedy: remedy.to_owned(), ..absent(&away()) };
        let remedy = "`pgjobs migrate`, or `select jobs.maintain()`; pgjobs does it";
        assert_eq!(on(problem(remedy), None).remedy, remedy);
        // Filled in, since a test takes each command that stands in this file for one of a remedy.
        let on_eu = format!("`{} migrate --on eu`, or `select jobs.maintain()`; pgjobs does it", "pgjobs");
        assert_eq!(on(problem(remedy), Some("eu")).remedy, on_eu);
    }

    fn away() -> Away {
        Away { server: "eu".to_owned(), reason: "no answer".to_owned() }
    }

    #[test]
    fn clocks_differ_by_what_the_way_of_the_answer_does_not_explain() {
        let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        assert!(difference(at(0), at(30), at(60)).is_none(), "the answer took a minute");
        assert!(difference(at(0), at(6), at(1)).is_none(), "five seconds are allowed");
        let ahead = difference(at(0), at(7), at(1)).expect("ahead");
        assert_eq!((ahead.found, ahead.message.contains("ahead of")), (6, true));
        let behind = difference(at(100), at(0), at(101)).expect("behind");
        assert_eq!((behind.found, behind.message.contains("behind")), (100, true));
    }
}
