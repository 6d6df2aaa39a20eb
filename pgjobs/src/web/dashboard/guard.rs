//! What every request and every answer passes: forged requests are refused, and no page may run foreign code.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::Response;

/// Nothing inline, nothing from elsewhere, in no frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Why a request is refused: it would change something, or opens a stream, and was not made by a page of this
/// dashboard. Browsers say where a request comes from, and no page can make them say otherwise. A token in
/// the form is not needed then, and would not survive a restart or several servers behind one name.
pub(super) fn forged(request: &Parts, is_stream: bool) -> Option<&'static str> {
    if matches!(request.method, Method::GET | Method::HEAD) && !is_stream {
        return None;
    }
    match header(&request.headers, &HeaderName::from_static("sec-fetch-site")) {
        Some("same-origin") => None,
        Some(_) => Some("it was made by a page of another site (Sec-Fetch-Site)"),
        None => by_origin(&request.headers, is_stream),
    }
}

/// The same by `Origin`: browsers leave Sec-Fetch-Site out where the connection is not encrypted.
fn by_origin(headers: &HeaderMap, is_stream: bool) -> Option<&'static str> {
    let Some(origin) = header(headers, &ORIGIN) else {
        // Browsers send none with a GET to the same origin.
        return (!is_stream)
            .then_some("it does not say which page made it (no Sec-Fetch-Site and no Origin)");
    };
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    match (authority, header(headers, &HOST)) {
        (Some(authority), Some(host)) if authority.eq_ignore_ascii_case(host) => None,
        _ => Some("it was made by a page of another site (Origin)"),
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    // A value that is no text is no origin of ours either.
    headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"))
}

/// Adds the headers that every answer has.
pub(super) fn seal(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    headers.insert("x-frame-options", HeaderValue::from_static("DENY"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Parts {
        let request = Request::builder().method(method).uri(path);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn only_a_page_of_ours_changes_anything_or_opens_a_stream() {
        let host = ("host", "jobs.example:8080");
        for (headers, is_ours) in [
            (vec![host, ("sec-fetch-site", "same-origin")], true),
            (vec![host, ("sec-fetch-site", "same-site")], false),
            (vec![host, ("sec-fetch-site", "cross-site")], false),
            (vec![host, ("sec-fetch-site", "none")], false),
            (vec![host, ("origin", "https://jobs.example:8080")], true),
            (vec![host, ("origin", "https://jobs.example")], false),
            (vec![host, ("origin", "https://jobs.example:8080.evil.example")], false),
            (vec![host, ("origin", "null")], false),
            (vec![("origin", "https://jobs.example:8080")], false),
            (vec![host, ("sec-fetch-site", "cross-site"), ("origin", "https://jobs.example:8080")], false),
            (vec![host], false),
        ] {
            for method in ["POST", "PUT", "DELETE", "PATCH"] {
                assert_eq!(
                    forged(&request(method, "/jobs/retry", &headers), false).is_none(),
                    is_ours,
                    "{headers:?}"
                );
            }
            assert!(forged(&request("GET", "/jobs", &headers), false).is_none());
        }
        assert!(forged(&request("GET", "/live", &[host, ("sec-fetch-site", "cross-site")]), true).is_some());
        assert!(
            forged(&request("GET", "/live", &[host, ("origin", "https://evil.example")]), true).is_some()
        );
        assert!(forged(&request("GET", "/live", &[host]), true).is_none());
    }
}
