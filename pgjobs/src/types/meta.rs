//! What a publisher notes on a job beside its arguments.

use serde::Serialize;
use serde_json::{Map, Value};

use super::body::holds_nul;
use super::error::Error;

/// The key under which tags are stored.
pub(crate) const TAGS: &str = "tags";

/// Notes of one call; nothing is allocated when there are none.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Meta(Option<Box<Notes>>);

#[derive(Debug, Clone, Default, PartialEq)]
struct Notes {
    values: Map<String, Value>,
    /// The first value that is not JSON. Setters cannot fail, so publishing reports it.
    error: Option<String>,
}

impl Meta {
    pub(crate) fn set(&mut self, key: String, value: impl Serialize) {
        let notes = self.0.get_or_insert_default();
        match serde_json::to_value(value) {
            Ok(value) => drop(notes.values.insert(key, value)),
            Err(error) => drop(notes.error.get_or_insert(format!("`{key}`: {error}"))),
        }
    }

    /// Adds a tag once.
    pub(crate) fn tag(&mut self, tag: String) {
        let notes = self.0.get_or_insert_default();
        let tags = notes.values.entry(TAGS).or_insert_with(|| Value::Array(Vec::new()));
        match tags {
            Value::Array(tags) if tags.contains(&Value::String(tag.clone())) => {}
            Value::Array(tags) => tags.push(Value::String(tag)),
            // Set by `.meta("tags", …)`: the database refuses it and says what tags are.
            _ => {}
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.0.as_ref()?.values.get(key)
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let Some(notes) = &self.0 else { return Ok(()) };
        let reason = notes.error.clone().or_else(|| {
            let nul = self.json().is_some_and(|json| holds_nul(&json));
            nul.then(|| "a text holds a NUL character, which jsonb cannot store".to_owned())
        });
        reason.map_or(Ok(()), |reason| Err(Error::Option { name: "meta", reason }))
    }

    /// The object as JSON text; `None` without notes.
    pub(crate) fn json(&self) -> Option<String> {
        // Cannot fail: the keys are texts.
        self.0.as_ref().map(|notes| serde_json::to_string(&notes.values).unwrap_or_default())
    }

    /// The size of the JSON text.
    pub(crate) fn bytes(&self) -> usize {
        self.json().map_or(0, |json| json.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_a_list_without_repeats_among_the_notes() {
        let mut meta = Meta::default();
        assert_eq!(meta.json(), None);
        meta.set("tenant".to_owned(), 7);
        for tag in ["vip", "eu", "vip"] {
            meta.tag(tag.to_owned());
        }
        assert_eq!(meta.json().as_deref(), Some(r#"{"tags":["vip","eu"],"tenant":7}"#));
        meta.check().unwrap();
    }

    #[test]
    fn what_cannot_be_stored_is_refused_with_its_key() {
        let mut meta = Meta::default();
        meta.set("by".to_owned(), std::collections::HashMap::from([((1, 2), 3)]));
        assert!(meta.check().unwrap_err().to_string().contains("`by`"));
        let mut meta = Meta::default();
        meta.set("by".to_owned(), "a\0b");
        assert!(meta.check().unwrap_err().to_string().contains("NUL"));
    }
}
