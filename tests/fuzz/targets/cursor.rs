//! A cursor from anybody: refused, or one that leads to a place whose cursor leads there again.
#![no_main]

use heliograph::service::http::Cursor;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let tenant = "demo".parse().expect("a tenant");
    let list = Cursor::of("messages", &tenant);
    let place = list.read::<String>(text);
    if let Ok(place) = place {
        let written = list.write(&place).expect("a place can be written");
        let again = list.read::<String>(&written);
        assert!(again.is_ok_and(|again| again == place));
        let another = "neighbour".parse().expect("a tenant");
        assert!(
            Cursor::of("messages", &another)
                .read::<String>(text)
                .is_err()
        );
    }
    // Any place that a list could give survives the way there and back.
    if text.len() <= 500 {
        let written = list.write(&text).expect("a place can be written");
        let read = list.read::<String>(&written);
        assert!(written.len() > 1_000 || read.is_ok_and(|read| read == text));
    }
});
