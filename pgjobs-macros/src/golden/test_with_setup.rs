/// A customer signs up.
#[should_panic]
#[::core::prelude::v1::test]
fn signing_up() -> Result<(), Error> {
    async fn signing_up(db: &Database) -> Result<(), Error> {
        sign_up(db.pool()).await
    }
    ::pgjobs::testing::__private::run(
        ::core::option::Option::Some(::pgjobs::testing::__private::Setup {
            name: ::core::concat!(::core::module_path!(), "::", "shop::create_tables"),
            run: |pool| ::std::boxed::Box::pin(async move {
                ::pgjobs::testing::__private::prepared(shop::create_tables(&pool).await)
            }),
        }),
        async |db| {
            let _ = &db;
            signing_up(&<Database as ::pgjobs::testing::__private::Argument>::of(&db))
                .await
        },
    )
}
