//! What the clients look like. `BLESS=1` writes the files anew.

use std::fs;

use crate::support::{client, declared, here};

#[tokio::test]
async fn each_client_is_as_it_was_seen_to_be_right() {
    let db = declared().await;
    let version = concat!("pgjobs ", env!("CARGO_PKG_VERSION"));
    for (lang, file) in [("python", "demo.py"), ("typescript", "demo.ts"), ("rust", "demo.rs")] {
        let made = client(&db, lang);
        assert!(made.lines().next().is_some_and(|line| line.contains(version)), "{made}");
        let made = made.replacen(version, "pgjobs 0.0.0", 1); // no release changes the files
        let path = here("golden").join(file);
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, &made).expect("written");
        }
        let golden = fs::read_to_string(&path).unwrap_or_default();
        assert!(made == golden, "{} differs: look at it with BLESS=1 and git diff", path.display());
    }
}
