//! One line of the log of a run, as it is sent.

use chrono::{SecondsFormat, Utc};
use serde_json::{Map, Value};

#[cfg(feature = "logs")]
use super::secrets::Secrets;

/// Bytes of the texts of a line; the rest is cut.
pub(crate) const LINE: usize = 4 << 10;

/// A line: when, at which level, from where, what, and the fields of the event.
pub(crate) struct Line {
    level: &'static str,
    target: String,
    message: String,
    fields: Map<String, Value>,
    /// Bytes that are left for it.
    room: usize,
}

impl Line {
    pub(crate) fn new(level: &'static str, target: &str) -> Self {
        let (target_, message, fields) = (String::new(), String::new(), Map::new());
        let mut line = Line { level, target: target_, message, fields, room: LINE };
        line.target = line.cut(target);
        line
    }

    /// The line that says how many are missing.
    pub(super) fn of_drops(dropped: u64, kept: u32) -> Self {
        let mut line = Line::new("warn", "pgjobs");
        let lines = if dropped == 1 { "line was" } else { "lines were" };
        line.say(&format!(
            "{dropped} {lines} dropped: of a run {kept} are kept, and of all runs of a worker what it can send"
        ));
        line
    }

    pub(crate) fn say(&mut self, message: &str) {
        self.message = self.cut(message);
    }

    /// Adds a field that is a text.
    #[cfg(feature = "logs")]
    pub(crate) fn add_text(&mut self, name: &str, value: &str) {
        let value = self.cut(value);
        self.add(name, value.into());
    }

    /// Adds a field; what finds no room is left out.
    #[cfg(feature = "logs")]
    pub(crate) fn add(&mut self, name: &str, value: Value) {
        if name.len() < self.room {
            self.room -= name.len();
            self.fields.insert(name.to_owned(), value);
        }
    }

    /// The text as it is stored, within what is left of the line.
    fn cut(&mut self, text: &str) -> String {
        let end = text.floor_char_boundary(self.room);
        self.room -= end;
        storable(&text[..end])
    }

    /// The same without what the run must not say.
    #[cfg(feature = "logs")]
    pub(super) fn without(&self, secrets: &Secrets) -> Self {
        let hide = |text: &str| secrets.hide(text).into_owned();
        let field = |(name, value): (&String, &Value)| {
            let said = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let shown = secrets.hide(&said);
            (name.clone(), if shown == said { value.clone() } else { Value::from(shown) })
        };
        let fields = self.fields.iter().map(field).collect();
        Line {
            level: self.level,
            target: self.target.clone(),
            message: hide(&self.message),
            fields,
            room: self.room,
        }
    }

    pub(super) fn json(&self) -> String {
        let at = Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true);
        let fields = Some(&self.fields).filter(|fields| !fields.is_empty());
        let line = (at, self.level, &self.target, &self.message, fields);
        serde_json::to_string(&line).unwrap_or_else(|_| "[]".to_owned())
    }
}

/// The text as PostgreSQL stores it: every character but NUL.
pub(super) fn storable(text: &str) -> String {
    if text.contains('\0') { text.replace('\0', "\u{FFFD}") } else { text.to_owned() }
}
