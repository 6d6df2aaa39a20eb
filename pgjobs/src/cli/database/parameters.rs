//! The parameters of a URL and the variables of libpq: which are known, and whether the driver can read them.
//!
//! Checked here, because the driver quotes what it cannot read, logs an unknown parameter with its value, and
//! ignores a variable that it cannot read. An unknown parameter may be a misspelt `password`, so no value is
//! ever shown.

use std::net::IpAddr;

use sqlx::postgres::PgSslMode;

use crate::cli::output::redact;

/// The parameters that the driver knows, and one that pgjobs handles.
const KNOWN: [&str; 20] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "target_session_attrs",
    "user",
    "options[…]",
];

/// Parameters whose values are no secrets; hiding them would garble messages about the connection.
const HARMLESS: [&str; 16] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "target_session_attrs",
    "user",
];

/// The known parameters as they were written, and the number of the others.
pub(crate) fn known(query: &str) -> (String, usize) {
    let is_known = |pair: &&str| {
        let name = name(pair);
        KNOWN.contains(&name.as_str()) || name.starts_with("options[")
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let (known, others): (Vec<&str>, Vec<&str>) = pairs.partition(is_known);
    (known.join("&"), others.len())
}

/// The known parameters, for a message about an unknown one.
pub(crate) fn list() -> String {
    KNOWN.join(", ")
}

fn name(pair: &str) -> String {
    decode(pair.split_once('=').map_or(pair, |(name, _)| name), true)
}

/// Records the values that must not be shown.
pub(crate) fn remember(query: &str) {
    for pair in query.split('&') {
        let value = pair.split_once('=').map(|(_, value)| value);
        // Text without `=` may be the rest of a value with a `&` in it.
        if !HARMLESS.contains(&name(pair).as_str()) {
            secret_as_written(value.unwrap_or(pair));
        }
    }
}

/// Whether one of them is, or may be, a secret.
pub(crate) fn has_secret(query: &str) -> bool {
    query.split('&').any(|pair| !pair.is_empty() && !HARMLESS.contains(&name(pair).as_str()))
}

/// Records a part of a URL as a secret, as written and decoded.
pub(crate) fn secret_as_written(text: &str) {
    redact::remember(text);
    redact::remember(&decode(text, false));
    redact::remember(&decode(text, true));
}

/// Checks that the driver can read each parameter; the error names the first that it cannot read.
pub(crate) fn check(query: &str) -> Result<(), String> {
    for pair in query.split('&') {
        let value = decode(pair.split_once('=').map_or("", |(_, value)| value), true);
        let name = name(pair);
        let mut each = value.split(',');
        let refusal = match name.as_str() {
            "port" if !each.all(is_port) => PORT,
            "sslmode" | "ssl-mode" if !is_ssl_mode(&value) => SSL_MODE,
            "hostaddr" if !each.all(|one| one.parse::<IpAddr>().is_ok()) => {
                "is no IP address: name hosts in `host`"
            }
            "statement-cache-capacity" if value.parse::<usize>().is_err() => {
                "is no number: write one, or leave it out"
            }
            _ => continue,
        };
        return Err(format!("`{name}` {refusal}"));
    }
    Ok(())
}

/// Checks that the driver would not ignore a variable; an empty variable counts as unset.
pub(crate) fn check_variables() -> Result<(), String> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if set("PGPORT").is_some_and(|ports| !ports.split(',').all(|port| port.is_empty() || is_port(port))) {
        return Err(format!("the variable PGPORT {PORT}"));
    }
    if set("PGSSLMODE").is_some_and(|mode| !is_ssl_mode(&mode)) {
        return Err(format!("the variable PGSSLMODE {SSL_MODE}"));
    }
    Ok(())
}

const PORT: &str = "is no port: write a number of 1 to 65535, such as 5432";
const SSL_MODE: &str =
    "is none of disable, allow, prefer, require, verify-ca, verify-full: write one of these";

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok_and(|port| port > 0)
}

fn is_ssl_mode(text: &str) -> bool {
    text.parse::<PgSslMode>().is_ok()
}

/// Decodes `%41`; in parameters a `+` is a space.
fn decode(text: &str, is_parameter: bool) -> String {
    let (bytes, mut decoded, mut at) = (text.as_bytes(), Vec::new(), 0);
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(if is_parameter && bytes[at] == b'+' { b' ' } else { bytes[at] });
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_does_not_reach_the_driver() {
        let (known, others) = known("host=a&passwd=x&options[a.b]=c&p%61ssword=d&secret");
        assert_eq!((known.as_str(), others), ("host=a&options[a.b]=c&p%61ssword=d", 2));
    }

    #[test]
    fn a_password_is_noticed_however_its_name_is_written() {
        for (query, has) in [("", false), ("host=/s&port=1", false), ("a=b", true), ("p%61ssword=x", true)] {
            assert_eq!(has_secret(query), has, "{query}");
        }
    }

    #[test]
    fn what_the_driver_cannot_read_is_named_without_its_value() {
        for (query, name) in [
            ("port=canary", "`port`"),
            ("port=1,canary", "`port`"),
            ("port=0", "`port`"),
            ("sslmode=canary", "`sslmode`"),
            ("hostaddr=canary", "`hostaddr`"),
            ("a=b&statement-cache-capacity=canary", "`statement-cache-capacity`"),
        ] {
            let reason = check(query).unwrap_err();
            assert!(reason.starts_with(name) && !reason.contains("canary"), "{reason}");
        }
        assert_eq!(check("port=1,2&sslmode=VERIFY-FULL&hostaddr=::1&password=x"), Ok(()));
    }
}
