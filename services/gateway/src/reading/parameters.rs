//! The parameters of a query string, read into the contract's types.

use std::borrow::Cow;

use serde::de::value::{Error, MapDeserializer};
use serde::de::{DeserializeOwned, Deserializer, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use sinaesta_contracts::ErrorBody;
use url::form_urlencoded;

use super::{rules, whole};

/// Reads a query string. Whole numbers may be written with a fraction of nothing, as in JSON.
pub(crate) fn parse<T: DeserializeOwned>(query: &str) -> Result<T, ErrorBody> {
    let pairs = form_urlencoded::parse(query.as_bytes()).map(|(name, text)| (name, Parameter(text)));
    serde_path_to_error::deserialize(MapDeserializer::new(pairs))
        .map_err(|failed| rules::describe(&failed.path().to_string(), &failed.inner().to_string()))
}

/// A text that stands for a value of whatever type it is read as.
struct Parameter<'q>(Cow<'q, str>);

impl<'de> IntoDeserializer<'de> for Parameter<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Reads a parameter as a value of a type, or says what was expected.
macro_rules! read_as {
    ($($method:ident: $type:ty => $visit:ident;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.read::<$type>() {
                Some(value) => visitor.$visit(value),
                None => Err(serde::de::Error::invalid_type(Unexpected::Str(&self.0), &visitor)),
            }
        }
    )*};
}

impl Parameter<'_> {
    fn read<T: DeserializeOwned>(&self) -> Option<T> {
        let digits = whole::digits(&self.0).map(|whole| whole.to_string());
        serde_json::from_str(digits.as_deref().unwrap_or(&self.0)).ok()
    }
}

impl<'de> Deserializer<'de> for Parameter<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(&self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(self.0.into_deserializer())
    }

    read_as! {
        deserialize_bool: bool => visit_bool;
        deserialize_u8: u64 => visit_u64;
        deserialize_u16: u64 => visit_u64;
        deserialize_u32: u64 => visit_u64;
        deserialize_u64: u64 => visit_u64;
        deserialize_i8: i64 => visit_i64;
        deserialize_i16: i64 => visit_i64;
        deserialize_i32: i64 => visit_i64;
        deserialize_i64: i64 => visit_i64;
        deserialize_f32: f64 => visit_f64;
        deserialize_f64: f64 => visit_f64;
    }

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use sinaesta_contracts::exam_authoring::ListExams;
    use sinaesta_contracts::notification::ListNotifications;

    use super::*;

    /// The controls: `5.0` was refused, NUL went to the database, and the errors were the parser's.
    #[test]
    fn parameters_are_read_as_json_is() {
        let list: ListNotifications = parse("limit=5.0&unreadOnly=true&other=x").unwrap();
        assert_eq!((list.limit.get(), list.unread_only), (5, true));
        let list: ListExams = parse("specialty=5.0&limit=7").unwrap();
        assert_eq!((list.specialty.unwrap().as_str(), list.limit.unwrap().get()), ("5.0", 7));
        assert!(parse::<ListExams>("").unwrap().limit.is_none());
        for (query, field, message) in [
            ("specialty=%00", "specialty", "specialty: must not contain the character U+0000"),
            ("specialty=a%00b&limit=5", "specialty", "specialty: must not contain the character U+0000"),
            ("specialty=", "specialty", "specialty: must have 1 to 100 characters"),
            ("limit=x", "limit", "limit: must be a whole number from 0 to 4294967295"),
            ("limit=", "limit", "limit: must be a whole number from 0 to 4294967295"),
            ("limit=4.99999999999999999999", "limit", "limit: must be a whole number from 0 to 4294967295"),
            ("limit=5.5", "limit", "limit: must be a whole number from 0 to 4294967295"),
            ("limit=1e300", "limit", "limit: must be a whole number from 0 to 4294967295"),
            ("limit=-1.0", "limit", "limit: must be a whole number from 0 to 4294967295"),
            ("limit=99999999999", "limit", "limit: must be a whole number from 0 to 4294967295"),
            ("limit=1&limit=1", "limit", "limit stands there twice"),
            ("before=%00", "before", "before: must be a UUID"),
        ] {
            let error = parse::<ListExams>(query).unwrap_err();
            assert_eq!((&*error.message, error.field.as_deref()), (message, Some(field)), "{query}");
        }
        let error = parse::<ListNotifications>("unreadOnly=1").unwrap_err();
        assert_eq!(error.message, "unreadOnly: must be true or false");
    }
}
