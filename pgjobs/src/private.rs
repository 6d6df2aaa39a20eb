//! Items for the code that `#[task]` generates; no stability promise.

pub use schemars;
pub use serde;

#[cfg(not(feature = "linkme"))]
pub use inventory;
#[cfg(feature = "linkme")]
pub use linkme;

#[cfg(feature = "linkme")]
pub use crate::task::registry::REGISTERED;
pub use crate::task::registry::Registered;
/// For the simulation of several servers in `benches/`.
pub use crate::types::rendezvous::owner;
pub use crate::workflow::{After, Args, Open};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::define::{Context, JointContext, StateType};

/// The requirements for an argument of a task.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a task",
    label = "arguments travel through the database as JSON",
    note = "a type of yours: derive `serde::Serialize`, `serde::Deserialize` and `schemars::JsonSchema`, and own the data (`String`, not `&str`)",
    note = "what the worker hands to its runs (a pool, a client): `#[inject] pool: &PgPool`, `#[inject] job: &Job`",
    note = "a type of another crate: turn on the feature of pgjobs that is named like the crate (`rust_decimal`, `url`, `bytes`, …), or write `#[schemars(with = \"String\")]` before the argument; for `chrono_tz::Tz` take `pgjobs::TimeZone` (feature `chrono-tz`); see \"Types as arguments\" in the documentation of `pgjobs::task`"
)]
pub trait Argument: Serialize + DeserializeOwned + schemars::JsonSchema + Send + Sync + 'static {}
#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + schemars::JsonSchema + Send + Sync + 'static> Argument for T {}

/// The requirements for an argument whose JSON is described by another type, with `#[schemars(with = "…")]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a task",
    label = "arguments travel through the database as JSON",
    note = "it must be `serde::Serialize` and `serde::Deserialize`, and own the data; many crates have a feature `serde` for their types"
)]
pub trait Described: Serialize + DeserializeOwned + Send + Sync + 'static {}
#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Described for T {}

/// The requirements for injected state.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be injected into a task",
    label = "injected state is shared between jobs that run at the same time",
    note = "it must be `Send + Sync + 'static`: put what changes in a `std::sync::Mutex` or an atomic, not in a `Cell`, `RefCell` or `Rc`"
)]
pub trait Injectable: Send + Sync + 'static {}
#[diagnostic::do_not_recommend]
impl<T: Send + Sync + 'static> Injectable for T {}

/// The requirements for the future of a task.
#[diagnostic::on_unimplemented(
    message = "the future of this task cannot be sent between threads",
    label = "a value that is not `Send` is held across an `.await` in this function"
)]
pub trait Sendable: Send {}
impl<T: Send> Sendable for T {}

/// The dotted form of the path at this index, and how many bytes it replaces: `::` becomes a dot, and the
/// `r#` of a module named like a keyword is removed.
const fn piece(path: &[u8], at: usize) -> (Option<u8>, usize) {
    match path[at] {
        b':' => (Some(b'.'), 2),
        b'r' if at + 1 < path.len() && path[at + 1] == b'#' => (None, 2),
        byte => (Some(byte), 1),
    }
}

/// The length of a path once [`dotted`].
pub const fn dotted_len(path: &str) -> usize {
    let (bytes, mut at, mut len) = (path.as_bytes(), 0, 0);
    while at < bytes.len() {
        let (byte, width) = piece(bytes, at);
        len += byte.is_some() as usize;
        at += width;
    }
    len
}

/// A path with `::` replaced by `.`, computed at compile time.
pub const fn dotted<const N: usize>(path: &str) -> [u8; N] {
    let (bytes, mut at, mut to) = (path.as_bytes(), 0, 0);
    let mut out = [b'.'; N];
    while at < bytes.len() {
        let (byte, width) = piece(bytes, at);
        if let Some(byte) = byte {
            out[to] = byte;
            to += 1;
        }
        at += width;
    }
    out
}

/// The bytes of [`dotted`] as text.
pub const fn text(bytes: &'static [u8]) -> &'static str {
    match core::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => panic!("a module path is UTF-8"),
    }
}

/// The dotted name of a function in the calling module: `shop::mail` and `send` give `shop.mail.send`.
#[doc(hidden)]
#[macro_export]
macro_rules! __dotted_name {
    ($name:expr) => {{
        const PATH: &str = ::core::concat!(::core::module_path!(), "::", $name);
        const LEN: usize = $crate::__private::dotted_len(PATH);
        const BYTES: [u8; LEN] = $crate::__private::dotted(PATH);
        $crate::__private::text(&BYTES)
    }};
}
pub use crate::__dotted_name as dotted_name;

/// Puts a task into the binary for the registry.
#[cfg(not(feature = "linkme"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __register {
    ($def:expr) => {
        $crate::__private::inventory::submit! { $crate::__private::Registered($def) }
    };
}

/// Puts a task into the binary for the registry.
#[cfg(feature = "linkme")]
#[doc(hidden)]
#[macro_export]
macro_rules! __register {
    ($def:expr) => {
        const _: () = {
            use $crate::__private::linkme;
            #[linkme::distributed_slice($crate::__private::REGISTERED)]
            #[linkme(crate = linkme)]
            static REGISTERED: $crate::__private::Registered = $crate::__private::Registered($def);
        };
    };
}
pub use crate::__register as register;

/// The requirements for state that is injected by value.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be injected by value",
    label = "the worker keeps one and hands a clone to each job",
    note = "take `&{Self}`, or derive `Clone`"
)]
pub trait Cloneable: Injectable + Clone {}
impl<T: Injectable + Clone> Cloneable for T {}

/// Checks [`Argument`] at the span of the type in the user's code.
pub const fn argument<T: Argument>() {}

/// Checks [`Described`] at the span of the type in the user's code.
pub const fn described<T: Described>() {}

/// Checks [`Injectable`] at the span of the type in the user's code.
pub const fn injectable<T: Injectable>() {}

/// The worker's state of a type, for generated code: for a type that cannot be state, the compiler reports
/// our message.
pub fn state<T: Injectable>(context: &Context) -> Result<std::sync::Arc<T>, crate::TaskError> {
    context.state()
}

/// The same in a joint run.
pub fn joint_state<T: Injectable>(context: &JointContext) -> Result<std::sync::Arc<T>, crate::TaskError> {
    context.state()
}

/// The state type of `T`.
pub const fn need<T: Injectable>() -> StateType {
    StateType::of::<T>()
}

/// A clone of the worker's state for one job.
pub fn cloned<T: Cloneable>(state: &T) -> T {
    state.clone()
}

/// A default value as JSON; null for one that is none.
pub fn json<T: Serialize>(value: &T) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// The task's future, checked for [`Sendable`] at the span of the user's function.
///
/// The return type is `Send`, so that the compiler does not report the same mistake again further out.
pub fn sendable<F: Future + Sendable>(future: F) -> impl Future<Output = F::Output> + Send {
    future
}

/// Readers of untrusted text and bytes, only for the fuzzers (`fuzz/`).
pub mod readers {
    use serde::de::DeserializeOwned;

    use crate::db::open_job::Pending;
    use crate::types::body::{self, BodyError, Param};

    /// Binds a body to the parameters of a task.
    pub fn body<T: DeserializeOwned>(body: &str, params: &[Param], open: bool) -> Result<T, BodyError> {
        body::read(Some(body), params, open)
    }

    /// Reads a stored result.
    pub fn result<T: DeserializeOwned>(text: &str) -> Result<T, BodyError> {
        body::read_result(text)
    }

    /// Reads a job in the binary form that a claim returns; returns its task and body.
    pub fn record(bytes: &[u8]) -> Option<(String, Option<String>)> {
        Pending::read(bytes).ok().map(|job| (job.task, job.body))
    }
}
