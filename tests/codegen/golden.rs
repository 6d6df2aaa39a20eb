//! What the clients look like. `BLESS=1` writes the files anew.

use std::fs;

use pgjobs_tests::Db;

use crate::support::{client, declared, here, letters, odd};

#[tokio::test]
async fn each_client_is_as_it_was_seen_to_be_right() {
    compare(&declared().await, "demo");
}

/// Whatever schemas and names there are, what is made of them compiles: golden/odd.rs is a module of the program beside this.
#[tokio::test]
async fn what_nobody_would_declare_is_expressed_as_far_as_it_goes() {
    compare(&odd().await, "odd");
}

/// The book's page on clients shows calls of golden/mail.rs, which its doc test compiles.
#[tokio::test]
async fn the_client_of_the_book_is_what_the_command_makes() {
    compare(&letters().await, "mail");
}

fn compare(db: &Db, name: &str) {
    let version = concat!("pgjobs ", env!("CARGO_PKG_VERSION"));
    for (lang, extension) in [("python", "py"), ("typescript", "ts"), ("rust", "rs")] {
        let made = client(db, lang);
        assert!(made.lines().next().is_some_and(|line| line.contains(version)), "{made}");
        let made = made.replacen(version, "pgjobs 0.0.0", 1); // no release changes the files
        let path = here("golden").join(name).with_extension(extension);
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, &made).expect("written");
        }
        let golden = fs::read_to_string(&path).unwrap_or_default();
        assert!(made == golden, "{} differs: look at it with BLESS=1 and git diff", path.display());
    }
}
