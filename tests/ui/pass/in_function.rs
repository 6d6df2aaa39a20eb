//! Inside a function, where doctests declare their tasks.

use pgjobs::task;

#[test]
fn a_task_is_declared_and_called() {
    #[derive(serde::Serialize, serde::Deserialize, pgjobs::schemars::JsonSchema)]
    #[schemars(crate = "pgjobs::schemars")]
    struct Filter {
        text: String,
    }

    #[task]
    async fn search(
        filter: Filter,
        #[default("en")] locale: String,
        limit: Option<u64>,
    ) -> Result<String, String> {
        Ok(format!("{} {locale} {limit:?}", filter.text))
    }

    let call = search::new(Filter { text: "x".into() }).locale("pt").limit(5);
    assert_eq!(call.limit, Some(5));
    assert!(search::DEF.name.ends_with("in_function.search"));
}
