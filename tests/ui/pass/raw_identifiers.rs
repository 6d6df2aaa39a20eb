//! Keywords as names.

use pgjobs::task;

#[task]
pub async fn r#move(r#type: String, #[default(true)] r#as: bool, r#where: Option<String>) {
    let _ = (r#type, r#as, r#where);
}

#[test]
fn setters_are_raw_and_keywords_are_not() {
    let call = r#move::new("file".into()).r#as(false).r#where("here");
    let json = serde_json::to_value(&call).expect("a call is JSON");
    assert_eq!(json, serde_json::json!({"type": "file", "as": false, "where": "here"}));
}
