//! Phone numbers typed by our users: `+E.164`, or the reason why not.
//!
//! Judged by country code and length alone. Numbering plans change, and WhatsApp itself uses forms that they call
//! invalid (old Mexican and Brazilian mobiles), so nothing finer is checked, and nothing is ever guessed.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// E.164 allows 15 digits; the shortest numbers in use (Niue, Saint Helena) have 7 with their country code.
const LENGTH: std::ops::RangeInclusive<usize> = 7..=15;

/// A phone number in E.164 form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhoneNumber(String);

/// Why a text is not a phone number, and what to write instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PhoneError {
    /// It is not a number at all.
    #[error("must be a phone number with + and the country code, such as +15550001111")]
    NotANumber,
    /// It begins as a number does inside a country.
    #[error("is a national number: write it with + and the country code, such as +15550001111")]
    National,
    /// It begins with `00`, which means "abroad" in some countries and something else in others.
    #[error("begins with 00: write it with + and the country code, such as +15550001111")]
    DialledAbroad,
    /// It holds the zero that is dialled only inside the country, as in `+44 (0)20`.
    #[error("holds a (0) that is dialled only inside the country: leave it out")]
    TrunkZero,
    /// No country has this code.
    #[error(
        "begins with no country's code: write it with + and the country code, such as +15550001111"
    )]
    NoCountry,
    /// Too few digits.
    #[error("has too few digits: write it with + and the country code, such as +15550001111")]
    TooShort,
    /// Too many digits.
    #[error(
        "has too many digits for a phone number, which has at most 15; a phone number id does not belong here"
    )]
    TooLong,
    /// It has a decimal point, as spreadsheets write numbers.
    #[error(
        "has a decimal point, as spreadsheets write: write it without one, or with + and the country code"
    )]
    Decimal,
    /// As many digits as Meta's ids have.
    #[error(
        "looks like a phone number id: write the phone number itself, with + and the country code"
    )]
    PhoneNumberId,
}

impl PhoneNumber {
    /// The number as `+` and digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits alone, as a `wa_id` writes them.
    #[must_use]
    pub fn digits(&self) -> &str {
        self.0.trim_start_matches('+')
    }
}

impl FromStr for PhoneNumber {
    type Err = PhoneError;

    /// Digits without a `+` are international, as in a `wa_id`.
    fn from_str(text: &str) -> Result<Self, PhoneError> {
        let text = text.trim_matches(is_separator);
        let typed = text.strip_prefix('+').unwrap_or(text);
        if typed
            .chars()
            .any(|c| !c.is_ascii_digit() && !is_separator(c))
        {
            return Err(PhoneError::NotANumber);
        }
        if is_decimal(typed, typed.len() < text.len()) {
            return Err(PhoneError::Decimal);
        }
        let digits: String = typed.chars().filter(char::is_ascii_digit).collect();
        check(&digits)?;
        if typed.contains("(0)") {
            return Err(PhoneError::TrunkZero);
        }
        Ok(Self(format!("+{digits}")))
    }
}

/// `15550001111.0` is what spreadsheets make of a number, and its last digit is none of the number's. Whoever writes points
/// between groups of digits writes a `+` before them, and no group of one digit at the end.
fn is_decimal(typed: &str, has_plus: bool) -> bool {
    match typed.rsplit_once('.') {
        Some((_, last)) => !has_plus || last.trim_end_matches(is_separator).len() < 2,
        None => false,
    }
}

fn check(digits: &str) -> Result<(), PhoneError> {
    if digits.is_empty() {
        Err(PhoneError::NotANumber)
    } else if digits.starts_with("00") {
        Err(PhoneError::DialledAbroad)
    } else if digits.starts_with('0') {
        Err(PhoneError::National)
    } else if digits.len() > *LENGTH.end() {
        Err(PhoneError::TooLong)
    } else if digits.len() < *LENGTH.start() {
        Err(PhoneError::TooShort)
    } else if digits.len() == *LENGTH.end() && digits.starts_with('1') {
        // No number of country 1 is as long, and Meta's ids look exactly like this.
        Err(PhoneError::PhoneNumberId)
    } else if !has_country(digits) {
        Err(PhoneError::NoCountry)
    } else {
        Ok(())
    }
}

/// What people put between digits, and the invisible direction marks that come along when a number is copied.
fn is_separator(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '-' | '.' | '(' | ')' | '\u{2010}'..='\u{2015}')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}')
}

/// Country codes have one to three digits, and none begins with another.
fn has_country(digits: &str) -> bool {
    (1..=3).any(|length| {
        digits
            .get(..length)
            .and_then(|code| code.parse().ok())
            .is_some_and(is_assigned)
    })
}

/// The codes that the ITU has assigned (List of Recommendation E.164 assigned country codes).
#[rustfmt::skip]
const fn is_assigned(code: u16) -> bool {
    matches!(
        code,
        1 | 7 | 20 | 27 | 30..=34 | 36 | 39..=41 | 43..=49 | 51..=58 | 60..=66 | 81 | 82 | 84 | 86 | 90..=95 | 98
        | 211..=213 | 216 | 218 | 220..=258 | 260..=269 | 290 | 291 | 297..=299
        | 350..=359 | 370..=383 | 385..=387 | 389 | 420 | 421 | 423
        | 500..=509 | 590..=599 | 670 | 672..=683 | 685..=692
        | 800 | 808 | 850 | 852 | 853 | 855 | 856 | 870 | 878 | 880..=883 | 886 | 888
        | 960..=968 | 970..=977 | 979 | 992..=998
    )
}

impl TryFrom<String> for PhoneNumber {
    type Error = PhoneError;

    fn try_from(text: String) -> Result<Self, PhoneError> {
        text.parse()
    }
}

impl From<PhoneNumber> for String {
    fn from(number: PhoneNumber) -> Self {
        number.0
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_with_a_decimal_point_is_not_taken_for_a_longer_one() {
        for typed in [
            "15550001111.0",
            "447911123456.5",
            "2026.11.20",
            "+15550001111.0",
            "+1555.000.1111.0",
        ] {
            assert_eq!(
                typed.parse::<PhoneNumber>(),
                Err(PhoneError::Decimal),
                "{typed}"
            );
        }
        for typed in ["+1.555.000.1111", "+1 555.000.11.11", "+1.555-000-1111"] {
            let read: PhoneNumber = typed.parse().unwrap();
            assert_eq!(read.as_str(), "+15550001111", "{typed}");
        }
    }

    #[test]
    fn a_number_is_read_however_it_was_typed() {
        for (typed, read) in [
            ("+15550001111", "+15550001111"),
            ("15550001111", "+15550001111"),
            (" +1 (555) 000-11.11 ", "+15550001111"),
            (
                "\u{202a}+1 555\u{a0}000\u{2011}1111\u{202c}",
                "+15550001111",
            ),
            ("1-555-000-1111", "+15550001111"),
            ("+6834000", "+6834000"),
            ("+49 1555 000 11 11 11", "+491555000111111"),
        ] {
            assert_eq!(typed.parse::<PhoneNumber>().unwrap().as_str(), read);
        }
    }

    #[test]
    fn the_forms_whatsapp_itself_uses_are_not_called_invalid() {
        for wa_id in ["5215512345678", "551187654321", "5491123456789"] {
            let number: PhoneNumber = wa_id.parse().unwrap();
            assert_eq!(number.digits(), wa_id);
        }
    }

    #[test]
    fn what_is_no_international_number_is_refused_with_the_remedy() {
        use PhoneError::*;
        for (typed, why) in [
            ("", NotANumber),
            ("+", NotANumber),
            ("+-", NotANumber),
            ("+91xxxxxxxxxx", NotANumber),
            ("++15550001111", NotANumber),
            ("1555+0001111", NotANumber),
            ("{{to}}", NotANumber),
            ("\u{661}\u{665}\u{665}\u{665}0001111", NotANumber),
            ("020 7946 0000", National),
            ("+020 7946 0000", National),
            ("0015550001111", DialledAbroad),
            ("+44 (0)20 7946 0000", TrunkZero),
            ("+2105550001111", NoCountry),
            ("9995550001111", NoCountry),
            ("+155500", TooShort),
            ("1234567890123456", TooLong),
            ("100000000000001", PhoneNumberId),
        ] {
            assert_eq!(typed.parse::<PhoneNumber>(), Err(why), "{typed}");
        }
    }

    proptest! {
        #[test]
        fn a_number_once_read_is_read_again_as_itself(text in "[+0-9 ().-]{0,20}") {
            if let Ok(number) = text.parse::<PhoneNumber>() {
                prop_assert_eq!(number.as_str().parse::<PhoneNumber>(), Ok(number.clone()));
            }
        }
    }
}
