pub async fn index(
    jobs: &pgjobs::Jobs,
    search: &Search,
    doc: Vec<Doc>,
    locale: Vec<String>,
    boost: Vec<Option<f64>>,
) -> Result<Vec<Result<u64, TaskError>>, TaskError> {
    search.put(jobs, doc, locale, boost).await
}
const _: fn() = || {
    ::pgjobs::__private::injectable::<pgjobs::Jobs>();
    ::pgjobs::__private::injectable::<Search>();
    ::pgjobs::__private::argument::<Doc>();
    ::pgjobs::__private::argument::<String>();
    ::pgjobs::__private::argument::<Option<f64>>();
};
/// A call of the task `index`.
#[must_use = "a call does nothing until it is published"]
#[derive(
    ::pgjobs::__private::serde::Serialize,
    ::pgjobs::__private::serde::Deserialize,
    ::pgjobs::__private::schemars::JsonSchema,
)]
#[serde(crate = "::pgjobs::__private::serde", deny_unknown_fields)]
#[schemars(crate = "::pgjobs::__private::schemars")]
pub struct index {
    /// The argument `doc`.
    #[schemars(description = "")]
    pub doc: Doc,
    /// The argument `locale`.
    #[schemars(description = "")]
    #[serde(default = "index::__default_locale")]
    pub locale: String,
    /// The argument `boost`.
    #[schemars(description = "")]
    #[serde(default)]
    pub boost: Option<f64>,
}
impl index {
    /// A call of `index`; arguments that may be absent have setters.
    pub fn new(doc: Doc) -> Self {
        Self {
            doc,
            locale: Self::__default_locale(),
            boost: ::core::option::Option::None,
        }
    }
    /// Publishes a call of `index`: options chain on the returned value, `.await` sends it.
    pub fn publish<'c, __P: ::pgjobs::Publisher<'c>>(
        publisher: __P,
        doc: Doc,
    ) -> ::pgjobs::Publish<'c, __P, <Self as ::pgjobs::Task>::Output> {
        ::pgjobs::Task::publish(Self::new(doc), publisher)
    }
    /// A call of `index` without `doc`, for a workflow: another node gives it.
    pub fn after() -> __index_after {
        __index_after(
            ::pgjobs::__private::After::open_call(&["doc"])
                .with("locale", &Self::__default_locale()),
        )
    }
    /// Sets the argument `locale`.
    pub fn locale(mut self, locale: impl ::core::convert::Into<String>) -> Self {
        self.locale = ::core::convert::Into::into(locale);
        self
    }
    /// Sets the argument `boost`.
    pub fn boost(mut self, boost: f64) -> Self {
        self.boost = ::core::option::Option::Some(boost);
        self
    }
    fn __default_locale() -> String {
        ::core::convert::From::from("en")
    }
    fn __run(
        mut context: ::pgjobs::define::JointContext,
    ) -> ::pgjobs::define::JointFuture {
        ::std::boxed::Box::pin(async move {
            let all = context.arguments::<index>();
            let mut each_2 = ::std::vec::Vec::with_capacity(all.len());
            let mut each_3 = ::std::vec::Vec::with_capacity(all.len());
            let mut each_4 = ::std::vec::Vec::with_capacity(all.len());
            for one in all {
                each_2.push(one.doc);
                each_3.push(one.locale);
                each_4.push(one.boost);
            }
            if context.jobs().is_empty() {
                return ::core::result::Result::Ok(());
            }
            let state_0 = ::pgjobs::__private::joint_state::<pgjobs::Jobs>(&context)?;
            let state_1 = ::pgjobs::__private::joint_state::<Search>(&context)?;
            let returned = ::pgjobs::__private::sendable(
                    index(&state_0, &state_1, each_2, each_3, each_4),
                )
                .await;
            context
                .finish(
                    <Result<
                        Vec<Result<u64, TaskError>>,
                        TaskError,
                    > as ::pgjobs::define::IntoOutcomes>::into_outcomes(returned),
                )
        })
    }
}
#[automatically_derived]
impl ::pgjobs::Task for index {
    type Output = <Result<
        Vec<Result<u64, TaskError>>,
        TaskError,
    > as ::pgjobs::define::IntoOutcomes>::Output;
    const DEF: &'static ::pgjobs::define::TaskDef = &::pgjobs::define::TaskDef::many(
            ::pgjobs::__private::dotted_name!("index"),
            ::pgjobs::define::Many::new(100, Self::__run)
                .linger(::core::time::Duration::from_millis(50)),
        )
        .doc("")
        .location(::core::concat!(::core::file!(), ":", ::core::line!()))
        .params(
            &[
                ::pgjobs::define::Param {
                    name: "doc",
                    ty: "Doc",
                    required: true,
                },
                ::pgjobs::define::Param {
                    name: "locale",
                    ty: "String",
                    required: false,
                },
                ::pgjobs::define::Param {
                    name: "boost",
                    ty: "Option<f64>",
                    required: false,
                },
            ],
        )
        .defaults(&[("locale", || ::pgjobs::__private::json(&Self::__default_locale()))])
        .needs(
            &[
                ::pgjobs::__private::need::<pgjobs::Jobs>(),
                ::pgjobs::__private::need::<Search>(),
            ],
        )
        .options(::pgjobs::define::TaskOptions::new().retries(5))
        .call::<Self>()
        .result::<<Self as ::pgjobs::Task>::Output>();
}
#[doc(hidden)]
pub use ::pgjobs::Task as _;
::pgjobs::__private::register!(< index as ::pgjobs::Task > ::DEF);
#[doc(hidden)]
#[must_use = "it is given to `then`, `map` or `chunks` of a flow"]
pub struct __index_after(::pgjobs::__private::After<index, Doc>);
impl __index_after {
    /// Sets the argument `locale`.
    pub fn locale(self, locale: impl ::core::convert::Into<String>) -> Self {
        let locale: String = ::core::convert::Into::into(locale);
        Self(self.0.with("locale", &locale))
    }
    /// Sets the argument `boost`.
    pub fn boost(self, boost: f64) -> Self {
        let boost: f64 = boost;
        Self(self.0.with("boost", &boost))
    }
}
#[automatically_derived]
impl ::pgjobs::__private::Open for __index_after {
    type Call = index;
    type In = Doc;
    fn open(self) -> ::pgjobs::__private::After<index, Doc> {
        self.0
    }
}
