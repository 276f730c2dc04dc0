//! Keeps a value as one JSON text inside an item: exactly as it was written, and small.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::Value;
use std::io::{self, Write};

/// How many bytes the text of `value` has.
pub(crate) fn size(value: &Value) -> usize {
    let mut counted = Counted(0);
    // Counting cannot fail, and a value has no key that is not a text.
    serde_json::to_writer(&mut counted, value).ok();
    counted.0
}

/// Keeps nothing of what is written to it but its length.
struct Counted(usize);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) fn serialize<T: Serialize, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&serde_json::to_string(value).map_err(ser::Error::custom)?)
}

pub(crate) fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(
    from: D,
) -> Result<T, D::Error> {
    serde_json::from_str(&String::deserialize(from)?).map_err(de::Error::custom)
}

pub(crate) mod optional {
    //! The same for a value that may be absent.

    use super::{Deserialize, DeserializeOwned, Deserializer, Serialize, Serializer, de};

    #[expect(clippy::ref_option, reason = "the signature serde's `with` asks for")]
    pub(crate) fn serialize<T: Serialize, S: Serializer>(
        value: &Option<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => super::serialize(value, to),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<T>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| serde_json::from_str(&text).map_err(de::Error::custom))
            .transpose()
    }
}
