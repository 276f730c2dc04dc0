//! Which fields of a node are asked for.

use crate::simulator::graph_error::GraphError;
use serde_json::Value;

/// The node with its id and the named fields alone, or with all. `others` are fields Meta has and the simulator has
/// not: they are left out, as Meta leaves out what is not set.
pub(super) fn only_fields(
    mut node: Value,
    fields: Option<&str>,
    others: &[&str],
) -> Result<Value, GraphError> {
    let (Some(object), Some(fields)) = (node.as_object_mut(), fields) else {
        return Ok(node);
    };
    let names = names(fields);
    let is_unknown =
        |name: &&String| !object.contains_key(*name) && !others.contains(&name.as_str());
    if let Some(unknown) = names.iter().find(is_unknown) {
        let message = format!("Tried accessing nonexisting field ({unknown})");
        return Err(GraphError::parameter(&message));
    }
    object.retain(|name, _| name == "id" || names.contains(name));
    Ok(node)
}

/// The names of `a,b{c,d},e.limit(1)`: what is wanted of a field itself is not looked at.
fn names(fields: &str) -> Vec<String> {
    let mut depth = 0_u32;
    let is_outside = |character: &char| match character {
        '{' | '(' => {
            depth += 1;
            false
        }
        '}' | ')' => {
            depth = depth.saturating_sub(1);
            false
        }
        _ => depth == 0,
    };
    let names: String = fields.chars().filter(is_outside).collect();
    let names = names.split(',').map(str::trim);
    let names = names.map(|name| name.split_once('.').map_or(name, |(name, _)| name));
    names
        .filter(|name| !name.is_empty())
        .map(ToOwned::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use serde_json::json;

    #[test]
    fn a_field_is_read_without_what_is_wanted_of_it() {
        let read = names("id, name,throughput{level,of},phone_numbers.limit(1,2){id}");
        assert_eq!(read, ["id", "name", "throughput", "phone_numbers"]);
        assert!(names("").is_empty());
    }

    #[test]
    fn an_unknown_field_is_refused_and_one_that_is_not_set_left_out() {
        let node = json!({"id": "1", "name": "a", "status": "b"});
        let kept = only_fields(node.clone(), Some("name,country"), &["country"]).unwrap();
        assert_eq!(kept, json!({"id": "1", "name": "a"}));
        assert!(only_fields(node, Some("nonsense"), &["country"]).is_err());
    }
}
