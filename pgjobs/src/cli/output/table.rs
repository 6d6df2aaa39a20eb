//! Tables that fit the terminal.

use std::io::IsTerminal;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};

use super::format::cut;
use crate::types::text::shown;

/// The longest text of a cell; a longer one is a mistake, or meant to hide the other columns.
const LONGEST: usize = 500;

/// Formats rows under a header. `>` marks a column of numbers, `!` one that is never wrapped, because users
/// copy it. A line break in a cell does not start a new line.
pub(crate) fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> Vec<String> {
    format(&header, rows.into_iter().map(Vec::from))
}

/// As [`table`], of rows with the servers that they are of, which are the first column where there are several.
pub(crate) fn table_of<'a, const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = (Option<&'a str>, [String; N])>,
) -> Vec<String> {
    let rows: Vec<(Option<&str>, [String; N])> = rows.into_iter().collect();
    if !rows.iter().any(|(server, _)| server.is_some()) {
        return table(header, rows.into_iter().map(|(_, row)| row));
    }
    let header: Vec<&str> = ["Server"].into_iter().chain(header).collect();
    let row = |(server, row): (Option<&str>, [String; N])| {
        [server.unwrap_or("-").to_owned()].into_iter().chain(row).collect()
    };
    format(&header, rows.into_iter().map(row))
}

fn format(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Vec<String> {
    let mut table = Table::new();
    let names = header.iter().map(|name| name.trim_start_matches(['>', '!']).to_owned());
    table.load_style(presets::NOTHING).set_header(names);
    for row in rows {
        table.add_row(row.into_iter().map(cell));
    }
    for (at, name) in header.iter().enumerate() {
        let Some(column) = table.column_mut(at) else { continue };
        column.set_padding((0, 2));
        if name.starts_with('>') {
            column.set_cell_alignment(CellAlignment::Right);
        }
        if name.starts_with('!') {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    fit(&mut table);
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}

/// Escapes a cell before its width is measured.
fn cell(text: String) -> String {
    shown(&cut(&text, LONGEST)).into_owned()
}

/// Wraps lines on a terminal only; in a pipe they keep their length, for `grep` and `awk`.
fn fit(table: &mut Table) {
    if std::io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width());
    }
}

fn width() -> u16 {
    let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    asked.or_else(|| terminal_size::terminal_size().map(|(width, _)| width.0)).unwrap_or(100).max(40)
}
