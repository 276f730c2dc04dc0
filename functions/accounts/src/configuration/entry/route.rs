//! A route as it stands in a configuration.

use crate::routes::{Said, read_fields};
use heliograph::domain::failure::Class;
use heliograph::domain::fields::Fields;
use heliograph::domain::id::RouteId;
use heliograph::domain::identity::SenderId;
use heliograph::domain::route::Route;
use heliograph::service::dto::OnUnknownDto;
use serde::Serialize;
use utoipa::ToSchema;

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ConfiguredRoute)]
pub(crate) struct RouteEntry {
    /// Our id: what messages name in `from`.
    #[schema(value_type = String)]
    pub(in crate::configuration) id: RouteId,
    /// What people call it.
    name: String,
    /// The senders, in their order.
    #[schema(value_type = Vec<String>)]
    senders: Vec<SenderId>,
    /// After failures of these classes the next sender takes over.
    fail_over_on: Vec<Class>,
    /// What to do when a call's outcome is not known.
    on_unknown: OnUnknownDto,
    /// Whether a message may leave from another phone number than the first sender's.
    other_number: bool,
    /// For how many seconds from its first failure on a message is tried.
    try_for_s: u32,
    #[serde(skip)]
    said: Said,
}

impl RouteEntry {
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.required("id");
        let id = fields.parsed("id", str::parse::<RouteId>);
        let said = read_fields(fields);
        Some(Self::of(id?, said?))
    }

    fn of(id: RouteId, said: Said) -> Self {
        let Said {
            name,
            senders,
            policy,
        } = said.clone();
        Self {
            id,
            name,
            senders,
            fail_over_on: policy.fail_over_on.into_iter().collect(),
            on_unknown: policy.on_unknown.into(),
            other_number: policy.other_number,
            try_for_s: policy.try_for_s,
            said,
        }
    }

    /// What is said of it.
    pub(in crate::configuration) fn said(&self) -> Said {
        self.said.clone()
    }
}

impl From<&Route> for RouteEntry {
    fn from(route: &Route) -> Self {
        let said = Said {
            name: route.name.clone(),
            senders: route.senders.clone(),
            policy: route.policy.clone(),
        };
        Self::of(route.id.clone(), said)
    }
}
