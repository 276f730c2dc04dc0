//! Every webhook that was recorded from Meta or written down from its pages.

use super::*;
use std::collections::BTreeMap;
use std::path::Path;

#[test]
fn every_recorded_webhook_is_understood_or_named() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/webhooks");
    let Ok(files) = std::fs::read_dir(folder) else {
        return;
    };
    let mut counts = BTreeMap::new();
    for path in files.map(|file| file.unwrap().path()) {
        let body: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        for (field, value) in changes_of(&body) {
            for update in updates(&change(&field, &value)) {
                let is_known = !matches!(update.fact, Fact::Malformed(_));
                assert!(is_known, "{}: {:?}", path.display(), update.fact);
                let kind = match update.fact {
                    Fact::Message(_) => "message",
                    Fact::Status(_) => "status",
                    Fact::PortfolioLimit { .. } => "limit",
                    Fact::DeviceStatus(_)
                    | Fact::Connection(_)
                    | Fact::Other(_)
                    | Fact::Malformed(_) => "other",
                };
                *counts.entry(kind).or_insert(0) += 1;
            }
        }
    }
    assert!(
        counts.get("message") >= Some(&50) && counts.get("status") >= Some(&30),
        "{counts:?}"
    );
}

fn changes_of(body: &Value) -> Vec<(String, Value)> {
    let entries = body.get("entry").and_then(Value::as_array).unwrap();
    let changes = entries
        .iter()
        .flat_map(|entry| entry.get("changes").and_then(Value::as_array).unwrap());
    changes
        .filter_map(|change| Some((text(change, "field")?, change.get("value")?.clone())))
        .collect()
}
