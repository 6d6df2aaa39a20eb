//! The page on sizing: what retention costs is computed from the bytes of a job, and the test vectors are the code's.

use std::fs;

use crate::{read, root};

const PAGE: &str = "docs/src/how-to/sizing.md";
const BEGIN: &str = "<!-- computed: retention -->\n";
const DAYS: [u64; 5] = [1, 3, 7, 14, 30];

/// The bytes of a job in history, from the page's table of bytes, which `--test it sizing` measures.
fn history(page: &str, words: &str) -> u64 {
    let row = page.lines().find_map(|line| line.strip_prefix(&format!("| {words} | ")));
    let cell = row.and_then(|row| row.split(" | ").nth(2)).unwrap_or_else(|| panic!("no row `{words}`"));
    cell.replace(',', "").parse().expect("a number of bytes")
}

/// Bytes with two digits, in a unit of which there are less than a thousand.
fn size(bytes: u64) -> String {
    let (unit, number) = [("TB", 1e12), ("GB", 1e9), ("MB", 1e6)]
        .into_iter()
        .map(|(name, unit)| (name, bytes as f64 / unit))
        .find(|(_, number)| *number >= 0.995)
        .unwrap_or(("MB", 0.0));
    if number < 9.95 { format!("{number:.1} {unit}") } else { format!("{number:.0} {unit}") }
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}

fn table(page: &str) -> String {
    let (small, large) = (
        history(page, "100 bytes of arguments, published together"),
        history(page, "1 KiB, published together"),
    );
    let head = DAYS.map(|days| format!(" {days} {} |", if days == 1 { "day" } else { "days" })).concat();
    let mut table = format!("| jobs/s in the mean |{head}\n|---|{}\n", "---|".repeat(DAYS.len()));
    for rate in [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000] {
        let cell = |days: u64| {
            let jobs = rate * days * 86_400;
            format!(" {} / {} |", size(jobs * small), size(jobs * large))
        };
        table += &format!("| {} |{}\n", thousands(rate), DAYS.map(cell).concat());
    }
    table
}

#[test]
fn what_retention_costs_is_computed_from_the_bytes_of_a_job() {
    let page = read(PAGE);
    let (before, rest) = page.split_once(BEGIN).expect("the mark before the table");
    let end = rest.find("<!-- end -->").expect("the mark after it");
    let wanted = format!("{before}{BEGIN}{}{}", table(&page), &rest[end..]);
    if std::env::var_os("BLESS").is_some_and(|bless| bless != "0") {
        fs::write(root().join(PAGE), &wanted).expect("written");
        return;
    }
    assert_eq!(&rest[..end], table(&page), "`BLESS=1 cargo test -p pgjobs-tests --test book` writes it");
}

/// Of rows like `| `eu` | `42` | `2cd5…` |`: a name, a key and a score.
#[test]
fn the_test_vectors_of_the_book_are_those_of_the_code() {
    let (page, code) = (read(PAGE), read("pgjobs/src/types/rendezvous.rs"));
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix("` |"));
    let rows: Vec<Vec<&str>> = rows.map(|row| row.split("` | `").collect()).collect();
    let shown: Vec<String> = rows
        .iter()
        .filter(|row| row.len() == 3 && row[2].len() == 16)
        .map(|row| format!("(\"{}\", \"{}\", 0x{})", row[0], row[1], row[2]))
        .collect();
    let code = code.replace('_', "");
    let missing: Vec<&String> = shown.iter().filter(|vector| !code.contains(*vector)).collect();
    assert!(shown.len() > 5 && missing.is_empty(), "{missing:?} of {shown:?}");
}
