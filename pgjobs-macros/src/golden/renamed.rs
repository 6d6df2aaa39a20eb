pub async fn welcome(user_id: i64) {}
const _: fn() = || {
    app::jobs::__private::argument::<i64>();
};
/// A call of the task `welcome`.
#[must_use = "a call does nothing until it is published"]
#[derive(
    app::jobs::__private::serde::Serialize,
    app::jobs::__private::serde::Deserialize,
    app::jobs::__private::schemars::JsonSchema,
)]
#[serde(crate = "app::jobs::__private::serde", deny_unknown_fields)]
#[schemars(crate = "app::jobs::__private::schemars")]
pub struct Welcome {
    /// The argument `user_id`.
    #[schemars(description = "")]
    pub user_id: i64,
}
impl Welcome {
    /// A call of `welcome`.
    pub fn new(user_id: i64) -> Self {
        Self { user_id }
    }
    /// Publishes a call of `welcome`: options chain on the returned value, `.await` sends it.
    pub fn publish<'c, __P: app::jobs::Publisher<'c>>(
        publisher: __P,
        user_id: i64,
    ) -> app::jobs::Publish<'c, __P, <Self as app::jobs::Task>::Output> {
        app::jobs::Task::publish(Self::new(user_id), publisher)
    }
    /// A call of `welcome` without `user_id`, for a workflow: another node gives it.
    pub fn after() -> app::jobs::__private::After<Self, i64> {
        app::jobs::__private::After::open_call(&["user_id"])
    }
    fn __run(context: app::jobs::define::Context) -> app::jobs::define::RunFuture {
        ::std::boxed::Box::pin(async move {
            let arguments = context.arguments::<Welcome>()?;
            let returned = app::jobs::__private::sendable(welcome(arguments.user_id))
                .await;
            context
                .finish(<() as app::jobs::define::IntoOutcome>::into_outcome(returned))
        })
    }
}
#[automatically_derived]
impl app::jobs::Task for Welcome {
    type Output = <() as app::jobs::define::IntoOutcome>::Output;
    const DEF: &'static app::jobs::define::TaskDef = &app::jobs::define::TaskDef::new(
            app::jobs::__private::dotted_name!("welcome"),
            Self::__run,
        )
        .doc("")
        .location(::core::concat!(::core::file!(), ":", ::core::line!()))
        .params(
            &[
                app::jobs::define::Param {
                    name: "user_id",
                    ty: "i64",
                    required: true,
                },
            ],
        )
        .call::<Self>()
        .result::<<Self as app::jobs::Task>::Output>();
}
#[doc(hidden)]
pub use app::jobs::Task as _;
app::jobs::__private::register!(< Welcome as app::jobs::Task > ::DEF);
