//! Letters to customers.

use pgjobs::{TaskError, task};

/// Sends letters; a real one would hold an SMTP connection.
pub struct Mailer {
    /// The address that letters come from.
    pub from: String,
}

impl Mailer {
    fn send(&self, to: &str, subject: &str) -> String {
        format!("from {} to {to}: {subject}", self.from)
    }
}

/// Greets a new customer.
#[task]
pub async fn welcome(#[inject] mailer: &Mailer, address: String) -> Result<String, TaskError> {
    Ok(mailer.send(&address, "welcome"))
}

/// Sends the receipt of a charge.
#[task]
pub async fn receipt(#[inject] mailer: &Mailer, address: String, cents: i64) -> Result<String, TaskError> {
    Ok(mailer.send(&address, &format!("we received {}.{:02}", cents / 100, cents % 100)))
}
