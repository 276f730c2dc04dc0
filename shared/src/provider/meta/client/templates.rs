//! What Meta charges a template as: asked when a job is made, so that its plan can tell.

use super::{MetaClient, bearer};
use crate::domain::identity::WabaId;
use crate::domain::job::PriceCategory;
use crate::domain::secret::SecretText;
use crate::provider::http::{ANSWER_LIMIT, exchange};
use reqwest::header::AUTHORIZATION;
use reqwest::{Method, Url};
use serde::Deserialize;
use std::time::Duration;

/// Somebody waits for the job, not for this.
const PATIENCE: Duration = Duration::from_secs(2);

/// Names that contain the one that is asked for come, too; Meta allows a WABA 250 templates, or 6,000.
const MOST: &str = "100";

#[derive(Deserialize)]
struct Templates {
    data: Vec<Template>,
}

#[derive(Deserialize)]
struct Template {
    name: String,
    language: String,
    category: String,
}

impl MetaClient {
    /// What a WABA's template is charged as. `None` if Meta does not say so in time.
    pub async fn template_category(
        &self,
        token: &SecretText,
        waba: &WabaId,
        name: &str,
        language: &str,
    ) -> Option<PriceCategory> {
        let url = format!("{}/{}/{waba}/message_templates", self.base, self.version);
        let asked = [
            ("name", name),
            ("fields", "name,language,category"),
            ("limit", MOST),
        ];
        let url = Url::parse_with_params(&url, asked).ok()?;
        let request = self.http.request(Method::GET, url).timeout(PATIENCE);
        let request = request.header(AUTHORIZATION, bearer(token)?);
        let answer = exchange(request, ANSWER_LIMIT).await.ok()?;
        let templates: Templates = serde_json::from_slice(&answer.body).ok()?;
        let mut found = templates.data.into_iter();
        let found = found.find(|found| found.name == name && found.language == language)?;
        PriceCategory::of_template(&found.category)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// What is known of the template `sale` in `en` after this answer, and the request's first line.
    async fn told(answer: &str) -> (Option<PriceCategory>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let client = MetaClient::new(&base, "v25.0").unwrap();
        let serving = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4_096];
            let length = stream.read(&mut request).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            let request = String::from_utf8_lossy(request.get(..length).unwrap()).into_owned();
            request.lines().next().unwrap().to_owned()
        };
        let (token, waba) = (SecretText::new("token"), "200000000000001".parse().unwrap());
        let asking = client.template_category(&token, &waba, "sale", "en");
        tokio::join!(asking, serving)
    }

    fn answer(status: u16, body: &str) -> String {
        let length = body.len();
        format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{body}")
    }

    #[tokio::test]
    async fn a_category_is_that_of_the_template_with_the_name_and_the_language() {
        let listed = answer(
            200,
            r#"{"data":[{"name":"sale_2","language":"en","category":"MARKETING"},
                {"name":"sale","language":"de","category":"MARKETING"},
                {"name":"sale","language":"en","category":"UTILITY","status":"APPROVED"}]}"#,
        );
        let (category, request) = told(&listed).await;
        assert_eq!(category, Some(PriceCategory::Utility));
        let asked = "GET /v25.0/200000000000001/message_templates?name=sale&";
        assert!(request.starts_with(asked), "{request}");
    }

    #[tokio::test]
    async fn a_category_that_is_not_told_is_not_guessed() {
        for bytes in [
            answer(200, r#"{"data":[]}"#),
            answer(
                200,
                r#"{"data":[{"name":"sale","language":"en","category":"NEW"}]}"#,
            ),
            answer(200, r#"{"data":[{"name":"sale"}]}"#),
            answer(400, r#"{"error":{"message":"x","code":190}}"#),
            answer(500, "not JSON"),
            "HTTP/1.1 200 X\r\nContent-Length: 500\r\n\r\n{\"data\"".to_owned(),
        ] {
            assert_eq!(told(&bytes).await.0, None, "{bytes}");
        }
    }
}
