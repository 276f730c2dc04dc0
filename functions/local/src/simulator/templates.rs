//! Templates, as a WABA lists them: what they are charged as, and how they stand. Messages may name any template, listed or
//! not, but none that is listed and stands so that Meta sends nothing of it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A template of a WABA.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Template {
    pub(super) waba_id: String,
    pub(super) name: String,
    pub(super) language: String,
    pub(super) category: Category,
    #[serde(default)]
    pub(super) status: Status,
}

/// What it is charged as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Category {
    Marketing,
    Utility,
    Authentication,
}

/// How it stands. Source: Meta, "Template status".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Status {
    #[default]
    Approved,
    Pending,
    Rejected,
    Paused,
    Disabled,
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "APPROVED",
            Self::Pending => "PENDING",
            Self::Rejected => "REJECTED",
            Self::Paused => "PAUSED",
            Self::Disabled => "DISABLED",
        }
    }

    /// Meta's error for a message of it, if none is sent.
    const fn refusal(self) -> Option<u32> {
        match self {
            Self::Approved => None,
            Self::Pending | Self::Rejected => Some(132_001),
            Self::Paused => Some(132_015),
            Self::Disabled => Some(132_016),
        }
    }
}

/// The templates of every WABA.
#[derive(Debug, Default)]
pub(super) struct Templates(Vec<Template>);

impl Templates {
    /// Adds one, or puts it in the place of the one with its name and language; how that stood, or what Meta approves without
    /// a word.
    pub(super) fn put(&mut self, template: Template) -> Status {
        let before = self.find(&template.waba_id, (&template.name, &template.language));
        let before = before.map_or(Status::Approved, |it| it.status);
        let other =
            |known: &Template| !known.is(&template.waba_id, (&template.name, &template.language));
        self.0.retain(other);
        self.0.push(template);
        before
    }

    /// Meta's error for a message of this template, if none is sent.
    pub(super) fn refusal(&self, waba: &str, template: (&str, &str)) -> Option<u32> {
        self.find(waba, template)?.status.refusal()
    }

    fn find(&self, waba: &str, template: (&str, &str)) -> Option<&Template> {
        self.0.iter().find(|known| known.is(waba, template))
    }

    /// Those of a WABA whose name contains `name`, as Meta lists them. Each WABA has Meta's sample.
    pub(super) fn list(&self, waba: &str, name: &str, status: Option<&str>) -> Value {
        let sample = Template {
            waba_id: waba.to_owned(),
            name: "hello_world".to_owned(),
            language: "en_US".to_owned(),
            category: Category::Utility,
            status: Status::Approved,
        };
        let own = self.0.iter().filter(|known| known.waba_id == waba);
        let is_there = self.find(waba, (&sample.name, &sample.language)).is_some();
        let listed = own.chain((!is_there).then_some(&sample));
        let listed = listed.filter(|it| it.name.contains(name));
        let listed = listed.filter(|it| status.is_none_or(|status| status == it.status.as_str()));
        let listed = listed.map(|it| {
            json!({"name": it.name, "language": it.language, "category": it.category, "status": it.status})
        });
        json!({"data": listed.collect::<Vec<_>>()})
    }
}

impl Template {
    /// Whether it is the WABA's of this name and language.
    fn is(&self, waba: &str, (name, language): (&str, &str)) -> bool {
        (
            self.waba_id.as_str(),
            self.name.as_str(),
            self.language.as_str(),
        ) == (waba, name, language)
    }
}
