//! `/v1/accounts/{id}/groups`: the WhatsApp groups that an account's sender is in, where its provider lists them.

use super::find;
use super::trouble::unasked;
use crate::State;
use crate::providers;
use axum::Json;
use axum::extract::{self, Path};
use heliograph::domain::fault::FaultCode;
use heliograph::domain::identity::SenderId;
use heliograph::domain::provider::Ability;
use heliograph::domain::role::Right;
use heliograph::domain::secret::SecretText;
use heliograph::provider::{Group, gateway};
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::http::Parameters;
use heliograph::service::openapi::{AccountProblems, ListProblems, ProviderProblems};
use heliograph::service::problem::Problem;
use heliograph::store::Account;
use serde::Serialize;
use utoipa::ToSchema;

/// A WhatsApp group.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Group)]
pub(crate) struct GroupDto {
    /// What messages to it go to: `to`, with `recipient_type` group.
    #[schema(example = "120363000000000000@g.us")]
    id: String,
    /// What its members call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

/// The groups that a sender is in.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Groups {
    /// Which sender.
    #[schema(value_type = String, example = "fonnte-15550002000")]
    sender_id: SenderId,
    /// All of them.
    data: Vec<GroupDto>,
}

impl From<Group> for GroupDto {
    fn from(group: Group) -> Self {
        Self {
            id: group.id.to_string(),
            name: group.name,
        }
    }
}

/// Lists the groups that a sender is in.
///
/// Asked of the provider now, unless that is disabled. `GET /v1/providers` tells which of them list groups.
#[utoipa::path(
    get, operation_id = "list_groups", path = "/v1/accounts/{id}/groups", tag = "Keys",
    params(
        ("id" = String, Path, description = "Our id of the account", example = "acct_demo-fonnte"),
        ("sender" = Option<String>, Query, description = "Which of its senders; may be left out if it has one"),
    ),
    responses(
        (status = 200, description = "All of them", body = Groups),
        ListProblems, AccountProblems, ProviderProblems,
    )
)]
pub(crate) async fn list(
    caller: Caller,
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
    mut parameters: Parameters,
) -> Result<Json<Groups>, Problem> {
    let tenant = caller.with(Right::Configure)?.tenant;
    let account = find(&state.store, &tenant, &id).await?;
    let sender = chosen(&account, &mut parameters);
    parameters.finish()?;
    let Some(sender) = sender else {
        return Err(no_sender());
    };
    let gateway = sender.provider().gateway();
    let gateway = gateway.filter(|it| it.can(Ability::ListGroups));
    let gateway = gateway.ok_or_else(|| no_groups(&sender))?;
    providers::check_enabled(&state, &tenant, account.provider).await?;
    let key = key(&state, &account, &sender).await?;
    let way = providers::way(&state, &tenant, account.provider).await?;
    let groups = gateway::groups(gateway, way.with(&key)).await;
    let groups = groups.map_err(|failure| unasked(account.provider, failure))?;
    Ok(Json(Groups {
        sender_id: sender,
        data: groups.into_iter().map(GroupDto::from).collect(),
    }))
}

/// The sender that is asked for, or the only one.
fn chosen(account: &Account, parameters: &mut Parameters) -> Option<SenderId> {
    let asked: Option<SenderId> = parameters.parsed("sender");
    if let Some(asked) = asked {
        if !account.senders.contains(&asked) {
            parameters.fault(
                "sender",
                FaultCode::Invalid,
                "is not a sender of the account",
            );
        }
        return Some(asked);
    }
    if account.senders.len() > 1 {
        let detail = "must say which of the account's senders";
        parameters.fault("sender", FaultCode::Required, detail);
    }
    account.senders.first().cloned()
}

/// A key of the sender's: any that may be used sees its groups.
async fn key(state: &State, account: &Account, sender: &SenderId) -> Result<SecretText, Problem> {
    let keeper = &state.parts.keeper;
    let secrets = keeper.outbound(&account.tenant, &account.id).await?;
    let usable = account.usable_keys(sender, clock::now());
    let key = usable.iter().find_map(|key| secrets.of_key(key));
    key.map(|key| key.key.clone()).ok_or_else(no_sender)
}

fn no_sender() -> Problem {
    let detail =
        "the account has no sender with a key that may be used: PUT /v1/accounts/{id}/keys/{alias}";
    Problem::conflict("no_key", detail)
}

fn no_groups(sender: &SenderId) -> Problem {
    let title = sender.provider().title();
    Problem::conflict("no_groups", format!("{title} lists no groups"))
}
