pub async fn invoice(customer: i64, note: Option<String>, region: String) {}
const _: fn() = || {
    ::pgjobs::__private::argument::<i64>();
    ::pgjobs::__private::argument::<Option<String>>();
    ::pgjobs::__private::argument::<String>();
};
/// A call of the task `invoice`.
#[must_use = "a call does nothing until it is published"]
#[derive(
    ::pgjobs::__private::serde::Serialize,
    ::pgjobs::__private::serde::Deserialize,
    ::pgjobs::__private::schemars::JsonSchema,
)]
#[serde(crate = "::pgjobs::__private::serde", deny_unknown_fields)]
#[schemars(crate = "::pgjobs::__private::schemars")]
pub struct invoice {
    /// The argument `customer`.
    #[schemars(description = "")]
    pub customer: i64,
    /// The argument `note`.
    #[schemars(description = "")]
    #[serde(default)]
    pub note: Option<String>,
    /// The argument `region`.
    #[schemars(description = "")]
    #[serde(default = "invoice::__default_region")]
    pub region: String,
}
impl invoice {
    /// A call of `invoice`; arguments that may be absent have setters.
    pub fn new(customer: i64) -> Self {
        Self {
            customer,
            note: ::core::option::Option::None,
            region: Self::__default_region(),
        }
    }
    /// Publishes a call of `invoice`: options chain on the returned value, `.await` sends it.
    pub fn publish<'c, __P: ::pgjobs::Publisher<'c>>(
        publisher: __P,
        customer: i64,
    ) -> ::pgjobs::Publish<'c, __P, <Self as ::pgjobs::Task>::Output> {
        ::pgjobs::Task::publish(Self::new(customer), publisher)
    }
    /// A call of `invoice` without `customer`, for a workflow: another node gives it.
    pub fn after() -> __invoice_after {
        __invoice_after(
            ::pgjobs::__private::After::open_call(&["customer"])
                .with("region", &Self::__default_region()),
        )
    }
    /// Sets the argument `note`.
    pub fn note(mut self, note: impl ::core::convert::Into<String>) -> Self {
        self.note = ::core::option::Option::Some(::core::convert::Into::into(note));
        self
    }
    /// Sets the argument `region`.
    pub fn region(mut self, region: impl ::core::convert::Into<String>) -> Self {
        self.region = ::core::convert::Into::into(region);
        self
    }
    fn __default_region() -> String {
        ::core::convert::From::from("eu")
    }
    fn __run(context: ::pgjobs::define::Context) -> ::pgjobs::define::RunFuture {
        ::std::boxed::Box::pin(async move {
            let arguments = context.arguments::<invoice>()?;
            let returned = ::pgjobs::__private::sendable(
                    invoice(arguments.customer, arguments.note, arguments.region),
                )
                .await;
            context.finish(<() as ::pgjobs::define::IntoOutcome>::into_outcome(returned))
        })
    }
}
#[automatically_derived]
impl ::pgjobs::Task for invoice {
    type Output = <() as ::pgjobs::define::IntoOutcome>::Output;
    const DEF: &'static ::pgjobs::define::TaskDef = &::pgjobs::define::TaskDef::new(
            ::pgjobs::__private::dotted_name!("invoice"),
            Self::__run,
        )
        .doc("")
        .location(::core::concat!(::core::file!(), ":", ::core::line!()))
        .params(
            &[
                ::pgjobs::define::Param {
                    name: "customer",
                    ty: "i64",
                    required: true,
                },
                ::pgjobs::define::Param {
                    name: "note",
                    ty: "Option<String>",
                    required: false,
                },
                ::pgjobs::define::Param {
                    name: "region",
                    ty: "String",
                    required: false,
                },
            ],
        )
        .defaults(&[("region", || ::pgjobs::__private::json(&Self::__default_region()))])
        .unique(
            ::pgjobs::define::TaskUnique::by(&["customer", "region"])
                .defaults(
                    &[
                        (
                            "region",
                            || ::pgjobs::__private::json(&Self::__default_region()),
                        ),
                    ],
                )
                .name("billing")
                .until(::pgjobs::Until::After(::core::time::Duration::from_secs(3600)))
                .on_conflict(::pgjobs::OnConflict::Postpone)
                .wait(::core::time::Duration::from_secs(5))
                .max_wait(::core::time::Duration::from_secs(60)),
        )
        .call::<Self>()
        .result::<<Self as ::pgjobs::Task>::Output>();
}
#[doc(hidden)]
pub use ::pgjobs::Task as _;
::pgjobs::__private::register!(< invoice as ::pgjobs::Task > ::DEF);
#[doc(hidden)]
#[must_use = "it is given to `then`, `map` or `chunks` of a flow"]
pub struct __invoice_after(::pgjobs::__private::After<invoice, i64>);
impl __invoice_after {
    /// Sets the argument `note`.
    pub fn note(self, note: impl ::core::convert::Into<String>) -> Self {
        let note: String = ::core::convert::Into::into(note);
        Self(self.0.with("note", &note))
    }
    /// Sets the argument `region`.
    pub fn region(self, region: impl ::core::convert::Into<String>) -> Self {
        let region: String = ::core::convert::Into::into(region);
        Self(self.0.with("region", &region))
    }
}
#[automatically_derived]
impl ::pgjobs::__private::Open for __invoice_after {
    type Call = invoice;
    type In = i64;
    fn open(self) -> ::pgjobs::__private::After<invoice, i64> {
        self.0
    }
}
