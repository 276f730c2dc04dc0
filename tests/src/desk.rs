//! A running platform and a caller of its HTTP API.

use crate::{ADMIN_KEY, Answer, SENDER, deployed, eventually, undescribed};
use heliograph::service::aws::{Aws, Endpoints};
use local::{Parts, Platform, Ports, Settings};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;

/// Longer than a call may take: 29 seconds at the gateway.
const PATIENCE: Duration = Duration::from_secs(40);

/// A platform and its caller.
pub struct Desk {
    pub(crate) http: Client,
    api: String,
    pub(crate) webhook: String,
    pub(crate) simulator: String,
    aws: String,
    /// What opens a deployed platform instead of the keys that a desk has from the start.
    pub(crate) keys: HashMap<&'static str, String>,
    platform: Option<Platform>,
}

impl Desk {
    /// Starts a platform of its own in this process, with nothing in it but the demo tenant. Where one that was deployed
    /// is to be tested, it is that one, with all that the tests before have done to it.
    pub async fn start() -> Self {
        match deployed::desk().await {
            Some(desk) => desk,
            None => Self::of_its_own(None).await,
        }
    }

    /// The same where every provider is below this URL, and none is simulated.
    pub async fn towards(providers: &str) -> Self {
        Self::of_its_own(Some(providers.to_owned())).await
    }

    pub(crate) async fn of_its_own(graph_url: Option<String>) -> Self {
        let settings = Settings {
            ports: Ports::default(),
            data_dir: None,
            demo: true,
            aws_endpoint: None,
            graph_url,
            webhook_url: None,
            parts: Parts::Everything,
        };
        Self::of(Platform::start(settings).await.unwrap(), &[])
    }

    /// This platform, with what it stands on that runs elsewhere.
    pub(crate) fn of(platform: Platform, elsewhere: &[(&str, String)]) -> Self {
        let mut desk = Self::at(&[&platform.urls(), elsewhere].concat());
        desk.platform = Some(platform);
        desk
    }

    /// The platform whose parts answer at these URLs.
    #[must_use]
    pub fn at(urls: &[(&str, String)]) -> Self {
        let url = |name| {
            let found = urls.iter().find(|(known, _)| *known == name);
            found.map_or(String::new(), |(_, url)| url.clone())
        };
        Self {
            http: Client::builder()
                .timeout(PATIENCE)
                .no_proxy()
                .build()
                .unwrap(),
            api: url("api"),
            webhook: url("webhook"),
            simulator: url("simulator"),
            aws: url("aws"),
            keys: HashMap::new(),
            platform: None,
        }
    }

    /// Where the emulated AWS answers.
    #[must_use]
    pub fn aws_url(&self) -> &str {
        &self.aws
    }

    /// The emulated AWS.
    #[must_use]
    pub fn aws(&self) -> Aws {
        Aws::at(&Endpoints {
            aws: self.aws.clone(),
            dynamodb: None,
        })
    }

    /// Ends the platform cleanly.
    pub async fn stop(self) {
        if let Some(platform) = self.platform {
            platform.shutdown().await;
        }
    }

    /// A request to the HTTP API without a key.
    pub fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.api))
    }

    /// A request with an API key.
    pub fn with_key(&self, key: &str, method: Method, path: &str) -> RequestBuilder {
        let key = self.keys.get(key).map_or(key, String::as_str);
        self.anonymous(method, path).bearer_auth(key)
    }

    /// Asks as the demo tenant's admin.
    pub async fn get(&self, path: &str) -> Answer {
        read(self.with_key(ADMIN_KEY, Method::GET, path)).await
    }

    /// Posts JSON as the demo tenant's admin. What is taken must be what the OpenAPI document describes.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        let request = self.with_key(ADMIN_KEY, Method::POST, path).json(body);
        described(path, body, read(request).await)
    }

    /// Posts JSON with a header more.
    pub async fn post_with(&self, path: &str, body: &Value, header: (&str, &str)) -> Answer {
        let request = self.with_key(ADMIN_KEY, Method::POST, path).json(body);
        described(path, body, read(request.header(header.0, header.1)).await)
    }

    /// Sends a message.
    pub async fn send(&self, body: &Value) -> Answer {
        self.post("/v1/messages", body).await
    }

    /// A message as it is now.
    pub async fn message(&self, id: &str) -> Value {
        self.get(&format!("/v1/messages/{id}")).await.with(200)
    }

    /// A message once it is in this state.
    pub async fn message_once(&self, id: &str, state: &str) -> Value {
        let look = async || {
            let message = self.message(id).await;
            (message["state"] == state).then_some(message)
        };
        eventually(&format!("a message to be {state}"), look).await
    }

    /// How often this was counted, by every platform of this process.
    pub async fn counted(&self, metric: &str, reason: &str) -> u64 {
        let counts = read(self.anonymous(Method::GET, "/_desk/counts")).await;
        counts.with(200)[metric][reason].as_u64().unwrap_or(0)
    }

    /// Every entry of a list, page by page.
    pub async fn all(&self, path: &str) -> Vec<Value> {
        self.pages(path, 100).await.into_iter().flatten().collect()
    }

    /// The pages of a list, of so many entries each.
    pub async fn pages(&self, path: &str, limit: usize) -> Vec<Vec<Value>> {
        let joint = if path.contains('?') { '&' } else { '?' };
        let first = format!("{path}{joint}limit={limit}");
        let mut next = first.clone();
        let mut pages = Vec::new();
        loop {
            let page = self.get(&next).await.with(200);
            pages.push(page["data"].as_array().unwrap().clone());
            match page["next_cursor"].as_str() {
                Some(cursor) => next = format!("{first}&cursor={cursor}"),
                None => return pages,
            }
        }
    }
}

fn described(path: &str, body: &Value, answer: Answer) -> Answer {
    if answer.status < 300 && !body.is_null() {
        assert_eq!(undescribed(path, body), [""; 0], "{path} took {body}");
    }
    answer
}

/// A text message from the demo sender.
#[must_use]
pub fn text(to: &str, body: &str) -> Value {
    json!({"from": SENDER, "to": to, "type": "text", "text": {"body": body}})
}

/// Sends a request and reads the answer.
pub async fn read(request: RequestBuilder) -> Answer {
    Answer::read(request.send().await.unwrap()).await
}
