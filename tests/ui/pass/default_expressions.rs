//! Defaults of every kind of expression.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use pgjobs::task;

const LIMIT: u32 = 20;

#[task]
#[allow(clippy::too_many_arguments)]
pub async fn search(
    #[default("en")] locale: String,
    #[default("any")] kind: Cow<'static, str>,
    #[default(LIMIT * 2)] limit: u32,
    #[default(0.5)] weight: f32,
    #[default('x')] mark: char,
    #[default(Duration::from_secs(5))] patience: Duration,
    #[default(vec!["name".to_owned()])] mut fields: Vec<String>,
    #[default(BTreeMap::new())] filters: BTreeMap<String, i64>,
    #[default({
        let small = 3;
        small + 1
    })]
    size: usize,
    /// Only those changed since then.
    since: Option<i64>,
) {
    fields.clear();
    drop((locale, kind, limit, weight, mark, patience, fields, filters, size, since));
}

#[test]
fn a_call_starts_with_its_defaults() {
    let call = search::new().kind("new").weight(1.0).since(5).size(9);
    assert_eq!((call.locale.as_str(), &*call.kind, call.limit, call.size), ("en", "new", 40, 9));
    assert_eq!(call.fields, ["name"]);
}
