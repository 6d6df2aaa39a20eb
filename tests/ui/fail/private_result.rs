#![allow(unused)]

mod inner {
    #[derive(serde::Serialize, pgjobs::schemars::JsonSchema)]
    #[schemars(crate = "pgjobs::schemars")]
    struct Receipt {
        id: i64,
    }

    #[pgjobs::task]
    pub async fn pay(id: i64) -> Result<Receipt, pgjobs::TaskError> {
        Ok(Receipt { id })
    }
}

fn main() {}
