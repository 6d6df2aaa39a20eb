//! The database's cron lines, beside those of croner and a walk over every minute.

use std::str::FromStr;

use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use fastrand::Rng;
use pgjobs::chrono::{DateTime, TimeDelta, Utc};
use pgjobs_tests::{Db, amount};

use crate::minutes::Line;

/// A line at random, from all that a line may hold.
fn line(random: &mut Rng) -> String {
    let minute = field(random, 0, 59, &[]);
    let hour = field(random, 0, 23, &[]);
    let month = field(
        random,
        1,
        12,
        &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    );
    format!("{minute} {hour} {} {month} {}", day(random), weekday(random))
}

fn field(random: &mut Rng, low: u32, high: u32, names: &[&str]) -> String {
    match random.u8(..10) {
        0..4 => "*".to_owned(),
        4 => format!("*/{}", random.u32(1..=20)),
        _ => {
            let parts: Vec<String> =
                (0..random.usize(1..=3)).map(|_| part(random, low, high, names)).collect();
            parts.join(",")
        }
    }
}

fn part(random: &mut Rng, low: u32, high: u32, names: &[&str]) -> String {
    let number = |random: &mut Rng, from: u32| {
        let number = random.u32(from..=high);
        let name = names.get((number - low) as usize).filter(|_| random.bool());
        (number, name.map_or(number.to_string(), |name| (*name).to_owned()))
    };
    let (from, text) = number(random, low);
    match random.u8(..3) {
        0 => format!("{text}-{}", number(random, from).1),
        1 => format!("{text}-{}/{}", number(random, from).1, random.u32(1..=12)),
        _ => text,
    }
}

fn day(random: &mut Rng) -> String {
    match random.u8(..10) {
        0 => "L".to_owned(),
        1 => "LW".to_owned(),
        2 => format!("{}W", random.u32(1..=31)),
        3 => format!("{},L", random.u32(1..=31)),
        4 => "?".to_owned(),
        _ => field(random, 1, 31, &[]),
    }
}

fn weekday(random: &mut Rng) -> String {
    const NAMES: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    match random.u8(..10) {
        0 => format!("{}#{}", random.choice(NAMES).unwrap(), random.u32(1..=5)),
        1 => format!("{}L", random.u32(0..=7)),
        2 => "fri-sun".to_owned(),
        3 => "7".to_owned(),
        4 => format!("{},{}#{}", random.u32(0..=6), random.u32(0..=6), random.u32(1..=5)),
        _ => field(random, 0, 6, &NAMES),
    }
}

fn time(text: &str) -> DateTime<Utc> {
    DateTime::from_str(text).unwrap()
}

const NEXT: &str = "select array(select t from jobs.next_ticks($1, $2, $3, $4, $5, $6) t)";

#[tokio::test]
async fn lines_are_due_when_croner_says() {
    let db = Db::new().await;
    let mut random = Rng::with_seed(7);
    let (lines, mut never) = (amount(2000, 10_000), 0);
    for _ in 0..lines {
        let line = line(&mut random);
        let start = time("2024-01-01T00:00:00Z") + TimeDelta::minutes(random.i64(0..3_000_000));
        let cron = Cron::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
        // croner counts the second of its start, which has none here.
        let expected: Vec<DateTime<Utc>> = cron.iter_after(start).take(3).collect();
        let found: Vec<DateTime<Utc>> = sqlx::query_scalar(NEXT)
            .bind(&line)
            .bind("UTC")
            .bind(3)
            .bind(start)
            .bind(None::<&str>)
            .bind(None::<&str>)
            .fetch_one(&db.pool)
            .await
            .unwrap_or_else(|error| panic!("{line}: {error}"));
        never += usize::from(expected.is_empty());
        assert_eq!(found, expected, "{line} after {start}");
    }
    assert!(never < lines as usize / 10, "{never} of {lines} lines are never due");
}

/// Zones whose clocks change in four ways: by an hour in spring and autumn of either half of the earth, by
/// half an hour, and at midnight; and one that changes four times a year.
const ZONES: [Tz; 6] = [
    Tz::Europe__Berlin,
    Tz::America__New_York,
    Tz::Australia__Lord_Howe,
    Tz::America__Santiago,
    Tz::Africa__Cairo,
    Tz::Africa__Casablanca,
];

/// The first whole hour after each change of a zone's clock in these years.
fn changes(zone: Tz, years: std::ops::Range<i32>) -> Vec<DateTime<Utc>> {
    use pgjobs::chrono::{Offset, TimeZone};
    let hour = |year: i32| time(&format!("{year}-01-01T00:00:00Z"));
    let offset = |at: DateTime<Utc>| zone.offset_from_utc_datetime(&at.naive_utc()).fix();
    let (mut at, end, mut found) = (hour(years.start), hour(years.end), Vec::new());
    while at < end {
        let next = at + TimeDelta::hours(1);
        if offset(at) != offset(next) {
            found.push(next);
        }
        at = next;
    }
    found
}

/// Lines that are due about the time at which clocks change.
fn line_of_the_night(random: &mut Rng) -> String {
    let minute = random.choice(["0", "30", "*/20", "15,45", "*", "59"]).unwrap();
    let hour = random.choice(["*", "*/2", "0", "1", "2", "3", "0-3", "2,3", "23", "1-4/2", "0,2"]).unwrap();
    format!("{minute} {hour} * * *")
}

#[tokio::test]
async fn lines_are_due_on_every_night_on_which_clocks_change() {
    let db = Db::new().await;
    let (mut random, mut checked) = (Rng::with_seed(11), 0);
    for zone in ZONES {
        for change in changes(zone, 2024..2034) {
            for _ in 0..amount(4, 20) {
                checked += night(&db, &mut random, zone, change).await;
            }
        }
    }
    assert!(checked > 5000, "{checked} times");
}

/// Compares a day and a half around a change, from a minute at random; returns how many times were compared.
async fn night(db: &Db, random: &mut Rng, zone: Tz, change: DateTime<Utc>) -> usize {
    let cron = line_of_the_night(random);
    let gap = random.choice([None, Some("shift"), Some("skip")]).unwrap();
    let fold = random.choice([None, Some("first"), Some("second"), Some("both")]).unwrap();
    let line = Line { cron: &cron, zone, gap, fold };
    let after = change - TimeDelta::minutes(random.i64(0..1500));
    let until = change + TimeDelta::hours(12);
    // A call says a thousand times at most.
    let expected: Vec<DateTime<Utc>> = line.due(after, until).into_iter().take(1000).collect();
    let found: Vec<DateTime<Utc>> = sqlx::query_scalar(NEXT)
        .bind(&cron)
        .bind(zone.name())
        .bind(expected.len() as i32)
        .bind(after)
        .bind(gap)
        .bind(fold)
        .fetch_one(&db.pool)
        .await
        .unwrap();
    let differs = found.iter().zip(&expected).position(|(one, other)| one != other);
    let about = differs.map(|at| (found[at], expected[at]));
    assert_eq!(about, None, "{cron} in {zone} after {after}, gap {gap:?}, fold {fold:?}: found, expected");
    assert_eq!(found.len(), expected.len(), "{cron} in {zone} after {after}");
    expected.len()
}

#[tokio::test]
async fn what_is_no_line_is_refused_by_both_and_its_part_named() {
    let db = Db::new().await;
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    for (line, part) in [
        ("", "0 fields"),
        ("* * * *", "4 fields"),
        ("* * * * * *", "6 fields"),
        ("60 * * * *", "'60'"),
        ("* 24 * * *", "'24'"),
        ("* * 0 * *", "'0'"),
        ("* * 32 * *", "'32'"),
        ("* * * 13 *", "'13'"),
        ("* * * * 8", "'8'"),
        ("5/10 * * * *", "'5/10'"),
        ("/5 * * * *", "'/5'"),
        ("9-3 * * * *", "'9-3'"),
        ("*/0 * * * *", "'*/0'"),
        ("a * * * *", "'a'"),
        ("* * * foo *", "'foo'"),
        ("* * * * mon#6", "'mon#6'"),
        ("* * * * mon#0", "'mon#0'"),
        ("* * 32W * *", "'32'"),
        ("L * * * *", "'l'"),
        ("* * * L *", "'l'"),
        ("* * * * W", "'w'"),
        ("1--100000000 * * * *", "'1--100000000'"),
        ("@often", "'@often'"),
        ("* * * * *#2", "'*#2'"),
        ("* ? * * *", "'?'"),
        ("-1 * * * *", "'-1'"),
    ] {
        assert!(parser.parse(line).is_err(), "croner takes {line:?}");
        let (code, message) = db.refusal(&format!("select jobs.next_ticks('{line}')")).await;
        assert_eq!(code, "PT400", "{line:?}: {message}");
        assert!(message.contains(part), "{line:?}: {message}");
    }
    let long = "0,".repeat(1000) + "0 * * * *";
    let (code, message) = db.refusal(&format!("select jobs.next_ticks('{long}')")).await;
    assert!(code == "PT400" && message.contains("300 characters"), "{code} {message}");
}

#[tokio::test]
async fn zones_are_names_of_places_with_their_summer_time() {
    let db = Db::new().await;
    for zone in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"] {
        db.run(&format!("select jobs.next_ticks('@daily', '{zone}')")).await;
    }
    for zone in
        ["", "CET", "EST", "utc+2", "Europe/Berln", "Europe/Berlin; select 1", "+02:00", "../etc/passwd"]
    {
        let (code, message) = db.refusal(&format!("select jobs.next_ticks('@daily', '{zone}')")).await;
        assert!(code == "PT400" && message.contains("no time zone"), "{zone}: {code} {message}");
    }
}
