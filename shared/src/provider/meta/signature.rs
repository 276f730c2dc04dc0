//! Proves that a webhook comes from Meta, before a byte of it is parsed.
//!
//! Only a [`VerifiedPayload`] can be split, so that a forgotten check does not compile. The signature is over the raw
//! bytes as received: JSON written anew differs as soon as it holds `@`, `/` or anything beyond ASCII.

use crate::domain::secret::SecretText;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};
use thiserror::Error;

/// A webhook body whose signature has been checked.
#[derive(Debug, Clone, Copy)]
pub struct VerifiedPayload<'a>(&'a [u8]);

impl<'a> VerifiedPayload<'a> {
    /// The bytes as received.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.0
    }
}

/// Why a webhook is refused. To the caller all are the same; the difference is for our counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// There is no signature.
    #[error("the webhook bears no signature")]
    Missing,
    /// It is not of the form Meta uses.
    #[error("the signature is not sha256= and 64 hexadecimal digits")]
    Malformed,
    /// It was not made with one of the account's app secrets over these bytes.
    #[error("the signature does not fit the body")]
    Mismatch,
}

/// Checks `header` (`X-Hub-Signature-256`) over `body` against every active app secret: while one is rotated, the
/// current and the previous are valid.
pub fn verify<'a>(
    header: Option<&str>,
    body: &'a [u8],
    secrets: &[SecretText],
) -> Result<VerifiedPayload<'a>, SignatureError> {
    let given = parse(header.ok_or(SignatureError::Missing)?)?;
    // Every secret is tried, whichever fits: the time taken tells nothing.
    let fits = secrets
        .iter()
        .filter_map(|secret| digest(secret.expose().as_bytes(), body))
        .fold(Choice::from(0), |fits, digest| fits | digest.ct_eq(&given));
    if bool::from(fits) {
        Ok(VerifiedPayload(body))
    } else {
        Err(SignatureError::Mismatch)
    }
}

/// The header Meta would send with `body`.
#[must_use]
pub fn sign(secret: &SecretText, body: &[u8]) -> String {
    let digest = digest(secret.expose().as_bytes(), body).unwrap_or_default();
    format!("sha256={}", hex::encode(digest))
}

fn parse(header: &str) -> Result<[u8; 32], SignatureError> {
    let digits = header
        .strip_prefix("sha256=")
        .ok_or(SignatureError::Malformed)?;
    let mut digest = [0; 32];
    hex::decode_to_slice(digits, &mut digest).map_err(|_| SignatureError::Malformed)?;
    Ok(digest)
}

/// `None` for an empty secret: it would make a signature that anybody can make. HMAC itself takes keys of any length.
fn digest(secret: &[u8], body: &[u8]) -> Option<[u8; 32]> {
    if secret.is_empty() {
        return None;
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    mac.update(body);
    Some(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        reason = "a test fails by panicking"
    )]
    use super::*;

    const BODY: &[u8] = br#"{"object":"whatsapp_business_account","entry":[]}"#;

    fn secrets(texts: &[&str]) -> Vec<SecretText> {
        texts.iter().copied().map(SecretText::new).collect()
    }

    #[test]
    fn a_known_signature_is_made_and_accepted() {
        // From RFC 4231, test case 2.
        let header = sign(&SecretText::new("Jefe"), b"what do ya want for nothing?");
        assert_eq!(
            header,
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        let upper = format!("sha256={}", header[7..].to_uppercase());
        for given in [header.as_str(), &upper] {
            let keys = secrets(&["Jefe"]);
            let payload = verify(Some(given), b"what do ya want for nothing?", &keys).unwrap();
            assert_eq!(payload.bytes(), b"what do ya want for nothing?");
        }
    }

    #[test]
    fn changing_any_byte_of_the_body_breaks_the_signature() {
        let keys = secrets(&["demo-app-secret"]);
        let header = sign(&keys[0], BODY);
        for position in 0..BODY.len() {
            let mut tampered = BODY.to_vec();
            tampered[position] ^= 1;
            let outcome = verify(Some(&header), &tampered, &keys).map(|_| ());
            assert_eq!(outcome, Err(SignatureError::Mismatch), "{position}");
        }
    }

    #[test]
    fn while_a_secret_is_rotated_both_are_accepted_and_no_other() {
        let keys = secrets(&["current", "previous"]);
        for key in &keys {
            assert!(verify(Some(&sign(key, BODY)), BODY, &keys).is_ok());
        }
        let older = sign(&SecretText::new("older"), BODY);
        assert!(verify(Some(&older), BODY, &keys).is_err());
        assert!(verify(Some(&older), BODY, &[]).is_err());
    }

    #[test]
    fn an_empty_secret_signs_nothing() {
        let empty = secrets(&[""]);
        let header = sign(&empty[0], BODY);
        assert!(verify(Some(&header), BODY, &empty).is_err());
    }

    #[test]
    fn only_sha256_and_64_hexadecimal_digits_are_a_signature() {
        let keys = secrets(&["demo-app-secret"]);
        let good = sign(&keys[0], BODY);
        for wrong in [
            "",
            "sha256=",
            &good[7..],
            &good[..70],
            &format!("{good}0"),
            &format!("{good} "),
            &good.replace("sha256", "sha1"),
            &good.replace("sha256", "SHA256"),
            &format!("{}é", &good[..69]),
            &format!("{}zz", &good[..69]),
        ] {
            let outcome = verify(Some(wrong), BODY, &keys).map(|_| ());
            assert_eq!(outcome, Err(SignatureError::Malformed), "{wrong}");
        }
        let outcome = verify(None, BODY, &keys).map(|_| ());
        assert_eq!(outcome, Err(SignatureError::Missing));
    }
}
