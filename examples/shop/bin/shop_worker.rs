//! The whole command line with all tasks of the shop: `shop-worker worker --topic 'shop.stock.*'`,
//! `shop-worker check`.
//!
//! ```text
//! DATABASE_URL=postgres://… cargo run -p pgjobs-example-shop --bin shop-worker -- worker
//! ```

use std::process::ExitCode;

use shop_mail::Mailer;

// Every crate that holds tasks: one that is never named is not linked.
pgjobs::link!(shop, shop_mail);

fn main() -> ExitCode {
    pgjobs::cli::App::new().state(Mailer::default()).main()
}
