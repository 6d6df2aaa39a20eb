use pgjobs::TaskError;
use pgjobs::workflow::Flow;

#[pgjobs::task]
async fn render(page: u32) -> Result<String, TaskError> {
    Ok(page.to_string())
}

#[pgjobs::task]
async fn print(page: String) {
    let _ = page;
}

fn main() {
    let mut flow = Flow::new("report");
    let page = flow.node("page", render::new(1));
    flow.map("print", page, print::after());
}
