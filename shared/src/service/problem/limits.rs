//! What a tenant hears when a limit of its tier is reached, and the headers that tell of limits.
//!
//! The headers are those of <https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/11/>.

use super::Problem;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use jiff::civil::Date;

/// A limit of a tenant's tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quota {
    /// What is counted.
    name: &'static str,
    /// How much of it there is.
    limit: u64,
    /// In so many seconds.
    window: u32,
}

impl Problem {
    /// 403: the tenant has as many senders as its tier allows.
    #[must_use]
    pub fn sender_limit_reached(limit: u64) -> Self {
        Self::new(StatusCode::FORBIDDEN, "sender_limit_reached").because(format!(
            "this tenant may have {limit} senders, and has them; remove one, or ask whoever runs this installation for more"
        ))
    }

    /// 429: the tenant has made as many requests in this minute as its tier allows.
    #[must_use]
    pub fn rate_limited(limit: u64, retry_after: u32) -> Self {
        let detail = format!(
            "this tenant may make {limit} requests a minute, all its keys and people together, and has made them; nothing was done"
        );
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited")
            .because(detail)
            .after(retry_after)
            .of_quota("requests", limit, 60)
    }

    /// 429: the tenant has sent as many messages on this day as its tier allows.
    #[must_use]
    pub fn daily_limit_reached(limit: u64, day: Date, retry_after: u32) -> Self {
        let detail = format!(
            "this tenant may send {limit} messages a day, and has no room left on {day} (UTC); wait for the next day, or \
             ask whoever runs this installation for more"
        );
        Self::new(StatusCode::TOO_MANY_REQUESTS, "daily_limit_reached")
            .because(detail)
            .after(retry_after)
            .of_quota("messages", limit, 24 * 60 * 60)
    }

    fn of_quota(mut self, name: &'static str, limit: u64, window: u32) -> Self {
        self.quota = Some(Box::new(Quota {
            name,
            limit,
            window,
        }));
        self
    }

    /// Adds what is left, and of what. Where the limit is not one of ours its name is `default`.
    pub(super) fn tell_limit(&self, headers: &mut HeaderMap) {
        if let Some(seconds) = self.retry_after {
            let name = self.quota.as_ref().map_or("default", |quota| quota.name);
            insert(headers, "ratelimit", &format!("\"{name}\";r=0;t={seconds}"));
        }
        if let Some(quota) = &self.quota {
            let Quota {
                name,
                limit,
                window,
            } = **quota;
            let policy = format!("\"{name}\";q={limit};w={window}");
            insert(headers, "ratelimit-policy", &policy);
        }
    }
}

fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}
