use std::collections::BTreeMap;

struct Mailer;

#[pgjobs::task]
async fn mail(
    #[inject]
    #[from]
    mailer: &Mailer,
    user: i64,
) {
    let _ = (mailer, user);
}

#[pgjobs::task]
async fn log(
    #[kwargs]
    #[from]
    fields: BTreeMap<String, i64>,
) {
    let _ = fields;
}

#[pgjobs::task]
async fn print(page: String, #[default(1)] after: u8) {
    let _ = (page, after);
}

fn main() {}
