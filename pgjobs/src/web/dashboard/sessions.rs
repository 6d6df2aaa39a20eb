//! Who is logged in. Kept in memory, as hashes of ids that only the browsers have: nothing to steal from the
//! database or from a log, and a restart logs everybody out.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::users::hash;
use super::viewer::Viewer;

/// A session ends so long after its last request.
const IDLE: Duration = Duration::from_secs(12 * 3600);
/// So many sessions at most; beyond it the one that was used longest ago ends.
const MOST: usize = 1000;
/// So many of one person; beyond it their own oldest ends, and nobody else's.
const OF_ONE: usize = 50;

struct Session {
    viewer: Viewer,
    used: Instant,
}

/// Sessions.
#[derive(Default)]
pub(super) struct Sessions {
    open: Mutex<HashMap<[u8; 32], Session>>,
}

impl Sessions {
    /// Begins a session and returns its id: 244 random bits.
    pub(super) fn begin(&self, viewer: Viewer) -> String {
        let id = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, session| session.used.elapsed() < IDLE);
        let own = open.values().filter(|session| session.viewer.name == viewer.name).count();
        if own >= OF_ONE {
            end_oldest(&mut open, |session| session.viewer.name == viewer.name);
        } else if open.len() >= MOST {
            end_oldest(&mut open, |_| true);
        }
        open.insert(hash(id.as_bytes()), Session { viewer, used: Instant::now() });
        id
    }

    /// Whose session this is.
    pub(super) fn find(&self, id: &str) -> Option<Viewer> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let session = open.get_mut(&hash(id.as_bytes())).filter(|session| session.used.elapsed() < IDLE)?;
        session.used = Instant::now();
        Some(session.viewer.clone())
    }

    /// Ends a session.
    pub(super) fn end(&self, id: &str) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&hash(id.as_bytes()));
    }
}

/// Ends the one of these sessions that was used longest ago.
fn end_oldest(open: &mut HashMap<[u8; 32], Session>, of: impl Fn(&Session) -> bool) {
    let oldest = open.iter().filter(|(_, session)| of(session)).min_by_key(|(_, session)| session.used);
    if let Some(key) = oldest.map(|(key, _)| *key) {
        open.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::Role;

    #[test]
    fn a_session_is_found_by_its_whole_id_until_it_ends() {
        let sessions = Sessions::default();
        let id = sessions.begin(Viewer::new("mara", Role::Admin));
        assert_eq!(id.len(), 64);
        assert_eq!(sessions.find(&id).unwrap().name, "mara");
        assert_eq!(sessions.find(&id[1..]), None);
        sessions.end(&id);
        assert_eq!(sessions.find(&id), None);
    }

    #[test]
    fn no_number_of_sessions_fills_the_memory_or_ends_those_of_others() {
        let sessions = Sessions::default();
        let (first, other) = (
            sessions.begin(Viewer::new("mara", Role::Viewer)),
            sessions.begin(Viewer::new("jonas", Role::Viewer)),
        );
        for _ in 0..2 * MOST {
            sessions.begin(Viewer::new("mara", Role::Viewer));
        }
        assert_eq!(sessions.open.lock().unwrap().len(), OF_ONE + 1);
        assert_eq!(sessions.find(&first), None);
        assert!(sessions.find(&other).is_some());
        for nth in 0..2 * MOST {
            sessions.begin(Viewer::new(nth.to_string(), Role::Viewer));
        }
        assert_eq!(sessions.open.lock().unwrap().len(), MOST);
    }
}
