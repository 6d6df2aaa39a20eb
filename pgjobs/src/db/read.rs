//! Decodes values of the server so that no value in one row makes it, or other rows, unreadable.
//!
//! PostgreSQL's times reach from 4713 BC to 294276 and include infinity; chrono has other limits, and the
//! driver's own decoder panics beyond them. PostgreSQL's JSON may be deeper, and its numbers greater, than a
//! JSON library can read, and its text longer than a message can be.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde_json::value::RawValue;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgRow, PgTypeInfo, PgValueRef, Postgres};
use sqlx::{Decode, Row, Type};

use crate::types::error::{Error, driver};

/// A time of the database. A time before the year 1 or after 9999, or an infinite one, becomes the nearest
/// time in that range.
pub(crate) struct Moment(pub(crate) DateTime<Utc>);

impl Type<Postgres> for Moment {
    fn type_info() -> PgTypeInfo {
        <DateTime<Utc> as Type<Postgres>>::type_info()
    }

    fn compatible(ty: &PgTypeInfo) -> bool {
        <DateTime<Utc> as Type<Postgres>>::compatible(ty)
    }
}

impl<'r> Decode<'r, Postgres> for Moment {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        timestamp(value.as_bytes()?).map(Moment)
    }
}

/// Reads a time from a row.
pub(crate) fn time(row: &PgRow, at: usize) -> Result<DateTime<Utc>, Error> {
    Ok(row.try_get::<Moment, _>(at)?.0)
}

/// Reads a nullable time from a row.
pub(crate) fn maybe_time(row: &PgRow, at: usize) -> Result<Option<DateTime<Utc>>, Error> {
    Ok(row.try_get::<Option<Moment>, _>(at)?.map(|moment| moment.0))
}

/// The binary form of a `timestamptz`: microseconds since the year 2000.
pub(crate) fn timestamp(bytes: &[u8]) -> Result<DateTime<Utc>, BoxDynError> {
    const YEAR_2000: i64 = 946_684_800_000_000;
    let micros = i64::from_be_bytes(bytes.try_into()?).saturating_add(YEAR_2000);
    let (first, last) = (first(), last());
    let within = micros.clamp(first.timestamp_micros(), last.timestamp_micros());
    Ok(DateTime::from_timestamp_micros(within).unwrap_or(last))
}

/// The first and the last time that `jobs.publish` accepts: every client can represent all times between
/// them.
fn first() -> DateTime<Utc> {
    NaiveDate::from_ymd_opt(1, 1, 1).unwrap_or_default().and_time(NaiveTime::MIN).and_utc()
}

fn last() -> DateTime<Utc> {
    let midnight =
        NaiveDate::from_ymd_opt(10_000, 1, 1).unwrap_or_default().and_time(NaiveTime::MIN).and_utc();
    midnight - chrono::TimeDelta::microseconds(1)
}

/// The binary form of a `numeric` of seconds: four 16-bit integers, then digits to the base of 10,000, the
/// first worth 10,000 to the power of `weight`. NaN and negative numbers become zero; a number that is too
/// great becomes the maximum.
pub(crate) fn seconds(bytes: &[u8]) -> Result<Duration, BoxDynError> {
    const POSITIVE: i16 = 0;
    const INFINITE: i16 = 0xD000_u16.cast_signed();
    let words: Vec<i16> = bytes.chunks_exact(2).map(|word| i16::from_be_bytes([word[0], word[1]])).collect();
    let [_, weight, sign, _, digits @ ..] = &words[..] else {
        return Err("a numeric that is too short".into());
    };
    let powers = (0..).map(|nth| f64::from(10_000).powi(i32::from(*weight) - nth));
    let seconds: f64 = digits.iter().zip(powers).map(|(digit, power)| f64::from(*digit) * power).sum();
    Ok(match *sign {
        POSITIVE => Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX),
        INFINITE => Duration::MAX,
        _ => Duration::ZERO,
    })
}

/// JSON as the database writes it, not parsed; text that a JSON library does not accept becomes a JSON string
/// with the error.
pub(crate) fn document(json: String) -> Box<RawValue> {
    RawValue::from_string(json).unwrap_or_else(|error| {
        let words = format!("\"not readable: {}\"", error.to_string().replace(['"', '\\'], "'"));
        RawValue::from_string(words).unwrap_or_else(|_| RawValue::NULL.to_owned())
    })
}

/// Whether the server reported that it cannot send what was queried: a text longer than it can build (54),
/// not enough memory (53200), data that it cannot convert (22), its internal limits (XX), or a timeout
/// (57014). Querying less then helps; repeating the query does not.
pub(crate) fn cannot_be_sent(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| {
        matches!(&*code, "53200" | "57014") || ["22", "54", "XX"].iter().any(|class| code.starts_with(class))
    })
}

/// Why the server could not send it, in terms that do not depend on its internal buffers.
pub(crate) fn why_not_sent(error: &sqlx::Error) -> String {
    match error.as_database_error().and_then(|error| error.code()).as_deref() {
        Some("54000") => "its text is longer than the server can make (54000)".to_owned(),
        _ => driver::said(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_of_the_server_is_read() {
        for (micros, shown) in [
            (0, "2000-01-01T00:00:00Z"),
            (i64::MAX, "9999-12-31T23:59:59.999999Z"),
            (i64::MIN, "0001-01-01T00:00:00Z"),
            (9_223_371_331_200_000_000 - 1, "9999-12-31T23:59:59.999999Z"), // 294276-12-31
            (-211_813_488_000_000_000, "0001-01-01T00:00:00Z"),             // 4713-11-24 BC
            (252_455_615_999_999_999, "9999-12-31T23:59:59.999999Z"),
            (252_455_615_999_999_998, "9999-12-31T23:59:59.999998Z"),
        ] {
            let read = timestamp(&i64::to_be_bytes(micros)).unwrap();
            assert_eq!(read.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true), shown, "{micros}");
        }
        assert!(timestamp(&[0; 7]).is_err());
    }

    #[test]
    fn every_numeric_is_a_duration() {
        let read = |words: &[u16]| {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
            seconds(&bytes).map_err(|error| error.to_string())
        };
        assert_eq!(read(&[2, 0, 0, 2, 60, 5000]), Ok(Duration::from_millis(60_500)));
        assert_eq!(read(&[1, 1, 0, 0, 60]), Ok(Duration::from_secs(600_000)));
        assert_eq!(read(&[1, 0, 0x4000, 0, 60]), Ok(Duration::ZERO), "below zero");
        assert_eq!(read(&[0, 0, 0xC000, 0]), Ok(Duration::ZERO), "no number");
        assert_eq!(read(&[0, 0, 0xD000, 0]), Ok(Duration::MAX), "infinite");
        assert_eq!(read(&[1, 30_000, 0, 0, 1]), Ok(Duration::MAX), "too great");
        assert!(read(&[0, 0, 0]).is_err());
    }

    #[test]
    fn what_a_json_library_cannot_read_is_kept_as_text() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        for json in ["1e400", &deep, "123456789012345678901234567890", "null"] {
            assert_eq!(document(json.to_owned()).get(), json);
        }
        assert!(document("{".to_owned()).get().starts_with("\"not readable: "));
    }
}
