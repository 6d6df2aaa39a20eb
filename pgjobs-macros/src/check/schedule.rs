//! Checks schedules: cron lines and zones are real, and each job can run without arguments.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use syn::{LitStr, Meta};

use super::options::form;
use crate::errors::Errors;
use crate::model::Task;
use crate::schedule::Schedule;
use crate::text::nearest;

const LONGEST: Duration = Duration::from_hours(366 * 24);
const DAY: Duration = Duration::from_hours(24);

pub(super) fn check(task: &Task, errors: &mut Errors) {
    let mut names: Vec<Option<String>> = Vec::new();
    for (schedule, source) in task.options.schedules() {
        due(schedule, source, errors);
        policies(schedule, errors);
        let name = schedule.name.as_ref().map(LitStr::value);
        if names.contains(&name) {
            errors.add(
                source,
                "several schedules of a task need different names: schedule(name = \"nightly\", …)",
            );
        }
        names.push(name);
    }
    if !names.is_empty() {
        arguments(task, errors);
    }
}

/// A schedule passes no arguments.
fn arguments(task: &Task, errors: &mut Errors) {
    for param in task.required() {
        let message = format!(
            "a schedule passes no arguments: give `{}` a #[default(…)], or make the schedule while the program runs \
             (pgjobs::schedule::Schedule)",
            param.keyword()
        );
        errors.add(&param.pat, message);
    }
}

fn due(schedule: &Schedule, source: &Meta, errors: &mut Errors) {
    match (&schedule.cron, &schedule.every) {
        (Some(_), Some(every)) => {
            errors.add(&every.source, "a schedule has `cron` or `every`, not both; remove one")
        }
        (None, None) => {
            errors.add(source, "a schedule says when it is due: cron = \"0 3 * * *\", or every = \"30s\"");
        }
        (None, Some(every)) if every.value < Duration::from_secs(1) || every.value > LONGEST => {
            errors.add(&every.source, "`every` is 1 second at least and 366 days at most");
        }
        (None, Some(every)) => every_has_no_clock(schedule, &every.source, errors),
        (Some(line), None) => cron(line, errors),
    }
    if let Some(name) = &schedule.name {
        form(name, errors);
    }
    if let Some(zone) = &schedule.zone {
        self::zone(zone, errors);
    }
}

fn every_has_no_clock(schedule: &Schedule, every: &syn::Expr, errors: &mut Errors) {
    if schedule.zone.is_some() || schedule.gap.is_some() || schedule.fold.is_some() {
        errors.add(every, "`zone`, `gap` and `fold` belong to `cron`: `every` counts elapsed time");
    }
}

fn policies(schedule: &Schedule, errors: &mut Errors) {
    if let Some(limit) = schedule.catch_up_limit.as_ref().filter(|limit| !(1..=1000).contains(&limit.value)) {
        errors.add(&limit.source, "`catch_up_limit` lies within 1..=1000");
    }
    if let Some(jitter) = schedule.jitter.as_ref().filter(|jitter| jitter.value > DAY) {
        errors.add(&jitter.source, "`jitter` is a day at most");
    }
}

fn cron(line: &LitStr, errors: &mut Errors) {
    if let Err(reason) = read(&line.value()) {
        errors.add(
            line,
            format!("{reason}; a line has minute hour day month weekday: \"*/5 9-17 * * mon-fri\""),
        );
    }
}

/// The database reads lines itself, and refuses three that croner takes.
fn read(line: &str) -> Result<(), String> {
    let line = if line.trim() == "@midnight" { "@daily" } else { line };
    let is_odd = |field: &str| field.contains('+') || field.split(',').any(str::is_empty);
    if let Some(field) = line.split_whitespace().find(|field| is_odd(field)) {
        return Err(format!("`{field}` is no list of numbers, names, ranges and steps"));
    }
    let cron = parse(line).map_err(|reason| wrong_field(line).unwrap_or(reason))?;
    let start = DateTime::<Utc>::from_timestamp(1_700_000_000, 0).unwrap_or_default();
    cron.find_next_occurrence(&start, false).map(drop).map_err(|_| "it is never due".to_owned())
}

fn parse(line: &str) -> Result<Cron, String> {
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    parser.parse(line).map_err(|error| error.to_string())
}

/// Names the field that is wrong by itself: croner does not say which.
fn wrong_field(line: &str) -> Option<String> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let names = ["minute", "hour", "day", "month", "weekday"];
    if fields.len() != names.len() {
        return Some(format!("this has {} fields instead of five", fields.len()));
    }
    let alone =
        |at: usize| (0..5).map(|nth| if nth == at { fields[at] } else { "*" }).collect::<Vec<_>>().join(" ");
    let (at, name) = names.iter().enumerate().find(|(at, _)| parse(&alone(*at)).is_err())?;
    Some(format!("`{}` is no {name}, nor a list, range or step of such", fields[at]))
}

fn zone(zone: &LitStr, errors: &mut Errors) {
    let name = zone.value();
    if name == "UTC" || name.contains('/') && Tz::from_str(&name).is_ok() {
        return;
    }
    let names: Vec<&str> =
        TZ_VARIANTS.iter().map(|zone| zone.name()).filter(|name| name.contains('/')).collect();
    let meant = nearest(&name, &names).map_or(String::new(), |near| format!("; did you mean \"{near}\"?"));
    errors.add(zone, format!("`{name}` is no time zone such as \"Europe/Berlin\" or \"UTC\"{meant}"));
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn lines_are_read_as_the_database_reads_them() {
        for line in [
            "* * * * *",
            "*/5 9-17 * * mon-fri",
            "0 0 L,15W jan-mar fri#2",
            "@midnight",
            "0 0 29 2 *",
            "0 0 * * friL",
        ] {
            assert_eq!(read(line), Ok(()), "{line}");
        }
        for line in [
            "",
            "* * * *",
            "* * * * * *",
            "61 * * * *",
            "1,,2 * * * *",
            "* * * * +1",
            "5/10 * * * *",
            "0 0 30 2 *",
            "@often",
        ] {
            assert!(read(line).is_err(), "{line}");
        }
    }
}
