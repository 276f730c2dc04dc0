//! Secrets give way to the next ones: by themselves, on demand, under load, and whatever breaks on the way.

use crate::id_of;
use crate::setup::{
    APP, NUMBER, PERSON, TOKEN, WABA, another_token, message, put, set_up, shown_credential,
};
use futures_util::future::join_all;
use heliograph::service::config::Environment;
use lambda_runtime::{Context, LambdaEvent};
use rotate::{Config, RotationEvent, State};
use serde_json::{Value, json};
use tests::{Desk, eventually, read};

/// The version that a rotation makes.
const NEXT: &str = "8f14e45f-ceea-467f-a0e6-b1c7d1a3c001";

const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];

/// A rotation function of its own, so that its steps can be done one by one.
fn function(desk: &Desk) -> State {
    let environment = Environment::from_pairs([
        ("MESSAGES_TABLE", "heliograph-messages"),
        ("LOGS_TABLE", "heliograph-logs"),
        ("SECRETS_PREFIX", "heliograph"),
        ("GRAPH_URL", desk.simulator_url()),
        ("GRAPH_VERSION", "v25.0"),
        ("WEBHOOK_URL", desk.webhook_base()),
    ]);
    State::new(&Config::from_env(&environment).unwrap(), &desk.aws()).unwrap()
}

async fn arn(desk: &Desk, account: &str, direction: &str) -> String {
    let id = account.rsplit('/').next().unwrap();
    let name = format!("heliograph/{direction}/demo/{id}");
    let secrets = desk.aws().secrets();
    let described = secrets.describe_secret().secret_id(name).send().await;
    described.unwrap().arn.unwrap()
}

async fn step(state: &State, arn: &str, token: &str, step: &str) -> Result<(), String> {
    let event = RotationEvent {
        secret_id: arn.to_owned(),
        token: token.to_owned(),
        step: step.to_owned(),
    };
    let done = rotate::handle(state, LambdaEvent::new(event, Context::default())).await;
    done.map_err(|error| error.to_string())
}

/// Asks for a rotation, and waits until the account shows another secret.
async fn rotated(desk: &Desk, account: &str, kind: &str) -> Value {
    let before = shown_credential(desk, account, kind).await;
    let asked = desk
        .post(&format!("{account}/rotate"), &json!({"credential": kind}))
        .await;
    assert_eq!(asked.with(202)["credential"], kind);
    let look = async || {
        let now = shown_credential(desk, account, kind).await;
        (now["since"] != before["since"]).then_some(now)
    };
    eventually("the next secret to be in force", look).await
}

/// A token that ends in so many days, in the place of the one that does not.
async fn token_that_ends(desk: &Desk, account: &str, days: u64) {
    let order = json!({
        "token": "playground-ending-token", "app_id": APP, "wabas": [WABA], "expires_in_s": days * 86_400,
    });
    let url = format!("{}/_sim/tokens", desk.simulator_url());
    read(desk.http().post(url).json(&order)).await.with(201);
    let token = json!({"access_token": "playground-ending-token"});
    let setup = put(desk, &format!("{account}/setup/tokens"), &token).await;
    let warnings = setup.with(200)["warnings"].as_array().unwrap().len();
    assert_eq!(warnings, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verify_token_is_drawn_anew_and_told_to_meta_while_events_come_in() {
    let desk = Desk::start().await;
    let account = set_up(&desk).await;
    let before = shown_credential(&desk, &account, "verify_token").await;
    let events = async || {
        for _ in 0..20 {
            // Each must be taken at once: the desk asserts that.
            desk.inbound(&json!({"from": PERSON, "to": NUMBER, "text": "Hello"}))
                .await;
        }
    };
    let (after, ()) = tokio::join!(rotated(&desk, &account, "verify_token"), events());
    assert_ne!(after["mask"], before["mask"]);
    let again = put(&desk, &format!("{account}/setup/webhook"), &Value::Null).await;
    again.with(200);
    let trail = desk.get("/v1/audit?limit=10").await.with(200);
    let told = trail["data"]
        .as_array()
        .unwrap()
        .iter()
        .any(|it| it["action"] == "credential.rotated" && it["actor"]["kind"] == "platform");
    assert!(told, "{trail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_that_ends_is_exchanged_while_a_job_and_single_messages_are_sent() {
    let desk = Desk::start().await;
    let account = set_up(&desk).await;
    let faster = json!({"messages_per_second": 1000, "window": "off"});
    let sender = format!("/v1/senders/{NUMBER}");
    crate::access::give(
        &desk,
        tests::ADMIN_KEY,
        reqwest::Method::PATCH,
        &sender,
        &faster,
    )
    .await
    .with(200);
    token_that_ends(&desk, &account, 50).await;
    let job = json!({"name": "All", "from": NUMBER, "type": "text", "text": {"body": "Hi {{1}}"}});
    let job = id_of(&desk.post("/v1/bulk-jobs", &job).await.with(201));
    let recipients: Vec<_> = (0..300)
        .map(|place| json!({"to": format!("+1555001{place:04}"), "variables": [place.to_string()]}))
        .collect();
    desk.post(
        &format!("/v1/bulk-jobs/{job}/recipients"),
        &json!({"recipients": recipients}),
    )
    .await
    .with(200);
    desk.post(&format!("/v1/bulk-jobs/{job}/start"), &Value::Null)
        .await
        .with(202);
    let single = message();
    let (exchanged, singles) = tokio::join!(
        rotated(&desk, &account, "access_token"),
        join_all((0..20).map(|_| desk.send(&single)))
    );
    assert!(singles.iter().all(|it| it.status < 300), "{singles:?}");
    let until: jiff::Timestamp = exchanged["expires_at"].as_str().unwrap().parse().unwrap();
    let days = until
        .duration_since(heliograph::service::clock::now())
        .as_hours()
        / 24;
    assert!((58..=60).contains(&days), "{days}");
    let look = async || {
        let job = desk.get(&format!("/v1/bulk-jobs/{job}")).await.with(200);
        (job["status"] == "finished").then_some(job)
    };
    let finished = eventually("the job to be finished", look).await;
    assert_eq!(finished["counts"]["failed"], 0, "{finished}");
    let stats = desk.stats().await;
    assert_eq!(stats["duplicates"], 0, "{stats}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_may_be_repeated_and_what_broke_off_goes_on() {
    let desk = Desk::start().await;
    let account = set_up(&desk).await;
    token_that_ends(&desk, &account, 50).await;
    for (direction, kind) in [("out", "access_token"), ("in", "verify_token")] {
        let arn = arn(&desk, &account, direction).await;
        let before = shown_credential(&desk, &account, kind).await;
        let token = format!("{direction}-0000-1111-2222-3333-4444-5555");
        // Each step by a function that has just been started, as after a crash, and twice.
        for name in STEPS {
            for _ in 0..2 {
                assert_eq!(
                    step(&function(&desk), &arn, &token, name).await,
                    Ok(()),
                    "{name}"
                );
            }
            if name != "finishSecret" {
                let now = shown_credential(&desk, &account, kind).await;
                assert_eq!(now, before, "{name}");
                assert_eq!(desk.send(&message()).await.status, 200);
            }
        }
        let after = shown_credential(&desk, &account, kind).await;
        assert_ne!(after["since"], before["since"]);
        for name in STEPS {
            let again = step(&function(&desk), &arn, &token, name).await;
            assert_eq!(again, Ok(()), "{name}");
        }
        assert_eq!(shown_credential(&desk, &account, kind).await, after);
    }
    assert_eq!(desk.send(&message()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_never_takes_the_place_of_a_secret_that_was_put_in_meanwhile() {
    let desk = Desk::start().await;
    let account = set_up(&desk).await;
    token_that_ends(&desk, &account, 50).await;
    let arn = arn(&desk, &account, "out").await;
    let token = "overtaken-0000-1111-2222-3333-4444";
    let state = function(&desk);
    for name in &STEPS[..3] {
        step(&state, &arn, token, name).await.unwrap();
    }
    another_token(&desk, "playground-second-token").await;
    let second = json!({"access_token": "playground-second-token"});
    put(&desk, &format!("{account}/setup/tokens"), &second)
        .await
        .with(200);
    step(&state, &arn, token, "finishSecret").await.unwrap();
    crate::setup::revoke(&desk, TOKEN).await;
    crate::setup::revoke(&desk, "playground-ending-token").await;
    assert_eq!(desk.send(&message()).await.status, 200);
    let unknown = step(&state, &arn, token, "burnSecret").await;
    assert!(unknown.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_secret_gives_way_to_one_that_was_written_past_us() {
    let desk = Desk::start().await;
    let account = set_up(&desk).await;
    token_that_ends(&desk, &account, 50).await;
    let arn = arn(&desk, &account, "out").await;
    let (state, token) = (function(&desk), "overtaken-0000-1111-2222-3333-4444");
    for name in &STEPS[..3] {
        step(&state, &arn, token, name).await.unwrap();
    }
    // By the owner of the AWS account, who need not know that a rotation is under way.
    let written = json!({"v": 1, "access_tokens": [{"alias": "own", "token": TOKEN}]});
    let secrets = desk.aws().secrets();
    let put = secrets.put_secret_value().secret_id(&arn);
    put.secret_string(written.to_string()).send().await.unwrap();
    let overtaken = step(&state, &arn, token, "finishSecret").await;
    assert!(overtaken.unwrap_err().contains("meanwhile"));
    let current = secrets.get_secret_value().secret_id(&arn).send().await;
    assert_eq!(
        current.unwrap().secret_string(),
        Some(written.to_string().as_str())
    );
    // And the next rotation begins.
    let asked = desk
        .post(
            &format!("{account}/rotate"),
            &json!({"credential": "access_token"}),
        )
        .await;
    asked.with(202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_broke_off_is_in_nobodys_way() {
    let desk = Desk::start().await;
    let account = set_up(&desk).await;
    token_that_ends(&desk, &account, 90).await;
    let arn = arn(&desk, &account, "out").await;
    step(
        &function(&desk),
        &arn,
        "broken-0000-1111-2222-3333-4444-5555",
        "createSecret",
    )
    .await
    .unwrap();
    let under_way = desk
        .post(
            &format!("{account}/rotate"),
            &json!({"credential": "access_token"}),
        )
        .await;
    under_way.problem(409, "rotation_under_way");
    another_token(&desk, "playground-second-token").await;
    let second = json!({"access_token": "playground-second-token"});
    let setup = put(&desk, &format!("{account}/setup/tokens"), &second).await;
    assert_eq!(setup.with(200)["warnings"], json!([]));
    desk.post(
        &format!("{account}/rotate"),
        &json!({"credential": "access_token"}),
    )
    .await
    .with(202);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_dies_after_the_next_version_is_in_force_is_made_up_for() {
    let desk = Desk::start().await;
    let account = set_up(&desk).await;
    let (function, arn) = (function(&desk), arn(&desk, &account, "in").await);
    let before = shown_credential(&desk, &account, "verify_token").await;
    for name in &STEPS[..3] {
        step(&function, &arn, NEXT, name).await.unwrap();
    }
    let secrets = desk.aws().secrets();
    let current = secrets.get_secret_value().secret_id(&arn).send().await;
    let moved = secrets
        .update_secret_version_stage()
        .secret_id(&arn)
        .version_stage("AWSCURRENT")
        .move_to_version_id(NEXT)
        .remove_from_version_id(current.unwrap().version_id().unwrap());
    moved.send().await.unwrap();
    let rotations = async || {
        let trail = desk.all("/v1/audit").await;
        let rotated = trail
            .iter()
            .filter(|it| it["action"] == "credential.rotated");
        rotated.count()
    };
    let noted = rotations().await;
    for _ in 0..2 {
        step(&function, &arn, NEXT, "finishSecret").await.unwrap();
        assert_eq!(rotations().await, noted + 1);
    }
    let after = shown_credential(&desk, &account, "verify_token").await;
    assert_ne!(after["mask"], before["mask"]);
    let pending = secrets
        .get_secret_value()
        .secret_id(&arn)
        .version_stage("AWSPENDING");
    pending.send().await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_somebody_has_overtaken_ends() {
    let desk = Desk::start().await;
    let account = set_up(&desk).await;
    let (function, arn) = (function(&desk), arn(&desk, &account, "in").await);
    step(&function, &arn, NEXT, STEPS[0]).await.unwrap();
    let verify = json!({"verify_token": "another-verify-token"});
    put(&desk, &format!("{account}/setup/tokens"), &verify)
        .await
        .with(200);
    let before = shown_credential(&desk, &account, "verify_token").await;
    for name in STEPS {
        step(&function, &arn, NEXT, name).await.unwrap();
    }
    assert_eq!(
        shown_credential(&desk, &account, "verify_token").await,
        before
    );
}
