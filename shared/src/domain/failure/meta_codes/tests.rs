//! The table against Meta's own list.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
use super::Class::{Ambiguous, Credential, Permanent, Policy};
use super::Class::{Recipient, Template, Throttled, Transient};
use super::*;
use std::collections::HashSet;
use std::path::Path;

/// Codes that stand further up in the list of classes than one would file them by Meta's words, and why.
const ON_PURPOSE: [(i64, Class); 11] = [
    // May have been taken: repeating them could send twice.
    (1, Ambiguous),
    (131_000, Ambiguous),
    // Stop the sender; waiting some seconds changes nothing.
    (131_048, Policy),
    (131_064, Policy),
    // Ten an hour: no wait of ours is long enough.
    (132_069, Template),
    // About the person, or about what they allowed, not about the request.
    (131_021, Recipient),
    (131_030, Recipient),
    (137_000, Recipient),
    (131_050, Policy),
    // Would fail for the whole account or number.
    (130_497, Policy),
    (133_005, Permanent),
];

#[test]
fn a_code_stands_in_one_group_only() {
    let mut seen = HashSet::new();
    for (code, _) in GROUPS.iter().flat_map(|group| group.codes) {
        assert!(seen.insert(code), "{code}");
    }
}

#[test]
fn every_code_meta_documents_has_the_class_that_its_advice_asks_for() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/errors/ERROR_CODES.json");
    let Ok(text) = std::fs::read_to_string(path) else {
        return;
    };
    let rows: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    assert!(rows.len() >= 60);
    for row in rows {
        let code = row.get("code").unwrap().as_i64().unwrap();
        let found = of_meta(code);
        assert_ne!(found.remedy, UNKNOWN.remedy, "{code}");
        let filed = row.get("our_class").unwrap().as_str().unwrap();
        let known = ON_PURPOSE.iter().find(|(known, _)| *known == code);
        let expected = known.map_or_else(|| class_of(filed, code), |(_, class)| *class);
        assert_eq!(found.class, expected, "{code} is filed as {filed}");
    }
}

fn class_of(filed: &str, code: i64) -> Class {
    match filed {
        "auth" => Credential,
        "transient" => Transient,
        "throttle" => Throttled,
        "recipient" => Recipient,
        "template" => Template,
        "window" | "account" => Policy,
        "permanent" if (132_000..133_000).contains(&code) => Template,
        "permanent" => Permanent,
        other => unreachable!("{other} is no class of the list"),
    }
}

#[test]
fn every_code_of_the_other_interfaces_is_known_and_none_of_them_is_ambiguous() {
    let ranges = [138_000..=138_023, 139_000..=139_004, 139_100..=139_103];
    let more = [131_020, 131_041, 131_044, 131_059, 131_060, 134_103, 613];
    let groups = [131_201, 131_202, 131_204, 131_207, 131_208, 131_215];
    let others = [147_001, 147_005, 2_388_001, 2_388_299, 2_494_100, 2_494_179];
    let last = [2_593_107, 2_593_109, 200_005, 200_007];
    let all = ranges.into_iter().flatten();
    for code in all.chain(more).chain(groups).chain(others).chain(last) {
        let found = of_meta(code);
        assert_ne!(found.remedy, UNKNOWN.remedy, "{code}");
        assert_ne!(found.class, Ambiguous, "{code}");
    }
}

#[test]
fn what_stops_a_sender_or_an_account_says_so() {
    for code in [33, 131_048, 131_064] {
        assert_eq!(of_meta(code).reach, Reach::Sender, "{code}");
    }
    for code in [190, 368, 131_031] {
        assert_eq!(of_meta(code).reach, Reach::Account, "{code}");
    }
    for code in [130_429, 80_007, 131_056, 131_049, 131_026] {
        assert_eq!(of_meta(code).reach, Reach::Message, "{code}");
    }
}

#[test]
fn every_code_has_a_text_and_a_remedy_in_plain_words() {
    for group in GROUPS {
        assert!(!group.codes.is_empty());
        assert!(group.remedy.len() > 20 && !group.remedy.ends_with('.'));
        for (code, text) in group.codes {
            assert!(text.len() > 15 && !text.ends_with('.'), "{code}");
        }
    }
}

#[test]
fn what_refuses_a_marketing_message_is_known_and_only_the_syncing_of_its_template_passes() {
    for code in [131_055, 134_100, 134_101, 134_102, 134_103] {
        assert_ne!(of_meta(code).remedy, UNKNOWN.remedy, "{code}");
        assert_eq!(of_meta(code).class == Transient, code == 134_101, "{code}");
    }
}

#[test]
fn an_unknown_code_is_never_repeated_and_unknown_permissions_are_credentials() {
    assert_eq!(of_meta(999_999).class, Permanent);
    assert_eq!(of_meta(-1).class, Permanent);
    assert_eq!(of_meta(200).class, Credential);
    assert_eq!(of_meta(299).class, Credential);
    assert_eq!(of_meta(132_999).class, Template);
}

#[test]
fn only_two_codes_leave_the_outcome_open() {
    let open: Vec<i64> = (0..200_000)
        .filter(|code| of_meta(*code).class == Ambiguous)
        .collect();
    assert_eq!(open, [1, 131_000]);
}
