#[pgjobs::test]
struct NoFunction;

fn main() {}
