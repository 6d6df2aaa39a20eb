pub(crate) async fn search(
    text: String,
    limit: u64,
    mut fields: Vec<String>,
) -> Result<Vec<Hit>, SearchError> {
    fields.sort();
    find(text, limit, fields).await
}
const _: fn() = || {
    ::pgjobs::__private::argument::<String>();
    ::pgjobs::__private::argument::<u64>();
    ::pgjobs::__private::argument::<Vec<String>>();
};
/// A call of the task `search`.
#[must_use = "a call does nothing until it is published"]
#[derive(
    ::pgjobs::__private::serde::Serialize,
    ::pgjobs::__private::serde::Deserialize,
    ::pgjobs::__private::schemars::JsonSchema,
)]
#[serde(crate = "::pgjobs::__private::serde", deny_unknown_fields)]
#[schemars(crate = "::pgjobs::__private::schemars")]
pub(crate) struct search {
    /// What to look for.
    pub(crate) text: String,
    /// How many at most.
    #[serde(default = "search::__default_limit")]
    pub(crate) limit: u64,
    /// The argument `fields`.
    #[schemars(description = "")]
    #[serde(default = "search::__default_fields")]
    pub(crate) fields: Vec<String>,
}
impl search {
    /// A call of `search`; arguments that may be absent have setters.
    pub(crate) fn new(text: String) -> Self {
        Self {
            text,
            limit: Self::__default_limit(),
            fields: Self::__default_fields(),
        }
    }
    /// Publishes a call of `search`: options chain on the returned value, `.await` sends it.
    pub(crate) fn publish<'c, __P: ::pgjobs::Publisher<'c>>(
        publisher: __P,
        text: String,
    ) -> ::pgjobs::Publish<'c, __P, <Self as ::pgjobs::Task>::Output> {
        ::pgjobs::Task::publish(Self::new(text), publisher)
    }
    /// A call of `search` without `text`, for a workflow: another node gives it.
    pub(crate) fn after() -> __search_after {
        __search_after(
            ::pgjobs::__private::After::open_call(&["text"])
                .with("limit", &Self::__default_limit())
                .with("fields", &Self::__default_fields()),
        )
    }
    /// How many at most.
    pub(crate) fn limit(mut self, limit: u64) -> Self {
        self.limit = limit;
        self
    }
    /// Sets the argument `fields`.
    pub(crate) fn fields(
        mut self,
        fields: impl ::core::convert::Into<Vec<String>>,
    ) -> Self {
        self.fields = ::core::convert::Into::into(fields);
        self
    }
    fn __default_limit() -> u64 {
        20
    }
    fn __default_fields() -> Vec<String> {
        vec!["name".to_owned()]
    }
    fn __run(context: ::pgjobs::define::Context) -> ::pgjobs::define::RunFuture {
        ::std::boxed::Box::pin(async move {
            let arguments = context.arguments::<search>()?;
            let returned = ::pgjobs::__private::sendable(
                    search(arguments.text, arguments.limit, arguments.fields),
                )
                .await;
            context
                .finish(
                    <Result<
                        Vec<Hit>,
                        SearchError,
                    > as ::pgjobs::define::IntoOutcome>::into_outcome(returned),
                )
        })
    }
}
#[automatically_derived]
impl ::pgjobs::Task for search {
    type Output = <Result<
        Vec<Hit>,
        SearchError,
    > as ::pgjobs::define::IntoOutcome>::Output;
    const DEF: &'static ::pgjobs::define::TaskDef = &::pgjobs::define::TaskDef::new(
            ::pgjobs::__private::dotted_name!("search"),
            Self::__run,
        )
        .doc("")
        .location(::core::concat!(::core::file!(), ":", ::core::line!()))
        .params(
            &[
                ::pgjobs::define::Param {
                    name: "text",
                    ty: "String",
                    required: true,
                },
                ::pgjobs::define::Param {
                    name: "limit",
                    ty: "u64",
                    required: false,
                },
                ::pgjobs::define::Param {
                    name: "fields",
                    ty: "Vec<String>",
                    required: false,
                },
            ],
        )
        .defaults(&[("limit", || ::pgjobs::__private::json(&Self::__default_limit()))])
        .options(
            ::pgjobs::define::TaskOptions::new()
                .timeout(::core::time::Duration::from_millis(1500))
                .backoff(
                    ::pgjobs::Backoff::fixed(::core::time::Duration::from_millis(250)),
                ),
        )
        .call::<Self>()
        .result::<<Self as ::pgjobs::Task>::Output>();
}
#[doc(hidden)]
pub(crate) use ::pgjobs::Task as _;
::pgjobs::__private::register!(< search as ::pgjobs::Task > ::DEF);
#[doc(hidden)]
#[must_use = "it is given to `then`, `map` or `chunks` of a flow"]
pub(crate) struct __search_after(::pgjobs::__private::After<search, String>);
impl __search_after {
    /// Sets the argument `limit`.
    pub(crate) fn limit(self, limit: u64) -> Self {
        let limit: u64 = limit;
        Self(self.0.with("limit", &limit))
    }
    /// Sets the argument `fields`.
    pub(crate) fn fields(self, fields: impl ::core::convert::Into<Vec<String>>) -> Self {
        let fields: Vec<String> = ::core::convert::Into::into(fields);
        Self(self.0.with("fields", &fields))
    }
}
#[automatically_derived]
impl ::pgjobs::__private::Open for __search_after {
    type Call = search;
    type In = String;
    fn open(self) -> ::pgjobs::__private::After<search, String> {
        self.0
    }
}
