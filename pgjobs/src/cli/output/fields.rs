//! The fields of the log's lines, and of the spans before them.

use std::fmt;

use tracing::field::{Field, Visit};
use tracing::span::Record;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormattedFields;
use tracing_subscriber::fmt::format::{FormatFields, Writer};

use crate::types::text::shown;

/// Writes fields one after the other and makes each safe: errors, hosts and names of tasks are untrusted text,
/// which must not start a line or move the cursor. Leaves out what is meant for OpenTelemetry alone.
pub(crate) struct Fields;

impl<'w> FormatFields<'w> for Fields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut visitor = Visitor { writer, is_first: true, outcome: Ok(()) };
        fields.record(&mut visitor);
        visitor.outcome
    }

    fn add_fields(&self, current: &'w mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        let is_first = current.fields.is_empty();
        let mut visitor = Visitor { writer: current.as_writer(), is_first, outcome: Ok(()) };
        fields.record(&mut visitor);
        visitor.outcome
    }
}

struct Visitor<'w> {
    writer: Writer<'w>,
    is_first: bool,
    outcome: fmt::Result,
}

impl Visit for Visitor<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name().starts_with("otel.") || self.outcome.is_err() {
            return;
        }
        let space = if std::mem::take(&mut self.is_first) { "" } else { " " };
        let value = format!("{value:?}");
        self.outcome = match field.name() {
            "message" => write!(self.writer, "{space}{}", shown(&value)),
            name => write!(self.writer, "{space}{}={}", name.trim_start_matches("r#"), shown(&value)),
        };
    }
}
