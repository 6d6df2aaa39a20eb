async fn report() {}
const _: fn() = || {};
/// A call of the task `report`.
#[must_use = "a call does nothing until it is published"]
#[derive(
    ::pgjobs::__private::serde::Serialize,
    ::pgjobs::__private::serde::Deserialize,
    ::pgjobs::__private::schemars::JsonSchema,
)]
#[serde(crate = "::pgjobs::__private::serde", deny_unknown_fields)]
#[schemars(crate = "::pgjobs::__private::schemars")]
struct report {}
impl report {
    /// A call of `report`.
    fn new() -> Self {
        Self {}
    }
    /// Publishes a call of `report`: options chain on the returned value, `.await` sends it.
    fn publish<'c, __P: ::pgjobs::Publisher<'c>>(
        publisher: __P,
    ) -> ::pgjobs::Publish<'c, __P, <Self as ::pgjobs::Task>::Output> {
        ::pgjobs::Task::publish(Self::new(), publisher)
    }
    fn __run(context: ::pgjobs::define::Context) -> ::pgjobs::define::RunFuture {
        ::std::boxed::Box::pin(async move {
            let report {} = context.arguments::<report>()?;
            let returned = ::pgjobs::__private::sendable(report()).await;
            context.finish(<() as ::pgjobs::define::IntoOutcome>::into_outcome(returned))
        })
    }
}
#[automatically_derived]
impl ::pgjobs::Task for report {
    type Output = <() as ::pgjobs::define::IntoOutcome>::Output;
    const DEF: &'static ::pgjobs::define::TaskDef = &::pgjobs::define::TaskDef::new(
            ::pgjobs::__private::dotted_name!("report"),
            Self::__run,
        )
        .doc("")
        .location(::core::concat!(::core::file!(), ":", ::core::line!()))
        .schedules(
            &[
                ::pgjobs::define::TaskSchedule::cron("0 3 * * *")
                    .zone("Europe/Berlin")
                    .gap(::pgjobs::schedule::Gap::Skip)
                    .fold(::pgjobs::schedule::Fold::Second)
                    .jitter(::core::time::Duration::from_secs(300))
                    .catch_up(::pgjobs::schedule::CatchUp::All)
                    .catch_up_limit(7)
                    .overlap(::pgjobs::schedule::Overlap::Skip),
                ::pgjobs::define::TaskSchedule::every(
                        ::core::time::Duration::from_secs(90),
                    )
                    .name("often"),
            ],
        )
        .call::<Self>()
        .result::<<Self as ::pgjobs::Task>::Output>();
}
#[doc(hidden)]
use ::pgjobs::Task as _;
::pgjobs::__private::register!(< report as ::pgjobs::Task > ::DEF);
