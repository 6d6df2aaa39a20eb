//! Decodes a job as the database stores it until it ends (type `jobs.open_job`); claims return arrays of
//! them.
//!
//! The binary form is decoded by hand: sqlx's decoder of records looks up the type of each field again, which
//! for twelve fields of each job takes a tenth of a worker's time, and reads `numeric` only with a decimal
//! library.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgHasArrayType, PgTypeInfo, PgValueRef, Postgres};
use sqlx::{Decode, Type};

use super::read::{seconds, timestamp};
use crate::types::job_id::JobId;

pub(crate) struct Pending {
    pub(crate) id: JobId,
    pub(crate) task: String,
    pub(crate) body: Option<String>,
    pub(crate) retries: i32,
    pub(crate) max_retries: i32,
    pub(crate) priority: i32,
    pub(crate) timeout: Duration,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) scheduled_at: Option<DateTime<Utc>>,
    pub(crate) ready_seq: Option<i64>,
    pub(crate) attempt: i32,
    pub(crate) meta: Option<String>,
}

/// What a claim returns for one job: the job, or its id and the reason why it cannot be read. A job that
/// cannot be read must fail on its own, and not fail the claim that returned it together with others.
pub(crate) type Read = Result<Pending, Unreadable>;

#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) id: JobId,
    pub(crate) error: String,
}

/// An element of an array of jobs.
pub(crate) struct Element(pub(crate) Read);

impl Type<Postgres> for Element {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("jobs.open_job")
    }

    fn compatible(_: &PgTypeInfo) -> bool {
        true // it is read from one column of one constant statement
    }
}

impl PgHasArrayType for Element {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("jobs.open_job[]")
    }

    fn array_compatible(_: &PgTypeInfo) -> bool {
        true
    }
}

impl<'r> Decode<'r, Postgres> for Element {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        let bytes = value.as_bytes()?;
        let unreadable = |error: BoxDynError| Unreadable { id: id_of(bytes), error: error.to_string() };
        Ok(Element(Pending::read(bytes).map_err(unreadable)))
    }
}

/// The id of a job that may be unreadable otherwise.
fn id_of(bytes: &[u8]) -> JobId {
    let id = Record::new(bytes).ok().and_then(|mut record| {
        record.field().ok()?;
        record.field().ok()?
    });
    JobId::from_database(id.map(String::from_utf8_lossy).unwrap_or_default().into_owned())
}

impl Pending {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, BoxDynError> {
        let mut record = Record::new(bytes)?;
        record.field()?; // id
        let id = JobId::from_database(record.text()?);
        let task = record.text()?;
        let body = record.field()?.map(json_text).transpose()?;
        let (retries, max_retries, priority) = (record.integer()?, record.integer()?, record.integer()?);
        let timeout = seconds(record.present()?)?;
        let created_at = timestamp(record.present()?)?;
        let scheduled_at = record.field()?.map(timestamp).transpose()?;
        let ready_seq = record.field()?.map(|bytes| bytes.try_into().map(i64::from_be_bytes)).transpose()?;
        let attempt = record.integer()?;
        record.field()?; // traceback
        let meta = record.field()?.map(json_text).transpose()?;
        Ok(Pending {
            id,
            task,
            body,
            retries,
            max_retries,
            priority,
            timeout,
            created_at,
            scheduled_at,
            ready_seq,
            attempt,
            meta,
        })
    }
}

/// The binary form of a record: a count, then for each field its type, its length (-1: null) and its bytes.
struct Record<'r>(&'r [u8]);

impl<'r> Record<'r> {
    fn new(bytes: &'r [u8]) -> Result<Self, BoxDynError> {
        Ok(Record(bytes.get(4..).ok_or(SHORT)?))
    }

    fn field(&mut self) -> Result<Option<&'r [u8]>, BoxDynError> {
        let (head, rest) = self.0.split_at_checked(8).ok_or(SHORT)?;
        let length = i32::from_be_bytes([head[4], head[5], head[6], head[7]]);
        let Ok(length) = usize::try_from(length) else {
            self.0 = rest;
            return Ok(None);
        };
        let (field, rest) = rest.split_at_checked(length).ok_or(SHORT)?;
        self.0 = rest;
        Ok(Some(field))
    }

    fn present(&mut self) -> Result<&'r [u8], BoxDynError> {
        self.field()?.ok_or_else(|| "a null where none can be".into())
    }

    fn text(&mut self) -> Result<String, BoxDynError> {
        Ok(std::str::from_utf8(self.present()?)?.to_owned())
    }

    fn integer(&mut self) -> Result<i32, BoxDynError> {
        Ok(i32::from_be_bytes(self.present()?.try_into()?))
    }
}

const SHORT: &str = "a record that is too short";

/// A `jsonb` as text, not parsed: a value that a JSON library cannot read must fail its own job only, and not
/// the claim that returned it.
fn json_text(bytes: &[u8]) -> Result<String, BoxDynError> {
    match bytes {
        [1, text @ ..] => Ok(std::str::from_utf8(text)?.to_owned()),
        _ => Err("a jsonb of an unknown version".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(fields: &[Option<&[u8]>]) -> Vec<u8> {
        let mut bytes = vec![0, 0, 0, 13];
        for field in fields {
            bytes.extend(25i32.to_be_bytes());
            bytes.extend(field.map_or(-1, |field| i32::try_from(field.len()).unwrap()).to_be_bytes());
            bytes.extend(field.unwrap_or_default());
        }
        bytes
    }

    #[test]
    fn whatever_of_a_job_cannot_be_read_its_id_can() {
        let id = b"0190".as_slice();
        let bad_body = record(&[Some(b"12345678"), Some(id), Some(b"task"), Some(b"\x01\xe9")]);
        let bad_task = record(&[Some(b"12345678"), Some(id), Some(b"\xff")]);
        for bytes in [&bad_body, &bad_task, &record(&[None, Some(id)])] {
            assert!(Pending::read(bytes).is_err());
            assert_eq!(id_of(bytes).as_str(), "0190");
        }
        for bytes in [&[][..], &[0; 3], &[0, 0, 0, 13, 0, 0], &record(&[None])] {
            assert_eq!(id_of(bytes).as_str(), "");
        }
    }
}
