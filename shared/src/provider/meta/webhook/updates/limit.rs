//! A business portfolio's messaging limit, as two kinds of change tell it.
//!
//! Source: Meta, "`business_capability_update`" and "`phone_number_quality_update`" webhooks. Older versions of them say
//! `max_daily_conversation_per_phone`, for the same.

use crate::domain::webhook::PortfolioLimit;
use serde_json::Value;

/// The limit that this change tells, if it does so in a form we know.
pub(super) fn read(field: &str, value: &Value) -> Option<PortfolioLimit> {
    let names: &[&str] = match field {
        "business_capability_update" => &[
            "max_daily_conversations_per_business",
            "max_daily_conversation_per_phone",
        ],
        "phone_number_quality_update" => &["max_daily_conversations_per_business"],
        _ => return None,
    };
    let told = names.iter().find_map(|name| value.get(*name))?;
    match told {
        Value::Number(number) => match number.as_i64()? {
            -1 => Some(PortfolioLimit::Unlimited),
            people @ 1.. => Some(PortfolioLimit::People(people.unsigned_abs())),
            _ => None,
        },
        Value::String(tier) => PortfolioLimit::of_tier(tier),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const CAPABILITY: &str = "business_capability_update";
    const QUALITY: &str = "phone_number_quality_update";

    #[test]
    fn a_limit_is_read_in_every_form_meta_tells_it() {
        let (per_business, per_phone) = (
            "max_daily_conversations_per_business",
            "max_daily_conversation_per_phone",
        );
        let people = |count| Some(PortfolioLimit::People(count));
        for (field, value, limit) in [
            (CAPABILITY, json!({per_business: 2_000}), people(2_000)),
            (CAPABILITY, json!({per_business: "TIER_250"}), people(250)),
            (QUALITY, json!({per_business: "TIER_10K"}), people(10_000)),
            (CAPABILITY, json!({per_phone: 250}), people(250)),
            (
                CAPABILITY,
                json!({per_phone: -1}),
                Some(PortfolioLimit::Unlimited),
            ),
            (
                QUALITY,
                json!({per_business: "TIER_UNLIMITED"}),
                Some(PortfolioLimit::Unlimited),
            ),
        ] {
            assert_eq!(read(field, &value), limit, "{field} {value}");
        }
    }

    #[test]
    fn what_is_no_limit_of_a_portfolio_sets_none() {
        let name = "max_daily_conversations_per_business";
        for (field, value) in [
            (QUALITY, json!({"current_limit": "TIER_10K"})),
            (CAPABILITY, json!({name: 0})),
            (CAPABILITY, json!({name: -2})),
            (CAPABILITY, json!({name: "TIER_"})),
            (CAPABILITY, json!({name: "TIER_NOT_SET"})),
            (CAPABILITY, json!({name: "TIER_99999999999999999999K"})),
            (CAPABILITY, json!({name: [250]})),
            ("account_update", json!({name: 250})),
        ] {
            assert_eq!(read(field, &value), None, "{field} {value}");
        }
    }
}
