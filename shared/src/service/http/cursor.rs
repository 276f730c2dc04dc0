//! Pages of a list, and the cursors that lead from one to the next.
//!
//! A cursor is opaque to callers. It is bound to its list and tenant by a checksum, which guards against mix-ups and
//! is no signature: the store builds the partition from the caller's tenant, never from a cursor.

use crate::domain::identity::TenantId;
use crate::service::problem::Problem;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

/// Bytes of the checksum that travel.
const CHECKSUM: usize = 8;

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Page<T> {
    /// The entries.
    pub data: Vec<T>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Makes and reads the cursors of one tenant's list.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'a> {
    list: &'a str,
    tenant: &'a TenantId,
}

#[derive(Serialize, Deserialize)]
struct Wire<P> {
    c: String,
    p: P,
}

/// Far longer than any we give, and short enough for whatever stands in it to be a key: DynamoDB's have 1,024 bytes.
const LONGEST: usize = 1_000;

impl<'a> Cursor<'a> {
    /// For the list of this name; what the list is filtered by belongs to its name.
    #[must_use]
    pub fn of(list: &'a str, tenant: &'a TenantId) -> Self {
        Self { list, tenant }
    }

    /// The cursor that stands for `place`.
    pub fn write<P: Serialize>(self, place: &P) -> Result<String, serde_json::Error> {
        let wire = Wire {
            c: self.checksum(),
            p: place,
        };
        Ok(URL_SAFE_NO_PAD.encode(serde_json::to_vec(&wire)?))
    }

    /// The place that `text` stands for, if it is a cursor of this very list.
    pub fn read<P: DeserializeOwned>(self, text: &str) -> Result<P, Problem> {
        let text = Some(text).filter(|text| text.len() <= LONGEST);
        let bytes = text.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        let wire = bytes.and_then(|bytes| serde_json::from_slice::<Wire<P>>(&bytes).ok());
        wire.filter(|wire| wire.c == self.checksum())
            .map(|wire| wire.p)
            .ok_or_else(|| {
                Problem::bad_request(
                    "invalid_cursor",
                    "the cursor is not one that this list gave; begin again without a cursor",
                )
            })
    }

    fn checksum(self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.tenant.as_str());
        hash.update(b"\n");
        hash.update(self.list);
        let bytes = hash.finalize();
        hex::encode(bytes.iter().take(CHECKSUM).copied().collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn tenant(name: &str) -> TenantId {
        name.parse().unwrap()
    }

    #[test]
    fn a_cursor_leads_back_to_its_place() {
        let demo = tenant("demo");
        let cursor = Cursor::of("messages", &demo);
        let text = cursor.write(&("msg_1".to_owned(), 7)).unwrap();
        assert!(
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        );
        assert_eq!(
            cursor.read::<(String, u32)>(&text),
            Ok(("msg_1".to_owned(), 7))
        );
    }

    #[test]
    fn a_cursor_that_was_made_longer_than_a_key_is_refused() {
        let demo = tenant("demo");
        let cursor = Cursor::of("messages", &demo);
        let longer = cursor.write(&"m".repeat(1_100)).unwrap();
        let refused = cursor.read::<String>(&longer).unwrap_err();
        assert_eq!(refused.code(), "invalid_cursor");
    }

    #[test]
    fn a_cursor_of_another_list_or_tenant_or_a_broken_one_is_refused() {
        let (demo, other) = (tenant("demo"), tenant("other"));
        let text = Cursor::of("messages", &demo).write(&"msg_1").unwrap();
        let (shorter, _) = text.split_at(text.len() - 4);
        let refused = [
            Cursor::of("contacts", &demo).read::<String>(&text),
            Cursor::of("messages", &other).read::<String>(&text),
            Cursor::of("messages", &demo).read::<String>(shorter),
            Cursor::of("messages", &demo).read::<String>(&format!("{text}A")),
            Cursor::of("messages", &demo).read::<String>(""),
            Cursor::of("messages", &demo).read::<String>("../../etc"),
        ];
        for result in refused {
            assert_eq!(result.unwrap_err().code(), "invalid_cursor");
        }
        let of_another_shape = Cursor::of("messages", &demo).read::<u32>(&text);
        assert_eq!(of_another_shape.unwrap_err().code(), "invalid_cursor");
    }

    #[test]
    fn the_last_page_has_no_next_cursor() {
        let page = Page {
            data: vec![1],
            next_cursor: None,
        };
        assert_eq!(serde_json::to_string(&page).unwrap(), r#"{"data":[1]}"#);
    }
}
