//! Keeps a long text small: compressed, as bytes. A webhook record shrinks to a tenth, and so does its price.

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserializer, Serializer, de, ser};
use std::fmt;
use std::io::{Read, Write};

/// What a packed text may unfold to.
const LIMIT: u64 = 32 * 1024 * 1024;

pub(super) fn serialize<S: Serializer>(text: &str, to: S) -> Result<S::Ok, S::Error> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed
        .write_all(text.as_bytes())
        .map_err(ser::Error::custom)?;
    to.serialize_bytes(&packed.finish().map_err(ser::Error::custom)?)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    from.deserialize_byte_buf(Packed)
}

struct Packed;

impl de::Visitor<'_> for Packed {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a compressed text")
    }

    fn visit_bytes<E: de::Error>(self, packed: &[u8]) -> Result<String, E> {
        let mut text = String::new();
        GzDecoder::new(packed)
            .take(LIMIT)
            .read_to_string(&mut text)
            .map_err(E::custom)?;
        Ok(text)
    }

    fn visit_byte_buf<E: de::Error>(self, packed: Vec<u8>) -> Result<String, E> {
        self.visit_bytes(&packed)
    }
}
