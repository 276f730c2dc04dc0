//! A callback URL of a company's own, which answers the handshake and keeps what is posted.

use super::*;
use axum::extract::Query;
use axum::routing::get;
use std::collections::HashMap;

/// How it answers the handshake.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Answers {
    Well,
    Nonsense,
    Forbidden,
}

/// What was posted: which of the secrets it was signed with, and the body.
pub(super) struct Posted {
    pub(super) signed_with: Option<&'static str>,
    pub(super) body: Value,
}

pub(super) struct Endpoint {
    answers: Answers,
    posted: Mutex<Vec<Posted>>,
    arrived: Notify,
}

const SECRETS: [&str; 3] = ["playground-app-secret", "demo-app-secret", "second-secret"];

impl Endpoint {
    /// Starts one that knows the verify token `right`; its URL.
    pub(super) async fn start(answers: Answers) -> (Arc<Self>, String) {
        let endpoint = Arc::new(Self {
            answers,
            posted: Mutex::default(),
            arrived: Notify::new(),
        });
        let listener = port().await;
        let url = format!("http://{}/hook?of=us", listener.local_addr().unwrap());
        let routes = Router::new()
            .route("/hook", get(shake).post(take))
            .with_state(Arc::clone(&endpoint));
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        (endpoint, url)
    }

    /// What was posted, once there are so many.
    pub(super) async fn posted(&self, count: usize) -> Vec<Posted> {
        let wait = async {
            loop {
                let arrived = self.arrived.notified();
                if self.posted.lock().unwrap().len() >= count {
                    return std::mem::take(&mut *self.posted.lock().unwrap());
                }
                arrived.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait)
            .await
            .unwrap()
    }

    /// How many wait to be looked at.
    pub(super) fn count(&self) -> usize {
        self.posted.lock().unwrap().len()
    }
}

async fn shake(
    State(endpoint): State<Arc<Endpoint>>,
    Query(query): Query<HashMap<String, String>>,
) -> (StatusCode, String) {
    assert_eq!(query["of"], "us");
    assert_eq!(query["hub.mode"], "subscribe");
    if endpoint.answers == Answers::Forbidden || query["hub.verify_token"] != "right" {
        return (StatusCode::FORBIDDEN, String::new());
    }
    match endpoint.answers {
        Answers::Well => (StatusCode::OK, query["hub.challenge"].clone()),
        Answers::Nonsense | Answers::Forbidden => (StatusCode::OK, "nonsense".to_owned()),
    }
}

async fn take(
    State(endpoint): State<Arc<Endpoint>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let given = headers["x-hub-signature-256"].to_str().unwrap();
    let signed_with = SECRETS.into_iter().find(|it| signature(it, &body) == given);
    let body = serde_json::from_slice(&body).unwrap();
    let posted = Posted { signed_with, body };
    endpoint.posted.lock().unwrap().push(posted);
    endpoint.arrived.notify_waiters();
    StatusCode::OK
}
