//! Webhook records to queue messages and back. A large record travels compressed, for a queue message has a limit, and so
//! does one with characters that no queue message may hold.

use super::{WebhookBody, WebhookRecord};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::Serialize;
use std::io::{Read, Write};
use thiserror::Error;

/// From here on a record travels compressed.
const PLAIN_LIMIT: usize = 100_000;

/// What SQS takes in no message, and JSON holds as it stands. The rest of what SQS does not take, JSON escapes. Source:
/// AWS, `SendMessage`.
const NOT_TAKEN: [char; 2] = ['\u{fffe}', '\u{ffff}'];

/// What a record may grow to when it is unpacked: five times the largest webhook.
const UNPACKED_LIMIT: u64 = 16 * 1024 * 1024;

/// Why a queue message is not a webhook record. It goes to the dead-letter queue.
#[derive(Debug, Error)]
pub enum PackingError {
    /// The text is not JSON, or not of a form we know.
    #[error("the queue body is not a webhook record")]
    Json(#[from] serde_json::Error),
    /// The compressed form is not base64.
    #[error("the compressed record is not base64")]
    Base64(#[from] base64::DecodeError),
    /// The compressed form does not unpack.
    #[error("the compressed record does not unpack")]
    Gzip(#[from] std::io::Error),
    /// It unpacks to more than any record holds.
    #[error("the compressed record unpacks to more than {UNPACKED_LIMIT} bytes")]
    TooLarge,
}

/// [`WebhookBody`] over a borrowed record.
#[derive(Serialize)]
enum Borrowed<'a> {
    #[serde(rename = "1")]
    V1(&'a WebhookRecord),
}

impl WebhookBody {
    /// The queue message of `record`.
    pub fn encode(record: &WebhookRecord) -> Result<String, PackingError> {
        let plain = serde_json::to_string(&Borrowed::V1(record))?;
        if plain.len() <= PLAIN_LIMIT && !plain.contains(NOT_TAKEN) {
            return Ok(plain);
        }
        let packed = pack(&serde_json::to_vec(record)?)?;
        Ok(serde_json::to_string(&Self::V1Gzip(packed))?)
    }

    /// The record of a queue message.
    pub fn decode(body: &str) -> Result<WebhookRecord, PackingError> {
        match serde_json::from_str(body)? {
            Self::V1(record) => Ok(record),
            Self::V1Gzip(packed) => Ok(serde_json::from_str(&unpack(&packed)?)?),
        }
    }
}

fn pack(json: &[u8]) -> Result<String, PackingError> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(json)?;
    Ok(STANDARD.encode(encoder.finish()?))
}

fn unpack(packed: &str) -> Result<String, PackingError> {
    let bytes = STANDARD.decode(packed)?;
    let mut json = String::new();
    GzDecoder::new(bytes.as_slice())
        .take(UNPACKED_LIMIT + 1)
        .read_to_string(&mut json)?;
    if json.len() as u64 > UNPACKED_LIMIT {
        return Err(PackingError::TooLarge);
    }
    Ok(json)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::super::Change;
    use super::*;
    use crate::domain::id::EventId;
    use crate::domain::provider::Provider;
    use jiff::Timestamp;
    use serde_json::value::RawValue;

    fn record(value: &str) -> WebhookRecord {
        WebhookRecord {
            id: EventId::at(Timestamp::UNIX_EPOCH),
            tenant: "demo".parse().unwrap(),
            account: "acct_demo".parse().unwrap(),
            provider: Provider::Meta,
            received_at: Timestamp::UNIX_EPOCH,
            changes: vec![Change {
                entry: "200000000000001".to_owned(),
                time: Some(7),
                field: "messages".to_owned(),
                value: RawValue::from_string(value.to_owned()).unwrap(),
            }],
        }
    }

    #[test]
    fn a_record_comes_back_byte_for_byte_small_or_large() {
        let large = format!(r#"{{ "text" : "{}\u00e9" }}"#, "long ".repeat(50_000));
        for value in [r#"{ "b":1.50,  "a":"\/" }"#, &large] {
            let body = WebhookBody::encode(&record(value)).unwrap();
            let back = WebhookBody::decode(&body).unwrap();
            assert_eq!(back.changes.first().unwrap().value.get(), value);
            assert_eq!(back.changes.first().unwrap().time, Some(7));
        }
    }

    #[test]
    fn a_record_from_before_other_providers_had_webhooks_is_metas() {
        let mut body: serde_json::Value =
            serde_json::from_str(&WebhookBody::encode(&record("{}")).unwrap()).unwrap();
        let named = body.pointer_mut("/1").unwrap().as_object_mut().unwrap();
        assert_eq!(named.remove("provider"), Some("meta".into()));
        let back = WebhookBody::decode(&body.to_string()).unwrap();
        assert_eq!(back.provider, Provider::Meta);
    }

    #[test]
    fn only_a_large_record_is_compressed() {
        let small = WebhookBody::encode(&record("{}")).unwrap();
        assert!(small.starts_with(r#"{"1":{"#));
        let large = format!(r#"{{"text":"{}"}}"#, "long ".repeat(50_000));
        let large = WebhookBody::encode(&record(&large)).unwrap();
        assert!(large.starts_with(r#"{"1gz":""#) && large.len() < 10_000);
    }

    #[test]
    fn a_record_with_characters_that_sqs_does_not_take_travels_without_them() {
        for text in ["\u{fffe}", "a\u{ffff}", "\u{7f}\u{85}\u{1f4ee}"] {
            let value = format!(r#"{{"text":"{text}"}}"#);
            let body = WebhookBody::encode(&record(&value)).unwrap();
            assert!(!body.contains(NOT_TAKEN));
            let back = WebhookBody::decode(&body).unwrap();
            assert_eq!(back.changes.first().unwrap().value.get(), value);
        }
    }

    #[test]
    fn a_body_that_unpacks_without_end_is_refused() {
        let bomb = pack(&vec![b' '; 17 * 1024 * 1024]).unwrap();
        let body = format!(r#"{{"1gz":"{bomb}"}}"#);
        assert!(matches!(
            WebhookBody::decode(&body),
            Err(PackingError::TooLarge)
        ));
    }

    #[test]
    fn a_body_of_another_form_is_an_error_not_a_loss() {
        for wrong in [
            "",
            "{}",
            "[]",
            r#"{"2":{}}"#,
            r#"{"1gz":"?"}"#,
            r#"{"1gz":"AAAA"}"#,
        ] {
            assert!(WebhookBody::decode(wrong).is_err(), "{wrong}");
        }
    }
}
