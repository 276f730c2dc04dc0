//! Reads `template.yaml` as JSON, AWS's short tags in their long form (`!Ref x` is `{"Ref": "x"}`).
//! Knows how to find things in it, not how they ought to be.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// The template's resources.
pub(crate) struct Stack {
    globals: Value,
    resources: Map<String, Value>,
}

/// One deployed function with its role.
pub(crate) struct Function<'a> {
    /// Its binary, its folder and the name of its events.
    pub(crate) name: &'a str,
    pub(crate) id: &'a str,
    pub(crate) properties: &'a Value,
    pub(crate) role: String,
    pub(crate) grants: Vec<Grant>,
}

/// One statement of a role.
pub(crate) struct Grant {
    pub(crate) actions: Vec<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) condition: Value,
}

/// The workspace's folder.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

impl Stack {
    pub(crate) fn read() -> Self {
        let source = std::fs::read_to_string(workspace().join("template.yaml")).unwrap();
        let mut template = plain(&Yaml::load_from_str(&source).unwrap()[0]);
        Self {
            globals: template["Globals"]["Function"].take(),
            resources: template["Resources"].as_object().unwrap().clone(),
        }
    }

    /// The properties of every resource of this type, by its id.
    pub(crate) fn of_type(&self, kind: &str) -> Vec<(&str, &Value)> {
        let all = self.resources.iter().filter(|(_, it)| it["Type"] == kind);
        all.map(|(id, it)| (id.as_str(), &it["Properties"]))
            .collect()
    }

    /// A resource as it stands, its properties and what is beside them.
    pub(crate) fn resource(&self, id: &str) -> &Value {
        self.resources
            .get(id)
            .unwrap_or_else(|| panic!("{id} is missing"))
    }

    pub(crate) fn functions(&self) -> Vec<Function<'_>> {
        let functions = self.of_type("AWS::Serverless::Function").into_iter();
        functions
            .map(|(id, properties)| self.function(id, properties))
            .collect()
    }

    fn function<'a>(&'a self, id: &'a str, properties: &'a Value) -> Function<'a> {
        let name = &self.resource(id)["Metadata"]["BuildProperties"]["Binary"];
        let role = owner(&properties["Role"]);
        let policies = &self.resource(&role)["Properties"]["Policies"];
        let statements = policies.as_array().unwrap().iter();
        let statements = statements.flat_map(|policy| list(&policy["PolicyDocument"]["Statement"]));
        Function {
            name: name.as_str().unwrap(),
            id,
            properties,
            grants: statements.map(grant).collect(),
            role,
        }
    }

    /// A function's property, or what all functions have in its place.
    pub(crate) fn property<'a>(&'a self, function: &Function<'a>, name: &str) -> &'a Value {
        let own = function.properties.get(name);
        own.unwrap_or(&self.globals[name])
    }

    /// The environment a function runs in: variable to value.
    pub(crate) fn environment(&self, function: &Function<'_>) -> Map<String, Value> {
        let own = &function.properties["Environment"]["Variables"];
        let mut all = self.globals["Environment"]["Variables"]
            .as_object()
            .unwrap()
            .clone();
        all.extend(own.as_object().cloned().unwrap_or_default());
        all
    }

    /// The function that takes this queue's messages.
    pub(crate) fn consumer(&self, queue: &str) -> Option<Function<'_>> {
        let mut functions = self.functions().into_iter();
        functions.find(|function| function.queues().contains(&queue.to_owned()))
    }
}

impl Function<'_> {
    /// What calls it, of this type: `SQS`, `HttpApi`, …
    pub(crate) fn triggers(&self, kind: &str) -> Vec<&Value> {
        let events = self.properties["Events"].as_object().into_iter().flatten();
        let events = events.filter(|(_, event)| event["Type"] == kind);
        events.map(|(_, event)| &event["Properties"]).collect()
    }

    /// The queues it takes messages from, by id.
    pub(crate) fn queues(&self) -> Vec<String> {
        let triggers = self.triggers("SQS").into_iter();
        triggers.map(|trigger| owner(&trigger["Queue"])).collect()
    }

    /// What it may do this to.
    pub(crate) fn may(&self, action: &str) -> Vec<&str> {
        let grants = self.grants.iter();
        let grants = grants.filter(|grant| grant.actions.iter().any(|it| it == action));
        grants
            .flat_map(|grant| grant.resources.iter().map(String::as_str))
            .collect()
    }
}

/// A value as `!Sub` would write it: `!Ref X` is `${X}`, `!GetAtt X.Arn` is `${X.Arn}`.
pub(crate) fn text(value: &Value) -> String {
    let named = value.get("Ref").or_else(|| value.get("Fn::GetAtt"));
    if let Some(name) = named.and_then(Value::as_str) {
        return format!("${{{name}}}");
    }
    let sub = value.get("Fn::Sub").unwrap_or(value);
    sub.as_str()
        .map_or_else(|| panic!("not a text: {value}"), str::to_owned)
}

/// The resource a reference points to: `OtpQueue` of `!Ref OtpQueue` and of `!GetAtt OtpQueue.Arn`.
pub(crate) fn owner(value: &Value) -> String {
    let name = text(value);
    let name = name.trim_start_matches("${").trim_end_matches('}');
    name.split('.').next().unwrap_or_default().to_owned()
}

/// A list, or the one thing that may stand for a list of one.
pub(crate) fn list(value: &Value) -> Vec<&Value> {
    value
        .as_array()
        .map_or_else(|| vec![value], |all| all.iter().collect())
}

fn grant(statement: &Value) -> Grant {
    assert_eq!(statement["Effect"], "Allow");
    let texts = |key: &str| list(&statement[key]).into_iter().map(text).collect();
    Grant {
        actions: texts("Action"),
        resources: texts("Resource"),
        condition: statement["Condition"].clone(),
    }
}

fn plain(node: &Yaml<'_>) -> Value {
    match node {
        Yaml::Value(scalar) => plain_scalar(scalar),
        Yaml::Sequence(items) => items.iter().map(plain).collect(),
        Yaml::Mapping(entries) => {
            let entries = entries.iter();
            let entries =
                entries.map(|(key, value)| (key.as_str().unwrap().to_owned(), plain(value)));
            Value::Object(entries.collect())
        }
        Yaml::Tagged(tag, value) if tag.suffix == "Ref" => json!({"Ref": plain(value)}),
        Yaml::Tagged(tag, value) => json!({format!("Fn::{}", tag.suffix): plain(value)}),
        other => panic!("not for a template: {other:?}"),
    }
}

fn plain_scalar(scalar: &Scalar<'_>) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(value) => json!(value),
        Scalar::Integer(value) => json!(value),
        Scalar::FloatingPoint(value) => json!(value.0),
        Scalar::String(value) => json!(value),
    }
}
