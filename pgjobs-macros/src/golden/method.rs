async fn welcome(&self) {}
::core::compile_error! {
    "a task is a free function without `self`; move it out of the impl and inject the state: `#[inject] state: &State`"
}
