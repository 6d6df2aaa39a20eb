use pgjobs::TaskError;
use pgjobs::workflow::chain;

#[pgjobs::task]
async fn render(page: u32) -> Result<String, TaskError> {
    Ok(page.to_string())
}

#[pgjobs::task]
async fn mail(#[from] page: String, user: i64) {
    let _ = (page, user);
}

fn main() {
    let _ = chain(render::new(1)).then(mail::after());
}
