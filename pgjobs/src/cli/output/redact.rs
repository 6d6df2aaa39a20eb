//! Keeps passwords out of all output.
//!
//! The code never prints connection options. This module is the second defence: it masks passwords in texts
//! from elsewhere (errors of the driver, log lines) before they are shown.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::lines;
use crate::types::text::shown;

static SECRETS: Mutex<Vec<String>> = Mutex::new(Vec::new());

const MASK: &str = "***";
/// Shorter texts occur by chance, and hiding them would garble every message.
const SHORTEST: usize = 4;

/// Records a text that must not be shown: as it is, and in each form that escaping may give it before it is
/// printed.
pub(crate) fn remember(secret: &str) {
    if secret.len() >= SHORTEST {
        let debug = secret.escape_debug().to_string();
        let json = Value::from(secret).to_string();
        let json = json[1..json.len() - 1].to_owned();
        let forms = [shown(&debug).into_owned(), lines::json(&json), shown(secret).into_owned()];
        let mut secrets = SECRETS.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.extend(forms.into_iter().chain([debug, json, secret.to_owned()]));
        // Longest first, so that a secret that contains another one is hidden as a whole.
        secrets.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        secrets.dedup();
    }
}

/// The text with every known secret masked.
pub(crate) fn hide(text: &str) -> String {
    let secrets = SECRETS.lock().unwrap_or_else(PoisonError::into_inner);
    secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), MASK))
}

/// Stderr for the log, with secrets masked.
pub(crate) struct Masked;

impl Write for Masked {
    /// The log writes each event in one call, so no secret is cut in two.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stderr().lock().write_all(hide(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

/// Stderr for a log of JSON documents, one per line, with secrets masked.
pub(crate) struct MaskedJson;

impl Write for MaskedJson {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let document = String::from_utf8_lossy(bytes);
        let safe = lines::json(document.trim_end_matches('\n'));
        Masked.write(format!("{safe}\n").as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Masked.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked_wherever_it_stands() {
        remember("canary-long");
        remember("canary-long-er");
        assert_eq!(hide("a canary-long-er b canary-long"), "a *** b ***");
    }

    #[test]
    fn a_secret_is_masked_however_it_was_escaped() {
        let secret = "canary\"9\u{1b}\u{202e}\\x";
        remember(secret);
        let json = Value::from(secret).to_string();
        for text in [
            secret.to_owned(),
            format!("{secret:?}"),
            shown(secret).into_owned(),
            shown(&format!("{secret:?}")).into_owned(),
            json.clone(),
            lines::json(&json),
        ] {
            assert!(!hide(&text).contains("canary"), "{text}");
        }
    }
}
