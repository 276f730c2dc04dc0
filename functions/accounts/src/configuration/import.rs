//! Makes what a configuration has and the tenant has not. What the tenant has stays as it is.

use super::connections;
use super::entry::{Entry, ProviderEntry, RouteEntry, TenantEntry};
use crate::State;
use crate::authority::Authority;
use crate::user_dto::NewUser;
use crate::users;
use crate::{providers, routes};
use heliograph::domain::role::Scopes;
use heliograph::service::clock;
use heliograph::service::problem::Problem;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// What came of an entry.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Imported {
    /// What it is.
    #[schema(value_type = String, example = "account")]
    kind: &'static str,
    /// What it is known by: its id, a person's address, a key's or the tenant's name.
    #[schema(example = "acct_019e92a7c8887000a000000000000001")]
    name: String,
    /// Whether it is there now.
    status: Status,
    /// Why not, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Of an account: what is left to do of its set-up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "PUT /v1/accounts/acct_019e92a7c8887000a000000000000001/setup/webhook")]
    next: Option<String>,
    /// Of an account: the verify token that was made because none was put in. Shown this once, and needed by whoever sets
    /// the webhook up in the app's dashboard.
    #[serde(skip_serializing_if = "Option::is_none")]
    verify_token: Option<String>,
    /// What is right, and yet to be known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    /// Why it failed, as the request that makes this one thing would be answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Box<Problem>>,
}

/// Whether what an entry says is there now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// It was made, or made whole.
    Made,
    /// It was there.
    Unchanged,
    /// It is there, and not as the entry says; it stays as it is.
    Differs,
    /// Something is to be done first; then import it again.
    Waiting,
    /// It cannot be imported.
    LeftOut,
    /// It was not made.
    Failed,
}

/// What is to be told of an entry that nothing is wrong with.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) status: Status,
    pub(super) detail: Option<&'static str>,
    pub(super) next: Option<String>,
    pub(super) verify_token: Option<String>,
    pub(super) warnings: Vec<String>,
}

impl Outcome {
    /// What needs no word.
    pub(super) const fn of(status: Status) -> Self {
        Self {
            status,
            detail: None,
            next: None,
            verify_token: None,
            warnings: Vec::new(),
        }
    }

    /// What needs one.
    pub(super) fn because(status: Status, detail: &'static str) -> Self {
        Self {
            detail: Some(detail),
            ..Self::of(status)
        }
    }

    /// Of something that is there already.
    pub(super) fn compared<T: PartialEq>(there: &T, entry: &T) -> Self {
        if there == entry {
            Self::of(Status::Unchanged)
        } else {
            Self::differs()
        }
    }

    /// Of something that is there already, and otherwise.
    pub(super) fn differs() -> Self {
        Self::because(Status::Differs, "it is there already, and stays as it is")
    }
}

impl Imported {
    /// Of an entry that was not come to.
    pub(super) fn too_late(entry: &Entry) -> Self {
        let outcome = Outcome::because(Status::Waiting, "there was no time left: import it again");
        Self::new((entry.kind(), entry.name()), Ok(outcome))
    }

    fn new((kind, name): (&'static str, String), came: Result<Outcome, Problem>) -> Self {
        let (outcome, problem) = match came {
            Ok(outcome) => (outcome, None),
            Err(problem) => (Outcome::of(Status::Failed), Some(Box::new(problem))),
        };
        Self {
            kind,
            name,
            status: outcome.status,
            detail: outcome.detail.map(str::to_owned),
            next: outcome.next,
            verify_token: outcome.verify_token,
            warnings: outcome.warnings,
            problem,
        }
    }
}

/// Makes what an entry says, if it is not there.
pub(super) async fn take(state: &State, authority: &Authority, entry: Entry) -> Imported {
    let of = (entry.kind(), entry.name());
    let came = match entry {
        Entry::Tenant(tenant) => look_at_tenant(state, authority, &tenant).await,
        Entry::User(user) => add_user(state, authority, user).await,
        Entry::ApiKey(_) => Ok(Outcome::because(
            Status::LeftOut,
            "a key is a secret: make another one, with POST /v1/api-keys",
        )),
        Entry::Provider(provider) => say_of_provider(state, authority, &provider).await,
        Entry::Account(account) => {
            Box::pin(connections::take_account(state, authority, &account)).await
        }
        Entry::Sender(sender) => {
            Box::pin(connections::take_sender(state, authority, &sender)).await
        }
        Entry::Bot(bot) => connections::take_bot(state, authority, &bot).await,
        Entry::Knowledge(knowledge) => {
            connections::take_knowledge(state, authority, &knowledge).await
        }
        Entry::Route(route) => Box::pin(take_route(state, authority, &route)).await,
    };
    Imported::new(of, came)
}

async fn look_at_tenant(
    state: &State,
    authority: &Authority,
    entry: &TenantEntry,
) -> Result<Outcome, Problem> {
    let tenant = state.store.tenant(&authority.tenant).await?;
    let is_same = tenant.is_some_and(|it| TenantEntry::from(&it) == *entry);
    Ok(if is_same {
        Outcome::of(Status::Unchanged)
    } else {
        let detail = "names, tiers and limits are the operator's: PATCH /v1/tenants/{id}";
        Outcome::because(Status::Differs, detail)
    })
}

async fn say_of_provider(
    state: &State,
    authority: &Authority,
    entry: &ProviderEntry,
) -> Result<Outcome, Problem> {
    let before = state.store.provider_settings(&authority.tenant, entry.id);
    let before = before.await?;
    if !before.are_usual() {
        return Ok(Outcome::compared(&ProviderEntry::from(&before), entry));
    }
    let after = entry.settings(&before);
    providers::put(state, authority, before, after).await?;
    Ok(Outcome::of(Status::Made))
}

/// Makes a route under its id: messages name it.
async fn take_route(
    state: &State,
    authority: &Authority,
    entry: &RouteEntry,
) -> Result<Outcome, Problem> {
    let store = &state.store;
    if let Some(there) = store.route(&authority.tenant, &entry.id).await? {
        return Ok(Outcome::compared(&RouteEntry::from(&there), entry));
    }
    let said = (entry.id.clone(), entry.said());
    let senders = store.senders_named(&authority.tenant, &said.1.senders);
    if senders.await?.len() < said.1.senders.len() {
        let detail = "not all of its senders are here: import those first, then this again";
        return Ok(Outcome::because(Status::Waiting, detail));
    }
    let trail = json!({"imported": true, "name": said.1.name});
    routes::put(store, authority, said, None, trail).await?;
    Ok(Outcome::of(Status::Made))
}

async fn add_user(
    state: &State,
    authority: &Authority,
    entry: NewUser,
) -> Result<Outcome, Problem> {
    let store = &state.store;
    if let Some(user) = store.user_at(&authority.tenant, &entry.email).await? {
        return Ok(Outcome::compared(&NewUser::from(&user), &entry));
    }
    authority.grants(entry.role, &Scopes::all(), None)?;
    let said = json!({"email": entry.email, "name": entry.name, "role": entry.role});
    let user = entry.user(&authority.tenant, clock::now());
    let transaction = users::adding(store, authority, &user, said)?;
    store.commit(transaction).await?;
    let detail = "a password is a secret: invite this person, with POST /v1/users/{id}/invitation";
    Ok(Outcome::because(Status::Made, detail))
}
