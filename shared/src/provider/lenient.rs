//! Reads JSON of which a strict reader refuses a part: what cannot be read must not hide what stands beside it.
//!
//! A name cut inside an emoji ends in half a character; providers send it, and most readers take it.

use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The value, its lists, an update, its members, their members: deeper than that nothing stands alone.
const LEVELS: usize = 4;

/// A tree that is read here is written and read again, within others.
const DEEPEST: usize = 120;

/// What stands for half a character.
const REPLACEMENT: &str = "\\ufffd";

/// The value of a JSON text. Half a character is replaced; what no tree can hold is a text in it: a number beyond all bounds,
/// or what is nested too deeply.
pub(super) fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| part(&with_whole_characters(text), 0))
}

/// The value of a part, `level` levels below the whole.
fn part(text: &str, level: usize) -> Value {
    let whole = serde_json::from_str(text).ok();
    if let Some(value) = whole.filter(|value| level + depth(value) <= DEEPEST) {
        return value;
    }
    let below = |text: &RawValue| part(text.get(), level + 1);
    if level < LEVELS
        && let Ok(members) = serde_json::from_str::<BTreeMap<String, &RawValue>>(text)
    {
        let members = members.into_iter();
        return members.map(|(name, value)| (name, below(value))).collect();
    }
    // A change is an object, so its whole is never taken apart as a list.
    if (1..LEVELS).contains(&level)
        && let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(text)
    {
        return elements.into_iter().map(below).collect();
    }
    Value::String(text.to_owned())
}

fn depth(value: &Value) -> usize {
    let below = match value {
        Value::Array(elements) => elements.iter().map(depth).max(),
        Value::Object(members) => members.values().map(depth).max(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return 0,
    };
    1 + below.unwrap_or(0)
}

/// A JSON text in which each half of a character is replaced.
fn with_whole_characters(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        whole.push_str(before);
        let length = length_of(escape);
        let (escape, after) = escape.split_at_checked(length).unwrap_or((escape, ""));
        let is_half =
            length == 6 && unit(escape).is_some_and(|unit| (0xd800..0xe000).contains(&unit));
        whole.push_str(if is_half { REPLACEMENT } else { escape });
        rest = after;
    }
    whole + rest
}

/// How many bytes the escape has that `text` begins with: a character of two halves has two of six.
fn length_of(text: &str) -> usize {
    let Some(first) = unit(text) else { return 2 };
    let second = text.get(6..).and_then(unit);
    let is_pair = (0xd800..0xdc00).contains(&first)
        && second.is_some_and(|second| (0xdc00..0xe000).contains(&second));
    if is_pair { 12 } else { 6 }
}

/// The number of a `\u` escape that `text` begins with.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn half_a_character_is_replaced_and_whole_ones_stay() {
        for (text, expected) in [
            (r#""cut \ud83d""#, "cut \u{fffd}"),
            (
                r#""\ude00 \ud83d\ud83d\ude00\\ud83d\n""#,
                "\u{fffd} \u{fffd}\u{1f600}\\ud83d\n",
            ),
            (r#""é\u00e9\ud83d""#, "éé\u{fffd}"),
        ] {
            assert_eq!(read(text), json!(expected), "{text}");
        }
    }

    #[test]
    fn what_no_tree_holds_is_a_text_beside_its_neighbours() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        let text = format!(r#"{{"a":[1e400,1],"b":{deep},"c":{{"d":"\udc00"}}}}"#);
        let expected = json!({"a": ["1e400", 1], "c": {"d": "\u{fffd}"}});
        let mut read = read(&text);
        let kept = read.as_object_mut().and_then(|it| it.remove("b"));
        assert_eq!(read, expected);
        // As far as it can be told apart it is; what is left of it is its text.
        let kept = kept.map(|it| it.to_string()).unwrap_or_default();
        assert_eq!(kept.matches('[').count(), 200);
        assert!(serde_json::from_str::<Value>(&kept).is_ok());
    }

    proptest! {
        #[test]
        fn what_a_strict_reader_takes_is_read_as_that_reads_it(text in r#"[\[\]{}:,"\\u0-9a-fd \n]{0,40}"#) {
            if let Ok(value) = serde_json::from_str::<Value>(&text) {
                prop_assert_eq!(read(&text), value);
            }
        }

        #[test]
        fn a_text_of_any_escapes_is_a_text(body in r#"(\\u(d8|dc|00|DB)[0-9a-f]{2}|\\["\\/bfnrt]|[a-zé😀]){0,12}"#) {
            let whole = with_whole_characters(&format!("\"{body}\""));
            prop_assert!(serde_json::from_str::<String>(&whole).is_ok());
        }
    }
}
