//! A business number the simulator plays.

use serde::Deserialize;

/// A business number the simulator knows, with the account whose webhook it calls and the secret it signs with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sender {
    /// Meta's id of the number.
    pub phone_number_id: String,
    /// The number, as `+E.164`.
    pub display_phone_number: String,
    /// Meta's id of the account it belongs to.
    pub waba_id: String,
    /// Our id of the account, which ends the path of its webhook.
    pub account_id: String,
    /// What its webhooks are signed with.
    #[serde(default = "demo_app_secret")]
    pub app_secret: String,
    /// What it is called with.
    #[serde(default = "demo_access_token")]
    pub access_token: String,
    /// Its throughput.
    #[serde(default = "standard_throughput")]
    pub messages_per_second: u32,
}

impl Sender {
    /// The sender of the demo tenant.
    #[must_use]
    pub fn demo() -> Self {
        Self {
            phone_number_id: "100000000000001".to_owned(),
            display_phone_number: "+15550001000".to_owned(),
            waba_id: "200000000000001".to_owned(),
            account_id: "acct_demo".to_owned(),
            app_secret: demo_app_secret(),
            access_token: demo_access_token(),
            messages_per_second: 1_000,
        }
    }

    /// Says what is wrong with a sender that was typed in.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
        let words = |text: &str| {
            let allowed = |it: u8| it.is_ascii_alphanumeric() || it == b'_' || it == b'-';
            !text.is_empty() && text.bytes().all(allowed)
        };
        let number = self.display_phone_number.strip_prefix('+');
        let checks = [
            (
                digits(&self.phone_number_id),
                "phone_number_id must be digits",
            ),
            (digits(&self.waba_id), "waba_id must be digits"),
            (
                number.is_some_and(digits),
                "display_phone_number must look like +15550001000",
            ),
            (
                words(&self.account_id),
                "account_id must look like acct_demo",
            ),
        ];
        let fault = checks.iter().find(|(holds, _)| !holds);
        fault.map_or(Ok(()), |&(_, reason)| Err(reason))
    }
}

fn demo_app_secret() -> String {
    "demo-app-secret".to_owned()
}

fn demo_access_token() -> String {
    "demo-access-token".to_owned()
}

fn standard_throughput() -> u32 {
    80
}
