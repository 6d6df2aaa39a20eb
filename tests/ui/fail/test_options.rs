#[pgjobs::test(setup = "create_tables")]
async fn a_text_as_setup() {}

#[pgjobs::test(set_up = create_tables)]
async fn a_wrong_name() {}

fn main() {}
