#[cfg(feature = "mail")]
#[doc = include_str!("welcome.md")]
pub async fn welcome(user_id: i64) {}
#[cfg(feature = "mail")]
const _: fn() = || {
    ::pgjobs::__private::argument::<i64>();
};
#[cfg(feature = "mail")]
/// A call of the task `welcome`.
#[must_use = "a call does nothing until it is published"]
#[derive(
    ::pgjobs::__private::serde::Serialize,
    ::pgjobs::__private::serde::Deserialize,
    ::pgjobs::__private::schemars::JsonSchema,
)]
#[serde(crate = "::pgjobs::__private::serde", deny_unknown_fields)]
#[schemars(crate = "::pgjobs::__private::schemars")]
pub struct welcome {
    /// The argument `user_id`.
    #[schemars(description = "")]
    pub user_id: i64,
}
#[cfg(feature = "mail")]
impl welcome {
    /// A call of `welcome`.
    pub fn new(user_id: i64) -> Self {
        Self { user_id }
    }
    /// Publishes a call of `welcome`: options chain on the returned value, `.await` sends it.
    pub fn publish<'c, __P: ::pgjobs::Publisher<'c>>(
        publisher: __P,
        user_id: i64,
    ) -> ::pgjobs::Publish<'c, __P, <Self as ::pgjobs::Task>::Output> {
        ::pgjobs::Task::publish(Self::new(user_id), publisher)
    }
    /// A call of `welcome` without `user_id`, for a workflow: another node gives it.
    pub fn after() -> ::pgjobs::__private::After<Self, i64> {
        ::pgjobs::__private::After::open_call(&["user_id"])
    }
    fn __run(context: ::pgjobs::define::Context) -> ::pgjobs::define::RunFuture {
        ::std::boxed::Box::pin(async move {
            let arguments = context.arguments::<welcome>()?;
            let returned = ::pgjobs::__private::sendable(welcome(arguments.user_id))
                .await;
            context.finish(<() as ::pgjobs::define::IntoOutcome>::into_outcome(returned))
        })
    }
}
#[cfg(feature = "mail")]
#[automatically_derived]
impl ::pgjobs::Task for welcome {
    type Output = <() as ::pgjobs::define::IntoOutcome>::Output;
    const DEF: &'static ::pgjobs::define::TaskDef = &::pgjobs::define::TaskDef::new(
            ::pgjobs::__private::dotted_name!("welcome"),
            Self::__run,
        )
        .doc(::core::concat!(include_str!("welcome.md"), "\n"))
        .location(::core::concat!(::core::file!(), ":", ::core::line!()))
        .params(
            &[
                ::pgjobs::define::Param {
                    name: "user_id",
                    ty: "i64",
                    required: true,
                },
            ],
        )
        .options(::pgjobs::define::TaskOptions::new().priority(-3))
        .call::<Self>()
        .result::<<Self as ::pgjobs::Task>::Output>();
}
#[cfg(feature = "mail")]
#[doc(hidden)]
pub use ::pgjobs::Task as _;
#[cfg(feature = "mail")]
::pgjobs::__private::register!(< welcome as ::pgjobs::Task > ::DEF);
