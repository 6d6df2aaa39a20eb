//! Where a reader of events is.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// Where a reader of events is: after one of them, or after all that there were.
///
/// It is a text without a meaning of its own, which a program may keep or send to a browser and come back
/// with ([`Events::after`](crate::events::Events::after)): nothing is missed then and nothing comes twice.
/// Positions cannot be compared. One that cannot be continued gives a [`Resync`](crate::events::Resync).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Position(Arc<str>);

impl Position {
    /// The position as text: letters, digits, dots and dashes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the database is sent: a text that no position is becomes an empty one, which is unreadable too.
    pub(crate) fn sent(&self) -> &str {
        let is_one = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        if self.0.bytes().all(is_one) { &self.0 } else { "" }
    }
}

impl<T: AsRef<str>> From<T> for Position {
    /// Takes any text: what is no position gives a [`Resync`](crate::events::Resync), not an error.
    fn from(text: T) -> Self {
        Position(text.as_ref().into())
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Position({})", self.0.escape_debug())
    }
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
