//! Parts of URLs, made and read.

use std::fmt::Write;

/// Text as one part of a path, or as a name or value of a query.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte))
            }
            // Writing to a string does not fail.
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
    }
    encoded
}

/// The text of one part of a path; `None` for what is not UTF-8 or wrongly written.
pub(super) fn decode(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => digit(rest.next()?)? * 16 + digit(rest.next()?)?,
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// The path of a server's pages within the dashboard.
pub(super) fn of_server(name: &str) -> String {
    format!("/s/{}", encode(name))
}

/// `path?name=value&…`; just the path where nothing is asked.
pub(super) fn with_query<'a>(path: &str, query: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let pairs: Vec<String> =
        query.into_iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

/// Whether text may be the target of a link: a page on the web, and no script.
pub(super) fn is_link(text: &str) -> bool {
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    is_web && text.len() <= 2000 && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back_from_a_path() {
        for text in ["mail.welcome", "a/b?c=d&e#f", "\u{0}\n\u{10ffff}", "%2e%2e", "é +", ".."] {
            assert_eq!(decode(&encode(text)).as_deref(), Some(text));
        }
        for wrong in ["%", "%4", "%zz", "%ff"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
        assert_eq!(with_query("/jobs", [("q", "a&b"), ("topic", "m.*")]), "/jobs?q=a%26b&topic=m.%2A");
    }

    #[test]
    fn only_pages_of_the_web_are_links() {
        assert!(is_link("https://logs.example/x?y=1") && is_link("http://a"));
        for no in [
            "javascript:alert(1)",
            "JAVASCRIPT:alert(1)",
            "data:text/html,x",
            "//a",
            " https://a",
            "ftp://a",
            "https://a\nb",
        ] {
            assert!(!is_link(no), "{no}");
        }
    }
}
