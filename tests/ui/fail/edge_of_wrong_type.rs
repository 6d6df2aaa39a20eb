use pgjobs::TaskError;
use pgjobs::workflow::Flow;

#[pgjobs::task]
async fn render(page: u32) -> Result<String, TaskError> {
    Ok(page.to_string())
}

#[pgjobs::task]
async fn count(pages: Vec<u64>) -> Result<usize, TaskError> {
    Ok(pages.len())
}

fn main() {
    let mut flow = Flow::new("report");
    let pages = flow.group("page", (1..4).map(render::new));
    flow.then("count", &pages, count::after());
}
