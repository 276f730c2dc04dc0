//! What every environment notes of a credential, and of a provider: one item for each, which is there from the first note on.

use super::item::{Indexes, Item, Key, item, number};
use super::transaction::Change;
use super::{CredentialName, Store, StoreError, keys};
use crate::domain::credential::Known;
use crate::domain::identity::TenantId;
use crate::domain::limits::Used;
use crate::domain::provider::Provider;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// How long what is known of an access token is kept: others follow it. A key's item is taken over by the next one.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(90 * 24);

/// What something is noted of.
#[derive(Debug, Clone, Copy)]
pub enum Noted<'a> {
    /// A credential.
    Credential(&'a CredentialName),
    /// All that a tenant sends through a provider.
    Provider(&'a TenantId, Provider),
}

/// How many calls were made of it, and which key it is about: of a provider it is one for ever.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Counted {
    pub(super) since: i64,
    #[serde(default)]
    pub(super) used: Used,
}

impl<'a> From<&'a CredentialName> for Noted<'a> {
    fn from(of: &'a CredentialName) -> Self {
        Self::Credential(of)
    }
}

impl Noted<'_> {
    pub(super) fn key(self) -> Key {
        match self {
            Self::Credential(of) => {
                let sort = format!("{}{}", keys::CREDENTIAL_PREFIX, of.name);
                Key::new(keys::account(&of.tenant, &of.account), sort)
            }
            Self::Provider(tenant, provider) => {
                Key::new(keys::provider(tenant, provider), keys::CALLS)
            }
        }
    }

    pub(super) const fn since(self) -> i64 {
        match self {
            Self::Credential(of) => of.since,
            Self::Provider(..) => 0,
        }
    }

    /// The item before the first note.
    fn blank(self, now: Timestamp) -> Result<Item, StoreError> {
        match self {
            Self::Credential(of) => {
                let known = Known {
                    name: of.name.clone(),
                    since: of.since,
                    ..Known::default()
                };
                let expires = now.saturating_add(KEPT_FOR).unwrap_or(Timestamp::MAX);
                let indexes = Indexes {
                    expires: (of.since == 0).then_some(expires.as_second()),
                    ..Indexes::default()
                };
                item("credential", self.key(), indexes, &known)
            }
            Self::Provider(..) => {
                let counted = Counted::default();
                item("provider_calls", self.key(), Indexes::default(), &counted)
            }
        }
    }
}

impl Store {
    /// A change of what is noted. The item is made first where there is none, or only that of an older key. `None` if the
    /// change's condition did not hold, or the item is a newer key's.
    pub(super) async fn change_noted(
        &self,
        of: Noted<'_>,
        change: Change,
        now: Timestamp,
    ) -> Result<Option<Item>, StoreError> {
        if let Some(item) = self.change_if_noted(of, change.clone()).await? {
            return Ok(Some(item));
        }
        self.begin(of, now).await?;
        self.change_if_noted(of, change).await
    }

    /// The same where the item is there already.
    pub(super) async fn change_if_noted(
        &self,
        of: Noted<'_>,
        mut change: Change,
    ) -> Result<Option<Item>, StoreError> {
        let condition = change.condition.map(|it| format!(" AND {it}"));
        let condition = format!("since = :since{}", condition.unwrap_or_default());
        change.condition = Some(condition);
        change.values.push((":since".into(), number(of.since())));
        self.change_and_read(of.key(), &change).await
    }

    async fn begin(&self, of: Noted<'_>, now: Timestamp) -> Result<(), StoreError> {
        let values = HashMap::from([(":since".to_owned(), number(of.since()))]);
        let put = self
            .client
            .put_item()
            .table_name(&self.messages)
            .set_item(Some(of.blank(now)?))
            .condition_expression("attribute_not_exists(pk) OR since < :since")
            .set_expression_attribute_values(Some(values));
        match put.send().await.map_err(StoreError::from) {
            // Where it is there already, somebody else may have made it a moment ago.
            Ok(_) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
