//! `/{waba}/subscribed_apps`: which apps hear of a WABA, and at which URL.

use super::incoming::{Incoming, Params};
use crate::simulator::access::WabaCall;
use crate::simulator::assets::{Assets, Change, Subscription, Waba};
use crate::simulator::graph_error::GraphError;
use crate::simulator::handshake;
use crate::simulator::state::locked;
use axum::Json;
use serde_json::{Value, json};

/// `GET`.
pub(super) async fn list(call: Incoming) -> Result<Json<Value>, GraphError> {
    let waba = call.request().waba(&call.id)?.waba;
    let assets = locked(&call.simulator.assets);
    let subscriptions = waba.subscriptions.iter();
    let shown: Vec<Value> = subscriptions.map(|it| shown(&assets, it)).collect();
    Ok(Json(json!({"data": shown})))
}

/// `POST`: subscribes the app of the token. Without a URL it takes back the one that was given before.
pub(super) async fn subscribe(call: Incoming) -> Result<Json<Value>, GraphError> {
    let WabaCall { token, waba } = call.request().waba(&call.id)?;
    let url = verified_url(&call, &call.params()?).await?;
    let subscription = Subscription {
        app_id: token.app_id.clone(),
        override_callback_uri: url,
    };
    change(&call, &waba.waba_id, |waba| {
        waba.subscribe(subscription.clone());
    })?;
    if subscription.override_callback_uri.is_none() {
        return Ok(Json(json!({"success": true})));
    }
    let shown = shown(&locked(&call.simulator.assets), &subscription);
    Ok(Json(json!({"success": true, "data": [shown]})))
}

/// `DELETE`: ends the subscription of the app of the token.
pub(super) async fn unsubscribe(call: Incoming) -> Result<Json<Value>, GraphError> {
    let WabaCall { token, waba } = call.request().waba(&call.id)?;
    let was_subscribed = waba.subscription(&token.app_id).is_some();
    if !was_subscribed {
        let message = "The app is not subscribed to this WhatsApp Business Account";
        return Err(GraphError::parameter(message));
    }
    change(&call, &waba.waba_id, |waba| {
        waba.unsubscribe(&token.app_id);
    })?;
    Ok(Json(json!({"success": true})))
}

/// The URL a call wants webhooks at, if it wants any, once that has answered.
pub(super) async fn verified_url(
    call: &Incoming,
    params: &Params,
) -> Result<Option<String>, GraphError> {
    let url = params.text("override_callback_uri");
    let Some(url) = url.filter(|url| !url.is_empty()) else {
        return Ok(None);
    };
    let verify_token = params.required("verify_token")?;
    handshake::verify(&call.simulator.webhooks, &url, &verify_token).await?;
    Ok(Some(url))
}

/// Changes a WABA as it is by now: while a URL was asked, others may have changed it.
fn change(call: &Incoming, waba_id: &str, apply: impl FnOnce(&mut Waba)) -> Result<(), GraphError> {
    call.simulator.change(|assets| {
        let waba = assets.waba(waba_id);
        let waba = waba.ok_or_else(|| GraphError::unknown_object("post", waba_id))?;
        let mut waba = (*waba).clone();
        apply(&mut waba);
        Ok((Change::of_waba(waba), ()))
    })
}

fn shown(assets: &Assets, subscription: &Subscription) -> Value {
    let app = assets.app(&subscription.app_id);
    let app = app.map(|app| json!({"id": app.app_id, "name": app.name, "link": app.link()}));
    let mut shown = json!({"whatsapp_business_api_data": app});
    if let (Some(fields), Some(url)) = (shown.as_object_mut(), &subscription.override_callback_uri)
    {
        fields.insert("override_callback_uri".to_owned(), url.clone().into());
    }
    shown
}
