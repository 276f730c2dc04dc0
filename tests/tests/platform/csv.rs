//! Recipients as CSV: whatever a spreadsheet saves, and every fault with its row and column.

use serde_json::{Value, json};
use std::time::Duration;
use tests::{ADMIN_KEY, Answer, Desk, read};

const PATIENCE: Duration = Duration::from_mins(1);

async fn upload_as(desk: &Desk, job: &str, kind: &str, body: impl Into<Vec<u8>>) -> Answer {
    let path = format!("/v1/bulk-jobs/{job}/recipients");
    let request = desk.with_key(ADMIN_KEY, reqwest::Method::POST, &path);
    read(request.header("content-type", kind).body(body.into())).await
}

async fn upload_with(desk: &Desk, job: &str, key: &str, body: &str) -> Answer {
    let path = format!("/v1/bulk-jobs/{job}/recipients");
    let request = desk.with_key(ADMIN_KEY, reqwest::Method::POST, &path);
    let request = request.header("content-type", "text/csv");
    read(request.header("idempotency-key", key).body(body.to_owned())).await
}

async fn upload(desk: &Desk, job: &str, body: impl Into<Vec<u8>>) -> Answer {
    upload_as(desk, job, "text/csv", body).await
}

async fn texts(desk: &Desk) -> Vec<String> {
    let accepted = desk.accepted(None).await;
    let mut texts: Vec<String> = accepted
        .iter()
        .map(|it| it["body"]["text"]["body"].as_str().unwrap().to_owned())
        .collect();
    texts.sort();
    texts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_as_spreadsheets_save_it_is_sent_to_each_with_their_own_text() {
    let desk = Desk::start().await;
    let job = desk.make_job("{{first name}}: {{offer}}").await;
    let file = "\u{feff}To;reference;first name;offer;\r\n\
                +15551000001;r-1;Ada;\"a \"\"lamp\"\"; red\";\r\n\
                \r\n\
                15551000002;;Zoë;\"two\nlines\";\r\n";
    let added = upload_as(&desk, &job, "text/csv; charset=UTF-8", file)
        .await
        .with(200);
    assert_eq!(
        (&added["added"], &added["rejected"]),
        (&json!(2), &json!(0)),
        "{added}"
    );
    desk.start_job(&job).await.with(202);
    desk.job_once_all_are(&job, &["read"], PATIENCE).await;
    assert_eq!(
        texts(&desk).await,
        ["Ada: a \"lamp\"; red", "Zoë: two\nlines"]
    );
    let listed = desk.all(&format!("/v1/bulk-jobs/{job}/recipients")).await;
    assert_eq!(listed[0]["reference"], "r-1");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_with_faults_are_told_by_row_and_column_and_the_others_are_added() {
    let desk = Desk::start().await;
    let job = desk.make_job("Hello {{name}}").await;
    let file = "to,name\n\
                +15551000001,Ada\n\
                0171,Grace\n\
                +15551000003,\n\
                \n\
                +15551000004,Alan,spare\n\
                +15551000005\n\
                +1 555 100 0001,Ada again\n\
                ,\n\
                +15551000006,\"Edith\nJones\"\n\
                ,Nobody\n\
                +15551000007,\"open\n\
                +15551000008,swallowed\n";
    let added = upload(&desk, &job, file).await.with(200);
    assert_eq!(
        (&added["added"], &added["duplicates"]),
        (&json!(2), &json!([8])),
        "{added}"
    );
    let errors = added["errors"].as_array().unwrap().iter();
    let places: Vec<(u64, Option<&str>)> = errors
        .map(|error| (error["row"].as_u64().unwrap(), error["column"].as_str()))
        .collect();
    let expected = [
        (3, Some("to")),
        (4, Some("name")),
        (6, None),
        (7, None),
        (9, Some("to")),
        (9, Some("name")),
        (11, Some("to")),
        (12, None),
    ];
    assert_eq!(places, expected, "{added}");
    let last = added["errors"].as_array().unwrap().last().unwrap();
    assert_eq!(last["last_row"], 13, "{last}");
    assert_eq!(added["rejected"], 8);
    let again = upload(&desk, &job, file).await.with(200);
    assert_eq!((&again["added"], &again["total"]), (&json!(0), &json!(2)));
    assert_eq!(again["duplicates"], json!([2, 8, 10]));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_sent_rows_that_a_stray_quotation_mark_has_swallowed() {
    let desk = Desk::start().await;
    let job = desk.make_job("Hello {{name}}").await;
    let file = "to,name\n\
                +15551000001,Ada\n\
                +15551000002,\"Ann\n\
                +15551000003,Bob\n\
                +15551000004,\"Carl\"\n";
    let added = upload(&desk, &job, file).await.with(200);
    assert_eq!(
        (
            &added["added"],
            &added["rejected"],
            &added["errors"][0]["row"]
        ),
        (&json!(1), &json!(3), &json!(3)),
        "{added}"
    );
    desk.start_job(&job).await.with(202);
    desk.job_once_all_are(&job, &["read"], PATIENCE).await;
    assert_eq!(texts(&desk).await, ["Hello Ada"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_read_is_refused_with_the_reason() {
    let desk = Desk::start().await;
    let job = desk.make_job("Hello").await;
    let latin = b"to,name\n+15551000001,Ada\n+15551000002,Zo\xeb\n";
    let answer = upload(&desk, &job, &latin[..]).await;
    answer.problem(400, "invalid_csv");
    assert!(
        answer.text.contains("row 3 is not UTF-8"),
        "{}",
        answer.text
    );
    upload(&desk, &job, &b"\xff\xfet\0o\0"[..])
        .await
        .problem(400, "invalid_csv");
    upload(&desk, &job, "").await.problem(400, "invalid_csv");
    let faults = upload(&desk, &job, "phone,name,name\n1,2,3\n").await;
    assert_eq!(faults.faults(), ["/rows/1/name", "/rows/1/to"]);
    upload_as(&desk, &job, "text/csv; charset=iso-8859-1", "to\n1\n")
        .await
        .problem(415, "unsupported_media_type");
    let nobody = upload(&desk, &job, "to\n0171\n").await;
    assert_eq!(nobody.faults(), ["/rows/2/to"], "every row has faults");
    let nobody = upload(&desk, &job, format!("to\n{}", "0171\n".repeat(9))).await;
    assert_eq!(
        nobody.problem(400, "invalid_request")["detail"],
        "none was added, all have faults: 9 rows (2, 3, 4, 5, 6, …): see errors"
    );
    upload(&desk, &job, vec![b'a'; 4_000_001])
        .await
        .problem(413, "too_large");
    assert_eq!(desk.job(&job).await["counts"]["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_is_added_whole_or_says_where_to_go_on() {
    let desk = Desk::start().await;
    let job = desk.make_job("Hello").await;
    let count = 12_000_u64;
    let rows: Vec<String> = (0..count).map(|it| format!("+15551{it:06}")).collect();
    let file = format!("to\n{}\n", rows.join("\n"));
    let added = upload(&desk, &job, file).await.with(200);
    let read = added["unread_from"].as_u64().map_or(count, |row| row - 2);
    assert_eq!(added["added"], read);
    let job: Value = desk.job(&job).await;
    assert_eq!(job["counts"]["total"], read);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_keeps_its_answer_also_where_that_is_too_large_to_be_kept_whole() {
    let desk = Desk::start().await;
    let job = desk.make_job("Hello").await;
    let rows = "0171\n".repeat(3_000);
    let file = format!("to\n+15551000001\n+15551000001\n{rows}");
    let first = upload_with(&desk, &job, "list", &file).await.with(200);
    assert_eq!(first["errors"].as_array().unwrap().len(), 3_000);
    assert!(first.get("left_out").is_none());
    let again = upload_with(&desk, &job, "list", &file).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let again = again.with(200);
    for count in ["added", "rejected", "total"] {
        assert_eq!(again[count], first[count], "{count}");
    }
    assert_eq!(
        (&again["errors"], &again["duplicates"]),
        (&json!([]), &json!([]))
    );
    let left_out = again["left_out"].as_str().unwrap();
    assert!(
        left_out.contains("3000 errors and 1 duplicates"),
        "{left_out}"
    );
    let other = upload_with(&desk, &job, "list", "to\n+15551000002\n").await;
    other.problem(422, "idempotency_mismatch");
}
