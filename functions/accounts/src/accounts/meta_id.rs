//! Meta's ids as people type them. What they type most often instead is a phone number.

use heliograph::domain::identity::WabaId;
use std::fmt::Display;
use std::str::FromStr;

/// Reads an id; says so if it is a phone number.
pub(crate) fn meta_id<T>(text: &str) -> Result<T, String>
where
    T: FromStr,
    T::Err: Display,
{
    let text = text.trim();
    let is_number = text.contains(['+', ' ', '-', '(', ')'])
        && text.chars().filter(char::is_ascii_digit).count() >= 7;
    if is_number {
        return Err(
            "is a phone number, and Meta's id belongs here: digits alone, shown in WhatsApp Manager \
             beside the account and each of its numbers"
                .to_owned(),
        );
    }
    text.parse()
        .map_err(|error| format!("is {error}; Meta's ids are digits alone"))
}

/// The ids of WABAs have so many digits or more. A phone number has fewer in practice.
const SHORTEST: usize = 14;

/// Reads the id of a WABA; says so if it is too short for one. One of a number is looked for among the WABA's numbers, and
/// told by them.
pub(crate) fn waba_id(text: &str) -> Result<WabaId, String> {
    let id = meta_id(text)?;
    if text.trim().len() < SHORTEST {
        return Err(
            "is too short for an id of Meta's, and may be a phone number: ids are shown in WhatsApp Manager beside the \
             account and each of its numbers"
                .to_owned(),
        );
    }
    Ok(id)
}

/// A number as `+E.164`, from what Meta shows people: `+1 555-000-1000`.
pub(crate) fn display_number(shown: &str) -> String {
    let digits = digits(shown);
    format!("+{digits}")
}

/// The digits of a text.
pub(crate) fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_number_where_an_id_belongs_is_told_as_one() {
        for typed in [
            "+15550001000",
            "1 555 000-1000",
            "(555) 000 1000",
            "15550001000",
        ] {
            let told = waba_id(typed);
            assert!(
                told.is_err_and(|it| it.contains("a phone number")),
                "{typed}"
            );
        }
        for typed in ["", "waba", "-5"] {
            let told = meta_id::<WabaId>(typed);
            assert!(told.is_err_and(|it| it.contains("digits alone")), "{typed}");
        }
        assert!(meta_id::<WabaId>(" 200000000000001\n").is_ok());
    }

    #[test]
    fn a_number_is_kept_as_its_digits() {
        assert_eq!(display_number("+1 555-000-1000"), "+15550001000");
    }
}
