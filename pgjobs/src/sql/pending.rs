//! A job as the database keeps it until it ends (type `jobs.open_job`); claims return arrays of them.
//!
//! sqlx derives this for types whose fields it knows; `numeric` it knows only together with a decimal
//! library, which a timeout is not worth.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::error::BoxDynError;
use sqlx::postgres::types::PgRecordDecoder;
use sqlx::postgres::{PgHasArrayType, PgTypeInfo, PgValueRef, Postgres};
use sqlx::{Decode, Type};

use crate::job_id::JobId;

pub(super) struct Pending {
    pub(super) id: JobId,
    pub(super) task: String,
    pub(super) body: Option<String>,
    pub(super) retries: i32,
    pub(super) max_retries: i32,
    pub(super) priority: i32,
    pub(super) timeout: Duration,
    pub(super) created_at: DateTime<Utc>,
    pub(super) ready_seq: Option<i64>,
    pub(super) attempt: i32,
}

impl Type<Postgres> for Pending {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("jobs.open_job")
    }

    fn compatible(_: &PgTypeInfo) -> bool {
        true // read from one column of one constant statement
    }
}

impl PgHasArrayType for Pending {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("jobs.open_job[]")
    }

    fn array_compatible(_: &PgTypeInfo) -> bool {
        true
    }
}

impl<'r> Decode<'r, Postgres> for Pending {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        let mut fields = PgRecordDecoder::new(value)?;
        fields.try_decode::<i64>()?; // id
        let id = JobId::from_database(fields.try_decode()?);
        let task = fields.try_decode()?;
        let body = fields.try_decode::<Option<JsonText>>()?.map(|body| body.0);
        let (retries, max_retries, priority) =
            (fields.try_decode()?, fields.try_decode()?, fields.try_decode()?);
        let timeout = fields.try_decode::<Seconds>()?.0;
        let created_at = fields.try_decode()?;
        fields.try_decode::<Option<DateTime<Utc>>>()?; // scheduled_at
        let (ready_seq, attempt) = (fields.try_decode()?, fields.try_decode()?);
        Ok(Pending {
            id,
            task,
            body,
            retries,
            max_retries,
            priority,
            timeout,
            created_at,
            ready_seq,
            attempt,
        })
    }
}

/// A `jsonb` as text, not looked into: what a JSON library cannot read must fail its own job only, and
/// not the claim that brought it.
struct JsonText(String);

impl Type<Postgres> for JsonText {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("jsonb")
    }

    fn compatible(_: &PgTypeInfo) -> bool {
        true
    }
}

impl<'r> Decode<'r, Postgres> for JsonText {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        match value.as_bytes()? {
            [1, text @ ..] => Ok(JsonText(std::str::from_utf8(text)?.to_owned())),
            _ => Err("a jsonb of an unknown version".into()),
        }
    }
}

/// A span of time, stored as `numeric` seconds.
struct Seconds(Duration);

impl Type<Postgres> for Seconds {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("numeric")
    }

    fn compatible(_: &PgTypeInfo) -> bool {
        true
    }
}

impl<'r> Decode<'r, Postgres> for Seconds {
    /// Four words, then digits to the base of 10,000, the first worth 10,000 to the power of `weight`.
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        let words: Vec<i16> =
            value.as_bytes()?.chunks_exact(2).map(|word| i16::from_be_bytes([word[0], word[1]])).collect();
        let [_, weight, _, _, digits @ ..] = words.as_slice() else {
            return Err("a numeric that is too short".into());
        };
        let powers = (0..).map(|nth| f64::from(10_000).powi(i32::from(*weight) - nth));
        let seconds: f64 = digits.iter().zip(powers).map(|(digit, power)| f64::from(*digit) * power).sum();
        Ok(Seconds(Duration::try_from_secs_f64(seconds)?))
    }
}
