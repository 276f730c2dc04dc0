//! A desk: the router, its tables in memory, and one server in place of SQS, Secrets Manager and the Graph API.

use crate::{Config, State, router};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use dynoxide::Database;
use heliograph::domain::content::{Content, Kind};
use heliograph::domain::id::{KeyId, MessageId};
use heliograph::domain::identity::{Recipient, TenantId};
use heliograph::domain::message::{Lane, Message, Outbound};
use heliograph::domain::role::Role;
use heliograph::domain::state::State as MessageState;
use heliograph::service::auth;
use heliograph::service::aws::{Aws, Endpoints};
use heliograph::service::config::Environment;
use heliograph::store::{ApiKey, Store, Transaction};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tower::ServiceExt;

/// When everything in these tests happens.
pub(super) fn noon() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

pub(super) fn tenant() -> TenantId {
    "demo".parse().unwrap()
}

#[derive(Clone, Default)]
pub(super) struct Services {
    /// Services that fail, by name, and queues that are not there.
    pub(super) down: Arc<Mutex<BTreeSet<&'static str>>>,
    /// Whether Secrets Manager refuses to answer us.
    pub(super) forbids: Arc<AtomicBool>,
    /// Queue URL and body of what was put on queues.
    pub(super) sent: Arc<Mutex<Vec<(String, String)>>>,
    /// How often anything was asked.
    pub(super) calls: Arc<Mutex<usize>>,
}

pub(super) struct Desk {
    pub(super) dynamodb: Aws,
    pub(super) store: Store,
    pub(super) services: Services,
    pub(super) router: Router,
}

impl Desk {
    pub(super) async fn start() -> Self {
        Self::with_graph(None).await
    }

    /// A desk where the Graph API is at this URL, or answers whatever it is asked.
    pub(super) async fn with_graph(graph_url: Option<&str>) -> Self {
        let services = Services::default();
        let dynamodb = Endpoints {
            aws: serve_dynamodb().await,
            dynamodb: None,
        };
        let other = serve(services.clone()).await;
        let environment = Environment::from_pairs([
            ("MESSAGES_TABLE", "messages"),
            ("LOGS_TABLE", "logs"),
            ("OTP_QUEUE_URL", &format!("{other}/1/otp")),
            ("SINGLE_QUEUE_URL", &format!("{other}/1/single")),
            ("BULK_QUEUE_URL", &format!("{other}/1/bulk")),
            ("DISPATCH_QUEUE_URL", &format!("{other}/1/dispatch")),
            ("INBOUND_QUEUE_URL", &format!("{other}/1/inbound")),
            ("STATUS_QUEUE_URL", &format!("{other}/1/status")),
            ("GRAPH_URL", graph_url.unwrap_or(&other)),
        ]);
        let own_dynamodb = Aws::at(&dynamodb);
        let store = Store::new(own_dynamodb.dynamodb(), "messages", "logs");
        store.create_tables().await.unwrap();
        let aws = Aws::at(&Endpoints {
            aws: other,
            dynamodb: Some(dynamodb.aws),
        });
        let state = State::new(&Config::from_env(&environment).unwrap(), &aws);
        let desk = Self {
            dynamodb: own_dynamodb,
            store,
            services,
            router: router(state),
        };
        desk.add_key("hg_demo_admin", "demo", Role::Admin).await;
        desk.add_key("hg_viewer", "demo", Role::Viewer).await;
        desk.add_key("hg_stranger", "other", Role::Admin).await;
        desk
    }

    async fn add_key(&self, key: &str, tenant: &str, role: Role) {
        let hash = auth::ApiKey::parse(key).unwrap().hash();
        let (id, tenant) = (KeyId::at(noon()), tenant.parse().unwrap());
        let key = ApiKey::new(id, tenant, role, hash, noon());
        self.store.put_api_key(&key).await.unwrap();
    }

    /// What the demo tenant's viewer sees.
    pub(super) async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.call(Method::GET, path, Some("hg_viewer")).await
    }

    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
    ) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let request = request.body(Body::empty()).unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        let bytes = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    /// Every entry of a list, read page by page, and how many pages that took.
    pub(super) async fn read_list(&self, path: &str, limit: usize) -> (Vec<Value>, usize) {
        let mut entries = Vec::new();
        let divider = if path.contains('?') { '&' } else { '?' };
        let mut next = format!("{path}{divider}limit={limit}");
        for pages in 1.. {
            let (status, mut page) = self.get(&next).await;
            assert_eq!(status, StatusCode::OK, "{page}");
            let data = page["data"].as_array_mut().unwrap();
            assert!(data.len() <= limit);
            entries.append(data);
            match page.get("next_cursor") {
                Some(cursor) => {
                    let cursor = cursor.as_str().unwrap();
                    next = format!("{path}{divider}limit={limit}&cursor={cursor}");
                }
                None => return (entries, pages),
            }
        }
        (entries, 0)
    }

    /// Writes a message of the demo tenant.
    pub(super) async fn write(&self, message: &Outbound) {
        let mut transaction = Transaction::new();
        let message = Message::Outbound(Box::new(message.clone()));
        self.store
            .create_message(&mut transaction, &message)
            .unwrap();
        self.store.commit(transaction).await.unwrap();
    }
}

/// A text message to somebody, written down `number` seconds after noon.
pub(super) fn message(number: i64, state: MessageState) -> Outbound {
    let created_at = noon() + jiff::SignedDuration::from_secs(number);
    let number = number.to_string();
    let id = MessageId::derived(created_at, &[&number]);
    let from = (
        tenant(),
        "acct_demo".parse().unwrap(),
        "100000000000001".parse().unwrap(),
    );
    let to = Recipient::Phone("+15550001111".parse().unwrap());
    Outbound {
        state,
        content: Some(Content {
            kind: Kind::Text,
            object: json!({"body": "hello"}),
            reply_to: None,
            recipient_identity_key_hash: None,
            marketing: None,
        }),
        reference: Some(number),
        ..Outbound::queued(id, from, to, Lane::Single, created_at)
    }
}

pub(super) fn ids(entries: &[Value]) -> Vec<String> {
    let ids = entries.iter().map(|entry| entry["id"].as_str().unwrap());
    ids.map(str::to_owned).collect()
}

#[expect(clippy::disallowed_methods, reason = "a server of the test's")]
async fn serve_dynamodb() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(dynoxide::server::serve_on(
        listener,
        Database::memory().unwrap(),
    ));
    url
}

#[expect(clippy::disallowed_methods, reason = "a server of the test's")]
async fn serve(services: Services) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(move |headers: HeaderMap, body: Bytes| async move {
        services.answer(&headers, &body)
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

impl Services {
    fn answer(&self, headers: &HeaderMap, body: &Bytes) -> Response {
        *self.calls.lock().unwrap() += 1;
        let target = headers
            .get("x-amz-target")
            .map(|target| target.to_str().unwrap());
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let (service, status, answer) = match target {
            Some("AmazonSQS.GetQueueAttributes") if self.is_gone(&body) => {
                let gone = json!({"__type": "com.amazonaws.sqs#QueueDoesNotExist"});
                ("sqs", StatusCode::BAD_REQUEST, gone)
            }
            Some("AmazonSQS.GetQueueAttributes") => {
                let depth = json!({"Attributes": {"ApproximateNumberOfMessages": "0"}});
                ("sqs", StatusCode::OK, depth)
            }
            Some("AmazonSQS.SendMessageBatch") => {
                let url = body["QueueUrl"].as_str().unwrap().to_owned();
                let text = body["Entries"][0]["MessageBody"]
                    .as_str()
                    .unwrap()
                    .to_owned();
                self.sent.lock().unwrap().push((url, text));
                let taken = json!({"Successful": [{"Id": "0", "MessageId": "m", "MD5OfMessageBody": "-"}], "Failed": []});
                ("sqs", StatusCode::OK, taken)
            }
            Some(_) if self.forbids.load(Ordering::Relaxed) => {
                let forbidden = json!({"__type": "AccessDeniedException"});
                ("secrets_manager", StatusCode::BAD_REQUEST, forbidden)
            }
            Some(_) => {
                let password = json!({"RandomPassword": "chance"});
                ("secrets_manager", StatusCode::OK, password)
            }
            None => ("graph_api", StatusCode::NOT_FOUND, json!({})),
        };
        if self.down.lock().unwrap().contains(service) {
            let error = json!({"__type": "InternalFailure"});
            return (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response();
        }
        (status, answer.to_string()).into_response()
    }

    fn is_gone(&self, call: &Value) -> bool {
        let name = call["QueueUrl"].as_str().unwrap().rsplit('/').next();
        self.down.lock().unwrap().contains(name.unwrap())
    }
}
