//! A call of Fonnte's, which nothing signs: its record fits its queue, comes back as it was, and is read.
#![no_main]

use heliograph::domain::provider::Gateway;
use heliograph::domain::queue::WebhookBody;
use heliograph::domain::secret::SecretText;
use heliograph::provider::updates;
use heliograph::provider::webhook::{Queued, prove, queued};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let tokens = [SecretText::new("fuzz-path-token")];
    let call = prove(Gateway::Fonnte, "fuzz-path-token", body, &tokens).expect("the token fits");
    let tenant = "demo".parse().expect("a tenant");
    let account = "acct_demo-fonnte".parse().expect("an account");
    let told = queued(call, &tenant, &account, Timestamp::UNIX_EPOCH).expect("nothing is refused");
    let (Queued::Inbound(record) | Queued::Status(record)) = told.expect("Fonnte calls us");
    let text = WebhookBody::encode(&record).expect("a record can be queued");
    let received = WebhookBody::decode(&text).expect("what is queued is read");
    assert!(!updates(&received).is_empty(), "a call says nothing");
});
