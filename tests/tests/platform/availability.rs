//! Whether people can be reached: by what happened anyway, and by what a provider says when it is asked.

use crate::id_of;
use crate::neighbour::{Key, Neighbour};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Desk, SENDER, VIEWER_KEY, WABA, eventually, in_seconds, read, text};

const PATH: &str = "/v1/contacts/availability";
const FONNTE: &str = "fonnte-15550002000";
const NOTIFAPI: &str = "notifapi-15550003000";
/// The simulator refuses a message to it with 131026.
const REFUSED: &str = "+15558131026";
/// The simulator takes a message to it, which fails with 131026 then.
const FAILING: &str = "+15559131026";
const DAY: i64 = 24 * 3_600;

async fn ask(desk: &Desk, body: &Value) -> Vec<Value> {
    let answer = desk.post(PATH, body).await.with(200);
    answer["data"].as_array().unwrap().clone()
}

async fn one(desk: &Desk, person: &Value) -> Value {
    let mut all = ask(desk, &json!({"contacts": [person]})).await;
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// A person once there is evidence of this kind.
async fn one_by(desk: &Desk, person: &Value, kind: &str) -> Value {
    let look = async || {
        let told = one(desk, person).await;
        (told["evidence"]["kind"] == kind).then_some(told)
    };
    eventually(&format!("evidence that is {kind}"), look).await
}

async fn ask_with(desk: &Desk, key: &str, body: &Value) -> Answer {
    read(desk.with_key(key, Method::POST, PATH).json(body)).await
}

/// A message from a person at this time, by a webhook of Meta's.
async fn wrote_at(desk: &Desk, from: &str, seconds: i64) {
    let wa_id = from.trim_start_matches('+');
    let at = in_seconds(seconds).as_second();
    let message = json!({
        "from": wa_id, "id": format!("wamid.{wa_id}.{at}"), "timestamp": at.to_string(),
        "type": "text", "text": {"body": "Hello?"},
    });
    let value = json!({
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550001000", "phone_number_id": SENDER},
        "contacts": [{"profile": {"name": "Mary"}, "wa_id": wa_id}],
        "messages": [message],
    });
    let change = json!({"field": "messages", "value": value});
    let body = json!({"object": "whatsapp_business_account", "entry": [{"id": WABA, "changes": [change]}]});
    let answer = desk.webhook(body.to_string().as_bytes()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let look = async || {
        let all = desk.all("/v1/contacts").await;
        all.into_iter().find(|it| it["wa_id"] == wa_id)
    };
    eventually("the person to be a contact", look).await;
}

/// How often a sender of a provider's was called.
async fn calls(desk: &Desk, sender: &str) -> u64 {
    let url = format!("{}/_sim/calls?sender={sender}", desk.simulator_url());
    let calls = read(desk.http().get(url)).await.with(200);
    let by_second = calls["data"].as_array().unwrap().iter();
    by_second.map(|it| it.as_u64().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_delivered_a_message_is_likely_to_be_reached() {
    let desk = Desk::start().await;
    let person = json!("+15550042001");
    assert_eq!(
        one(&desk, &person).await,
        json!({"to": person, "availability": "unknown"})
    );
    let sent = desk.send(&text("+15550042001", "Hello")).await.with(200);
    let told = one_by(&desk, &person, "read").await;
    assert_eq!(told["availability"], "likely");
    assert_eq!(told["evidence"]["message_id"], sent["id"]);
    assert_eq!(told["evidence"]["sender_id"], SENDER);
    let message = desk.message(&id_of(&sent)).await;
    assert_eq!(told["evidence"]["at"], message["read_at"]);
    assert!(told["expires_at"].as_str() > Some(in_seconds(29 * DAY).to_string().as_str()));
    assert!(told["contact_id"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recipients_of_a_job_are_known_by_what_became_of_their_messages() {
    let desk = Desk::start().await;
    let job = desk.make_job("Hello!").await;
    let lines = [json!({"to": "+15550042011"}), json!({"to": FAILING})];
    desk.add(&job, &lines).await.with(200);
    desk.start_job(&job).await.with(202);
    let reached = one_by(&desk, &json!("+15550042011"), "read").await;
    assert_eq!(reached["availability"], "likely");
    let failed = one_by(&desk, &json!(FAILING), "undeliverable").await;
    assert_eq!(failed["availability"], "unreachable");
    assert_eq!(failed["evidence"]["code"], 131_026);
    assert!(failed["expires_at"].as_str() > Some(in_seconds(6 * DAY).to_string().as_str()));
    assert!(failed["expires_at"].as_str() < Some(in_seconds(7 * DAY + 5).to_string().as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_evidence_wins_be_it_good_or_bad() {
    let desk = Desk::start().await;
    let person = json!(REFUSED);
    wrote_at(&desk, REFUSED, -2 * DAY).await;
    let wrote = one_by(&desk, &person, "inbound").await;
    assert_eq!(wrote["availability"], "likely");
    desk.send(&text(REFUSED, "Hello"))
        .await
        .problem(422, "provider_recipient");
    let refused = one(&desk, &person).await;
    assert_eq!(refused["availability"], "unreachable");
    assert_eq!(refused["evidence"]["kind"], "undeliverable");
    desk.inbound(&json!({"from": REFUSED, "text": "I am here"}))
        .await;
    let back = one_by(&desk, &person, "inbound").await;
    assert_eq!(back["availability"], "likely");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_arrives_overrules_one_that_did_not() {
    let desk = Desk::start().await;
    let person = json!("+15550042021");
    desk.fault(&json!({"fault": "error:131026", "to": person}))
        .await;
    desk.send(&text("+15550042021", "Hello"))
        .await
        .problem(422, "provider_recipient");
    assert_eq!(one(&desk, &person).await["availability"], "unreachable");
    desk.send(&text("+15550042021", "Hello?")).await.with(200);
    assert_eq!(
        one_by(&desk, &person, "read").await["availability"],
        "likely"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_that_is_too_old_counts_no_more() {
    let desk = Desk::start().await;
    wrote_at(&desk, "+15550042031", -31 * DAY).await;
    let old = one(&desk, &json!("+15550042031")).await;
    assert_eq!(old["availability"], "unknown");
    assert_eq!(old.get("evidence"), None, "{old}");
    wrote_at(&desk, "+15550042032", -29 * DAY).await;
    let recent = one_by(&desk, &json!("+15550042032"), "inbound").await;
    assert_eq!(recent["availability"], "likely");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_found_by_every_name_and_by_no_other_tenant() {
    let desk = Desk::start().await;
    Neighbour::move_in(&desk).await;
    wrote_at(&desk, "+15550042041", -60).await;
    let known = one_by(&desk, &json!({"to": "+1 (555) 004-2041"}), "inbound").await;
    let by_contact = json!({"contact_id": known["contact_id"]});
    assert_eq!(one(&desk, &by_contact).await, known);

    let body = json!({"contacts": ["+15550042041", by_contact]});
    let others = ask_with(&desk, Key::Admin.text(), &body).await.with(200);
    let expected = json!({"to": "+15550042041", "availability": "unknown"});
    assert_eq!(others["data"][0], expected);
    let errors = &others["data"][1]["errors"];
    assert_eq!(errors[0]["pointer"], "/contacts/1/contact_id", "{others}");
    assert_eq!(others["data"][1].get("availability"), None);

    let by_ours = json!({"contacts": ["+15550042041"], "check": "always", "from": FONNTE});
    let refused = ask_with(&desk, Key::Admin.text(), &by_ours).await;
    assert_eq!(refused.faults(), ["/from"]);
    let unasked = json!({"contacts": ["+15550042041"], "check": "always"});
    let unasked = ask_with(&desk, Key::Admin.text(), &unasked).await.with(200);
    assert_eq!(unasked["data"][0]["warnings"], json!(["no_checker"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_is_asked_once_about_a_number_of_which_nothing_is_known() {
    let desk = Desk::start().await;
    wrote_at(&desk, "+15550042051", -60).await;
    one_by(&desk, &json!("+15550042051"), "inbound").await;
    let people = ["+15550042051", "+15550042052", FAILING, "+15550042052"];
    let question = |check: &str| json!({"contacts": people, "check": check});
    let told = ask(&desk, &question("if_unknown")).await;
    let shown: Vec<_> = told
        .iter()
        .map(|it| (&it["availability"], &it["evidence"]["kind"]))
        .collect();
    let (likely, unreachable) = (&json!("likely"), &json!("unreachable"));
    let (inbound, validate) = (&json!("inbound"), &json!("fonnte_validate"));
    let expected = [
        (likely, inbound),
        (likely, validate),
        (unreachable, validate),
        (likely, validate),
    ];
    assert_eq!(shown, expected);
    assert_eq!(told[1]["evidence"]["sender_id"], FONNTE);
    assert_eq!(calls(&desk, "15550002000").await, 1);

    assert_eq!(ask(&desk, &question("if_unknown")).await, told);
    assert_eq!(ask(&desk, &question("never")).await, told);
    assert_eq!(calls(&desk, "15550002000").await, 1);
    let all = ask(&desk, &question("always")).await;
    assert_eq!(all[0]["evidence"]["kind"], "fonnte_validate");
    assert_eq!(calls(&desk, "15550002000").await, 2);

    let named = json!({"contacts": ["+15550042053", FAILING], "check": "always", "from": NOTIFAPI});
    let named = ask(&desk, &named).await;
    assert_eq!(named[0]["evidence"]["kind"], "notifapi_check_number");
    assert_eq!(named[0]["availability"], "likely");
    assert_eq!(named[1]["evidence"]["sender_id"], NOTIFAPI);
    assert_eq!(named[1]["availability"], "unreachable");
    assert_eq!(calls(&desk, "15550003000").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_does_not_answer_leaves_a_warning_and_no_more() {
    let desk = Desk::start().await;
    let question = |from: &str, number: &str| json!({"contacts": [number, {"recipient": "US.42061"}], "check": "always", "from": from});
    for (provider, from, number) in [
        ("fonnte", FONNTE, "+15550042061"),
        ("notifapi", NOTIFAPI, "+15550042062"),
    ] {
        desk.fault(&json!({"provider": provider, "fault": "http_503"}))
            .await;
        let told = ask(&desk, &question(from, number)).await;
        assert_eq!(told[0]["availability"], "unknown");
        assert_eq!(told[0]["warnings"], json!(["check_failed"]));
        assert_eq!(told[0]["check_failure"]["class"], "transient", "{told:?}");
        assert_eq!(told[1]["warnings"], json!(["no_phone_number"]));
        let again = ask(&desk, &question(from, number)).await;
        assert_eq!(
            again[0]["availability"], "likely",
            "nothing of it is remembered"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_key_gives_way_to_the_next_provider_and_is_never_told() {
    let desk = Desk::start().await;
    desk.revoke_key("demo-fonnte-token").await;
    let named = json!({"contacts": ["+15550042071"], "check": "if_unknown", "from": FONNTE});
    let refused = desk.post(PATH, &named).await;
    assert!(!refused.text.contains("demo-fonnte-token"));
    let refused = refused.with(200);
    assert_eq!(
        refused["data"][0]["check_failure"]["class"], "credential",
        "{refused}"
    );
    let any = json!({"contacts": ["+15550042071"], "check": "if_unknown"});
    let told = ask(&desk, &any).await;
    assert_eq!(told[0]["evidence"]["kind"], "notifapi_check_number");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_answered_in_their_order_with_bad_ones_between() {
    let desk = Desk::start().await;
    let mut people: Vec<Value> = (0..100)
        .map(|n| json!(format!("+155500421{n:02}")))
        .collect();
    people[3] = json!("0171 555");
    people[50] = json!({"contact_id": "cont_1"});
    people[51] = json!({"to": "+15550042151", "name": "Ada"});
    people[97] = Value::Null;
    let body = json!({"contacts": people, "check": "if_unknown"});
    let answer = ask_with(&desk, tests::ADMIN_KEY, &body).await.with(200);
    let told = answer["data"].as_array().unwrap();
    assert_eq!(told.len(), 100);
    for (place, told) in told.iter().enumerate() {
        let wrong = told["errors"][0]["pointer"].as_str();
        let expected = match place {
            3 | 97 => Some(format!("/contacts/{place}")),
            50 => Some("/contacts/50/contact_id".to_owned()),
            51 => Some("/contacts/51/name".to_owned()),
            _ => None,
        };
        assert_eq!(wrong, expected.as_deref(), "{place}: {told}");
        assert_eq!(told.get("availability").is_some(), expected.is_none());
    }
    assert_eq!(told[0]["to"], "+15550042100");
    assert_eq!(told[99]["evidence"]["kind"], "fonnte_validate");
    assert_eq!(calls(&desk, "15550002000").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_read_may_ask_us_and_only_who_may_send_a_provider() {
    let desk = Desk::start().await;
    let question = json!({"contacts": ["+15550042081"]});
    ask_with(&desk, VIEWER_KEY, &question).await.with(200);
    for check in ["if_unknown", "always"] {
        let question = json!({"contacts": ["+15550042081"], "check": check});
        let refused = ask_with(&desk, VIEWER_KEY, &question).await;
        refused.problem(403, "forbidden");
    }
    assert_eq!(calls(&desk, "15550002000").await, 0);
    let wrong = json!({"contacts": [], "check": "perhaps", "from": "Acme", "when": "now"});
    let refused = desk.post(PATH, &wrong).await;
    assert_eq!(refused.faults(), ["/check", "/contacts", "/from", "/when"]);
    let meta = json!({"contacts": ["+15550042081"], "check": "always", "from": SENDER});
    assert_eq!(desk.post(PATH, &meta).await.faults(), ["/from"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_disabled_is_not_asked_about_anybody() {
    let desk = Desk::start().await;
    for provider in ["fonnte", "notifapi"] {
        let path = format!("/v1/providers/{provider}");
        let off = json!({"enabled": false});
        let put = desk.with_key(tests::ADMIN_KEY, Method::PUT, &path);
        read(put.json(&off)).await.with(200);
    }
    let asked = json!({"contacts": ["+15550042091"], "check": "always"});
    let look = async || {
        let told = ask(&desk, &asked).await.remove(0);
        (told["warnings"] == json!(["provider_disabled"])).then_some(told)
    };
    let told = eventually("the settings to be used", look).await;
    assert_eq!(told.get("check_failure"), None);
    let before = (calls(&desk, FONNTE).await, calls(&desk, NOTIFAPI).await);
    ask(&desk, &asked).await;
    let after = (calls(&desk, FONNTE).await, calls(&desk, NOTIFAPI).await);
    assert_eq!(before, after);
}
