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
/// So many wrong passwords for a name in [`WINDOW`] until its attempts are refused.
const ATTEMPTS: u32 = 5;
const WINDOW: Duration = Duration::from_secs(60);

struct Session {
    viewer: Viewer,
    used: Instant,
}

/// Sessions, and wrong passwords by name.
#[derive(Default)]
pub(super) struct Sessions {
    open: Mutex<HashMap<[u8; 32], Session>>,
    wrong: Mutex<HashMap<[u8; 32], (Instant, u32)>>,
}

impl Sessions {
    /// Begins a session and returns its id: 244 random bits.
    pub(super) fn begin(&self, viewer: Viewer) -> String {
        let id = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, session| session.used.elapsed() < IDLE);
        if open.len() >= MOST
            && let Some(oldest) = open.iter().min_by_key(|(_, session)| session.used).map(|(key, _)| *key)
        {
            open.remove(&oldest);
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

    /// How long a login with this name has to wait; `None`: not at all. Counts it as wrong until
    /// [`Sessions::was_right`], so attempts at the same time count as well.
    pub(super) fn attempt(&self, name: &str) -> Option<Duration> {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.retain(|_, (since, _)| since.elapsed() < WINDOW);
        // Names that an attacker makes up share one count, so that they cannot fill the memory.
        let key = if wrong.len() < MOST { hash(name.as_bytes()) } else { [0; 32] };
        let (since, count) = wrong.entry(key).or_insert((Instant::now(), 0));
        if *count >= ATTEMPTS {
            return Some(WINDOW.saturating_sub(since.elapsed()));
        }
        *count += 1;
        None
    }

    /// The password was right.
    pub(super) fn was_right(&self, name: &str) {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).remove(&hash(name.as_bytes()));
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
    fn the_sixth_wrong_password_of_a_name_waits_and_others_do_not() {
        let sessions = Sessions::default();
        for _ in 0..ATTEMPTS {
            assert_eq!(sessions.attempt("mara"), None);
        }
        assert!(sessions.attempt("mara").is_some());
        assert_eq!(sessions.attempt("jonas"), None);
        sessions.was_right("mara");
        assert_eq!(sessions.attempt("mara"), None);
    }

    #[test]
    fn no_number_of_sessions_or_names_fills_the_memory() {
        let sessions = Sessions::default();
        let first = sessions.begin(Viewer::new("mara", Role::Viewer));
        for nth in 0..2 * MOST {
            sessions.begin(Viewer::new("mara", Role::Viewer));
            sessions.attempt(&nth.to_string());
        }
        assert_eq!(sessions.open.lock().unwrap().len(), MOST);
        assert!(sessions.wrong.lock().unwrap().len() <= MOST + 1);
        assert_eq!(sessions.find(&first), None);
    }
}
