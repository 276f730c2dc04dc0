//! The other providers, called by the very clients that the platform calls them with.

use super::*;
use heliograph::domain::content::Content;
use heliograph::domain::failure::{Class, ProviderFailure};
use heliograph::domain::fault::Faults;
use heliograph::domain::fields::Fields;
use heliograph::domain::id::MessageId;
use heliograph::domain::identity::Recipient;
use heliograph::domain::phone::PhoneNumber;
use heliograph::domain::provider::{Ability, Gateway};
use heliograph::domain::secret::SecretText;
use heliograph::domain::state::Status;
use heliograph::domain::webhook::Connection;
use heliograph::provider::fonnte::webhook::{self, Event, Said};
use heliograph::provider::{Access, Http, SendOutcome, fonnte, gateway};

const ONE: &str = "msg_0193e2a1b2c37d4e8f90a1b2c3d4e5f6";
const OTHER: &str = "msg_0193e2a1b2c37d4e8f90a1b2c3d4e5f7";

fn demo_key(gateway: Gateway) -> &'static str {
    match gateway {
        Gateway::Fonnte => "demo-fonnte-token",
        Gateway::Notifapi => "demo-notifapi-key",
        Gateway::Mock => "demo-mock-key",
    }
}

fn content() -> Content {
    let body = json!({"type": "text", "text": {"body": "Hello"}});
    let faults = Faults::new();
    let content = Content::read(&mut Fields::of(&body, "", &faults).unwrap());
    content.unwrap()
}

/// A send by the platform's own client.
async fn send_with(
    client: &Client,
    gateway: Gateway,
    key: &str,
    to: &str,
    id: &str,
) -> SendOutcome {
    let base = format!("{}/{}", client.url, gateway.as_str())
        .parse()
        .unwrap();
    let (key, http) = (SecretText::new(key), Http::new().unwrap());
    let access = Access {
        http: &http,
        base: &base,
        key: &key,
        timeout: Duration::from_secs(5),
    };
    let (to, content) = (Recipient::Phone(to.parse().unwrap()), content());
    let id: MessageId = id.parse().unwrap();
    gateway::send(gateway, access, &to, &content, &id).await
}

async fn send(client: &Client, gateway: Gateway, to: &str, id: &str) -> SendOutcome {
    send_with(client, gateway, demo_key(gateway), to, id).await
}

fn refusal(outcome: SendOutcome) -> ProviderFailure {
    match outcome {
        SendOutcome::NotAccepted(failure) => failure,
        other => unreachable!("{other:?} is no refusal"),
    }
}

#[tokio::test]
async fn what_each_provider_took_is_in_one_ledger_without_its_key() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    for &provider in Gateway::ALL {
        let SendOutcome::Accepted(taken) = send(&client, provider, ANNA, ONE).await else {
            unreachable!("{provider:?} did not take it");
        };
        let kept = client.get("/_sim/messages?limit=10").await;
        let last = kept["data"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(last["provider"], provider.as_str());
        assert_eq!(last["id"], taken.provider_id.as_str());
        assert_eq!(last["to"], ANNA);
        assert!(!last.to_string().contains(demo_key(provider)), "{last}");
    }
    let stats = client.get("/_sim/stats").await;
    assert_eq!(
        stats["accepted_by"],
        json!({"fonnte": 1, "notifapi": 1, "mock": 1})
    );
    assert_eq!(stats["duplicates"], 2, "three providers took one message");
    assert_eq!(stats["max_rate_per_sender"]["15550002000"], 1);
}

#[tokio::test]
async fn a_message_that_meta_took_is_a_duplicate_elsewhere() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    client.send(ANNA, ONE).await.unwrap();
    send(&client, Gateway::Fonnte, ANNA, OTHER).await;
    assert_eq!(client.get("/_sim/stats").await["duplicates"], 0);
    send(&client, Gateway::Fonnte, ANNA, ONE).await;
    assert_eq!(client.get("/_sim/stats").await["duplicates"], 1);
}

#[tokio::test]
async fn each_provider_fails_in_its_own_words_and_only_when_it_is_named() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    for (provider, fault, class) in [
        (Gateway::Fonnte, "error:token invalid", Class::Credential),
        (Gateway::Fonnte, "error:target invalid", Class::Recipient),
        (Gateway::Notifapi, "error:invalid key", Class::Credential),
        (Gateway::Notifapi, "error:bad moon", Class::Permanent),
        (Gateway::Mock, "error:throttled", Class::Throttled),
    ] {
        client
            .order_fault(json!({"fault": fault, "provider": provider}))
            .await;
        let outcome = send(&client, provider, ANNA, ONE).await;
        assert_eq!(refusal(outcome).class, class, "{fault}");
    }
    client.order_fault(json!({"fault": "http_500"})).await;
    let untouched = send(&client, Gateway::Fonnte, ANNA, ONE).await;
    assert!(
        matches!(untouched, SendOutcome::Accepted(_)),
        "{untouched:?}"
    );
}

#[tokio::test]
async fn what_leaves_the_outcome_open_does_so_at_every_provider() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    for &provider in Gateway::ALL {
        for (fault, accepted) in [
            ("http_503", 0),
            ("reset_connection", 0),
            ("timeout_before_accept", 0),
            ("timeout_after_accept", 1),
        ] {
            let before = client.accepted().await;
            let order = json!({"fault": fault, "provider": provider, "delay_ms": 20});
            client.order_fault(order).await;
            let outcome = send(&client, provider, ANNA, ONE).await;
            assert!(
                matches!(outcome, SendOutcome::Ambiguous(_)),
                "{fault}: {outcome:?}"
            );
            assert_eq!(client.accepted().await - before, accepted, "{fault}");
        }
    }
}

#[tokio::test]
async fn a_key_is_good_from_its_order_to_its_end() {
    let folder = Folder::new();
    let simulator = start_in(&folder, NOWHERE).await;
    let client = Client::of(&simulator);
    for &provider in Gateway::ALL {
        let ordered = format!("ordered-{}", provider.as_str());
        let outcome = send_with(&client, provider, &ordered, ANNA, ONE).await;
        assert_eq!(refusal(outcome).class, Class::Credential);
        let order = json!({"provider": provider, "key": ordered, "sender": "15550004000"});
        assert_eq!(client.set("/_sim/keys", order).await.0, 201);
        let outcome = send_with(&client, provider, &ordered, ANNA, ONE).await;
        assert!(matches!(outcome, SendOutcome::Accepted(_)), "{outcome:?}");
        let path = format!("/_sim/keys/{}", demo_key(provider));
        let revoked = client.call(Method::DELETE, &path, "", &Value::Null).await;
        assert_eq!(revoked.0, 200);
        let outcome = send(&client, provider, ANNA, ONE).await;
        assert_eq!(refusal(outcome).class, Class::Credential);
    }
    let kept = std::fs::read_to_string(folder.0.join("simulator.journal")).unwrap();
    assert!(!kept.contains("ordered-") && !kept.contains("demo-fonnte"));
    client.post("/_sim/reset", &Value::Null).await.unwrap();
    let outcome = send(&client, Gateway::Fonnte, ANNA, ONE).await;
    assert!(matches!(outcome, SendOutcome::Accepted(_)), "{outcome:?}");
}

#[tokio::test]
async fn a_number_made_to_be_refused_is_refused_by_all() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    for &provider in Gateway::ALL {
        refusal(send(&client, provider, "+15558131026", ONE).await);
    }
    assert_eq!(client.accepted().await, 0);
}

/// What a gateway is called with.
struct Called {
    http: Http,
    base: reqwest::Url,
    key: SecretText,
}

impl Called {
    fn at(client: &Client, gateway: Gateway) -> Self {
        Self {
            http: Http::new().unwrap(),
            base: format!("{}/{}", client.url, gateway.as_str())
                .parse()
                .unwrap(),
            key: SecretText::new(demo_key(gateway)),
        }
    }

    fn access(&self) -> Access<'_> {
        Access {
            http: &self.http,
            base: &self.base,
            key: &self.key,
            timeout: Duration::from_secs(5),
        }
    }
}

#[tokio::test]
async fn numbers_devices_and_groups_are_told_as_they_are() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    let numbers: [PhoneNumber; 2] = [ANNA.parse().unwrap(), "+15559131026".parse().unwrap()];
    for &gateway in Gateway::ALL {
        let called = Called::at(&client, gateway);
        let access = called.access();
        let good = gateway::check_key(gateway, access, Some("15550002000")).await;
        let told = gateway.can(Ability::TellNumber).then_some("15550002000");
        assert_eq!(good.unwrap().number.as_deref(), told);
        if gateway.can(Ability::ListGroups) {
            assert_eq!(gateway::groups(gateway, access).await.unwrap().len(), 1);
        }
        let Some(checks) = gateway.facts().number_checks else {
            continue;
        };
        let mut checked = gateway::Checked::default();
        for numbers in numbers.chunks(checks.numbers) {
            let told = gateway::check_numbers(gateway, access, numbers).await;
            let told = told.unwrap();
            checked.registered.extend(told.registered);
            checked.not_registered.extend(told.not_registered);
        }
        assert_eq!(checked.registered, numbers[..1]);
        assert_eq!(checked.not_registered, numbers[1..]);
    }
    let called = Called::at(&client, Gateway::Fonnte);
    let device = fonnte::device(called.access()).await.unwrap();
    assert!(device.is_connected() && device.number == "15550002000");
}

/// A URL that takes whatever Fonnte posts.
struct Hook {
    posted: Mutex<Vec<Value>>,
    arrived: Notify,
}

impl Hook {
    async fn start() -> (Arc<Self>, String) {
        let hook = Arc::new(Self {
            posted: Mutex::default(),
            arrived: Notify::new(),
        });
        let listener = port().await;
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let routes = Router::new()
            .route("/hook", post(keep))
            .with_state(Arc::clone(&hook));
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        (hook, url)
    }

    /// What was posted, as the platform reads it, once there is so much.
    async fn at_least(&self, count: usize) -> Vec<webhook::Webhook> {
        let wait = async {
            loop {
                let arrived = self.arrived.notified();
                let posted = self.posted.lock().unwrap().clone();
                if posted.len() >= count {
                    return posted;
                }
                arrived.await;
            }
        };
        let posted = tokio::time::timeout(Duration::from_secs(20), wait)
            .await
            .unwrap();
        let posted = posted.iter();
        posted
            .map(|body| webhook::read(body.to_string().as_bytes()))
            .collect()
    }
}

async fn keep(State(hook): State<Arc<Hook>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    assert!(headers.get("x-hub-signature-256").is_none());
    let body = serde_json::from_slice(&body).unwrap();
    hook.posted.lock().unwrap().push(body);
    hook.arrived.notify_waiters();
    StatusCode::OK
}

#[tokio::test]
async fn a_devices_statuses_come_one_by_one_the_later_ones_by_whatsapps_id_alone() {
    let folder = Folder::new();
    let (hook, url) = Hook::start().await;
    let simulator = start_in(&folder, NOWHERE).await;
    let client = Client::of(&simulator);
    let order = json!({"device": "15550002000", "webhook": url});
    let (_, shown) = client.set("/_sim/devices", order).await;
    assert!(!shown.to_string().contains("hook\":\"http"), "{shown}");
    let SendOutcome::Accepted(taken) = send(&client, Gateway::Fonnte, ANNA, ONE).await else {
        unreachable!("Fonnte did not take it");
    };
    let events = hook.at_least(3).await;
    let of_status = |wanted: Status| {
        let mut events = events.iter();
        let found = events.find_map(|webhook| match &webhook.event {
            Event::Status(told) if told.status == Some(wanted) => Some(told.clone()),
            Event::Status(_) | Event::Message(_) | Event::Connection(_) | Event::Other => None,
        });
        found.unwrap()
    };
    let sent = of_status(Status::Sent);
    assert_eq!(sent.id, Some(taken.provider_id));
    for later in [Status::Delivered, Status::Read] {
        let later = of_status(later);
        assert_eq!((later.id, later.state_id), (None, sent.state_id.clone()));
    }
    let kept = std::fs::read_to_string(folder.0.join("simulator.journal")).unwrap();
    assert!(!kept.contains(&url), "the address is in the journal");
}

#[tokio::test]
async fn a_device_tells_what_people_write_and_that_it_was_lost() {
    let (hook, url) = Hook::start().await;
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    let Called { base, key, .. } = Called::at(&client, Gateway::Fonnte);
    let update = client.http.post(format!("{base}/update-device"));
    let update = update
        .header("authorization", key.expose())
        .body(format!("webhook={url}"));
    let answer: Value = update.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["status"], true);
    let order = json!({"provider": "fonnte", "from": ANNA, "name": "Anna", "text": "Hello"});
    let (_, answer) = client.set("/_sim/inbound", order).await;
    assert_eq!(answer["delivered"], true);
    let order = json!({"device": "15550002000", "connected": false});
    client.set("/_sim/devices", order).await;
    let events = hook.at_least(2).await;
    let Event::Message(message) = &events[0].event else {
        unreachable!("{:?} is no message", events[0]);
    };
    assert_eq!(message.said, Said::Text("Hello".to_owned()));
    assert_eq!(message.from.as_str(), "15550001111");
    let inbox = answer["inboxid"].as_str().unwrap();
    assert_eq!(
        message.id.as_ref().unwrap().as_str(),
        format!("inbox:{inbox}")
    );
    assert_eq!(events[1].event, Event::Connection(Connection::Lost));
    let offline = send(&client, Gateway::Fonnte, ANNA, ONE).await;
    assert_eq!(refusal(offline).class, Class::Transient);
}

#[tokio::test]
async fn a_reset_connects_a_device_again_and_leaves_whom_it_calls() {
    let folder = Folder::new();
    let (hook, url) = Hook::start().await;
    let first = start_in(&folder, NOWHERE).await;
    let client = Client::of(&first);
    let order = json!({"device": "15550002000", "webhookstatus": url, "webhook": url,
        "webhookconnect": NOWHERE, "connected": false});
    assert_eq!(client.set("/_sim/devices", order).await.0, 201);
    client.post("/_sim/reset", &Value::Null).await.unwrap();
    drop(first);

    let second = start_in(&folder, NOWHERE).await;
    let client = Client::of(&second);
    send(&client, Gateway::Fonnte, ANNA, ONE).await;
    assert_eq!(hook.at_least(3).await.len(), 3);
}

#[tokio::test]
async fn who_tells_nothing_owes_nothing() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    send(&client, Gateway::Notifapi, ANNA, ONE).await;
    send(&client, Gateway::Mock, ANNA, OTHER).await;
    assert_eq!(client.get("/_sim/stats").await["webhooks"]["pending"], 0);
    let order = json!({"provider": "notifapi", "from": ANNA, "text": "Hello"});
    assert_eq!(client.set("/_sim/inbound", order).await.0, 400);
}
