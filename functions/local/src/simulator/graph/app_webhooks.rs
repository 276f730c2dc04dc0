//! `/{app}/subscriptions`: an app's own webhook, and of what it hears.

use super::incoming::{Incoming, Params};
use crate::simulator::access::Caller;
use crate::simulator::assets::{App, AppWebhook, Change, WEBHOOK_FIELDS};
use crate::simulator::graph_error::GraphError;
use crate::simulator::handshake;
use crate::simulator::state::locked;
use axum::Json;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The only object that is played.
const OBJECT: &str = "whatsapp_business_account";

/// `GET`.
pub(super) async fn list(call: Incoming) -> Result<Json<Value>, GraphError> {
    let app = own(&call)?;
    let webhook = locked(&call.simulator.assets).webhook_of(&app.app_id, None);
    let shown = webhook.map(|it| {
        let fields = it.fields.iter();
        let fields = fields.map(|name| json!({"name": name, "version": "v25.0"}));
        json!({
            "object": OBJECT,
            "callback_url": it.callback_url,
            "active": true,
            "fields": fields.collect::<Vec<_>>(),
        })
    });
    Ok(Json(json!({"data": shown.into_iter().collect::<Vec<_>>()})))
}

/// `POST`: the webhook as it is from now on, once its URL has answered for itself.
pub(super) async fn set(call: Incoming) -> Result<Json<Value>, GraphError> {
    let app = own(&call)?;
    let params = call.params()?;
    check_object(&params.required("object")?)?;
    let webhook = AppWebhook {
        callback_url: params.required("callback_url")?,
        fields: fields_of(&params)?,
    };
    let verify_token = params.required("verify_token")?;
    let (webhooks, url) = (&call.simulator.webhooks, &webhook.callback_url);
    handshake::verify(webhooks, url, &verify_token).await?;
    change(&call, &app, Some(webhook))
}

/// `DELETE`.
pub(super) async fn remove(call: Incoming) -> Result<Json<Value>, GraphError> {
    let app = own(&call)?;
    if let Some(object) = call.params()?.text("object") {
        check_object(&object)?;
    }
    change(&call, &app, None)
}

/// The app in the path, which must be the one that calls.
fn own(call: &Incoming) -> Result<Arc<App>, GraphError> {
    match call.request().caller()? {
        Caller::App(app) if app.app_id == call.id => Ok(app),
        Caller::App(_) => Err(GraphError::unknown_object("get", &call.id)),
        Caller::User(_) => Err(GraphError::not_an_app()),
    }
}

fn change(
    call: &Incoming,
    app: &App,
    webhook: Option<AppWebhook>,
) -> Result<Json<Value>, GraphError> {
    call.simulator.change(|assets| {
        let app = assets
            .app(&app.app_id)
            .ok_or_else(GraphError::unknown_app)?;
        let app = App {
            webhook,
            ..(*app).clone()
        };
        Ok::<_, GraphError>((Change::of_app(app), ()))
    })?;
    Ok(Json(json!({"success": true})))
}

fn check_object(object: &str) -> Result<(), GraphError> {
    if object == OBJECT {
        return Ok(());
    }
    let message = format!("object must be {OBJECT}: this simulator plays no other");
    Err(GraphError::parameter(&message))
}

fn fields_of(params: &Params) -> Result<BTreeSet<String>, GraphError> {
    let fields = params.required("fields")?;
    let fields: BTreeSet<String> = fields.split(',').map(|it| it.trim().to_owned()).collect();
    match fields
        .iter()
        .find(|it| !WEBHOOK_FIELDS.contains(&it.as_str()))
    {
        None => Ok(fields),
        Some(unknown) => {
            let message = format!("Param fields must be one of {{messages, …}}; got {unknown}");
            Err(GraphError::parameter(&message))
        }
    }
}
