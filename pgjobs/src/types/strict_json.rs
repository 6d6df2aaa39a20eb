//! JSON values that must be read to their end.
//!
//! serde_json's raw value is read by the type that deserializes it, without a check of the rest: an `i128`
//! takes the `0` of `0.5` and leaves the rest unread. Here the rest is an error.

use serde::de::{Deserializer, IntoDeserializer, Visitor};
use serde_json::Error;
use serde_json::value::RawValue;

/// A value that has to be read to its end.
#[derive(Clone, Copy)]
pub(crate) struct StrictJson<'de>(pub(crate) &'de RawValue);

macro_rules! to_the_end {
    ($($method:ident($($argument:ident: $type:ty),*))*) => {
        $(fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, Error> {
            let mut json = serde_json::Deserializer::from_str(self.0.get());
            let value = json.$method($($argument,)* visitor)?;
            json.end()?;
            Ok(value)
        })*
    };
}

impl<'de> Deserializer<'de> for StrictJson<'de> {
    type Error = Error;

    to_the_end! {
        deserialize_any() deserialize_bool() deserialize_i8() deserialize_i16() deserialize_i32()
        deserialize_i64() deserialize_i128() deserialize_u8() deserialize_u16() deserialize_u32()
        deserialize_u64() deserialize_u128() deserialize_f32() deserialize_f64() deserialize_char()
        deserialize_str() deserialize_string() deserialize_bytes() deserialize_byte_buf()
        deserialize_option() deserialize_unit() deserialize_seq() deserialize_map()
        deserialize_identifier() deserialize_ignored_any()
        deserialize_unit_struct(name: &'static str) deserialize_newtype_struct(name: &'static str)
        deserialize_tuple(len: usize) deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }
}

impl<'de> IntoDeserializer<'de, Error> for StrictJson<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[test]
    fn a_number_with_a_fraction_is_no_wide_integer() {
        let raw: &RawValue = serde_json::from_str("0.5").unwrap();
        assert_eq!(i128::deserialize(raw).ok(), Some(0), "serde_json has mended it: this module can go");
        assert!(i128::deserialize(StrictJson(raw)).is_err());
        assert!(Option::<u128>::deserialize(StrictJson(raw)).is_err());
    }
}
