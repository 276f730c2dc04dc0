//! Meta's own request bodies: which are accepted, and which break Meta's own limits.

use super::*;
use std::path::Path;

/// The request bodies in Meta's documents that send a message; none where the fixtures are not at hand.
fn fixtures() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/send");
    let mut found: Vec<(String, Value)> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let body: Value =
                serde_json::from_slice(&std::fs::read(entry.path()).unwrap()).unwrap();
            let has_object = Kind::ALL
                .iter()
                .any(|kind| body.get(kind.as_str()).is_some());
            let sends = name.contains("__req-") && has_object && body.get("name").is_none();
            sends.then_some((name, body))
        })
        .collect();
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    found
}

/// Those of Meta's examples that cannot be sent as they stand, and every place that says why: a placeholder where
/// a URL or a number belongs, or a title beyond Meta's own limit.
const REFUSED: [(&str, &[&str]); 19] = [
    ("docs__req-interactive-address-message__1.json", &["/to"]),
    ("docs__req-interactive-address-saved__1.json", &["/to"]),
    (
        "docs__req-interactive-call-permission-request__1.json",
        &["/to"],
    ),
    ("docs__req-interactive-product__1.json", &["/to"]),
    ("docs__req-template-catalog__1.json", &["/to"]),
    ("docs__req-template-mpm__1.json", &["/to"]),
    (
        "messages__req-send-image-message-by-url__1.json",
        &["/image/link"],
    ),
    ("messages__req-send-list-message__1.json", LONG_TITLES),
    (
        "messages__req-send-message-template-media__1.json",
        &["/template/components/0/parameters/0/image/link"],
    ),
    ("messages__req-send-order-details-message__1.json", &["/to"]),
    ("messages__req-send-order-status-message__1.json", &["/to"]),
    (
        "messages__req-send-reply-to-audio-message-by-url__1.json",
        &["/audio/link"],
    ),
    (
        "messages__req-send-reply-to-document-message-by-url__1.json",
        &["/document/link"],
    ),
    (
        "messages__req-send-reply-to-image-message-by-url__1.json",
        &["/image/link"],
    ),
    (
        "messages__req-send-reply-to-list-message__1.json",
        LONG_TITLES,
    ),
    (
        "messages__req-send-reply-to-sticker-message-by-url__1.json",
        &["/sticker/link"],
    ),
    (
        "messages__req-send-reply-to-video-message-by-url__1.json",
        &["/video/link"],
    ),
    (
        "messages__req-send-sticker-message-by-url__1.json",
        &["/sticker/link"],
    ),
    (
        "messages__req-send-video-message-by-url__1.json",
        &["/video/link"],
    ),
];

/// 26 to 28 characters, where 24 are allowed.
const LONG_TITLES: &[&str] = &[
    "/interactive/action/sections/0/title",
    "/interactive/action/sections/0/rows/0/title",
    "/interactive/action/sections/0/rows/1/title",
    "/interactive/action/sections/1/title",
    "/interactive/action/sections/1/rows/0/title",
    "/interactive/action/sections/1/rows/1/title",
];

#[test]
fn metas_own_examples_are_accepted_but_for_those_that_break_its_limits() {
    let fixtures = fixtures();
    let mut refused = Vec::new();
    for (name, body) in &fixtures {
        match read_whole(body) {
            Ok((content, to)) => {
                let wire = content.wire(&to, "msg_1");
                let object = wire.get(content.kind.as_str());
                assert_eq!(object, body.get(content.kind.as_str()), "{name}");
                assert_eq!(wire.get("context"), body.get("context"), "{name}");
                assert_eq!(wire.get("recipient"), body.get("recipient"), "{name}");
            }
            Err(faults) => {
                let mut pointers: Vec<_> = faults.iter().map(|f| f.pointer.clone()).collect();
                pointers.sort();
                refused.push((name.as_str(), pointers));
            }
        }
    }
    let mut expected = REFUSED.map(|(name, pointers)| {
        let mut pointers: Vec<_> = pointers.iter().map(|p| (*p).to_owned()).collect();
        pointers.sort();
        (name, pointers)
    });
    expected.sort();
    if !fixtures.is_empty() {
        assert_eq!(refused, expected);
    }
}

fn read_whole(body: &Value) -> Result<(Content, Recipient), Vec<Fault>> {
    let faults = Faults::new();
    let mut fields = Fields::of(body, "", &faults).unwrap();
    let content = Content::read(&mut fields);
    let recipient = read_recipient(&mut fields);
    fields.value("biz_opaque_callback_data");
    fields.finish();
    faults.into_result(content.zip(recipient))
}
