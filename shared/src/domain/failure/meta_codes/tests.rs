//! The table against Meta's own list.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
use super::*;
use std::collections::HashSet;
use std::path::Path;

#[test]
fn a_code_stands_in_one_group_only() {
    let mut seen = HashSet::new();
    for (code, _) in GROUPS.iter().flat_map(|group| group.codes) {
        assert!(seen.insert(code), "{code}");
    }
}

#[test]
fn every_code_meta_documents_is_known() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/errors/ERROR_CODES.json");
    let Ok(text) = std::fs::read_to_string(path) else {
        return;
    };
    let rows: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    for row in rows {
        let code = row.get("code").unwrap().as_i64().unwrap();
        assert_ne!(of_meta(code).remedy, UNKNOWN.remedy, "{code}");
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
