#[::core::prelude::v1::test]
fn nothing() {
    async fn nothing() {}
    ::pgjobs::testing::__private::run(
        ::core::option::Option::None,
        async |db| {
            let _ = &db;
            nothing().await
        },
    )
}
