//! Names for what is only kept and counted.

use super::text;
use serde_json::Value;

/// The name of a change that is one update: its field and, where it says so, what happened.
pub(super) fn name_of_change(field: &str, value: &Value) -> String {
    let group = value
        .pointer("/groups/0")
        .and_then(|group| detail(group, &["type"]));
    let alert = value
        .get("alert_info")
        .and_then(|alert| detail(alert, &["alert_type"]));
    let own = || detail(value, &["event", "decision", "status", "type"]);
    join(field, group.or(alert).or_else(own))
}

/// The name of one element of a change's `list`.
pub(super) fn name_of_part(field: &str, list: &str, unit: &Value) -> String {
    let what = match list {
        "statuses" => detail(unit, &["type", "status"]),
        "user_preferences" => detail(unit, &["value"]),
        "calls" => detail(unit, &["event"]),
        "message_echoes" => None,
        _ => return join(field, Some(list.to_owned())),
    };
    if list == "statuses" {
        return join(&join(field, Some(list.to_owned())), what);
    }
    join(field, what)
}

fn join(field: &str, detail: Option<String>) -> String {
    match detail {
        Some(detail) => format!("{field}/{detail}"),
        None => field.to_owned(),
    }
}

/// The first of `names` that looks like a word of Meta's: a name is counted, so it must not be free text.
fn detail(value: &Value, names: &[&str]) -> Option<String> {
    let is_word = |word: &String| {
        (1..=64).contains(&word.len())
            && word
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    };
    names
        .iter()
        .find_map(|name| text(value, name).filter(is_word))
}
