async fn log(level: String, fields: BTreeMap<String, Value>, sink: Sink) {
    sink.write(level, fields);
}
const _: fn() = || {
    ::pgjobs::__private::argument::<String>();
    ::pgjobs::__private::argument::<BTreeMap<String, Value>>();
    ::pgjobs::__private::injectable::<Sink>();
};
/// A call of the task `log`.
#[must_use = "a call does nothing until it is published"]
#[derive(
    ::pgjobs::__private::serde::Serialize,
    ::pgjobs::__private::serde::Deserialize,
    ::pgjobs::__private::schemars::JsonSchema,
)]
#[serde(crate = "::pgjobs::__private::serde")]
#[schemars(crate = "::pgjobs::__private::schemars")]
struct log {
    /// The argument `level`.
    #[schemars(description = "")]
    level: String,
    /// The argument `fields`.
    #[schemars(description = "")]
    #[serde(flatten)]
    fields: BTreeMap<String, Value>,
}
impl log {
    /// A call of `log`; arguments that may be absent have setters.
    fn new(level: String) -> Self {
        Self {
            level,
            fields: <BTreeMap<String, Value> as ::core::default::Default>::default(),
        }
    }
    /// Publishes a call of `log`: options chain on the returned value, `.await` sends it.
    fn publish<'c, __P: ::pgjobs::Publisher<'c>>(
        publisher: __P,
        level: String,
    ) -> ::pgjobs::Publish<'c, __P, <Self as ::pgjobs::Task>::Output> {
        ::pgjobs::Task::publish(Self::new(level), publisher)
    }
    /// A call of `log` without `level`, for a workflow: another node gives it.
    fn after() -> __log_after {
        __log_after(::pgjobs::__private::After::open_call(&["level"]))
    }
    /// Sets the argument `fields`.
    fn fields(mut self, fields: BTreeMap<String, Value>) -> Self {
        self.fields = fields;
        self
    }
    fn __run(context: ::pgjobs::define::Context) -> ::pgjobs::define::RunFuture {
        ::std::boxed::Box::pin(async move {
            let arguments = context.arguments::<log>()?;
            let state_2 = ::pgjobs::__private::state::<Sink>(&context)?;
            let returned = ::pgjobs::__private::sendable(
                    log(
                        arguments.level,
                        arguments.fields,
                        ::pgjobs::__private::cloned::<Sink>(&state_2),
                    ),
                )
                .await;
            context.finish(<() as ::pgjobs::define::IntoOutcome>::into_outcome(returned))
        })
    }
}
#[automatically_derived]
impl ::pgjobs::Task for log {
    type Output = <() as ::pgjobs::define::IntoOutcome>::Output;
    const DEF: &'static ::pgjobs::define::TaskDef = &::pgjobs::define::TaskDef::new(
            ::pgjobs::__private::dotted_name!("log"),
            Self::__run,
        )
        .doc("")
        .location(::core::concat!(::core::file!(), ":", ::core::line!()))
        .params(
            &[
                ::pgjobs::define::Param {
                    name: "level",
                    ty: "String",
                    required: true,
                },
            ],
        )
        .extra_kwargs()
        .needs(&[::pgjobs::__private::need::<Sink>()])
        .call::<Self>()
        .result::<<Self as ::pgjobs::Task>::Output>();
}
#[doc(hidden)]
use ::pgjobs::Task as _;
::pgjobs::__private::register!(< log as ::pgjobs::Task > ::DEF);
#[doc(hidden)]
#[must_use = "it is given to `then`, `map` or `chunks` of a flow"]
struct __log_after(::pgjobs::__private::After<log, String>);
impl __log_after {
    /// Sets the keywords left over.
    fn fields(self, fields: BTreeMap<String, Value>) -> Self {
        Self(self.0.with_all(&fields))
    }
}
#[automatically_derived]
impl ::pgjobs::__private::Open for __log_after {
    type Call = log;
    type In = String;
    fn open(self) -> ::pgjobs::__private::After<log, String> {
        self.0
    }
}
