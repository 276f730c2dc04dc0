//! `GET /v1/me`: who calls.

use axum::Json;
use axum::extract::State;
use heliograph::domain::id::KeyId;
use heliograph::domain::identity::TenantId;
use heliograph::domain::role::{Right, Role};
use heliograph::service::caller::Caller;
use heliograph::service::http::Parameters;
use heliograph::service::openapi::ListProblems;
use heliograph::service::problem::Problem;
use heliograph::store::Store;
use serde::Serialize;
use utoipa::ToSchema;

/// Who calls, and what it may do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Me {
    /// Its tenant.
    #[schema(value_type = String, example = "demo")]
    tenant: TenantId,
    /// What people call the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_name: Option<String>,
    /// The key it calls with.
    #[schema(value_type = String)]
    api_key: KeyId,
    /// Its role.
    role: Role,
    /// What it may do: its role's rights, narrowed by its key's scopes.
    rights: Vec<Right>,
}

/// Tells who calls.
#[utoipa::path(
    get,
    operation_id = "get_me",
    path = "/v1/me",
    tag = "Access",
    responses((status = 200, description = "Who calls", body = Me), ListProblems)
)]
pub(crate) async fn me(
    caller: Caller,
    State(store): State<Store>,
    parameters: Parameters,
) -> Result<Json<Me>, Problem> {
    parameters.finish()?;
    let caller = caller.whoever();
    let tenant = store.tenant(&caller.tenant).await?;
    let rights = Right::ALL.into_iter().filter(|right| caller.allows(*right));
    Ok(Json(Me {
        rights: rights.collect(),
        tenant: caller.tenant,
        tenant_name: tenant.map(|tenant| tenant.name),
        api_key: caller.key,
        role: caller.role,
    }))
}
