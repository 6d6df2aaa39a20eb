//! How the workers of this process change what they log.

use std::sync::RwLock;

type SetLog = Box<dyn Fn(&str) -> Result<String, String> + Send + Sync>;

static LOG: RwLock<Option<SetLog>> = RwLock::new(None);

/// Says how the workers of this process change what they log when
/// [`Command::Log`](crate::control::Command::Log) tells them to: from the filter to what the receipt says, or
/// to the reason why not. The command line does this by itself; a later call replaces an earlier one.
///
/// ```
/// # fn reload(filter: &str) -> Result<(), String> { Ok(()) } // of your subscriber
/// pgjobs::control::on_log(|filter| match reload(filter) {
///     Ok(()) => Ok(format!("logs by {filter}")),
///     Err(error) => Err(error),
/// });
/// ```
pub fn on_log(set: impl Fn(&str) -> Result<String, String> + Send + Sync + 'static) {
    *LOG.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Box::new(set));
}

/// Changes what this process logs.
pub(crate) fn set_log(filter: &str) -> Result<String, String> {
    let set = LOG.read().unwrap_or_else(std::sync::PoisonError::into_inner);
    match &*set {
        Some(set) => set(filter),
        None => {
            Err("the program of this worker has not said how to change its log (pgjobs::control::on_log); \
                     a worker of the command line has"
                .to_owned())
        }
    }
}
