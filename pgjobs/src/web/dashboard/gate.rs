//! Who may enter.

use axum::http::header::COOKIE;
use axum::http::request::Parts;

use super::sessions::Sessions;
use super::users::Users;
use super::viewer::Viewer;

/// The name of the session's cookie.
pub(super) const SESSION: &str = "pgjobs_session";
/// The name of the cookie with the theme.
pub(super) const THEME: &str = "pgjobs_theme";

/// The user's own question who makes a request.
pub(super) type Hook = Box<dyn Fn(&Parts) -> Option<Viewer> + Send + Sync>;

/// How it is decided who may enter.
pub(super) enum Gate {
    /// Nobody has said so.
    Closed,
    /// By a form.
    Login(Users),
    /// By code of the user.
    Hook(Hook),
}

/// What a request is answered with.
pub(super) enum Entry {
    /// A page for this viewer.
    Open(Viewer),
    /// The form.
    Login,
    /// 401: the user's own code refused.
    Refused,
    /// 403: there is no way in.
    Closed,
}

impl Gate {
    /// Who makes this request.
    pub(super) fn enter(&self, request: &Parts, sessions: &Sessions) -> Entry {
        match self {
            Gate::Closed => Entry::Closed,
            Gate::Hook(hook) => hook(request).map_or(Entry::Refused, Entry::Open),
            Gate::Login(_) => {
                cookie(request, SESSION).and_then(|id| sessions.find(id)).map_or(Entry::Login, Entry::Open)
            }
        }
    }
}

/// The value of a cookie.
pub(super) fn cookie<'a>(request: &'a Parts, name: &str) -> Option<&'a str> {
    let cookies = request.headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find(|(this, _)| *this == name).map(|(_, value)| value)
}

impl Gate {
    /// Whether there is a form, and so a way out.
    pub(super) fn has_login(&self) -> bool {
        matches!(self, Gate::Login(_))
    }
}
