//! From which pages a WebSocket may be opened: browsers let any page try, and send the user's cookies along.

use axum::http::header::{HOST, ORIGIN};
use axum::http::request::Parts;

/// Whether the page belongs to the host that the request names, or to one of these origins. Programs that are
/// no browsers send no origin.
pub(super) fn is_allowed(request: &Parts, origins: &[String]) -> bool {
    let Some(origin) = request.headers.get(ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = request.headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| request.uri.authority().map(|authority| authority.as_str()));
    let of = origin.split_once("://").map(|(_, host)| host);
    origins.iter().any(|allowed| allowed.trim_end_matches('/').eq_ignore_ascii_case(origin))
        || matches!((of, host), (Some(of), Some(host)) if of.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn allows(origin: Option<&str>, origins: &[&str]) -> bool {
        let mut request = Request::builder().uri("/ws").header(HOST, "app.example:8080");
        if let Some(origin) = origin {
            request = request.header(ORIGIN, origin);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        is_allowed(&parts, &origins.iter().map(|origin| (*origin).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_page_of_another_host_opens_no_socket() {
        assert!(allows(None, &[]));
        assert!(allows(Some("https://app.example:8080"), &[]));
        assert!(!allows(Some("https://app.example"), &[]));
        assert!(!allows(Some("https://evil.example"), &[]));
        assert!(!allows(Some("null"), &[]));
        assert!(!allows(Some("https://app.example:8080.evil.example"), &[]));
        assert!(allows(Some("https://shop.example"), &["https://shop.example/"]));
        assert!(!allows(Some("http://shop.example"), &["https://shop.example"]));
    }
}
