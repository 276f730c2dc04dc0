//! What the demo tenant has: one of each thing that a route names by an id, and all that its routes show of it.

use crate::access::ask;
use crate::id_of;
use crate::setup::{NUMBER, message, set_up};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tests::{Desk, OPERATOR_KEY, eventually, in_seconds, nothing, read, recipients, routes};

/// An id for each kind of thing.
pub(crate) struct Belonging(BTreeMap<&'static str, String>);

impl Belonging {
    /// The id of this kind. A route that names a thing of another kind wants one of that here.
    pub(crate) fn id(&self, kind: &str) -> &str {
        let known = self.0.get(kind);
        known.unwrap_or_else(|| panic!("nothing of another tenant is known of {kind}"))
    }

    /// A text with ids of nothing in place of these.
    pub(crate) fn hidden(&self, text: &str) -> String {
        let ids = self.0.iter();
        ids.fold(text.to_owned(), |text, (kind, id)| {
            text.replace(id, nothing(kind))
        })
    }
}

/// What the demo tenant has, and a person who may see all of it. Looking as a person leaves no trace at any API key.
pub(crate) struct Belongings {
    every: Vec<Belonging>,
    person: String,
}

impl Belongings {
    /// Makes them: a message that waits and one of which nobody knows what became of it, a job that waits for its time.
    pub(crate) async fn of_demo(desk: &Desk) -> Self {
        let account = set_up(desk).await;
        let entry = json!({"question": "When are you open?", "answer": "From nine to five."});
        let knowledge = format!("{account}/knowledge");
        let key = json!({"name": "Order system", "role": "sender"});
        let (user, person) = admin(desk).await;
        let mut ids = BTreeMap::from([
            ("accounts", account.replace("/v1/accounts/", "")),
            ("knowledge", made(desk, &knowledge, &entry).await),
            ("api-keys", made(desk, "/v1/api-keys", &key).await),
            ("bulk-jobs", waiting_job(desk).await),
            ("users", user),
            ("phone-numbers", NUMBER.to_owned()),
            ("senders", NUMBER.to_owned()),
            ("keys", "main".to_owned()),
            ("providers", "mock".to_owned()),
            ("tenants", "demo".to_owned()),
        ]);
        for kind in ["contacts", "conversations", "webhook-events"] {
            let path = format!("/v1/{kind}");
            let look = async || desk.all(&path).await.first().map(id_of);
            ids.insert(kind, eventually(kind, look).await);
        }
        let mut every = Vec::new();
        for message in [waiting_message(desk).await, lost_message(desk).await] {
            ids.insert("messages", message);
            every.push(Belonging(ids.clone()));
        }
        Self { every, person }
    }

    /// Each set of them.
    pub(crate) fn every(&self) -> &[Belonging] {
        &self.every
    }

    /// All that can be read of the demo tenant, by path.
    pub(crate) async fn shown(&self, desk: &Desk) -> BTreeMap<String, String> {
        let mut shown = BTreeMap::new();
        for route in routes().iter().filter(|it| it.method == Method::GET) {
            for belonging in &self.every {
                let path = route.with(|kind| belonging.id(kind).to_owned());
                let of_operator = path.starts_with("/v1/tenants");
                let key = if of_operator {
                    OPERATOR_KEY
                } else {
                    &self.person
                };
                let answer = ask(desk, key, Method::GET, &path).await;
                if path.ends_with("/groups") {
                    // Meta lists none.
                    answer.problem(409, "no_groups");
                    continue;
                }
                assert_eq!(answer.status, 200, "{path}: {answer:?}");
                shown.insert(path, answer.text);
            }
        }
        shown
    }

    /// The same once nothing changes by itself any more.
    pub(crate) async fn shown_at_rest(&self, desk: &Desk) -> BTreeMap<String, String> {
        desk.all_statuses_delivered().await;
        let account = format!("/v1/accounts/{}/health", self.every[0].id("accounts"));
        let look = async || desk.get(&account).await.json().get("checked_at").cloned();
        eventually("the account to be looked at", look).await;
        let mut last = None;
        let look = async || {
            let shown = self.shown(desk).await;
            (last.replace(shown.clone()).as_ref() == Some(&shown)).then_some(shown)
        };
        eventually("the demo tenant to rest", look).await
    }
}

async fn made(desk: &Desk, path: &str, body: &Value) -> String {
    id_of(&desk.post(path, body).await.with(201))
}

/// A person with all rights: the id, and the token of a session.
async fn admin(desk: &Desk) -> (String, String) {
    let body = json!({"email": "ada@example.com", "name": "Ada", "role": "admin"});
    let added = desk.post("/v1/users", &body).await.with(201);
    let body = json!({"invitation": added["invitation"], "password": "correct horse battery"});
    let accept = desk.anonymous(Method::POST, "/v1/invitations/accept");
    let session = read(accept.json(&body)).await.with(201);
    let token = session["access_token"].as_str().unwrap();
    (id_of(&added), token.to_owned())
}

async fn waiting_job(desk: &Desk) -> String {
    let job = desk.make_job("Hello!").await;
    desk.add(&job, &recipients(3)).await.with(200);
    let path = format!("/v1/bulk-jobs/{job}");
    let later = desk.with_key(tests::ADMIN_KEY, Method::PATCH, &path);
    let send_at = json!({"send_at": in_seconds(3_600)});
    read(later.json(&send_at)).await.with(200);
    desk.start_job(&job).await.with(202);
    job
}

async fn waiting_message(desk: &Desk) -> String {
    let mut body = message();
    body["send_at"] = json!(in_seconds(3_600));
    id_of(&desk.send(&body).await.with(202))
}

async fn lost_message(desk: &Desk) -> String {
    desk.fault(&json!({"fault": "http_503"})).await;
    let lost = desk.send(&message()).await.with(202);
    assert_eq!(lost["state"], "unknown");
    id_of(&lost)
}
