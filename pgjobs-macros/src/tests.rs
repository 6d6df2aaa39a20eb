//! Golden expansions, formatted, in `src/golden`: one for each kind of task.
//!
//! `BLESS=1 cargo test -p pgjobs-macros` rewrites them; review them like code.

use std::path::Path;

use proc_macro2::TokenStream;
use quote::quote;

mod mistakes;

#[track_caller]
fn golden(name: &str, options: TokenStream, item: TokenStream) {
    compare(name, crate::attribute(options, item));
}

#[track_caller]
fn compare(name: &str, expanded: TokenStream) {
    let file = syn::parse2(expanded).expect("an expansion is made of items");
    let actual = prettyplease::unparse(&file);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/golden").join(name).with_extension("rs");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &actual).expect("the golden expansion is written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(actual, expected, "{name} changed; BLESS=1 accepts it");
}

#[test]
fn a_task_without_arguments() {
    golden(
        "no_arguments",
        quote!(),
        quote!(
            async fn sweep() {}
        ),
    );
}

#[test]
fn a_task_with_everything() {
    let options = quote! {
        name = "mail.welcome", aliases = ["mail.hello"], retries = 5, timeout = "30s", warn_after = "20s", slo = "2m", priority = 3,
        backoff = "exponential(1s, 1h)", keep = "failed", validate = "warn",
        log = "info", trace = "child", events = true, steps("letter", "coupon/*")
    };
    golden(
        "everything",
        options,
        quote! {
            /// Sends the welcome letter.
            ///
            /// It is sent once.
            pub async fn welcome(
                #[inject] mailer: &Mailer,
                #[inject] job: &pgjobs::Job,
                user_id: i64,
                #[default("en")] locale: String,
                coupon: Option<String>,
            ) -> Result<Receipt, TaskError> {
                mailer.send(user_id, locale, coupon).await
            }
        },
    );
}

#[test]
fn a_task_with_schedules() {
    let options = quote! {
        cron = "0 3 * * *", zone = "Europe/Berlin", gap = "skip", fold = "second", catch_up = "all",
        catch_up_limit = 7, overlap = "skip", jitter = "5m",
        schedule(name = "often", every = "90s")
    };
    golden(
        "schedules",
        options,
        quote!(
            async fn report() {}
        ),
    );
}

#[test]
fn a_task_with_default_expressions_and_documented_arguments() {
    golden(
        "defaults",
        quote!(timeout = "1500ms", backoff = "fixed(250ms)"),
        quote! {
            pub(crate) async fn search(
                /// What to look for.
                text: String,
                /// How many at most.
                #[default(20)] limit: u64,
                #[default(vec!["name".to_owned()])] mut fields: Vec<String>,
            ) -> Result<Vec<Hit>, SearchError> {
                fields.sort();
                find(text, limit, fields).await
            }
        },
    );
}

#[test]
fn a_batch_handler() {
    golden(
        "batch_handler",
        quote!(batch = 100, linger = "50ms", retries = 5),
        quote! {
            pub async fn index(
                #[inject] jobs: &pgjobs::Jobs,
                #[inject] search: &Search,
                #[each] doc: Vec<Doc>,
                #[each] #[default("en")] locale: Vec<String>,
                #[each] boost: Vec<Option<f64>>,
            ) -> Result<Vec<Result<u64, TaskError>>, TaskError> {
                search.put(jobs, doc, locale, boost).await
            }
        },
    );
}

#[test]
fn a_batch_handler_without_arguments() {
    golden(
        "batch_handler_without_arguments",
        quote!(batch = 2),
        quote!(
            async fn wake(#[inject] jobs: &Jobs) {}
        ),
    );
}

#[test]
fn a_task_that_takes_every_keyword() {
    golden(
        "kwargs",
        quote!(),
        quote! {
            async fn log(level: String, #[kwargs] fields: BTreeMap<String, Value>, #[inject] sink: Sink) {
                sink.write(level, fields);
            }
        },
    );
}

#[test]
fn a_unique_task() {
    golden(
        "unique",
        quote!(unique(
            key = (customer, region),
            name = "billing",
            until = "1h",
            on_conflict = "postpone",
            wait = "5s",
            max_wait = 60
        )),
        quote!(
            pub async fn invoice(customer: i64, note: Option<String>, #[default("eu")] region: String) {}
        ),
    );
}

#[test]
fn a_task_that_is_unique_by_all_its_arguments() {
    golden(
        "unique_by_all",
        quote!(unique),
        quote!(
            async fn sync(id: i64, #[inject] state: State, deep: bool) {}
        ),
    );
}

#[test]
fn a_task_with_limits() {
    let options = quote! {
        limit(key = customer, max = 2, rate = "100/s", burst = 20, cost = units, name = "stripe"),
        limit(rates = ["1000/h", "10/s"]),
        in_order(key = (customer, region), on_dead = "hold"),
        fair_by = region
    };
    golden(
        "limits",
        options,
        quote!(
            async fn sync(customer: i64, #[default(1)] units: u32, #[default(region())] region: String) {}
        ),
    );
}

#[test]
fn a_task_with_raw_identifiers() {
    golden(
        "raw_identifiers",
        quote!(),
        quote!(
            async fn r#move(r#type: String, #[default(true)] r#as: bool) {}
        ),
    );
}

#[test]
fn a_task_with_another_call_and_crate() {
    golden(
        "renamed",
        quote!(call = Welcome, crate = app::jobs),
        quote!(
            pub async fn welcome(user_id: i64) {}
        ),
    );
}

#[test]
fn a_task_that_is_not_always_there() {
    golden(
        "gated",
        quote!(priority = -3),
        quote! {
            #[cfg(feature = "mail")]
            #[doc = include_str!("welcome.md")]
            pub async fn welcome(user_id: i64) {}
        },
    );
}

#[test]
fn a_mistake_leaves_the_function_and_a_call_for_others_to_use() {
    golden(
        "mistake",
        quote!(retries = 0),
        quote!(
            pub async fn welcome(name: &str, limit: Option<i64>) -> Result<Receipt, TaskError> {
                todo!()
            }
        ),
    );
}

#[test]
fn a_mistake_in_a_method_leaves_no_item_that_its_impl_could_not_hold() {
    golden(
        "method",
        quote!(),
        quote!(
            async fn welcome(&self) {}
        ),
    );
}

#[test]
fn a_test_with_a_setup() {
    let item = quote! {
        /// A customer signs up.
        #[should_panic]
        async fn signing_up(db: &Database) -> Result<(), Error> {
            sign_up(db.pool()).await
        }
    };
    compare("test_with_setup", crate::test_function::attribute(quote!(setup = shop::create_tables), item));
}

#[test]
fn a_test_without_a_database() {
    compare(
        "test",
        crate::test_function::attribute(
            quote!(),
            quote!(
                async fn nothing() {}
            ),
        ),
    );
}
