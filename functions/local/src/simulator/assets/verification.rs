//! The code that proves whose a number is.

use super::number::Number;
use serde::{Deserialize, Serialize};

/// So many codes are sent in an hour. Meta does not say how many it sends.
const REQUESTS: usize = 5;
const WINDOW_MS: i64 = 3_600_000;
/// How long a code is good.
const LIFETIME_MS: i64 = 600_000;
/// After so many wrong ones the code is good no more.
const GUESSES: u32 = 5;

/// Whether a number is verified, and the code that was sent to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Verification {
    pub(crate) verified: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<Code>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    requests: Vec<i64>,
}

/// A code that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Code {
    pub(crate) digits: String,
    pub(crate) method: Method,
    pub(crate) language: String,
    /// In milliseconds since 1970.
    pub(crate) sent_ms: i64,
    wrong_guesses: u32,
}

/// How a code is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Method {
    Sms,
    Voice,
}

/// Why no code is sent, or a code not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CodeRefusal {
    AlreadyVerified,
    TooManyRequests,
    NoCode,
    WrongCode,
    TooManyGuesses,
}

impl Number {
    /// Sends a code, which takes the place of the one before it.
    pub(crate) fn request_code(
        &mut self,
        digits: String,
        method: Method,
        language: &str,
        now_ms: i64,
    ) -> Result<(), CodeRefusal> {
        let verification = &mut self.verification;
        if verification.verified {
            return Err(CodeRefusal::AlreadyVerified);
        }
        verification.requests.retain(|&at| at > now_ms - WINDOW_MS);
        if verification.requests.len() >= REQUESTS {
            return Err(CodeRefusal::TooManyRequests);
        }
        verification.requests.push(now_ms);
        verification.code = Some(Code {
            digits,
            method,
            language: language.to_owned(),
            sent_ms: now_ms,
            wrong_guesses: 0,
        });
        Ok(())
    }

    /// Takes a code a person has typed.
    pub(crate) fn verify_code(&mut self, typed: &str, now_ms: i64) -> Result<(), CodeRefusal> {
        let verification = &mut self.verification;
        if verification.verified {
            return Err(CodeRefusal::AlreadyVerified);
        }
        let is_good = |code: &&mut Code| code.sent_ms > now_ms - LIFETIME_MS;
        let sent = verification.code.as_mut().filter(is_good);
        let sent = sent.ok_or(CodeRefusal::NoCode)?;
        if sent.wrong_guesses >= GUESSES {
            return Err(CodeRefusal::TooManyGuesses);
        }
        if sent.digits != typed {
            sent.wrong_guesses += 1;
            return Err(CodeRefusal::WrongCode);
        }
        verification.code = None;
        verification.verified = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number() -> Number {
        Number::new("100000000000009", "+15550001009", "200000000000009")
    }

    fn request(number: &mut Number, code: &str, now_ms: i64) -> Result<(), CodeRefusal> {
        number.request_code(code.to_owned(), Method::Sms, "en_US", now_ms)
    }

    #[test]
    fn the_newest_code_verifies_once() {
        let mut number = number();
        assert_eq!(number.verify_code("111111", 0), Err(CodeRefusal::NoCode));
        assert_eq!(request(&mut number, "111111", 0), Ok(()));
        assert_eq!(request(&mut number, "222222", 1), Ok(()));
        assert_eq!(number.verify_code("111111", 2), Err(CodeRefusal::WrongCode));
        assert_eq!(number.verify_code("222222", 3), Ok(()));
        let again = Err(CodeRefusal::AlreadyVerified);
        assert_eq!(number.verify_code("222222", 4), again);
        assert_eq!(request(&mut number, "333333", 5), again);
    }

    #[test]
    fn a_code_cannot_be_guessed_nor_asked_for_without_end() {
        let mut number = number();
        assert_eq!(request(&mut number, "111111", 0), Ok(()));
        for _ in 0..5 {
            assert_eq!(number.verify_code("000000", 1), Err(CodeRefusal::WrongCode));
        }
        let guessed = number.verify_code("111111", 1);
        assert_eq!(guessed, Err(CodeRefusal::TooManyGuesses));
        for _ in 1..5 {
            assert_eq!(request(&mut number, "111111", 1), Ok(()));
        }
        let asked = request(&mut number, "111111", 1);
        assert_eq!(asked, Err(CodeRefusal::TooManyRequests));
    }

    #[test]
    fn an_old_code_is_none() {
        let mut number = number();
        assert_eq!(request(&mut number, "111111", 0), Ok(()));
        let late = number.verify_code("111111", LIFETIME_MS);
        assert_eq!(late, Err(CodeRefusal::NoCode));
    }
}
