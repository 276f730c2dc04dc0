//! Walks through what a tenant has set up, from page to page.

use super::entry::{BotEntry, Entry, KnowledgeEntry, ProviderEntry};
use crate::key_dto::KeyStatus;
use heliograph::domain::account::{Step, StepState};
use heliograph::domain::id::AccountId;
use heliograph::domain::identity::TenantId;
use heliograph::store::{Slice, Store, StoreError};
use serde::{Deserialize, Serialize};

/// Where a walk goes on: in which list, and after what of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Place {
    Tenant,
    Users(Option<String>),
    ApiKeys(Option<String>),
    Providers,
    Accounts(Option<String>),
    /// Of this account; the next account follows.
    Knowledge(AccountId, Option<String>),
    /// Last, for they name senders.
    Routes(Option<String>),
}

/// Some entries: `limit` of them, or more if an account's senders are more. And where the next page begins, if there is one.
pub(super) async fn page(
    store: &Store,
    tenant: &TenantId,
    begin: Place,
    limit: usize,
) -> Result<(Vec<Entry>, Option<Place>), StoreError> {
    let mut entries = Vec::new();
    let mut next = Some(begin);
    while let Some(place) = next.take_if(|_| entries.len() < limit) {
        let room = limit - entries.len();
        next = step(store, tenant, place, room, &mut entries).await?;
    }
    Ok((entries, next))
}

async fn step(
    store: &Store,
    tenant: &TenantId,
    place: Place,
    room: usize,
    entries: &mut Vec<Entry>,
) -> Result<Option<Place>, StoreError> {
    let from = |after| Slice { limit: room, after };
    match place {
        Place::Tenant => {
            let found = store.tenant(tenant).await?;
            entries.extend(found.as_ref().map(|it| Entry::Tenant(it.into())));
            Ok(Some(Place::Users(None)))
        }
        Place::Users(after) => {
            let listed = store.users(tenant, &from(after)).await?;
            // One who is disabled would be let in again elsewhere.
            let people = listed.entries.iter().filter(|it| it.disabled_at.is_none());
            entries.extend(people.map(|it| Entry::User(it.into())));
            let more = listed.next.map(|after| Place::Users(Some(after)));
            Ok(more.or(Some(Place::ApiKeys(None))))
        }
        Place::ApiKeys(after) => {
            let listed = store.api_keys(tenant, &from(after)).await?;
            let keys = listed.entries.iter();
            let keys = keys.filter(|it| KeyStatus::of(it) == KeyStatus::Active);
            entries.extend(keys.map(|it| Entry::ApiKey(it.into())));
            let more = listed.next.map(|after| Place::ApiKeys(Some(after)));
            Ok(more.or(Some(Place::Providers)))
        }
        Place::Providers => {
            let every = store.every_provider_settings(tenant).await?;
            let said = every.iter().filter(|it| !it.are_usual());
            entries.extend(said.map(|it| Entry::Provider(ProviderEntry::from(it))));
            Ok(Some(Place::Accounts(None)))
        }
        Place::Accounts(after) => {
            let more = account(store, tenant, after, entries).await?;
            Ok(more.or(Some(Place::Routes(None))))
        }
        Place::Routes(after) => {
            let listed = store.routes(tenant, &from(after)).await?;
            entries.extend(listed.entries.iter().map(|it| Entry::Route(it.into())));
            Ok(listed.next.map(|after| Place::Routes(Some(after))))
        }
        Place::Knowledge(account, after) => {
            let listed = store.all_knowledge(tenant, &account, &from(after)).await?;
            let known = listed.entries.iter();
            entries.extend(known.map(|it| Entry::Knowledge(KnowledgeEntry::of(&account, it))));
            let next_account = Place::Accounts(Some(account.to_string()));
            let more = listed
                .next
                .map(|after| Place::Knowledge(account, Some(after)));
            Ok(more.or(Some(next_account)))
        }
    }
}

/// The next account, with its senders and its bot.
async fn account(
    store: &Store,
    tenant: &TenantId,
    after: Option<String>,
    entries: &mut Vec<Entry>,
) -> Result<Option<Place>, StoreError> {
    let listed = store.accounts(tenant, &Slice { limit: 1, after }).await?;
    let Some(account) = listed.entries.into_iter().next() else {
        return Ok(None);
    };
    entries.push(Entry::Account((&account).into()));
    let senders = store.senders_of(&account).await?;
    entries.extend(senders.iter().map(|it| Entry::Sender(it.into())));
    if account.setup.state(Step::Bot) == StepState::Done {
        let bot = store.bot(tenant, &account.id).await?;
        let account_id = account.id.clone();
        entries.push(Entry::Bot(BotEntry { account_id, bot }));
    }
    Ok(Some(Place::Knowledge(account.id, None)))
}
