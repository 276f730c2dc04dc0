//! A bulk job's recipients: from the caller's lines to lines of the ledger.

use crate::domain::content::{Content, FillError, read_recipient};
use crate::domain::fault::{Fault, FaultCode, Faults};
use crate::domain::fields::Fields;
use crate::domain::id::MessageId;
use crate::domain::identity::Recipient;
use crate::domain::job::Job;
use crate::domain::message::{Lane, Outbound};
use crate::provider::fits;
use jiff::Timestamp;
use serde_json::Value;

/// The longest `reference`.
const LONGEST_REFERENCE: usize = 512;

/// The most that `variables` may hold, as JSON.
const LARGEST_VARIABLES: usize = 8_192;

/// What is wrong with a line of recipients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineFault {
    /// Where.
    pub place: Place,
    /// What kind.
    pub code: FaultCode,
    /// What is wrong and what would be right; never repeats the value.
    pub detail: String,
}

/// Where in a line something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a field: a JSON pointer into the line.
    Field(String),
    /// In the variable of this name.
    Variable(String),
    /// In the message that the line's variables make: the variables that fill the place.
    Message(Vec<String>),
}

/// Reads one line of recipients, and checks the message it would get.
///
/// The id follows from the job and the canonical identity: the same person twice is the same recipient.
pub fn read(job: &Job, line: &Value, now: Timestamp) -> Result<Outbound, Vec<LineFault>> {
    let faults = Faults::new();
    let recipient = Fields::of(line, "", &faults).and_then(|fields| read_line(job, fields, now));
    let filled = filled(job, line.get("variables"));
    match faults.into_result(recipient) {
        Ok(recipient) => {
            check_sendable(job, &recipient, &filled?)?;
            Ok(recipient)
        }
        Err(found) => {
            let in_fields = found.into_iter().map(|fault| LineFault {
                place: Place::Field(fault.pointer),
                code: fault.code,
                detail: fault.detail,
            });
            // What is no object at all has no variables to speak of.
            let unfilled = filled.err().filter(|_| line.is_object());
            Err(in_fields.chain(unfilled.into_iter().flatten()).collect())
        }
    }
}

fn read_line(job: &Job, mut fields: Fields<'_>, now: Timestamp) -> Option<Outbound> {
    let to = read_recipient(&mut fields);
    let reference = fields
        .text("reference", 1..=LONGEST_REFERENCE)
        .map(str::to_owned);
    let variables = read_variables(&mut fields);
    fields.finish();
    Some(outbound(job, to?, reference, variables, now))
}

fn read_variables(fields: &mut Fields<'_>) -> Option<Value> {
    let variables = fields.value("variables")?;
    if !variables.is_array() && !variables.is_object() {
        fields.fault(
            "variables",
            FaultCode::WrongType,
            "must be an array or an object",
        );
        return None;
    }
    fields.value_within("variables", LARGEST_VARIABLES).cloned()
}

/// The job's message with this line's variables must be one that the provider takes.
fn filled(job: &Job, variables: Option<&Value>) -> Result<Content, Vec<LineFault>> {
    let filled = job.message.fill(variables.unwrap_or(&Value::Null));
    filled.map_err(|error| match error {
        FillError::Variables(found) => found.into_iter().map(of_variable).collect(),
        FillError::Content(found) => found.iter().map(|fault| of_message(job, fault)).collect(),
    })
}

/// One of its senders must have a way to send it; what the first of them lacks, if none has.
fn check_sendable(
    job: &Job,
    recipient: &Outbound,
    content: &Content,
) -> Result<(), Vec<LineFault>> {
    let unfit = match fits(job.sender.provider(), &recipient.to, content) {
        Ok(()) => return Ok(()),
        Err(unfit) => unfit,
    };
    let can_send = |provider| fits(provider, &recipient.to, content).is_ok();
    if job.way.iter().any(|way| !way.senders(can_send).is_empty()) {
        return Ok(());
    }
    let faults = unfit.faults().iter();
    Err(faults.map(|fault| of_message(job, fault)).collect())
}

fn of_variable(fault: Fault) -> LineFault {
    let name = fault.pointer.trim_start_matches('/');
    LineFault {
        place: Place::Variable(name.replace("~1", "/").replace("~0", "~")),
        code: fault.code,
        detail: fault.detail,
    }
}

fn of_message(job: &Job, fault: &Fault) -> LineFault {
    let names = job.message.placeholders_at(&fault.pointer).into_iter();
    LineFault {
        place: Place::Message(names.map(str::to_owned).collect()),
        code: fault.code,
        detail: format!("message {}: {}", fault.pointer, fault.detail),
    }
}

fn outbound(
    job: &Job,
    to: Recipient,
    reference: Option<String>,
    variables: Option<Value>,
    now: Timestamp,
) -> Outbound {
    let parts = [job.tenant.as_str(), job.id.as_str(), &to.canonical()];
    let id = MessageId::derived(job.created_at, &parts);
    let from = (job.tenant.clone(), job.account.clone(), job.sender.clone());
    Outbound {
        job: Some(job.id.clone()),
        variables,
        reference,
        on_unknown: job.on_unknown,
        ..Outbound::queued(id, from, to, Lane::Bulk, now)
    }
}
