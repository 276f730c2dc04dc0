//! Asks a provider whether numbers are on WhatsApp, and remembers what it answers.
//!
//! Nothing is sent, so a call may be repeated, and what fails costs the caller no more than the answer to it.

use crate::State;
use futures_util::future::join_all;
use heliograph::domain::availability::{NumberCheck, checker};
use heliograph::domain::failure::{Class, ProviderFailure};
use heliograph::domain::identity::TenantId;
use heliograph::domain::phone::PhoneNumber;
use heliograph::domain::provider::{Gateway, NumberChecks, Provider};
use heliograph::domain::provider_settings::ProviderSettings;
use heliograph::domain::secret::Credential;
use heliograph::provider::{Way, gateway};
use heliograph::service::clock;
use heliograph::service::credentials::Choice;
use heliograph::service::telemetry;
use heliograph::store::Sender;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// No call is begun later than this after the first: the caller waits, and the HTTP API not longer than 29 seconds.
const BEGIN_WITHIN: Duration = Duration::from_secs(10);

/// A call lasts so long at most.
const TIMEOUT: Duration = Duration::from_secs(5);

/// So many writes are made at the same time.
const AT_ONCE: usize = 4;

/// So many keys are tried: each that is refused is not tried again for a while.
const MOST_KEYS: usize = 3;

/// What came of asking about each number.
pub(super) type Answers = HashMap<PhoneNumber, Result<NumberCheck, Unanswered>>;

/// Why it is not known whether a number is on WhatsApp.
#[derive(Debug, Clone)]
pub(super) enum Unanswered {
    /// No sender of a provider that could be asked has a key.
    NobodyToAsk,
    /// By the tenant's own word nothing goes through the provider that could be asked.
    Disabled,
    /// The provider refused, or did not answer.
    Failed(ProviderFailure),
    /// The provider said nothing of this number, or there was no time left to ask.
    NotTold,
}

impl Unanswered {
    pub(super) const fn failure(&self) -> Option<&ProviderFailure> {
        match self {
            Self::Failed(failure) => Some(failure),
            Self::NobodyToAsk | Self::Disabled | Self::NotTold => None,
        }
    }

    /// The same, now that a provider that could be asked turns out to be disabled.
    fn or_disabled(self) -> Self {
        match self {
            Self::NobodyToAsk | Self::Disabled => Self::Disabled,
            Self::Failed(_) | Self::NotTold => self,
        }
    }
}

/// Asks about these numbers by the first of these senders that can ask and has a key which is not refused.
pub(super) async fn ask(
    state: &State,
    tenant: &TenantId,
    senders: &[&Sender],
    mut numbers: Vec<PhoneNumber>,
) -> Answers {
    numbers.sort();
    numbers.dedup();
    let mut asking = Asking {
        state,
        tenant,
        began: Instant::now(),
        open: numbers,
        answers: Answers::new(),
    };
    let ended = asking.by_any(senders).await;
    let Asking { open, answers, .. } = asking;
    remember(state, tenant, &answers).await;
    let unanswered = open.into_iter().map(|number| (number, Err(ended.clone())));
    answers.into_iter().chain(unanswered).collect()
}

/// What is asked, and answered so far.
struct Asking<'a> {
    state: &'a State,
    tenant: &'a TenantId,
    began: Instant,
    open: Vec<PhoneNumber>,
    answers: Answers,
}

impl Asking<'_> {
    /// Asks by one sender after the other, until one has answered; why the numbers that are open then are.
    async fn by_any(&mut self, senders: &[&Sender]) -> Unanswered {
        let mut ended = Unanswered::NobodyToAsk;
        for sender in senders {
            let Some(asked) = checker(&sender.id) else {
                continue;
            };
            match self.settings(sender.id.provider()).await {
                Ok(settings) if settings.enabled => {}
                Ok(_) => {
                    ended = ended.or_disabled();
                    continue;
                }
                Err(failure) => return Unanswered::Failed(failure),
            }
            for _ in 0..MOST_KEYS {
                if self.open.is_empty() || self.began.elapsed() >= BEGIN_WITHIN {
                    return ended;
                }
                let Some(credential) = self.key(sender).await else {
                    break;
                };
                if !self.has_place(sender, &credential).await {
                    return Unanswered::NotTold;
                }
                match self.by_key(sender, asked, &credential).await {
                    Ok(()) => return Unanswered::NotTold,
                    Err(failure) if failure.class == Class::Credential => {
                        let of = (self.tenant, &sender.account);
                        let credentials = self.state.parts.departures.credentials();
                        let other = credentials.has_other(of, &sender.id, &credential, &failure);
                        let has_other = other.await;
                        ended = Unanswered::Failed(failure);
                        if !has_other {
                            break;
                        }
                    }
                    Err(failure) => return Unanswered::Failed(failure),
                }
            }
        }
        ended
    }

    /// A key of the sender's that may be used. One that cannot be read is none.
    async fn key(&self, sender: &Sender) -> Option<Credential> {
        let (tenant, id) = (self.tenant, &sender.account);
        let account = self.state.store.account(tenant, id).await;
        if !account.is_ok_and(|account| account.is_some_and(|account| account.may_send())) {
            return None;
        }
        let credentials = self.state.parts.departures.credentials();
        match credentials.of((tenant, id), &sender.id).await {
            Ok(Choice::Use(credential)) => Some(credential),
            Ok(Choice::Rests(_) | Choice::Absent) => None,
            Err(error) => {
                let error = telemetry::chain(&error);
                tracing::warn!(account.id = %id, error, "the key to ask about numbers with was not read");
                None
            }
        }
    }

    /// Whether a call may be made within the limits of the key and of the provider.
    async fn has_place(&self, sender: &Sender, credential: &Credential) -> bool {
        let credentials = self.state.parts.departures.credentials();
        let of = (self.tenant, &sender.account);
        let taken = credentials.take_place(of, &sender.id, credential, clock::now());
        taken.await.is_ok_and(|taken| taken.is_ok())
    }

    /// The way to a provider that the tenant's settings say, for a caller who waits.
    async fn way(&self, gateway: Gateway) -> Result<Way, ProviderFailure> {
        let settings = self.settings(gateway.into()).await?;
        let way = self.state.parts.providers.way(&settings)?;
        Ok(way.within(TIMEOUT))
    }

    async fn settings(&self, provider: Provider) -> Result<Arc<ProviderSettings>, ProviderFailure> {
        let store = &self.state.store;
        let settings = store.known_provider_settings(self.tenant, provider).await;
        settings.map_err(|_| ProviderFailure::unreachable("the provider's settings were not read"))
    }

    /// Asks in as many calls as the gateway wants. What it says of a single number, it says of that one alone; any other
    /// failure would be the next call's as well.
    async fn by_key(
        &mut self,
        sender: &Sender,
        (gateway, checks): (Gateway, NumberChecks),
        credential: &Credential,
    ) -> Result<(), ProviderFailure> {
        let way = self.way(gateway).await?;
        let access = way.with(&credential.token);
        let numbers = self.open.clone();
        let calls: Vec<&[PhoneNumber]> = numbers.chunks(checks.numbers).collect();
        for (place, some) in calls.chunks(checks.calls).enumerate() {
            if self.began.elapsed() >= BEGIN_WITHIN {
                return Ok(());
            }
            // The first has its place.
            for _ in some.iter().skip(usize::from(place == 0)) {
                if !self.has_place(sender, credential).await {
                    return Ok(());
                }
            }
            let calls = some
                .iter()
                .map(|numbers| gateway::check_numbers(gateway, access, numbers));
            let mut failed = None;
            for (&numbers, told) in some.iter().zip(join_all(calls).await) {
                match (numbers, told) {
                    (_, Ok(checked)) => self.note_checked(gateway, sender, checked),
                    ([number], Err(failure)) if is_about_the_number(failure.class) => {
                        self.note(number.clone(), Err(Unanswered::Failed(failure)));
                    }
                    (_, Err(failure)) => failed = Some(failure),
                }
            }
            failed.map_or(Ok(()), Err)?;
        }
        Ok(())
    }

    fn note_checked(&mut self, checker: Gateway, sender: &Sender, told: gateway::Checked) {
        let check = |is_registered| NumberCheck {
            checker,
            sender: sender.id.clone(),
            is_registered,
            at: clock::now(),
        };
        for number in told.registered {
            self.note(number, Ok(check(true)));
        }
        for number in told.not_registered {
            self.note(number, Ok(check(false)));
        }
    }

    fn note(&mut self, number: PhoneNumber, answer: Result<NumberCheck, Unanswered>) {
        self.open.retain(|open| *open != number);
        self.answers.insert(number, answer);
    }
}

const fn is_about_the_number(class: Class) -> bool {
    match class {
        Class::Recipient | Class::Permanent => true,
        Class::Transient
        | Class::Throttled
        | Class::Credential
        | Class::Template
        | Class::Policy
        | Class::Ambiguous => false,
    }
}

/// An answer that is not remembered is an answer all the same: the next caller has it asked again.
async fn remember(state: &State, tenant: &TenantId, answers: &Answers) {
    let answered = answers
        .iter()
        .filter_map(|(number, answer)| Some((number, answer.as_ref().ok()?)));
    let answered: Vec<_> = answered.collect();
    for some in answered.chunks(AT_ONCE) {
        let writes = some
            .iter()
            .map(|(number, check)| state.store.note_number_check(tenant, number, check));
        for noted in join_all(writes).await {
            if let Err(error) = noted {
                let error = telemetry::chain(&error);
                tracing::warn!(error, "an answer about a number was not remembered");
            }
        }
    }
}
