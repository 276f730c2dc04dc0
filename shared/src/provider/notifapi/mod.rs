//! NotifAPI, also known as Woo-wa, a gateway to WhatsApp's own app: no official API, and nothing of it is documented.
//!
//! What stands here is what its callers do. The key travels in the body; no webhook of it is known, so what it took
//! stays accepted.

mod answer;
mod wire;

#[cfg(test)]
mod tests;

pub use wire::KINDS;

pub use super::without::{call_at, heard, updates};

use super::gateway::{Checked, GoodKey};
use super::http::{ANSWER_LIMIT, LIST_LIMIT, exchange};
use super::{Access, Answered, Group, SendOutcome, Unfit};
use crate::domain::content::Content;
use crate::domain::failure::{Class, ProviderFailure};
use crate::domain::id::MessageId;
use crate::domain::identity::Recipient;
use crate::domain::phone::PhoneNumber;
use crate::domain::provider::{Gateway, Provider};
use reqwest::Method;
use serde_json::{Map, Value};

const NOTIFAPI: Provider = Provider::Gateway(Gateway::Notifapi);

/// Whether NotifAPI can send this, as far as that can be said without asking it.
pub fn fits(to: &Recipient, content: &Content) -> Result<(), Unfit> {
    wire::call(to, content).map(drop)
}

/// Sends a message: one call, never repeated here.
pub async fn send(
    access: Access<'_>,
    to: &Recipient,
    content: &Content,
    id: &MessageId,
) -> SendOutcome {
    let call = match wire::call(to, content) {
        Ok(call) => call,
        Err(unfit) => return SendOutcome::NotAccepted(unfit.failure()),
    };
    let body = with_key(access, call.body);
    let request = access.send(call.function, id).json(&body);
    match exchange(request, ANSWER_LIMIT).await {
        Ok(answer) => answer::judge(&answer, access.key),
        Err(none) => none.after_send(NOTIFAPI),
    }
}

/// Asks whether the key is good: by what the key is asked about its own number.
pub async fn check_key(access: Access<'_>, number: Option<&str>) -> Answered<GoodKey> {
    let number = number.and_then(|digits| format!("+{digits}").parse::<PhoneNumber>().ok());
    let number = number.ok_or_else(not_a_number)?;
    let said = if is_on_whatsapp(access, &number).await? {
        "NotifAPI takes the key, and its number is on WhatsApp"
    } else {
        "NotifAPI takes the key, and says that its number is not on WhatsApp"
    };
    Ok(GoodKey {
        number: None,
        said: said.to_owned(),
    })
}

fn not_a_number() -> ProviderFailure {
    ProviderFailure::without_code(
        Class::Permanent,
        "the sender's number is none",
        "delete the key, and put it in with its number",
    )
}

/// Asks which of these numbers are on WhatsApp: NotifAPI takes one a call.
pub async fn check_numbers(access: Access<'_>, numbers: &[PhoneNumber]) -> Answered<Checked> {
    let mut checked = Checked::default();
    for number in numbers {
        let list = if is_on_whatsapp(access, number).await? {
            &mut checked.registered
        } else {
            &mut checked.not_registered
        };
        list.push(number.clone());
    }
    Ok(checked)
}

async fn is_on_whatsapp(access: Access<'_>, number: &PhoneNumber) -> Answered<bool> {
    let body = Map::from_iter([wire::phone(number)]);
    let answer = ask(Method::POST, access, "check_number", body).await?;
    match answer.as_str() {
        Some("exists") => Ok(true),
        Some("not_exists") => Ok(false),
        Some(_) | None => Err(answer::not_understood("its answer has another form")),
    }
}

/// Lists the groups its number is in.
pub async fn groups(access: Access<'_>) -> Answered<Vec<Group>> {
    let answer = ask(Method::GET, access, "get_group_id", Map::new()).await?;
    let list = answer.get("results").and_then(Value::as_array);
    let list = list.ok_or_else(|| answer::not_understood("its answer has another form"))?;
    Ok(list.iter().filter_map(group).collect())
}

/// A call that sends nothing, and may be repeated.
async fn ask(
    method: Method,
    access: Access<'_>,
    function: &str,
    body: Map<String, Value>,
) -> Answered<Value> {
    let body = with_key(access, body);
    let request = access.call(method, function).json(&body);
    let answer = exchange(request, LIST_LIMIT).await;
    let answer = answer.map_err(|none| none.after_look(NOTIFAPI))?;
    answer::read(&answer, access.key)
}

fn with_key(access: Access<'_>, mut body: Map<String, Value>) -> Map<String, Value> {
    body.insert("key".to_owned(), access.key.expose().into());
    body
}

/// An entry of the list, whose form is not known: an id alone, or an object that has one.
fn group(entry: &Value) -> Option<Group> {
    let text = |names: &[&str]| {
        let mut names = names.iter();
        names.find_map(|name| entry.get(name)?.as_str())
    };
    let id = entry.as_str().or_else(|| text(&["id", "group_id", "jid"]));
    Some(Group {
        id: id?.parse().ok()?,
        name: text(&["name", "subject", "group_name"]).map(str::to_owned),
    })
}
