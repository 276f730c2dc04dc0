//! A signature, then a line break, then a body: none fits but the one that the secret makes.
#![no_main]

use heliograph::domain::secret::SecretText;
use heliograph::provider::meta::signature::{sign, verify};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|call: &[u8]| {
    let mut parts = call.splitn(2, |byte| *byte == b'\n');
    let header = parts
        .next()
        .and_then(|header| std::str::from_utf8(header).ok());
    let body = parts.next().unwrap_or_default();
    let secrets = [SecretText::new("fuzz-app-secret"), SecretText::new("")];
    let fits = verify(header, body, &secrets).is_ok();
    let right = sign(&secrets[0], body);
    assert_eq!(
        fits,
        header.is_some_and(|it| it.eq_ignore_ascii_case(&right) && it.starts_with("sha256="))
    );
    assert!(verify(Some(&right), body, &secrets).is_ok());
});
