//! From which level on the log of a run is kept.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::Error;

/// From which level on what a run logs is kept with its job; each level includes those before it.
///
/// Set by `#[task(log = "info")]` for one task, or by [`Worker::log`](crate::Worker::log) for all tasks that
/// say nothing.
///
/// ```
/// use pgjobs::LogLevel;
///
/// assert!(LogLevel::Warn < LogLevel::Info);
/// assert_eq!("info".parse::<LogLevel>().unwrap(), LogLevel::Info);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// Errors.
    Error,
    /// Warnings, and errors.
    Warn,
    /// What is worth knowing, and all before.
    Info,
    /// Details for whoever looks for a fault, and all before.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// The level's name, as `#[task(log = "…")]` and SQL spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            LogLevel::Off => "off",
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
            LogLevel::Trace => "trace",
        }
    }
}

impl FromStr for LogLevel {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(match text {
            "off" => LogLevel::Off,
            "error" => LogLevel::Error,
            "warn" => LogLevel::Warn,
            "info" => LogLevel::Info,
            "debug" => LogLevel::Debug,
            "trace" => LogLevel::Trace,
            other => {
                let reason = format!("`{other}` is none of off, error, warn, info, debug, trace");
                return Err(Error::Option { name: "log", reason });
            }
        })
    }
}
