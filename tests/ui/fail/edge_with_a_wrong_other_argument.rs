use pgjobs::TaskError;
use pgjobs::workflow::chain;

#[pgjobs::task]
async fn render(page: u32) -> Result<String, TaskError> {
    Ok(page.to_string())
}

#[pgjobs::task]
async fn mail(page: String, user: i64, #[default(1)] copies: u8) {
    let _ = (page, user, copies);
}

fn main() {
    let _ = chain(render::new(1)).then(mail::after("seven").copies(2));
}
