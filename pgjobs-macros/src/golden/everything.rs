/// Sends the welcome letter.
///
/// It is sent once.
pub async fn welcome(
    mailer: &Mailer,
    job: &pgjobs::Job,
    user_id: i64,
    locale: String,
    coupon: Option<String>,
) -> Result<Receipt, TaskError> {
    mailer.send(user_id, locale, coupon).await
}
const _: fn() = || {
    ::pgjobs::__private::injectable::<Mailer>();
    ::pgjobs::__private::injectable::<pgjobs::Job>();
    ::pgjobs::__private::argument::<i64>();
    ::pgjobs::__private::argument::<String>();
    ::pgjobs::__private::argument::<Option<String>>();
};
/// Sends the welcome letter.
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
    /// The argument `locale`.
    #[schemars(description = "")]
    #[serde(default = "welcome::__default_locale")]
    pub locale: String,
    /// The argument `coupon`.
    #[schemars(description = "")]
    #[serde(default)]
    pub coupon: Option<String>,
}
impl welcome {
    /// A call of `welcome`; arguments that may be absent have setters.
    pub fn new(user_id: i64) -> Self {
        Self {
            user_id,
            locale: Self::__default_locale(),
            coupon: ::core::option::Option::None,
        }
    }
    /// Publishes a call of `welcome`: options chain on the returned value, `.await` sends it.
    pub fn publish<'c, __P: ::pgjobs::Publisher<'c>>(
        publisher: __P,
        user_id: i64,
    ) -> ::pgjobs::Publish<'c, __P, <Self as ::pgjobs::Task>::Output> {
        ::pgjobs::Task::publish(Self::new(user_id), publisher)
    }
    /// A call of `welcome` without `user_id`, for a workflow: another node gives it.
    pub fn after() -> __welcome_after {
        __welcome_after(
            ::pgjobs::__private::After::open_call(&["user_id"])
                .with("locale", &Self::__default_locale()),
        )
    }
    /// Sets the argument `locale`.
    pub fn locale(mut self, locale: impl ::core::convert::Into<String>) -> Self {
        self.locale = ::core::convert::Into::into(locale);
        self
    }
    /// Sets the argument `coupon`.
    pub fn coupon(mut self, coupon: impl ::core::convert::Into<String>) -> Self {
        self.coupon = ::core::option::Option::Some(::core::convert::Into::into(coupon));
        self
    }
    fn __default_locale() -> String {
        ::core::convert::From::from("en")
    }
    fn __run(context: ::pgjobs::define::Context) -> ::pgjobs::define::RunFuture {
        ::std::boxed::Box::pin(async move {
            let arguments = context.arguments::<welcome>()?;
            let state_0 = ::pgjobs::__private::state::<Mailer>(&context)?;
            let state_1 = ::pgjobs::__private::state::<pgjobs::Job>(&context)?;
            let returned = ::pgjobs::__private::sendable(
                    welcome(
                        &state_0,
                        &state_1,
                        arguments.user_id,
                        arguments.locale,
                        arguments.coupon,
                    ),
                )
                .await;
            context
                .finish(
                    <Result<
                        Receipt,
                        TaskError,
                    > as ::pgjobs::define::IntoOutcome>::into_outcome(returned),
                )
        })
    }
}
#[automatically_derived]
impl ::pgjobs::Task for welcome {
    type Output = <Result<Receipt, TaskError> as ::pgjobs::define::IntoOutcome>::Output;
    const DEF: &'static ::pgjobs::define::TaskDef = &::pgjobs::define::TaskDef::new(
            "mail.welcome",
            Self::__run,
        )
        .aliases(&["mail.hello"])
        .doc("Sends the welcome letter.\n\nIt is sent once.")
        .location(::core::concat!(::core::file!(), ":", ::core::line!()))
        .params(
            &[
                ::pgjobs::define::Param {
                    name: "user_id",
                    ty: "i64",
                    required: true,
                },
                ::pgjobs::define::Param {
                    name: "locale",
                    ty: "String",
                    required: false,
                },
                ::pgjobs::define::Param {
                    name: "coupon",
                    ty: "Option<String>",
                    required: false,
                },
            ],
        )
        .defaults(&[("locale", || ::pgjobs::__private::json(&Self::__default_locale()))])
        .needs(
            &[
                ::pgjobs::__private::need::<Mailer>(),
                ::pgjobs::__private::need::<pgjobs::Job>(),
            ],
        )
        .options(
            ::pgjobs::define::TaskOptions::new()
                .retries(5)
                .timeout(::core::time::Duration::from_secs(30))
                .warn_after(::core::time::Duration::from_secs(20))
                .slo(::core::time::Duration::from_secs(120))
                .priority(3)
                .backoff(
                    ::pgjobs::Backoff::exponential(
                        ::core::time::Duration::from_secs(1),
                        ::core::time::Duration::from_secs(3600),
                    ),
                )
                .keep(::pgjobs::Keep::Failed)
                .validation(::pgjobs::Validation::Warn)
                .log(::pgjobs::LogLevel::Info)
                .trace(::pgjobs::Trace::Child)
                .events(true),
        )
        .steps(&["letter", "coupon/*"])
        .call::<Self>()
        .result::<<Self as ::pgjobs::Task>::Output>();
}
#[doc(hidden)]
pub use ::pgjobs::Task as _;
::pgjobs::__private::register!(< welcome as ::pgjobs::Task > ::DEF);
#[doc(hidden)]
#[must_use = "it is given to `then`, `map` or `chunks` of a flow"]
pub struct __welcome_after(::pgjobs::__private::After<welcome, i64>);
impl __welcome_after {
    /// Sets the argument `locale`.
    pub fn locale(self, locale: impl ::core::convert::Into<String>) -> Self {
        let locale: String = ::core::convert::Into::into(locale);
        Self(self.0.with("locale", &locale))
    }
    /// Sets the argument `coupon`.
    pub fn coupon(self, coupon: impl ::core::convert::Into<String>) -> Self {
        let coupon: String = ::core::convert::Into::into(coupon);
        Self(self.0.with("coupon", &coupon))
    }
}
#[automatically_derived]
impl ::pgjobs::__private::Open for __welcome_after {
    type Call = welcome;
    type In = i64;
    fn open(self) -> ::pgjobs::__private::After<welcome, i64> {
        self.0
    }
}
