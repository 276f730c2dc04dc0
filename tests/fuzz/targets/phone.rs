//! A phone number as somebody types it: what is taken is `+` and 7 to 15 digits, and is taken again as itself.
#![no_main]

use heliograph::domain::phone::PhoneNumber;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|typed: &str| {
    let Ok(number) = typed.parse::<PhoneNumber>() else {
        return;
    };
    let digits = number.digits();
    assert!((7..=15).contains(&digits.len()), "{number:?}");
    assert!(digits.bytes().all(|it| it.is_ascii_digit()), "{number:?}");
    assert_eq!(number.as_str(), format!("+{digits}"));
    for form in [number.as_str(), digits] {
        assert_eq!(form.parse().as_ref(), Ok(&number), "{form}");
    }
});
