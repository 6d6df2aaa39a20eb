async fn wake(jobs: &Jobs) {}
const _: fn() = || {
    ::pgjobs::__private::injectable::<Jobs>();
};
/// A call of the task `wake`.
#[must_use = "a call does nothing until it is published"]
#[derive(
    ::pgjobs::__private::serde::Serialize,
    ::pgjobs::__private::serde::Deserialize,
    ::pgjobs::__private::schemars::JsonSchema,
)]
#[serde(crate = "::pgjobs::__private::serde", deny_unknown_fields)]
#[schemars(crate = "::pgjobs::__private::schemars")]
struct wake {}
impl wake {
    /// A call of `wake`.
    fn new() -> Self {
        Self {}
    }
    /// Publishes a call of `wake`: options chain on the returned value, `.await` sends it.
    fn publish<'c, __P: ::pgjobs::Publisher<'c>>(
        publisher: __P,
    ) -> ::pgjobs::Publish<'c, __P, <Self as ::pgjobs::Task>::Output> {
        ::pgjobs::Task::publish(Self::new(), publisher)
    }
    fn __run(
        mut context: ::pgjobs::define::JointContext,
    ) -> ::pgjobs::define::JointFuture {
        ::std::boxed::Box::pin(async move {
            context.arguments::<wake>();
            if context.jobs().is_empty() {
                return ::core::result::Result::Ok(());
            }
            let state_0 = ::pgjobs::__private::joint_state::<Jobs>(&context)?;
            let returned = ::pgjobs::__private::sendable(wake(&state_0)).await;
            context
                .finish(<() as ::pgjobs::define::IntoOutcomes>::into_outcomes(returned))
        })
    }
}
#[automatically_derived]
impl ::pgjobs::Task for wake {
    type Output = <() as ::pgjobs::define::IntoOutcomes>::Output;
    const DEF: &'static ::pgjobs::define::TaskDef = &::pgjobs::define::TaskDef::many(
            ::pgjobs::__private::dotted_name!("wake"),
            ::pgjobs::define::Many::new(2, Self::__run),
        )
        .doc("")
        .location(::core::concat!(::core::file!(), ":", ::core::line!()))
        .needs(&[::pgjobs::__private::need::<Jobs>()])
        .call::<Self>()
        .result::<<Self as ::pgjobs::Task>::Output>();
}
#[doc(hidden)]
use ::pgjobs::Task as _;
::pgjobs::__private::register!(< wake as ::pgjobs::Task > ::DEF);
