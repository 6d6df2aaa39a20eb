use pgjobs::{TaskError, task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Item {
    pub name: String,
    pub cents: u32,
}

/// Writes the receipt of an order.
#[task]
pub async fn receipt(
    items: Vec<Item>,
    #[default("EUR")] currency: String,
    note: Option<String>,
) -> Result<String, TaskError> {
    let cents: u32 = items.iter().map(|item| item.cents).sum();
    let note = note.unwrap_or("thank you".to_owned());
    Ok(format!(
        "{} items, {}.{:02} {currency}, {note}",
        items.len(),
        cents / 100,
        cents % 100
    ))
}
