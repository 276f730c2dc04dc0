//! A webhook call that Meta signed, whatever is in it: it is cut, fits its queues, comes back from them as it was, and
//! each of its updates is read.
#![no_main]

use heliograph::domain::queue::{LARGEST_RECORD, WebhookBody};
use heliograph::domain::secret::SecretText;
use heliograph::provider::meta::signature::{sign, verify};
use heliograph::provider::meta::webhook::{UPDATES_PER_RECORD, split, update_count};
use heliograph::provider::updates;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let secrets = [SecretText::new("fuzz-app-secret")];
    let signature = sign(&secrets[0], body);
    let payload = verify(Some(&signature), body, &secrets).expect("we signed it");
    let tenant = "demo".parse().expect("a tenant");
    let account = "acct_demo".parse().expect("an account");
    let told =
        split(&payload, &tenant, &account, Timestamp::UNIX_EPOCH).expect("nothing is refused");
    let records: Vec<_> = told.inbound.into_iter().chain(told.status).collect();
    assert!(!records.is_empty(), "a call was dropped");
    for record in records {
        assert!(update_count(&record) <= UPDATES_PER_RECORD);
        let queued = WebhookBody::encode(&record).expect("a record can be queued");
        assert!(queued.len() <= LARGEST_RECORD, "{} bytes", queued.len());
        let received = WebhookBody::decode(&queued).expect("what is queued is read");
        assert_eq!(
            serde_json::to_string(&received).expect("JSON"),
            serde_json::to_string(&record).expect("JSON")
        );
        assert_eq!(updates(&received).len(), update_count(&record));
    }
});
