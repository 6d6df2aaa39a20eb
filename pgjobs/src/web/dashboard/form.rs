//! The fields of a query or a form.

use axum::Form;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequest, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};

use super::failed::Failed;

/// A form is at most so large: an edit may have the arguments of a job.
const MOST_BYTES: usize = 2 << 20;
/// No text in a URL is longer.
const MOST_CHARS: usize = 4000;
/// No page asks for so many fields, a hundred selected jobs among them.
const MOST_FIELDS: usize = 1500;

/// Names and values, in their order; a name may be there several times.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Of a URL.
    pub(super) fn of_query(uri: &Uri) -> Result<Self, Failed> {
        let Query(fields) = Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|error| Failed::bad(format!("the query of the URL cannot be read: {error}")))?;
        if fields.len() > MOST_FIELDS || fields.iter().any(|(_, value)| value.len() > MOST_CHARS) {
            return Err(Failed::bad("the query of the URL is too long"));
        }
        Ok(Fields(fields))
    }

    /// Of the body of a request.
    pub(super) async fn of_body(parts: Parts, body: Body) -> Result<Self, Failed> {
        let mut request = Request::from_parts(parts, body);
        DefaultBodyLimit::max(MOST_BYTES).apply(&mut request);
        let form = Form::<Vec<(String, String)>>::from_request(request, &()).await;
        let Form(fields) = form.map_err(|error| {
            let status = error.status();
            match status {
                StatusCode::PAYLOAD_TOO_LARGE => Failed::status(status, "the form is larger than 2 MiB"),
                _ => Failed::bad("the form cannot be read"),
            }
        })?;
        if fields.len() > MOST_FIELDS {
            Err(Failed::bad("the form has too many fields"))
        } else {
            Ok(Fields(fields))
        }
    }

    /// The first value of a name that is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(this, value)| *this == name && !value.is_empty()).map(|(_, value)| value)
    }

    /// All values of a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter().filter(move |(this, _)| *this == name).map(|(_, value)| value)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}
