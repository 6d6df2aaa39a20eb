//! What strangers are told of an error of the database; the error itself may name hosts and roles, and is in the
//! log.

use crate::db::refusal::server_code;
use crate::types::error::Error;

/// Of a database that is away, or refuses what should work.
pub(super) const AWAY: &str = "the database does not answer";

const RIGHTS: &str =
    "the role of this process may not ask: make it a member of jobs_reader, `grant jobs_reader to ...`";

pub(super) fn reason(error: &Error) -> String {
    let lacks_rights = server_code(error).is_some_and(|code| code == "42501");
    (if lacks_rights { RIGHTS } else { AWAY }).to_owned()
}
