//! `POST /v1/contacts/availability`: whether people can be reached by WhatsApp.
//!
//! It is read from what stands in the ledger anyway; providers are asked only if the caller wants it. Each person is
//! answered alone.

mod body;
mod checking;
mod dto;
mod known;

use crate::{State, senders};
use axum::Json;
use axum::body::Bytes;
use axum::extract;
use axum::http::HeaderMap;
use body::{Check, Question};
use checking::Answers;
use dto::{Availabilities, PersonDto, Warning};
use heliograph::domain::availability::{Evidence, judge};
use heliograph::domain::fault::Fault;
use heliograph::domain::identity::{SenderId, TenantId};
use heliograph::domain::phone::PhoneNumber;
use heliograph::domain::role::Right;
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::http::{MAX_JSON, read_json};
use heliograph::service::openapi::{BodyProblems, CallerProblems, ServiceProblems};
use heliograph::service::problem::Problem;
use heliograph::store::{Sender, Slice};
use jiff::Timestamp;
use known::Known;

/// So many of a tenant's senders are looked through for one that can ask, the first by their ids.
const MOST_SENDERS: usize = 100;

/// Whether people can be reached.
///
/// `likely` if a message of yours was delivered or read, or the person wrote, within 30 days; `unreachable` if a message
/// could not be delivered to the person within 7 days; the newest counts. It is evidence, no proof: Meta says 131026 of
/// people without WhatsApp, and also of those who have an old version or have not accepted its terms. With `check` a
/// provider that can be asked about numbers, as Fonnte and NotifAPI can, is asked about those of whom nothing is known, or
/// about all; its answer counts for 24 hours and is remembered. Meta cannot be asked, and one that is disabled is not. A
/// check needs the right to send.
///
/// Entries are answered in their order, each by itself: what is wrong with one stands in its `errors`.
#[utoipa::path(
    post, operation_id = "contacts_availability", path = "/v1/contacts/availability", tag = "Contacts",
    security(("api_key" = [])),
    request_body(content = crate::availability::body::AvailabilityRequest, content_type = "application/json"),
    responses(
        BodyProblems, CallerProblems, ServiceProblems,
        (status = 200, description = "What is known of each", body = Availabilities),
    ),
)]
pub(crate) async fn ask(
    extract::State(state): extract::State<State>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Availabilities>, Problem> {
    let tenant = caller.with(Right::Read)?.tenant;
    let body = read_json(&headers, &body, MAX_JSON)?;
    let question = match Question::read(&body) {
        Ok(question) => question,
        Err(faults) => {
            return Err(senders::every_fault(&state.store, &tenant, &body, faults).await);
        }
    };
    if question.check != Check::Never {
        // The provider may count it, and it is done with a key that sends.
        caller.with(Right::Send)?;
    }
    let senders = senders_of(&state, &tenant, &question).await?;
    let people = known::look_up(&state.store, &tenant, &senders, &question.people).await?;
    let wanted = wanted(question.check, &people, clock::now());
    let askable = askable(question.from.as_ref(), &senders);
    let answers = checking::ask(&state, &tenant, &askable, wanted).await;
    let now = clock::now();
    let data = people.into_iter().map(|person| {
        let person = person.map(|known| told(known, question.check, &answers, now));
        person.unwrap_or_else(PersonDto::faulty)
    });
    Ok(Json(Availabilities {
        data: data.collect(),
    }))
}

/// The tenant's senders, the one to be asked by among them.
async fn senders_of(
    state: &State,
    tenant: &TenantId,
    question: &Question,
) -> Result<Vec<Sender>, Problem> {
    let slice = Slice {
        limit: MOST_SENDERS,
        after: None,
    };
    let mut senders = state.store.senders(tenant, &slice).await?.entries;
    if let Some(from) = &question.from
        && !senders.iter().any(|sender| sender.id == *from)
    {
        let found = state.store.sender(tenant, from).await?;
        senders.push(found.ok_or_else(|| Problem::validation(vec![senders::unknown()]))?);
    }
    Ok(senders)
}

/// The senders by which a provider may be asked: the one that was named, or else each of a provider that can be.
fn askable<'a>(from: Option<&SenderId>, senders: &'a [Sender]) -> Vec<&'a Sender> {
    let may_ask = |sender: &&Sender| from.is_none_or(|from| sender.id == *from);
    senders.iter().filter(may_ask).collect()
}

/// The numbers that a provider is to be asked about.
fn wanted(check: Check, people: &[Result<Known, Vec<Fault>>], now: Timestamp) -> Vec<PhoneNumber> {
    let people = people.iter().flatten();
    let asked_about = people.filter(|known| is_asked_about(known, check, now));
    let numbers = asked_about.filter_map(|known| known.person.number.clone());
    numbers.collect()
}

fn is_asked_about(known: &Known, check: Check, now: Timestamp) -> bool {
    match check {
        Check::Never => false,
        Check::IfUnknown => judge(known.evidence.clone(), now).is_none(),
        Check::Always => true,
    }
}

/// What the answer says of a person.
fn told(mut known: Known, check: Check, answers: &Answers, now: Timestamp) -> PersonDto {
    let mut warnings = Vec::new();
    let mut check_failure = None;
    match &known.person.number {
        Some(number) => match answers.get(number) {
            Some(Ok(check)) => known.evidence.push(Evidence::of_check(check)),
            Some(Err(unanswered)) => {
                warnings.push(Warning::of(unanswered));
                check_failure = unanswered.failure().cloned();
            }
            // Nobody was to be asked about it.
            None => {}
        },
        None if is_asked_about(&known, check, now) => warnings.push(Warning::NoPhoneNumber),
        None => {}
    }
    let evidence = judge(known.evidence, now);
    PersonDto::of(known.person, evidence.as_ref()).with(warnings, check_failure)
}
