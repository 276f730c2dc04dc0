//! A bulk job's recipients: from the caller's lines to lines of the ledger.

use crate::domain::content::{FillError, read_recipient};
use crate::domain::fault::{Fault, FaultCode, Faults};
use crate::domain::fields::Fields;
use crate::domain::id::MessageId;
use crate::domain::identity::Recipient;
use crate::domain::message::{Lane, Outbound, Times};
use crate::domain::state::State;
use crate::store::Job;
use jiff::Timestamp;
use serde_json::Value;

/// The longest `reference`.
const LONGEST_REFERENCE: usize = 512;

/// The most that `variables` may hold, as JSON.
const LARGEST_VARIABLES: usize = 8_192;

/// Reads one line of recipients that stands at `pointer`, and checks the message it would get.
///
/// The id follows from the job and the canonical identity: the same person twice is the same recipient.
pub fn read(
    job: &Job,
    line: &Value,
    pointer: &str,
    now: Timestamp,
) -> Result<Outbound, Vec<Fault>> {
    let faults = Faults::new();
    let recipient =
        Fields::of(line, pointer, &faults).and_then(|fields| read_line(job, fields, now));
    faults.into_result(recipient)
}

fn read_line(job: &Job, mut fields: Fields<'_>, now: Timestamp) -> Option<Outbound> {
    let to = read_recipient(&mut fields);
    let reference = fields
        .text("reference", 1..=LONGEST_REFERENCE)
        .map(str::to_owned);
    let variables = read_variables(&mut fields);
    check_filled(job, &fields, variables.as_ref());
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
fn check_filled(job: &Job, fields: &Fields<'_>, variables: Option<&Value>) {
    let (found, what) = match job.message.fill(variables.unwrap_or(&Value::Null)) {
        Ok(_) => return,
        Err(FillError::Variables(found)) => (found, "variable"),
        Err(FillError::Content(found)) => (found, "message"),
    };
    for Fault {
        pointer,
        code,
        detail,
    } in found
    {
        fields.fault("variables", code, format!("{what} {pointer}: {detail}"));
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
    Outbound {
        id: MessageId::derived(job.created_at, &parts),
        tenant: job.tenant.clone(),
        account: job.account.clone(),
        sender: job.sender.clone(),
        to,
        lane: Lane::Bulk,
        state: State::Queued,
        rev: 0,
        content: None,
        job: Some(job.id.clone()),
        variables,
        reference,
        metadata: None,
        callback_data: None,
        contact: None,
        conversation: None,
        created_at: now,
        not_before: None,
        expires_at: None,
        on_unknown: job.on_unknown,
        claim: None,
        attempts: Vec::new(),
        times: Times::default(),
        price: None,
        known_as: None,
    }
}
