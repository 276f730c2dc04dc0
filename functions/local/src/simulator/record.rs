//! One accepted message as a line of the journal.

use super::recipient::Recipient;
use heliograph::domain::provider::Provider;
use sha2::{Digest, Sha256};

/// An accepted message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// When it was accepted, in milliseconds since 1970.
    pub(super) at_ms: i64,
    /// Who accepted it.
    pub(super) provider: Provider,
    /// The id it was given.
    pub(super) wamid: String,
    /// What it leaves from: Meta's id of a phone number, or the number itself.
    pub(super) sender: String,
    /// What it was posted to: `messages`, `marketing_messages`, or another provider's function.
    pub(super) path: String,
    /// Whom it goes to.
    pub(super) recipient: Recipient,
    /// A fingerprint of our id of it, by which duplicates are found.
    pub(super) intent: Option<u64>,
    /// The request body, on one line.
    pub(super) body: String,
}

impl Record {
    /// The record as text without line feeds; [`Self::parse`] reads it.
    pub(super) fn to_text(&self) -> String {
        let intent = self.intent.map_or("-".to_owned(), |it| format!("{it:x}"));
        format!(
            "{}\t{}\t{}:{}/{}\t{}\t{intent}\t{}",
            self.at_ms,
            self.wamid,
            self.provider.as_str(),
            self.sender,
            self.path,
            self.recipient.key(),
            self.body
        )
    }

    /// Reads what [`Self::to_text`] wrote.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut fields = text.splitn(6, '\t');
        let (at_ms, wamid) = (fields.next()?.parse().ok()?, fields.next()?.to_owned());
        let (sender, path) = fields.next()?.split_once('/')?;
        // Journals of older versions know one provider.
        let (provider, sender) = sender.split_once(':').unwrap_or(("meta", sender));
        Some(Self {
            at_ms,
            provider: Provider::named(provider)?,
            wamid,
            sender: sender.to_owned(),
            path: path.to_owned(),
            recipient: Recipient::from_key(fields.next()?),
            intent: match fields.next()? {
                "-" => None,
                intent => Some(u64::from_str_radix(intent, 16).ok()?),
            },
            body: fields.next()?.to_owned(),
        })
    }
}

/// A JSON text on one line: outside its strings a line feed is only white space, inside it is always escaped.
pub(super) fn on_one_line(json: &str) -> String {
    json.replace(['\n', '\r'], " ")
}

/// Eight bytes that stand for a text.
pub(super) fn fingerprint(text: &str) -> u64 {
    let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    digest
        .iter()
        .take(8)
        .fold(0, |sum, &byte| (sum << 8) | u64::from(byte))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use heliograph::domain::provider::Gateway;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        for (provider, intent) in [
            (Provider::Meta, None),
            (Provider::Gateway(Gateway::Fonnte), Some(0xfeed)),
        ] {
            let record = Record {
                at_ms: 1_751_247_548_123,
                provider,
                wamid: "wamid.AAA=".to_owned(),
                sender: "100000000000001".to_owned(),
                path: "marketing_messages".to_owned(),
                recipient: Recipient::Phone("15550001111".to_owned()),
                intent,
                body: on_one_line("{\n\t\"to\":\t\"+15550001111\"\r\n}"),
            };
            assert!(!record.to_text().contains('\n'));
            assert_eq!(Record::parse(&record.to_text()).unwrap(), record);
        }
    }

    #[test]
    fn a_record_of_an_older_version_is_metas() {
        let record = Record::parse("1\twamid.A\t1/messages\t15550001111\t-\t{}").unwrap();
        assert_eq!(
            (record.provider, record.sender.as_str()),
            (Provider::Meta, "1")
        );
    }
}
