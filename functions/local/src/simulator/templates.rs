//! Templates, as a WABA lists them: what they are charged as. Messages may name any template, listed or not.

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
}

/// What it is charged as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Category {
    Marketing,
    Utility,
    Authentication,
}

/// The templates of every WABA.
#[derive(Debug, Default)]
pub(super) struct Templates(Vec<Template>);

impl Templates {
    /// Adds one, or puts it in the place of the one with its name and language.
    pub(super) fn put(&mut self, template: Template) {
        let is_other = |known: &Template| {
            (&known.waba_id, &known.name, &known.language)
                != (&template.waba_id, &template.name, &template.language)
        };
        self.0.retain(is_other);
        self.0.push(template);
    }

    /// Those of a WABA whose name contains `name`, as Meta lists them. Each WABA has Meta's sample.
    pub(super) fn list(&self, waba: &str, name: &str, status: Option<&str>) -> Value {
        let sample = Template {
            waba_id: waba.to_owned(),
            name: "hello_world".to_owned(),
            language: "en_US".to_owned(),
            category: Category::Utility,
        };
        let own = self.0.iter().filter(|known| known.waba_id == waba);
        let listed = own.chain([&sample]).filter(|it| it.name.contains(name));
        // Every template is approved.
        let listed = listed.filter(|_| status.is_none_or(|it| it == "APPROVED"));
        let listed = listed.map(|it| {
            json!({"name": it.name, "language": it.language, "category": it.category, "status": "APPROVED"})
        });
        json!({"data": listed.collect::<Vec<_>>()})
    }
}
