pub async fn welcome(name: &str, limit: Option<i64>) -> Result<Receipt, TaskError> {
    todo!()
}
::core::compile_error! {
    "arguments are read back from the database; use `String`, or mark shared state with `#[inject]`"
}
::core::compile_error! {
    "`retries` counts the runs in all and lies within 1..=1000; `retries = 1` means no second run"
}
#[derive(::pgjobs::__private::serde::Serialize)]
#[serde(crate = "::pgjobs::__private::serde")]
pub struct welcome {}
impl welcome {
    pub fn new(_: &str) -> Self {
        Self {}
    }
    pub fn publish<'c, __P: ::pgjobs::Publisher<'c>>(
        publisher: __P,
        _: &str,
    ) -> ::pgjobs::Publish<'c, __P, <Self as ::pgjobs::Task>::Output> {
        ::pgjobs::Task::publish(Self {}, publisher)
    }
    pub fn after<__From>() -> ::pgjobs::__private::After<Self, __From> {
        ::pgjobs::__private::After::open_call(&[])
    }
    pub fn limit(self, _: impl ::core::marker::Sized) -> Self {
        self
    }
}
impl ::pgjobs::Task for welcome {
    type Output = <Result<Receipt, TaskError> as ::pgjobs::define::IntoOutcome>::Output;
    const DEF: &'static ::pgjobs::define::TaskDef = ::core::panic!(
        "this task does not compile"
    );
}
