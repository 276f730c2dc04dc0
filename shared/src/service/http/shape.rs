//! Walks through JSON without building anything of it: whether it may be built, kept and read again.
//!
//! A parsed body is kept in parts, each as a text of its own, and shown inside larger answers; so it may be nested less
//! deeply than the parser could read. And `serde_json` takes an object with a certain key for a text to be parsed anew,
//! with no regard to how deep it already is.
//!
//! Of two members of one name the parser would take the last: of two people the wrong one, perhaps.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::collections::HashSet;
use std::fmt;

/// Objects and arrays within one another.
const DEEPEST: usize = 100;

/// How the keys begin that mean something to the parser itself.
const RESERVED: &str = "$serde_json::private::";

/// Fails with what is wrong and where.
pub(super) fn check(json: &[u8]) -> serde_json::Result<()> {
    let mut parser = serde_json::Deserializer::from_slice(json);
    Walk { deep: 0 }.deserialize(&mut parser)?;
    parser.end()
}

#[derive(Clone, Copy)]
struct Walk {
    /// In how many objects and arrays it is.
    deep: usize,
}

impl Walk {
    fn inside<E: Error>(self) -> Result<Self, E> {
        if self.deep == DEEPEST {
            return Err(E::custom(format_args!("nested more than {DEEPEST} deep")));
        }
        Ok(Self {
            deep: self.deep + 1,
        })
    }
}

impl<'de> DeserializeSeed<'de> for Walk {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let inside = self.inside()?;
        while elements.next_element_seed(inside)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let inside = self.inside()?;
        let mut names = HashSet::new();
        while let Some(name) = members.next_key_seed(Name)? {
            if !names.insert(name) {
                return Err(A::Error::custom("a name stands twice in one object"));
            }
            members.next_value_seed(inside)?;
        }
        Ok(())
    }
}

/// The name of a member.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Box<str>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Box<str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Box<str>, E> {
        if name.starts_with(RESERVED) {
            return Err(E::custom(format_args!("no name may begin with {RESERVED}")));
        }
        Ok(name.into())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn nested(levels: usize) -> String {
        format!("{}1{}", "[".repeat(levels), "]".repeat(levels))
    }

    #[test]
    fn json_of_every_kind_is_walked_through() {
        let json = br#" {"a": [1, -1, 1.5, true, null, "text \ud83d\ude00"], "b": {}} "#;
        check(json).unwrap();
        check(nested(DEEPEST).as_bytes()).unwrap();
        check(nested(DEEPEST + 1).as_bytes()).unwrap_err();
        check(b"{} {}").unwrap_err();
    }

    #[test]
    fn no_name_stands_twice_in_one_object() {
        check(br#"{"a": {"a": 1}, "b": [{"a": 1}, {"a": 1}]}"#).unwrap();
        for json in [
            r#"{"to": "1", "text": {}, "to": "2"}"#,
            r#"{"text": {"body": "x", "bod\u0079": "y"}}"#,
            r#"[{"a": 1, "a": 1}]"#,
        ] {
            let error = check(json.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with("a name stands twice"), "{error}");
            assert!(error.contains("line 1 column"), "{error}");
        }
    }

    #[test]
    fn no_name_means_more_to_the_parser_than_to_its_writer() {
        for name in [
            "$serde_json::private::RawValue",
            r"\u0024serde_json::private::RawValue",
            "$serde_json::private::Number",
        ] {
            let json = format!(r#"{{"metadata": {{"{name}": "[[1]]"}}}}"#);
            let error = check(json.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("line 1 column"), "{error}");
        }
        check(br#"{"serde_json": "$serde_json::private::RawValue"}"#).unwrap();
    }
}
