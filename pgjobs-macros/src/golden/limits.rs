async fn sync(customer: i64, units: u32, region: String) {}
const _: fn() = || {
    ::pgjobs::__private::argument::<i64>();
    ::pgjobs::__private::argument::<u32>();
    ::pgjobs::__private::argument::<String>();
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
    /// The argument `customer`.
    #[schemars(description = "")]
    customer: i64,
    /// The argument `units`.
    #[schemars(description = "")]
    #[serde(default = "sync::__default_units")]
    units: u32,
    /// The argument `region`.
    #[schemars(description = "")]
    #[serde(default = "sync::__default_region")]
    region: String,
}
impl sync {
    /// A call of `sync`; arguments that may be absent have setters.
    fn new(customer: i64) -> Self {
        Self {
            customer,
            units: Self::__default_units(),
            region: Self::__default_region(),
        }
    }
    /// Publishes a call of `sync`: options chain on the returned value, `.await` sends it.
    fn publish<'c, __P: ::pgjobs::Publisher<'c>>(
        publisher: __P,
        customer: i64,
    ) -> ::pgjobs::Publish<'c, __P, <Self as ::pgjobs::Task>::Output> {
        ::pgjobs::Task::publish(Self::new(customer), publisher)
    }
    /// A call of `sync` without `customer`, for a workflow: another node gives it.
    fn after() -> __sync_after {
        __sync_after(
            ::pgjobs::__private::After::open_call(&["customer"])
                .with("units", &Self::__default_units())
                .with("region", &Self::__default_region()),
        )
    }
    /// Sets the argument `units`.
    fn units(mut self, units: u32) -> Self {
        self.units = units;
        self
    }
    /// Sets the argument `region`.
    fn region(mut self, region: impl ::core::convert::Into<String>) -> Self {
        self.region = ::core::convert::Into::into(region);
        self
    }
    fn __default_units() -> u32 {
        1
    }
    fn __default_region() -> String {
        region()
    }
    fn __run(context: ::pgjobs::define::Context) -> ::pgjobs::define::RunFuture {
        ::std::boxed::Box::pin(async move {
            let arguments = context.arguments::<sync>()?;
            let returned = ::pgjobs::__private::sendable(
                    sync(arguments.customer, arguments.units, arguments.region),
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
                    name: "customer",
                    ty: "i64",
                    required: true,
                },
                ::pgjobs::define::Param {
                    name: "units",
                    ty: "u32",
                    required: false,
                },
                ::pgjobs::define::Param {
                    name: "region",
                    ty: "String",
                    required: false,
                },
            ],
        )
        .defaults(
            &[
                ("units", || ::pgjobs::__private::json(&Self::__default_units())),
                ("region", || ::pgjobs::__private::json(&Self::__default_region())),
            ],
        )
        .limits(
            &[
                ::pgjobs::define::TaskLimit::new()
                    .name("stripe")
                    .key(&["customer"])
                    .max(2)
                    .rates(&["100/s"])
                    .burst(20)
                    .cost("units"),
                ::pgjobs::define::TaskLimit::new().rates(&["1000/h", "10/s"]),
                ::pgjobs::define::TaskLimit::in_order()
                    .key(&["customer", "region"])
                    .on_dead(::pgjobs::limits::OnDead::Hold),
                ::pgjobs::define::TaskLimit::fair_by(&["region"]),
            ],
        )
        .call::<Self>()
        .result::<<Self as ::pgjobs::Task>::Output>();
}
#[doc(hidden)]
use ::pgjobs::Task as _;
::pgjobs::__private::register!(< sync as ::pgjobs::Task > ::DEF);
#[doc(hidden)]
#[must_use = "it is given to `then`, `map` or `chunks` of a flow"]
struct __sync_after(::pgjobs::__private::After<sync, i64>);
impl __sync_after {
    /// Sets the argument `units`.
    fn units(self, units: u32) -> Self {
        let units: u32 = units;
        Self(self.0.with("units", &units))
    }
    /// Sets the argument `region`.
    fn region(self, region: impl ::core::convert::Into<String>) -> Self {
        let region: String = ::core::convert::Into::into(region);
        Self(self.0.with("region", &region))
    }
}
#[automatically_derived]
impl ::pgjobs::__private::Open for __sync_after {
    type Call = sync;
    type In = i64;
    fn open(self) -> ::pgjobs::__private::After<sync, i64> {
        self.0
    }
}
