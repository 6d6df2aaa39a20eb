use pgjobs::{TaskError, task};

/// Writes the letter that greets a customer.
#[task]
pub async fn welcome(name: String) -> Result<String, TaskError> {
    Ok(format!("Welcome, {name}!"))
}
