//! A module and the function in it share a name, so the call takes another.

mod welcome {
    #[pgjobs::task(call = Welcome)]
    pub async fn welcome(user_id: i64, #[default("en")] locale: String) {
        let _ = (user_id, locale);
    }
}

pub use welcome::{Welcome, welcome};

#[test]
fn the_call_has_its_own_name() {
    assert_eq!(Welcome::new(7).locale("pt").locale, "pt");
    drop(welcome(7, "en".into()));
}
