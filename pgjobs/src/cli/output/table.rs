//! Tables that fit the terminal.

use std::io::IsTerminal;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};

use super::format;
use crate::types::text::shown;

/// A cell holds so much of a text; what is longer is somebody's mistake, or meant to hide the others.
const LONGEST: usize = 500;

/// Columns under a header: `>` marks a column of numbers, `!` one that is never broken, because it is
/// copied. Each row is one line, also where a cell holds line breaks.
pub(crate) fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> Vec<String> {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(header.map(|name| name.trim_start_matches(['>', '!']).to_owned()));
    for row in rows {
        table.add_row(row.map(cell));
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

/// Made safe before its width is measured.
fn cell(text: String) -> String {
    shown(&format::cut(&text, LONGEST)).into_owned()
}

/// In a pipe lines are as long as they need to be, for `grep` and `awk`.
fn fit(table: &mut Table) {
    if std::io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width());
    }
}

fn width() -> u16 {
    let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    asked.or_else(|| terminal_size::terminal_size().map(|(width, _)| width.0)).unwrap_or(100).max(40)
}
