//! Apps, WABAs and tokens under `/_sim`: what a person would set up in Meta's own pages. No answer shows a secret.

use super::{BadOrder, read};
use crate::simulator::assets::{
    App, AppSecret, Assets, Change, Origin, Scope, Token, TokenHash, Waba,
};
use crate::simulator::state::{State as Simulator, locked, now_s};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The routes for apps, WABAs and tokens.
pub(super) fn router() -> Router<Arc<Simulator>> {
    Router::new()
        .route("/_sim/apps", post(put_app))
        .route("/_sim/wabas", post(put_waba))
        .route("/_sim/tokens", post(put_token))
        .route("/_sim/tokens/{token}", delete(revoke_token))
        .route("/_sim/subscriptions", get(subscriptions))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AppOrder {
    app_id: String,
    app_secret: String,
    next_secret: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WabaOrder {
    waba_id: String,
    app_id: String,
    name: Option<String>,
    portfolio_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenOrder {
    token: String,
    app_id: String,
    wabas: Vec<String>,
    scopes: Option<Vec<String>>,
    expires_in_s: Option<i64>,
}

async fn put_app(
    State(simulator): State<Arc<Simulator>>,
    body: Bytes,
) -> Result<Response, BadOrder> {
    let order: AppOrder = read(&body)?;
    check_id("app_id", &order.app_id)?;
    if order.app_secret.is_empty() || order.next_secret.as_deref() == Some("") {
        return Err(BadOrder::new(
            "app_secret and next_secret must not be empty",
        ));
    }
    let app = simulator.change(|assets| {
        let app = changed_app(assets.app(&order.app_id).as_deref(), &order);
        Ok::<_, BadOrder>((Change::of_app(app.clone()), app))
    })?;
    Ok(created(json!({"app_id": app.app_id, "name": app.name})))
}

fn changed_app(known: Option<&App>, order: &AppOrder) -> App {
    let name = order.name.clone();
    let name = name.or_else(|| known.map(|app| app.name.clone()));
    App {
        app_id: order.app_id.clone(),
        name: name.unwrap_or_else(|| "Simulated app".to_owned()),
        secret: AppSecret::new(order.app_secret.clone()),
        next_secret: order.next_secret.clone().map(AppSecret::new),
        webhook: known.and_then(|app| app.webhook.clone()),
        origin: known.map_or(Origin::Added, |app| app.origin),
    }
}

async fn put_waba(
    State(simulator): State<Arc<Simulator>>,
    body: Bytes,
) -> Result<Response, BadOrder> {
    let order: WabaOrder = read(&body)?;
    check_id("waba_id", &order.waba_id)?;
    let waba = simulator.change(|assets| {
        check_app(assets, &order.app_id)?;
        let waba = changed_waba(assets.waba(&order.waba_id).as_deref(), &order);
        Ok::<_, BadOrder>((Change::of_waba(waba.clone()), waba))
    })?;
    Ok(created(json!({
        "waba_id": waba.waba_id,
        "name": waba.name,
        "app_id": waba.app_id,
        "portfolio_id": waba.portfolio.id,
    })))
}

fn changed_waba(known: Option<&Waba>, order: &WabaOrder) -> Waba {
    let name = order.name.as_deref().unwrap_or("Simulated account");
    let new = || Waba::new(&order.waba_id, name, &order.app_id, Origin::Added);
    let mut waba = known.cloned().unwrap_or_else(new);
    waba.app_id.clone_from(&order.app_id);
    if let Some(name) = &order.name {
        waba.name.clone_from(name);
    }
    if let Some(id) = &order.portfolio_id {
        waba.portfolio.id.clone_from(id);
    }
    waba
}

async fn put_token(
    State(simulator): State<Arc<Simulator>>,
    body: Bytes,
) -> Result<Response, BadOrder> {
    let order: TokenOrder = read(&body)?;
    if order.token.is_empty() || order.token.contains(['|', '/', ' ']) {
        return Err(BadOrder::new("token must be without |, / and spaces"));
    }
    let token = simulator.change(|assets| {
        check_app(assets, &order.app_id)?;
        if let Some(waba) = order.wabas.iter().find(|it| assets.waba(it).is_none()) {
            return Err(BadOrder::new(format!("there is no WABA {waba}")));
        }
        let token = changed_token(assets, &order);
        Ok((Change::of_token(token.clone()), token))
    })?;
    Ok(created(json!({
        "app_id": token.app_id,
        "user_id": token.user_id,
        "wabas": token.wabas,
        "scopes": token.scopes,
        "expires_at": token.expires_at,
    })))
}

/// The token as it is ordered: one that was revoked is good again.
fn changed_token(assets: &Assets, order: &TokenOrder) -> Token {
    let hash = TokenHash::of(&order.token);
    let known = assets.token(&hash);
    let now_s = now_s();
    Token {
        hash,
        app_id: order.app_id.clone(),
        // A system user of the app: its id with the first digit of users.
        user_id: order.app_id.replacen('4', "3", 1),
        scopes: order.scopes.clone().unwrap_or_else(Scope::all_names),
        wabas: order.wabas.clone(),
        issued_at: now_s,
        expires_at: order.expires_in_s.map(|it| now_s.saturating_add(it)),
        revoked: false,
        origin: known.map_or(Origin::Added, |token| token.origin),
    }
}

async fn revoke_token(
    State(simulator): State<Arc<Simulator>>,
    Path(token): Path<String>,
) -> Result<Json<Value>, BadOrder> {
    simulator.change(|assets| {
        let token = assets.token(&TokenHash::of(&token));
        let token = token.ok_or_else(|| BadOrder::not_found("there is no such token"))?;
        let revoked = Token {
            revoked: true,
            ..(*token).clone()
        };
        Ok::<_, BadOrder>((Change::of_token(revoked), ()))
    })?;
    Ok(Json(json!({"success": true})))
}

/// Who hears of which WABA, then which numbers have a URL of their own.
async fn subscriptions(State(simulator): State<Arc<Simulator>>) -> Json<Value> {
    let assets = locked(&simulator.assets);
    let mut shown = Vec::new();
    for waba in assets.wabas() {
        shown.extend(waba.subscriptions.iter().map(|it| {
            let url = &it.override_callback_uri;
            json!({"waba_id": waba.waba_id, "app_id": it.app_id, "override_callback_uri": url})
        }));
    }
    for number in assets.numbers() {
        shown.extend(number.callback.iter().map(|it| {
            let (id, url) = (&number.phone_number_id, &it.override_callback_uri);
            json!({"phone_number_id": id, "app_id": it.app_id, "override_callback_uri": url})
        }));
    }
    Json(json!({"data": shown}))
}

/// Checks that an id looks as Meta's do.
pub(super) fn check_id(name: &str, id: &str) -> Result<(), BadOrder> {
    if !id.is_empty() && id.bytes().all(|it| it.is_ascii_digit()) {
        return Ok(());
    }
    Err(BadOrder::new(format!("{name} must be digits")))
}

fn check_app(assets: &Assets, app_id: &str) -> Result<(), BadOrder> {
    match assets.app(app_id) {
        Some(_) => Ok(()),
        None => Err(BadOrder::new(format!("there is no app {app_id}"))),
    }
}

/// The answer to an order that was carried out.
pub(super) fn created(answer: Value) -> Response {
    (StatusCode::CREATED, Json(answer)).into_response()
}
