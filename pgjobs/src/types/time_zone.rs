//! A time zone as an argument: the crate chrono-tz has no JSON Schema for its type.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use chrono_tz::Tz;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A time zone of the IANA database, such as `Europe/Lisbon`: a [`chrono_tz::Tz`] that may be an argument or
/// a result of a task. It is serialized as its name. (Feature `chrono-tz`.)
///
/// ```
/// use pgjobs::{TimeZone, task};
/// use pgjobs::chrono::{DateTime, Utc};
///
/// /// Writes the report of a day as it is where the customer lives.
/// #[task]
/// async fn report(end: DateTime<Utc>, zone: TimeZone) {
///     println!("until {}", end.with_timezone(&*zone));
/// }
///
/// # use std::error::Error;
/// # fn f() -> Result<(), Box<dyn Error>> {
/// let zone: TimeZone = "Europe/Lisbon".parse()?;
/// assert_eq!(zone, TimeZone::from(chrono_tz::Europe::Lisbon));
/// # Ok(()) }
/// # f().unwrap();
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimeZone(pub Tz);

impl Deref for TimeZone {
    type Target = Tz;

    fn deref(&self) -> &Tz {
        &self.0
    }
}

impl From<Tz> for TimeZone {
    fn from(zone: Tz) -> Self {
        TimeZone(zone)
    }
}

impl From<TimeZone> for Tz {
    fn from(zone: TimeZone) -> Self {
        zone.0
    }
}

impl FromStr for TimeZone {
    type Err = chrono_tz::ParseError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        name.parse().map(TimeZone)
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

/// A pattern for names. The set of names changes with each release of the IANA database, so only the worker
/// checks them.
impl JsonSchema for TimeZone {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "TimeZone".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$" })
    }
}
