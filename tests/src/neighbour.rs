//! A second tenant, moved in through the store as an operator would: with an account, a sender and keys of its own.
//!
//! The one place of these tests that knows types of Heliograph's: no route makes tenants yet.

use crate::{Answer, Desk, read};
use heliograph::domain::account::NumberFacts;
use heliograph::domain::identity::TenantId;
use heliograph::domain::pace::Portfolio;
use heliograph::domain::role::Role;
use heliograph::service::auth;
use heliograph::service::clock;
use heliograph::store::{Account, ApiKey, Pace, Sender, Store, Tenant, WindowPolicy};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

const TENANT: &str = "neighbour";
const WABA: &str = "200000000000009";

/// The neighbour's account.
pub const ACCOUNT: &str = "acct_neighbour";

/// The neighbour's sender.
pub const SENDER: &str = "100000000000009";

const APP_SECRET: &str = "neighbour-app-secret";
const ACCESS_TOKEN: &str = "neighbour-access-token";

/// A key of the neighbour's.
#[derive(Debug, Clone, Copy)]
pub enum Key {
    /// All rights.
    Admin,
    /// Who talks to people.
    Agent,
    /// Who sends.
    Sender,
    /// Who reads.
    Viewer,
}

impl Key {
    /// The key itself.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Admin => "hg_neighbour_admin",
            Self::Agent => "hg_neighbour_agent",
            Self::Sender => "hg_neighbour_sender",
            Self::Viewer => "hg_neighbour_viewer",
        }
    }

    const fn role(self) -> Role {
        match self {
            Self::Admin => Role::Admin,
            Self::Agent => Role::Agent,
            Self::Sender => Role::Sender,
            Self::Viewer => Role::Viewer,
        }
    }
}

/// The tables, whatever else stands in their names.
async fn store(desk: &Desk) -> Store {
    let dynamodb = desk.aws().dynamodb();
    let names = dynamodb.list_tables().send().await.unwrap().table_names;
    let names = names.unwrap();
    let of = |what: &str| names.iter().find(|name| name.to_lowercase().contains(what));
    let (messages, logs) = (of("messages").unwrap(), of("logs").unwrap());
    Store::new(dynamodb, messages, logs)
}

/// Puts the demo tenant's account and sender into a business portfolio that may write to so many people in 24 hours: as
/// many as a tier of Meta's says.
pub async fn limit_people(desk: &Desk, people_per_day: u64) {
    // First Meta says so of the number: whoever looks at the account believes that.
    let tier = format!("TIER_{people_per_day}");
    let order = json!({"phone_number_id": crate::SENDER, "messaging_limit": tier});
    let url = format!("{}/_sim/numbers", desk.simulator_url());
    read(desk.http().post(url).json(&order)).await.with(201);
    let store = store(desk).await;
    let tenant = "demo".parse().unwrap();
    let portfolio = Portfolio {
        id: "300000000000001".parse().unwrap(),
        people_per_day: Some(people_per_day),
    };
    store.put_portfolio(&tenant, &portfolio).await.unwrap();
    let id = "acct_demo".parse().unwrap();
    let account = store.account(&tenant, &id).await.unwrap();
    let account = Account {
        portfolio: Some(portfolio.id.clone()),
        ..account.unwrap()
    };
    store.put_account(&account).await.unwrap();
    change_sender(desk, |sender| sender.portfolio = Some(portfolio.id)).await;
}

/// Sets what the demo tenant's sender does with a message that is no template while the window is closed.
pub async fn set_window(desk: &Desk, window: WindowPolicy) {
    change_sender(desk, |sender| sender.window = window).await;
}

/// Sets how many messages a second the demo tenant's sender may send.
pub async fn set_rate(desk: &Desk, messages_per_second: u32) {
    change_sender(desk, |sender| {
        sender.messages_per_second = messages_per_second;
    })
    .await;
}

async fn change_sender(desk: &Desk, change: impl FnOnce(&mut Sender)) {
    let store = store(desk).await;
    let (tenant, id) = ("demo".parse().unwrap(), crate::SENDER.parse().unwrap());
    let mut sender = store.sender(&tenant, &id).await.unwrap().unwrap();
    change(&mut sender);
    store.put_sender(&sender).await.unwrap();
}

/// Has the demo tenant's sender be slowed down, as if Meta had just asked for it.
pub async fn slow_down(desk: &Desk) {
    let (tenant, id) = ("demo".parse().unwrap(), crate::SENDER.parse().unwrap());
    let store = store(desk).await;
    store.slow_down(&tenant, &id, clock::now()).await.unwrap();
}

/// The pace of the demo tenant's sender.
pub async fn pace(desk: &Desk) -> Pace {
    let (tenant, id) = ("demo".parse().unwrap(), crate::SENDER.parse().unwrap());
    store(desk).await.pace(&tenant, &id).await.unwrap()
}

/// The second tenant.
pub struct Neighbour {
    tenant: TenantId,
    store: Store,
}

impl Neighbour {
    /// Moves it in: it, its keys, and two keys of its that open nothing any more.
    pub async fn move_in(desk: &Desk) -> Self {
        let neighbour = Self {
            tenant: TENANT.parse().unwrap(),
            store: store(desk).await,
        };
        neighbour.put_secrets(&desk.aws().secrets()).await;
        neighbour.put_tenant().await;
        neighbour.put_keys().await;
        neighbour.put_account().await;
        let order = json!({
            "phone_number_id": SENDER, "display_phone_number": "+15550001001", "waba_id": WABA,
            "account_id": ACCOUNT, "app_secret": APP_SECRET, "access_token": ACCESS_TOKEN,
        });
        desk.add_sender(&order).await;
        neighbour
    }

    /// A text message of the neighbour's.
    #[must_use]
    pub fn text(to: &str) -> Value {
        json!({"from": SENDER, "to": to, "type": "text", "text": {"body": "From next door"}})
    }

    /// The id of a new job of the neighbour's.
    pub async fn make_job(&self, desk: &Desk) -> String {
        let body = json!({"name": "n", "from": SENDER, "type": "text", "text": {"body": "Hi"}});
        let made = self.post(desk, "/v1/bulk-jobs", &body).await.with(201);
        made["id"].as_str().unwrap().to_owned()
    }

    /// Posts as the neighbour's admin.
    pub async fn post(&self, desk: &Desk, path: &str, body: &Value) -> Answer {
        let request = desk.with_key(Key::Admin.text(), Method::POST, path);
        read(request.json(body)).await
    }

    /// Asks as the neighbour's admin.
    pub async fn get(&self, desk: &Desk, path: &str) -> Answer {
        read(desk.with_key(Key::Admin.text(), Method::GET, path)).await
    }

    async fn put_secrets(&self, secrets: &aws_sdk_secretsmanager::Client) {
        let inbound = json!({"v": 1, "app_secrets": [APP_SECRET], "verify_tokens": ["t"]});
        let token = json!([{"alias": "main", "token": ACCESS_TOKEN}]);
        let outbound = json!({"v": 1, "access_tokens": token});
        for (direction, value) in [("in", inbound), ("out", outbound)] {
            secrets
                .create_secret()
                .name(format!("heliograph/{direction}/{TENANT}/{ACCOUNT}"))
                .secret_string(value.to_string())
                .send()
                .await
                .unwrap();
        }
    }

    async fn put_tenant(&self) {
        let tenant = Tenant {
            sender_count: 1,
            ..Tenant::new(
                self.tenant.clone(),
                "Next door",
                "2026-01-01T00:00:00Z".parse().unwrap(),
            )
        };
        self.store.put_tenant(&tenant).await.unwrap();
    }

    async fn put_keys(&self) {
        for key in [Key::Admin, Key::Agent, Key::Sender, Key::Viewer] {
            self.put_key(key.text(), |kept| kept.role = key.role())
                .await;
        }
        let passed: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        self.put_key("hg_expired", |kept| kept.expires_at = Some(passed))
            .await;
        self.put_key("hg_revoked", |kept| kept.revoked_at = Some(passed))
            .await;
    }

    async fn put_key(&self, text: &str, change: impl FnOnce(&mut ApiKey)) {
        let name = text.trim_start_matches("hg_").replace('_', "-");
        let (id, hash) = (
            format!("key_{name}"),
            auth::ApiKey::parse(text).unwrap().hash(),
        );
        let made_at = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut key = ApiKey::new(
            id.parse().unwrap(),
            self.tenant.clone(),
            Role::Admin,
            hash,
            made_at,
        );
        change(&mut key);
        self.store.put_api_key(&key).await.unwrap();
    }

    async fn put_account(&self) {
        let account = Account {
            waba: Some(WABA.parse().unwrap()),
            senders: vec![SENDER.parse().unwrap()],
            ..Account::new(
                ACCOUNT.parse().unwrap(),
                self.tenant.clone(),
                "Next door".to_owned(),
                Timestamp::UNIX_EPOCH,
            )
        };
        self.store.put_account(&account).await.unwrap();
        let sender = Sender {
            id: SENDER.parse().unwrap(),
            tenant: self.tenant.clone(),
            account: account.id,
            waba: Some(WABA.parse().unwrap()),
            portfolio: None,
            display_number: "+15550001001".to_owned(),
            messages_per_second: 1_000,
            coexistence: false,
            calls_per_second: None,
            reserved_percent: 10,
            window: WindowPolicy::Off,
            facts: NumberFacts::default(),
            era: 0,
        };
        self.store.put_sender(&sender).await.unwrap();
    }
}
