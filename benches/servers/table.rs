//! Tables as Markdown and as JSON.

use serde_json::{Value, json};

pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(name: &'static str, head: &[&str]) -> Self {
        Table { name, head: head.iter().map(ToString::to_string).collect(), rows: Vec::new() }
    }

    pub(crate) fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rule = format!("|{}\n", "---|".repeat(self.head.len()));
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        line(&self.head) + &rule + &rows
    }

    /// An object for each row, with the names of the columns.
    pub(crate) fn json(&self) -> Value {
        let row = |row: &Vec<String>| {
            Value::from_iter(self.head.iter().cloned().zip(row.iter().map(|it| json!(it))))
        };
        self.rows.iter().map(row).collect()
    }
}

/// A whole number with commas.
pub(crate) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<_> =
        digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group)).collect();
    groups.join(",")
}
