//! Letters to customers, in a crate of their own: who publishes a letter needs no more of the shop.
//!
//! The names of the tasks are written out, so that they stay when the code moves: without that they would
//! begin with the name of this crate.

use pgjobs::{TaskError, task};

/// Sends letters; a real one would hold an SMTP connection.
pub struct Mailer {
    /// The address that letters come from.
    pub from: String,
}

impl Default for Mailer {
    fn default() -> Self {
        Mailer { from: "shop@example.org".to_owned() }
    }
}

impl Mailer {
    fn send(&self, to: &str, subject: &str) -> String {
        format!("from {} to {to}: {subject}", self.from)
    }
}

/// Greets a new customer.
#[task(name = "shop.mail.welcome")]
pub async fn welcome(#[inject] mailer: &Mailer, address: String) -> Result<String, TaskError> {
    Ok(mailer.send(&address, "welcome"))
}

/// Sends the receipt of a charge.
#[task(name = "shop.mail.receipt")]
pub async fn receipt(#[inject] mailer: &Mailer, address: String, cents: i64) -> Result<String, TaskError> {
    Ok(mailer.send(&address, &format!("we received {}", money(cents))))
}

/// Says that a charge was taken back.
#[task(name = "shop.mail.refunded")]
pub async fn refunded(#[inject] mailer: &Mailer, address: String, cents: i64) -> Result<String, TaskError> {
    Ok(mailer.send(&address, &format!("you have {} back", money(cents))))
}

fn money(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
