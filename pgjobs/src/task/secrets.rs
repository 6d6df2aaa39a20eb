//! What a run must not say: the values of its job that the task declares as sensitive. Errors of clients and
//! databases often quote what they were given, and errors, logs and notes are kept with the job and shown.

use std::borrow::Cow;

use serde_json::Value;

/// What is written instead, as where arguments are shown.
const HIDDEN: &str = "(sensitive)";
/// Shorter values are not looked for: they stand in every text.
const SHORTEST: usize = 4;

/// The sensitive values of one job, as texts may have them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    pub(super) fn new(values: Vec<String>) -> Self {
        // As it is, and as `{:?}` and JSON write it; the longest first, so that no part of one is left.
        let quoted = |value: &String| format!("{value:?}").trim_matches('"').to_owned();
        let json = |value: &String| Value::from(value.as_str()).to_string().trim_matches('"').to_owned();
        let forms = |value: String| [quoted(&value), json(&value), value];
        let mut texts: Vec<String> =
            values.into_iter().filter(|value| value.len() >= SHORTEST).flat_map(forms).collect();
        texts.sort_unstable_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        texts.dedup();
        Secrets(texts)
    }

    /// The text without them.
    pub(crate) fn hide<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut shown = Cow::Borrowed(text);
        for secret in &self.0 {
            if shown.contains(secret.as_str()) {
                shown = Cow::Owned(shown.replace(secret.as_str(), HIDDEN));
            }
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_of_a_secret_is_hidden_and_short_ones_stay() {
        let secrets = Secrets::new(vec![
            "to\"k\n".to_owned(),
            "hunter22".to_owned(),
            "hunter".to_owned(),
            "abc".to_owned(),
        ]);
        for (text, shown) in [
            ("refused: hunter22", "refused: (sensitive)"),
            ("hunter of abc", "(sensitive) of abc"),
            ("raw to\"k\n.", "raw (sensitive)."),
            (r#"debug "to\"k\n"."#, r#"debug "(sensitive)"."#),
            ("nothing", "nothing"),
        ] {
            assert_eq!(secrets.hide(text), shown);
        }
    }
}
