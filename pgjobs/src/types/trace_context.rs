//! The trace that a job was published in, as the W3C's Trace Context writes it: `traceparent`, `tracestate`.
//!
//! A publisher notes both in the job's meta. Anybody who publishes may write them, so whatever is not exactly
//! of that form counts as not there.

#[cfg(any(feature = "cli", feature = "otel"))]
pub(crate) use text::{TRACEPARENT, TRACESTATE, TraceContext};

/// How the trace of a run stands to the trace of its publisher, with feature `otel`.
///
/// A run is a trace of its own by default, with a link to its publisher's span: a job may run hours after its
/// publisher's request has ended, or many times, and a trace that is open for hours is no use to anybody. Set
/// by `#[task(trace = "child")]` for a task that ends soon after it is published.
///
/// ```
/// use pgjobs::{Trace, define::TaskOptions};
///
/// const OPTIONS: TaskOptions = TaskOptions::new().trace(Trace::Child);
/// assert_eq!(TaskOptions::DEFAULT.trace, Trace::Link);
/// # assert_eq!(OPTIONS.trace, Trace::Child);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trace {
    /// A trace of its own, which links to the span of the publisher.
    #[default]
    Link,
    /// A part of the publisher's trace: the run's span is a child of the publisher's.
    Child,
}

#[cfg(any(feature = "cli", feature = "otel"))]
mod text {
    use serde_json::Value;

    /// The key in a job's meta of the trace and the span of its publisher.
    pub(crate) const TRACEPARENT: &str = "traceparent";
    /// The key of what vendors of tracing add to it.
    pub(crate) const TRACESTATE: &str = "tracestate";

    /// The longest `tracestate` that is passed on, as the W3C asks at least.
    const LONGEST_STATE: usize = 512;

    /// A span of another process.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct TraceContext {
        pub(crate) trace: u128,
        pub(crate) span: u64,
        /// Bit 1: it is recorded.
        pub(crate) flags: u8,
        pub(crate) state: Option<String>,
    }

    impl TraceContext {
        /// What the notes of a job say, if they say it well.
        pub(crate) fn of(meta: &str) -> Option<Self> {
            if !meta.contains(TRACEPARENT) {
                return None; // nearly all jobs, for less than the reading of a document
            }
            let meta: Value = serde_json::from_str(meta).ok()?;
            let context = TraceContext::parse(meta.get(TRACEPARENT)?.as_str()?)?;
            let state = meta.get(TRACESTATE).and_then(Value::as_str).filter(|state| is_state(state));
            Some(TraceContext { state: state.map(str::to_owned), ..context })
        }

        /// Reads a `traceparent`: `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`. Of a later
        /// version the first four parts, which later versions have to keep.
        pub(crate) fn parse(text: &str) -> Option<Self> {
            let parts: Vec<&str> = text.splitn(5, '-').collect();
            let [version, trace, span, flags, more @ ..] = parts.as_slice() else { return None };
            let version = hex(version, 2)?;
            if version == 0xff || version == 0 && !more.is_empty() {
                return None;
            }
            let (trace, span) = (hex(trace, 32)?, hex(span, 16)?);
            let flags = u8::try_from(hex(flags, 2)?).ok()?;
            let is_valid = trace != 0 && span != 0;
            is_valid.then_some(TraceContext { trace, span: u64::try_from(span).ok()?, flags, state: None })
        }

        /// The identifier of the trace, as tools show it.
        #[cfg(feature = "cli")]
        pub(crate) fn trace_id(&self) -> String {
            format!("{:032x}", self.trace)
        }

        /// Whether a `tracestate` is passed on.
        #[cfg(feature = "otel")]
        pub(crate) fn passes_on(state: &str) -> bool {
            is_state(state)
        }

        /// The `traceparent`.
        #[cfg(feature = "otel")]
        pub(crate) fn traceparent(&self) -> String {
            format!("00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
        }
    }

    /// A number of exactly so many digits, in lower case as the W3C requires.
    fn hex(text: &str, digits: usize) -> Option<u128> {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let is_whole = text.len() == digits && text.bytes().all(is_hex);
        is_whole.then(|| u128::from_str_radix(text, 16).ok())?
    }

    /// Whether it may be a `tracestate`: visible ASCII and spaces, and not too long.
    fn is_state(text: &str) -> bool {
        (1..=LONGEST_STATE).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

        #[test]
        fn a_traceparent_of_this_or_a_later_version_is_read() {
            let context = TraceContext::parse(GOOD).unwrap();
            assert_eq!(context.trace, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
            assert_eq!((context.span, context.flags), (0x00f0_67aa_0ba9_02b7, 1));
            let later = GOOD.replacen("00", "cc", 1);
            assert_eq!(TraceContext::parse(&later), Some(context.clone()));
            assert_eq!(TraceContext::parse(&format!("{later}-what-will-be")), Some(context));
        }

        #[test]
        fn what_is_not_exactly_a_traceparent_is_nothing() {
            for bad in [
                "".to_owned(),
                "x".to_owned(),
                GOOD.to_uppercase(),
                format!("{GOOD}-00"),
                format!(" {GOOD}"),
                format!("{GOOD}\n"),
                GOOD.replacen("00", "ff", 1),
                GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
                GOOD.replace("00f067aa0ba902b7", &"0".repeat(16)),
                GOOD.replace("4bf9", "+bf9"),
                GOOD.replace("4bf9", "é9"),
                GOOD.replace('-', "_"),
                "-".repeat(55),
                "0".repeat(1 << 20),
            ] {
                assert_eq!(TraceContext::parse(&bad), None, "{bad:?}");
            }
        }

        #[test]
        fn a_bad_state_is_left_out_and_the_trace_kept() {
            let of = |state: Value| {
                TraceContext::of(&serde_json::json!({ TRACEPARENT: GOOD, TRACESTATE: state }).to_string())
            };
            assert_eq!(of("a=1,b=2".into()).unwrap().state.as_deref(), Some("a=1,b=2"));
            for bad in [Value::Null, 7.into(), "".into(), "a=\u{1b}[2J".into(), "x".repeat(513).into()] {
                assert_eq!(of(bad.clone()).unwrap().state, None, "{bad}");
            }
            for meta in ["", "null", "[]", r#"{"traceparent": 7}"#, r#"{"tracestate": "a=1"}"#] {
                assert_eq!(TraceContext::of(meta), None, "{meta}");
            }
        }
    }
}
