//! Types as arguments and results: each goes through a real database, checked on its way in, and comes back the same.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use chrono_tz::Tz;
use pgjobs::chrono::{
    DateTime, FixedOffset, Local, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc, Weekday,
};
use pgjobs::{NewJob, TaskError, TimeZone, Worker, task};
use pgjobs_tests::Db;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

async fn work(db: &Db, topic: &str) {
    let report = Worker::new(db.pool.clone()).topic(topic).burst().run().await.unwrap();
    assert_eq!((report.failed, report.retried), (0, 0), "{report:?}");
}

/// For each type a task that gives back what it is given, and a test that sends it these values.
macro_rules! round_trip {
    ($($name:ident: $ty:ty = [$($value:expr),+ $(,)?];)+) => {$(
        mod $name {
            use super::*;

            #[task(call = Call)]
            async fn same(value: $ty, absent: Option<$ty>, given: Option<$ty>, list: Vec<$ty>) -> Result<($ty, Vec<$ty>), TaskError> {
                if absent.is_some() || given.as_ref() != Some(&value) {
                    return Err("an optional argument is another".into());
                }
                Ok((value, list))
            }

            #[tokio::test]
            async fn comes_back_the_same() {
                let (db, topic) = (Db::new().await, concat!("arguments.", stringify!($name), ".*"));
                // It declares the task: from then on the database checks what it is sent.
                work(&db, topic).await;
                let mut sent = Vec::new();
                for value in [$($value),+] {
                    let value: $ty = value;
                    let list = vec![value.clone(); 3];
                    let call = Call::new(value.clone(), list.clone()).given(value.clone());
                    let typed = call.publish(&db.pool).await.unwrap();
                    // By its name it is checked by the database, against the schema of its type.
                    let named = NewJob::named(Call::DEF.name).arg(&value).kwarg("given", &value).kwarg("list", &list);
                    let named = named.publish(&db.pool).await.unwrap();
                    sent.push((typed, named, (value, list)));
                }
                work(&db, topic).await;
                for (typed, named, values) in sent {
                    assert_eq!(typed.wait(&db.pool).await.unwrap(), values);
                    assert_eq!(named.wait(&db.pool).await.unwrap(), json!(values));
                }
            }
        }
    )+};
}

fn date(year: i32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, 2, 28).expect("a date")
}

fn noon(year: i32) -> NaiveDateTime {
    date(year).and_hms_nano_opt(12, 0, 0, 123_456_789).expect("a time")
}

round_trip! {
    chrono_date: NaiveDate = [date(2026), date(1), date(9999)];
    chrono_time: NaiveTime = [NaiveTime::MIN, noon(2026).time()];
    chrono_date_time: NaiveDateTime = [noon(2026)];
    chrono_utc: DateTime<Utc> = [noon(2026).and_utc(), DateTime::UNIX_EPOCH];
    chrono_offset: DateTime<FixedOffset> = [noon(2026).and_local_timezone(FixedOffset::east_opt(5 * 3600 + 1800).unwrap()).unwrap()];
    chrono_local: DateTime<Local> = [noon(2026).and_utc().into()];
    chrono_weekday: Weekday = [Weekday::Mon, Weekday::Sun];
    chrono_delta: TimeDelta = [TimeDelta::milliseconds(1500), TimeDelta::milliseconds(-1500)];
    uuids: Uuid = [Uuid::nil(), Uuid::max(), Uuid::from_u128(7)];
    uuids_as_keys: BTreeMap<Uuid, Uuid> = [BTreeMap::from([(Uuid::from_u128(7), Uuid::max())]), BTreeMap::new()];
    decimal: Decimal = ["12.50".parse().unwrap(), Decimal::MAX, Decimal::MIN, "-0.0000000000000000000000000001".parse().unwrap()];
    urls: Url = ["https://user@example.org:8443/ä?q=1#f".parse().unwrap(), "mailto:a@example.org".parse().unwrap()];
    byte_strings: Bytes = [Bytes::new(), Bytes::from_static(b"\0\xff text")];
    zone: TimeZone = ["Europe/Lisbon".parse().unwrap(), "America/Argentina/Buenos_Aires".parse().unwrap(), "Etc/GMT+5".parse().unwrap()];
    duration: Duration = [Duration::ZERO, Duration::new(u64::from(u32::MAX), 999_999_999)];
    system_time: SystemTime = [SystemTime::UNIX_EPOCH + Duration::new(1, 5)];
    address: IpAddr = ["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()];
    socket: SocketAddr = ["[::1]:5432".parse().unwrap()];
    path: PathBuf = [PathBuf::from("/tmp/a b")];
    non_zero: NonZeroU32 = [NonZeroU32::MIN, NonZeroU32::MAX];
    character: char = ['a', '\u{1F600}'];
    wide: i128 = [0, -1, i128::from(i64::MAX)];
    json: Value = [json!({"a": [1, 2.5, "x", null]}), json!([])];
    set: BTreeSet<Uuid> = [BTreeSet::from([Uuid::nil(), Uuid::max()])];
    map: HashMap<String, Decimal> = [HashMap::from([("a".to_owned(), Decimal::TEN)])];
    tuple: (NaiveDate, Decimal, Option<Uuid>) = [(date(2026), Decimal::ONE, None)];
}

/// A type that says nothing about its JSON is described by another.
#[task(name = "described.hour")]
async fn hour(
    at: DateTime<Utc>,
    #[schemars(with = "String")] zone: Tz,
    #[schemars(with = "String")] second: Option<Tz>,
    #[default(Tz::UTC)]
    #[schemars(with = "TimeZone")]
    third: Tz,
) -> Result<Vec<String>, TaskError> {
    let zones = [Some(zone), second, Some(third)].into_iter().flatten();
    Ok(zones.map(|zone| at.with_timezone(&zone).format("%H:%M").to_string()).collect())
}

#[tokio::test]
async fn an_argument_that_is_described_by_another_type_is_checked_as_that() {
    let db = Db::new().await;
    work(&db, "described.*").await;
    let call = hour::new(noon(2026).and_utc(), Tz::Europe__Lisbon).second(Tz::Asia__Kolkata);
    let job = call.publish(&db.pool).await.unwrap();
    work(&db, "described.*").await;
    assert_eq!(job.wait(&db.pool).await.unwrap(), ["12:00", "17:30", "12:00"]);

    let refused = r#"select jobs.publish('described.hour', '{"args": ["2026-02-28T12:00:00Z", 7]}')"#;
    assert_eq!(
        db.refusal(refused).await.1,
        "task 'described.hour': arguments do not fit: `zone`: expected a string, found integer"
    );
    let refused = r#"select jobs.publish('described.hour', '{"args": ["2026-02-28T12:00:00Z", "UTC", null, "not a zone"]}')"#;
    assert_eq!(db.refusal(refused).await.0, "PT422");
}
