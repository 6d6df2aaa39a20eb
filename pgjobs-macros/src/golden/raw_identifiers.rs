async fn r#move(r#type: String, r#as: bool) {}
const _: fn() = || {
    ::pgjobs::__private::argument::<String>();
    ::pgjobs::__private::argument::<bool>();
};
/// A call of the task `move`.
#[must_use = "a call does nothing until it is published"]
#[derive(
    ::pgjobs::__private::serde::Serialize,
    ::pgjobs::__private::serde::Deserialize,
    ::pgjobs::__private::schemars::JsonSchema,
)]
#[serde(crate = "::pgjobs::__private::serde", deny_unknown_fields)]
#[schemars(crate = "::pgjobs::__private::schemars")]
struct r#move {
    /// The argument `type`.
    #[schemars(description = "")]
    r#type: String,
    /// The argument `as`.
    #[schemars(description = "")]
    #[serde(default = "r#move::__default_as")]
    r#as: bool,
}
impl r#move {
    /// A call of `move`; arguments that may be absent have setters.
    fn new(r#type: String) -> Self {
        Self {
            r#type,
            r#as: Self::__default_as(),
        }
    }
    /// Publishes a call of `move`: options chain on the returned value, `.await` sends it.
    fn publish<'c, __P: ::pgjobs::Publisher<'c>>(
        publisher: __P,
        r#type: String,
    ) -> ::pgjobs::Publish<'c, __P, <Self as ::pgjobs::Task>::Output> {
        ::pgjobs::Task::publish(Self::new(r#type), publisher)
    }
    /// A call of `move` without `type`, for a workflow: another node gives it.
    fn after() -> __move_after {
        __move_after(
            ::pgjobs::__private::After::open_call(&["type"])
                .with("as", &Self::__default_as()),
        )
    }
    /// Sets the argument `as`.
    fn r#as(mut self, r#as: bool) -> Self {
        self.r#as = r#as;
        self
    }
    fn __default_as() -> bool {
        true
    }
    fn __run(context: ::pgjobs::define::Context) -> ::pgjobs::define::RunFuture {
        ::std::boxed::Box::pin(async move {
            let arguments = context.arguments::<r#move>()?;
            let returned = ::pgjobs::__private::sendable(
                    r#move(arguments.r#type, arguments.r#as),
                )
                .await;
            context.finish(<() as ::pgjobs::define::IntoOutcome>::into_outcome(returned))
        })
    }
}
#[automatically_derived]
impl ::pgjobs::Task for r#move {
    type Output = <() as ::pgjobs::define::IntoOutcome>::Output;
    const DEF: &'static ::pgjobs::define::TaskDef = &::pgjobs::define::TaskDef::new(
            ::pgjobs::__private::dotted_name!("move"),
            Self::__run,
        )
        .doc("")
        .location(::core::concat!(::core::file!(), ":", ::core::line!()))
        .params(
            &[
                ::pgjobs::define::Param {
                    name: "type",
                    ty: "String",
                    required: true,
                },
                ::pgjobs::define::Param {
                    name: "as",
                    ty: "bool",
                    required: false,
                },
            ],
        )
        .defaults(&[("as", || ::pgjobs::__private::json(&Self::__default_as()))])
        .call::<Self>()
        .result::<<Self as ::pgjobs::Task>::Output>();
}
#[doc(hidden)]
use ::pgjobs::Task as _;
::pgjobs::__private::register!(< r#move as ::pgjobs::Task > ::DEF);
#[doc(hidden)]
#[must_use = "it is given to `then`, `map` or `chunks` of a flow"]
struct __move_after(::pgjobs::__private::After<r#move, String>);
impl __move_after {
    /// Sets the argument `as`.
    fn r#as(self, r#as: bool) -> Self {
        let r#as: bool = r#as;
        Self(self.0.with("as", &r#as))
    }
}
#[automatically_derived]
impl ::pgjobs::__private::Open for __move_after {
    type Call = r#move;
    type In = String;
    fn open(self) -> ::pgjobs::__private::After<r#move, String> {
        self.0
    }
}
