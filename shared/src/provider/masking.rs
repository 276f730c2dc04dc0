//! Takes a secret out of what a provider was told and said, so that people can read the rest.
//!
//! A provider may repeat what it was told, in any writing. What is known of them is replaced; a text in which the secret
//! can still be read is not shown at all.

use crate::domain::secret::SecretText;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

/// In the place of a text in which the secret can still be read.
const WITHHELD: &str = "(withheld: it repeats the secret)";

/// How often a text is read that was written for a writing within another one.
const WRITINGS: usize = 4;

/// The text with the secret's mask wherever the secret stood.
#[must_use]
pub(super) fn masked(text: &str, secret: &SecretText) -> String {
    if secret.expose().is_empty() {
        return text.to_owned();
    }
    let mask = secret.masked();
    let shown = writings(secret.expose())
        .iter()
        .fold(text.to_owned(), |text, form| replaced(&text, form, &mask));
    if can_be_read(&shown, secret.expose()) {
        WITHHELD.to_owned()
    } else {
        shown
    }
}

/// How the secret may be written, the longest first.
fn writings(secret: &str) -> Vec<String> {
    let in_json = serde_json::Value::from(secret).to_string();
    let in_json = in_json.trim_matches('"').to_owned();
    let escaped_slashes = in_json.replace('/', "\\/");
    let engines = [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD];
    let mut writings: Vec<String> = engines.iter().map(|it| it.encode(secret)).collect();
    writings.extend([
        secret.to_owned(),
        in_json,
        escaped_slashes,
        percent_encoded(secret),
    ]);
    writings.sort_by_key(|form| std::cmp::Reverse(form.len()));
    writings.dedup();
    writings
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"*-._".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

/// In capitals or not: some write headers and keys as they please.
fn replaced(text: &str, form: &str, mask: &str) -> String {
    let (searched, form) = (text.to_ascii_lowercase(), form.to_ascii_lowercase());
    let mut shown = String::new();
    let mut seen = 0;
    for (place, _) in searched.match_indices(&form) {
        shown.push_str(text.get(seen..place).unwrap_or_default());
        shown.push_str(mask);
        seen = place + form.len();
    }
    shown.push_str(text.get(seen..).unwrap_or_default());
    shown
}

/// Whether somebody who undoes escapes finds the secret.
fn can_be_read(text: &str, secret: &str) -> bool {
    let secret = secret.to_ascii_lowercase();
    let mut read = text.to_owned();
    for _ in 0..WRITINGS {
        if read.to_ascii_lowercase().contains(&secret) {
            return true;
        }
        let next = unescaped(&read);
        if next == read {
            return false;
        }
        read = next;
    }
    read.to_ascii_lowercase().contains(&secret)
}

/// The text with JSON's escapes and those of addresses undone, once.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (byte, length) = match first {
            '%' => (code(rest, 1..3), 3),
            '\\' if rest.starts_with("\\u") => (code(rest, 2..6), 6),
            '\\' => (
                rest.as_bytes()
                    .get(1)
                    .copied()
                    .filter(|it| b"\"\\/".contains(it)),
                2,
            ),
            _ => (None, 0),
        };
        if let Some(byte) = byte {
            bytes.push(byte);
            rest = rest.get(length..).unwrap_or_default();
        } else {
            let length = first.len_utf8();
            bytes.extend_from_slice(rest.as_bytes().get(..length).unwrap_or_default());
            rest = rest.get(length..).unwrap_or_default();
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The byte whose number stands there. What no byte holds is in no secret.
fn code(text: &str, digits: std::ops::Range<usize>) -> Option<u8> {
    let number = u32::from_str_radix(text.get(digits)?, 16).ok()?;
    u8::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "hush/hush+0123456789";

    fn shown(text: &str) -> String {
        masked(text, &SecretText::new(KEY))
    }

    #[test]
    fn the_secret_is_masked_wherever_it_stands_and_all_else_stays() {
        assert_eq!(shown("Bearer hush/hush+0123456789"), "Bearer ***6789");
        assert_eq!(
            shown(r#"{"key":"hush\/hush+0123456789","n":"+15550001111"}"#),
            r#"{"key":"***6789","n":"+15550001111"}"#
        );
        assert_eq!(shown("a=hush%2Fhush%2b0123456789&b=1"), "a=***6789&b=1");
        assert_eq!(shown("HUSH/HUSH+0123456789"), "***6789");
        let encoded = STANDARD.encode(KEY);
        assert_eq!(shown(&format!("<{encoded}>")), "<***6789>");
        assert_eq!(shown("nothing of it: é"), "nothing of it: é");
    }

    #[test]
    fn a_text_in_which_it_can_still_be_read_is_not_shown() {
        for text in [
            r#"{"key":"\u0068ush/hush+0123456789"}"#,
            "%68ush/hush+0123456789",
            "%2568ush/hush+0123456789",
            r"\\u0068ush/hush+0123456789",
        ] {
            assert_eq!(shown(text), WITHHELD, "{text}");
        }
    }

    #[test]
    fn no_secret_is_found_nowhere() {
        assert_eq!(masked("all of it", &SecretText::new("")), "all of it");
    }
}
