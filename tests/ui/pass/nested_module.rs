//! In a module of its own, seen from outside by one `use`.

pub mod shop {
    pub mod mail {
        #[pgjobs::task]
        pub(in crate::pass::nested_module) async fn welcome(user_id: i64, #[default("en")] locale: String) {
            let _ = (user_id, locale);
        }

        #[pgjobs::task]
        pub(super) async fn remind(user_id: i64) {
            let _ = user_id;
        }
    }

    pub fn reminder() -> impl pgjobs::Task {
        mail::remind::new(7)
    }
}

use shop::mail::welcome;

#[test]
fn one_use_brings_the_function_and_its_call() {
    assert_eq!(welcome::new(7).user_id, 7);
    drop(welcome(7, "en".into()));
    drop(shop::reminder());
}
