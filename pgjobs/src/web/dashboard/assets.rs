//! The stylesheet, the script and the mark. Their paths have a hash of their content, so that browsers keep them for
//! good and never use an old one.

use std::fmt::Write;
use std::sync::LazyLock;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::users::hash;

/// A file that pages refer to.
pub(super) struct Asset {
    /// Its path within the dashboard.
    pub(super) path: String,
    kind: &'static str,
    bytes: &'static [u8],
}

pub(super) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    asset("dashboard", "css", "text/css; charset=utf-8", include_bytes!("assets/dashboard.css"))
});
pub(super) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    asset("dashboard", "js", "text/javascript; charset=utf-8", include_bytes!("assets/dashboard.js"))
});
pub(super) static MARK: LazyLock<Asset> =
    LazyLock::new(|| asset("mark", "svg", "image/svg+xml", include_bytes!("assets/mark.svg")));

fn asset(name: &str, ending: &str, kind: &'static str, bytes: &'static [u8]) -> Asset {
    let mut hex = String::new();
    for byte in &hash(bytes)[..6] {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
    }
    Asset { path: format!("/assets/{name}.{hex}.{ending}"), kind, bytes }
}

/// The answer for a path under `/assets/`.
pub(super) fn serve(path: &str) -> Response {
    let all = [&*STYLE, &*SCRIPT, &*MARK];
    let Some(found) = all.into_iter().find(|asset| asset.path == path) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut response = found.bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(found.kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    response
}
