//! Apps and tokens: what they are, and a new token for an old one.

use super::fields::only_fields;
use super::incoming::Incoming;
use crate::simulator::access::Caller;
use crate::simulator::assets::{App, Change, Origin, Token, TokenHash, Validity};
use crate::simulator::graph_error::GraphError;
use crate::simulator::state::{State, locked, now_s};
use axum::Json;
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// How long an exchanged token is valid.
const SIXTY_DAYS_S: i64 = 60 * 24 * 3_600;

/// `GET /debug_token`.
pub(super) async fn debug_token(call: Incoming) -> Result<Json<Value>, GraphError> {
    let caller = call.request().caller()?;
    let input = call.params()?.required("input_token")?;
    let data = match input.split_once('|') {
        Some((app_id, secret)) => of_app(&call.simulator, &caller, app_id, secret)?,
        None => of_user(&call.simulator, &caller, &input)?,
    };
    Ok(Json(json!({"data": data})))
}

fn of_app(state: &State, caller: &Caller, app_id: &str, secret: &str) -> Result<Value, GraphError> {
    let app = locked(&state.assets).app(app_id);
    let Some(app) = app.filter(|app| app.has_secret(secret)) else {
        return Ok(invalid(&GraphError::bad_signature()));
    };
    check_app(caller, &app.app_id)?;
    Ok(json!({
        "app_id": app.app_id,
        "type": "APP",
        "application": app.name,
        "is_valid": true,
        "scopes": [],
    }))
}

fn of_user(state: &State, caller: &Caller, input: &str) -> Result<Value, GraphError> {
    let assets = locked(&state.assets);
    let Some(token) = assets.token(&TokenHash::of(input)) else {
        return Ok(invalid(&GraphError::bad_token()));
    };
    check_app(caller, &token.app_id)?;
    let app = assets.app(&token.app_id);
    let mut data = described(&token, app.as_deref());
    let error = match token.validity(now_s()) {
        Validity::Valid => return Ok(data),
        Validity::Expired => GraphError::expired_token(),
        Validity::Revoked => GraphError::revoked_token(),
    };
    if let Some(fields) = data.as_object_mut() {
        fields.insert("is_valid".to_owned(), false.into());
        fields.insert("error".to_owned(), error.in_debug());
    }
    Ok(data)
}

fn check_app(caller: &Caller, app_id: &str) -> Result<(), GraphError> {
    if caller.app_id() == app_id {
        return Ok(());
    }
    Err(GraphError::foreign_token())
}

fn invalid(error: &GraphError) -> Value {
    json!({"error": error.in_debug(), "is_valid": false, "scopes": []})
}

fn described(token: &Token, app: Option<&App>) -> Value {
    let granular = token.scopes.iter().map(|scope| {
        if scope.starts_with("whatsapp_business_") {
            json!({"scope": scope, "target_ids": token.wabas})
        } else {
            json!({"scope": scope})
        }
    });
    json!({
        "app_id": token.app_id,
        "type": "SYSTEM_USER",
        "application": app.map(|app| app.name.as_str()),
        "data_access_expires_at": 0,
        "expires_at": token.expires_at.unwrap_or_default(),
        "is_valid": true,
        "issued_at": token.issued_at,
        "scopes": token.scopes,
        "granular_scopes": granular.collect::<Vec<_>>(),
        "user_id": token.user_id,
    })
}

/// `GET /oauth/access_token`: a new token with the rights of the old one, which goes on being valid.
pub(super) async fn exchange(call: Incoming) -> Result<Json<Value>, GraphError> {
    let params = call.params()?;
    if params.required("grant_type")? != "fb_exchange_token" {
        let message = "grant_type must be fb_exchange_token: this simulator plays no other";
        return Err(GraphError::parameter(message));
    }
    let app = locked(&call.simulator.assets).app(&params.required("client_id")?);
    let app = app.ok_or_else(GraphError::unknown_app)?;
    if !app.has_secret(&params.required("client_secret")?) {
        return Err(GraphError::bad_client_secret());
    }
    let old = valid_token_of(
        &call.simulator,
        &app,
        &params.required("fb_exchange_token")?,
    )?;
    let text = format!("EAA{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let now_s = now_s();
    let new = Token {
        hash: TokenHash::of(&text),
        issued_at: now_s,
        expires_at: Some(now_s + SIXTY_DAYS_S),
        origin: Origin::Added,
        ..(*old).clone()
    };
    let keep = |_: &_| Ok::<_, GraphError>((Change::of_token(new), ()));
    call.simulator.change(keep)?;
    Ok(Json(json!({
        "access_token": text,
        "token_type": "bearer",
        "expires_in": SIXTY_DAYS_S,
    })))
}

fn valid_token_of(state: &State, app: &App, token: &str) -> Result<Arc<Token>, GraphError> {
    let token = locked(&state.assets).token(&TokenHash::of(token));
    let token = token.filter(|token| token.app_id == app.app_id);
    let token = token.ok_or_else(GraphError::bad_token)?;
    match token.validity(now_s()) {
        Validity::Valid => Ok(token),
        Validity::Expired => Err(GraphError::expired_token()),
        Validity::Revoked => Err(GraphError::revoked_token()),
    }
}

/// The node of an app, for itself and for tokens that were issued to it.
pub(super) fn app_node(call: &Incoming, app: &App) -> Result<Value, GraphError> {
    let caller = call.request().caller()?;
    if caller.app_id() != app.app_id {
        return Err(GraphError::unknown_object("get", &app.app_id));
    }
    let node = json!({
        "id": app.app_id,
        "name": app.name,
        "category": "Business",
        "link": app.link(),
    });
    only_fields(node, call.fields().as_deref(), &["namespace", "logo_url"])
}

/// The node `me`.
pub(super) fn me(call: &Incoming) -> Result<Value, GraphError> {
    match call.request().caller()? {
        Caller::App(_) => Err(GraphError::unknown_object("get", "me")),
        Caller::User(token) => {
            let node = json!({"id": token.user_id, "name": "Simulated user"});
            only_fields(node, call.fields().as_deref(), &["email"])
        }
    }
}
