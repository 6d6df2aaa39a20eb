async fn sync(id: i64, state: State, deep: bool) {}
const _: fn() = || {
    ::pgjobs::__private::argument::<i64>();
    ::pgjobs::__private::injectable::<State>();
    ::pgjobs::__private::argument::<bool>();
};
/// A call of the task `sync`.
#[must_use = "a call does nothing until it is published"]
#[derive(
    ::pgjobs::__private::serde::Serialize,
    ::pgjobs::__private::serde::Deserialize,
    ::pgjobs::__private::schemars::JsonSchema,
)]
#[serde(crate = "::pgjobs::__private::serde", deny_unknown_fields)]
#[schemars(crate = "::pgjobs::__private::schemars")]
struct sync {
    /// The argument `id`.
    #[schemars(description = "")]
    id: i64,
    /// The argument `deep`.
    #[schemars(description = "")]
    deep: bool,
}
impl sync {
    /// A call of `sync`.
    fn new(id: i64, deep: bool) -> Self {
        Self { id, deep }
    }
    /// Publishes a call of `sync`: options chain on the returned value, `.await` sends it.
    fn publish<'c, __P: ::pgjobs::Publisher<'c>>(
        publisher: __P,
        id: i64,
        deep: bool,
    ) -> ::pgjobs::Publish<'c, __P, <Self as ::pgjobs::Task>::Output> {
        ::pgjobs::Task::publish(Self::new(id, deep), publisher)
    }
    /// A call of `sync` without `id`, for a workflow: another node gives it.
    fn after(deep: bool) -> ::pgjobs::__private::After<Self, i64> {
        ::pgjobs::__private::After::open_call(&["id"]).with("deep", &deep)
    }
    fn __run(context: ::pgjobs::define::Context) -> ::pgjobs::define::RunFuture {
        ::std::boxed::Box::pin(async move {
            let arguments = context.arguments::<sync>()?;
            let state_1 = ::pgjobs::__private::state::<State>(&context)?;
            let returned = ::pgjobs::__private::sendable(
                    sync(
                        arguments.id,
                        ::pgjobs::__private::cloned::<State>(&state_1),
                        arguments.deep,
                    ),
                )
                .await;
            context.finish(<() as ::pgjobs::define::IntoOutcome>::into_outcome(returned))
        })
    }
}
#[automatically_derived]
impl ::pgjobs::Task for sync {
    type Output = <() as ::pgjobs::define::IntoOutcome>::Output;
    const DEF: &'static ::pgjobs::define::TaskDef = &::pgjobs::define::TaskDef::new(
            ::pgjobs::__private::dotted_name!("sync"),
            Self::__run,
        )
        .doc("")
        .location(::core::concat!(::core::file!(), ":", ::core::line!()))
        .params(
            &[
                ::pgjobs::define::Param {
                    name: "id",
                    ty: "i64",
                    required: true,
                },
                ::pgjobs::define::Param {
                    name: "deep",
                    ty: "bool",
                    required: true,
                },
            ],
        )
        .needs(&[::pgjobs::__private::need::<State>()])
        .unique(::pgjobs::define::TaskUnique::by(&["id", "deep"]))
        .call::<Self>()
        .result::<<Self as ::pgjobs::Task>::Output>();
}
#[doc(hidden)]
use ::pgjobs::Task as _;
::pgjobs::__private::register!(< sync as ::pgjobs::Task > ::DEF);
