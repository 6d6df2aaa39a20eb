//! Wrong passwords: guessing is made slow, and nobody can keep somebody else out by guessing for them.
//!
//! They are counted by name and by where they come from: the browser, if it has logged in with this name before, or
//! else the address. A stranger therefore uses up the attempts of strangers, and not those of a person at their own
//! browser, also where a proxy makes all addresses one.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::ConnectInfo;
use axum::http::request::Parts;

use super::gate::cookie;
use super::users::hash;

/// The name of the cookie by which a browser is known again that has logged in.
pub(super) const BROWSER: &str = "pgjobs_browser";
/// So many wrong passwords in [`WINDOW`] until attempts are refused.
const ATTEMPTS: u32 = 5;
const WINDOW: Duration = Duration::from_secs(60);
/// So many counts, and so many browsers, are kept at most.
const MOST: usize = 1000;

type Hash = [u8; 32];

/// Wrong passwords, and the browsers that have logged in.
#[derive(Default)]
pub(super) struct Attempts {
    wrong: Mutex<HashMap<Hash, (Instant, u32)>>,
    /// A browser's cookie and a name, hashed, and when it logged in.
    browsers: Mutex<HashMap<Hash, Instant>>,
}

/// Who tries to log in, as a key of the counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// A browser that has logged in with this name.
    Known(Hash),
    /// Anybody else.
    Stranger(Hash, Hash),
}

impl Attempts {
    /// Where this attempt comes from. `is_user`: somebody has this name; of names that are made up all are one once
    /// there are many.
    pub(super) fn source(&self, request: &Parts, name: &str, is_user: bool) -> Source {
        if let Some(id) = cookie(request, BROWSER) {
            let key = pair(id, name);
            if self.browsers.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&key) {
                return Source::Known(key);
            }
        }
        let address = request.extensions.get::<ConnectInfo<SocketAddr>>();
        let place = address.map_or_else(String::new, |ConnectInfo(address)| network(address.ip()));
        let many = if is_user { hash(name.as_bytes()) } else { [0; 32] };
        Source::Stranger(pair(&place, name), many)
    }

    /// How long the attempt has to wait; `None`: not at all. Counts it as wrong until
    /// [`Attempts::was_right`], so attempts at the same time count as well.
    pub(super) fn begin(&self, source: Source) -> Option<Duration> {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.retain(|_, (since, _)| since.elapsed() < WINDOW);
        let key = key(source, &wrong);
        let (since, count) = wrong.entry(key).or_insert((Instant::now(), 0));
        if *count >= ATTEMPTS {
            return Some(WINDOW.saturating_sub(since.elapsed()));
        }
        *count += 1;
        None
    }

    /// The password was right. Returns the browser's new cookie, by which it is known from now on.
    pub(super) fn was_right(&self, source: Source, name: &str) -> String {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        let key = key(source, &wrong);
        wrong.remove(&key);
        let id = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
        let mut browsers = self.browsers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Source::Known(old) = source {
            browsers.remove(&old);
        }
        let oldest = browsers.iter().min_by_key(|(_, since)| **since).map(|(key, _)| *key);
        if let Some(oldest) = oldest.filter(|_| browsers.len() >= MOST) {
            browsers.remove(&oldest);
        }
        browsers.insert(pair(&id, name), Instant::now());
        id
    }
}

/// What is counted. Browsers that are known are few; strangers share a count for each user once there are many, so that
/// they cannot fill the memory.
fn key(source: Source, counts: &HashMap<Hash, (Instant, u32)>) -> Hash {
    match source {
        Source::Known(key) => key,
        Source::Stranger(own, _) if counts.len() < MOST || counts.contains_key(&own) => own,
        Source::Stranger(_, many) => many,
    }
}

fn pair(one: &str, other: &str) -> Hash {
    hash(format!("{one}\n{other}").as_bytes())
}

/// What one customer of a network has: an address of IPv4, and 64 bits of IPv6.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("{:x?}", &address.segments()[..4]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    /// A request from this address, by a browser with this cookie.
    fn request(address: &str, browser: Option<&str>) -> Parts {
        let mut request = Request::builder().uri("/login");
        if let Some(id) = browser {
            request = request.header("cookie", format!("{BROWSER}={id}"));
        }
        let mut parts = request.body(()).unwrap().into_parts().0;
        parts.extensions.insert(ConnectInfo(SocketAddr::new(address.parse().unwrap(), 1)));
        parts
    }

    fn tries(attempts: &Attempts, request: &Parts, name: &str) -> bool {
        attempts.begin(attempts.source(request, name, true)).is_none()
    }

    #[test]
    fn the_sixth_wrong_password_waits_and_others_do_not() {
        let attempts = Attempts::default();
        let here = request("192.0.2.1", None);
        assert!((0..ATTEMPTS).all(|_| tries(&attempts, &here, "mara")));
        assert!(!tries(&attempts, &here, "mara"));
        assert!(tries(&attempts, &here, "jonas"), "another name");
        assert!(tries(&attempts, &request("192.0.2.2", None), "mara"), "another address");
        attempts.was_right(attempts.source(&here, "mara", true), "mara");
        assert!(tries(&attempts, &here, "mara"));
    }

    #[test]
    fn an_address_of_the_same_network_has_no_attempts_of_its_own() {
        let attempts = Attempts::default();
        for nth in 0..ATTEMPTS {
            assert!(tries(&attempts, &request(&format!("2001:db8::{nth}"), None), "mara"));
        }
        assert!(!tries(&attempts, &request("2001:db8::ffff:1", None), "mara"));
        assert!(tries(&attempts, &request("2001:db8:0:1::1", None), "mara"));
        assert_eq!(network("::ffff:192.0.2.1".parse().unwrap()), "192.0.2.1");
    }

    #[test]
    fn strangers_do_not_keep_out_a_browser_that_has_logged_in() {
        let attempts = Attempts::default();
        let first = attempts.source(&request("192.0.2.1", None), "mara", true);
        let cookie = attempts.was_right(first, "mara");
        let stranger = request("192.0.2.1", None); // behind the same proxy
        while tries(&attempts, &stranger, "mara") {}
        assert!(tries(&attempts, &request("192.0.2.1", Some(&cookie)), "mara"));
        assert!(!tries(&attempts, &request("192.0.2.1", Some("made up")), "mara"));
        assert!(!tries(&attempts, &stranger, "mara"));
        // A cookie is of one name, and guesses with it are counted as well.
        while tries(&attempts, &stranger, "jonas") {}
        assert!(!tries(&attempts, &request("192.0.2.1", Some(&cookie)), "jonas"));
        assert!((0..2 * ATTEMPTS).any(|_| !tries(&attempts, &request("192.0.2.1", Some(&cookie)), "mara")));
    }

    #[test]
    fn no_number_of_names_fills_the_memory_or_keeps_users_out() {
        let attempts = Attempts::default();
        let here = request("192.0.2.1", None);
        for nth in 0..3 * MOST {
            let _ = attempts.begin(attempts.source(&here, &nth.to_string(), false));
        }
        assert!(attempts.wrong.lock().unwrap().len() <= MOST + 1);
        assert!(tries(&attempts, &here, "mara"));
        for nth in 0..2 * MOST {
            attempts.was_right(attempts.source(&here, "mara", true), &nth.to_string());
        }
        assert!(attempts.browsers.lock().unwrap().len() <= MOST);
    }
}
