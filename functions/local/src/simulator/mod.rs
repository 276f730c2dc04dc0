//! A simulator of Meta's Graph API and of the other providers: remembers what was sent, sends webhooks, fails as told.
//!
//! Speaks only HTTP with the platform and must not know how the platform works. Its control surface is under
//! `/_sim` on the same port.
//!
//! Some numbers behave specially, with `<code>` one of Meta's six-digit error codes:
//!
//! | `to` | what happens |
//! |---|---|
//! | `+15558<code>` (`+15558131047`) | refused at once with this code |
//! | `+15559<code>` (`+15559131026`) | accepted, then a `failed` status with this code |
//!
//! Both are not on WhatsApp for `validate` and `check_number`, which obey faults and count as calls as a send does.
//!
//! The category of a template, and so its price, is guessed from its name: with `otp`, `auth`, `verif`, `one_time`
//! or `code` in it an authentication template, with `promo`, `market`, `offer`, `sale`, `discount` or `newsletter` a
//! marketing one, otherwise utility.
//!
//! A template that was listed by `POST /_sim/templates` and is not `APPROVED` is refused: `PAUSED` with 132015, `DISABLED`
//! with 132016, `PENDING` and `REJECTED` with 132001.
//!
//! Rates and refusals are counted since the start; what was accepted is counted since the last reset.
//!
//! It plays, too, what a company does before it sends: `debug_token`, `oauth/access_token` (`fb_exchange_token`), the
//! nodes of apps, WABAs and numbers, an app's `subscriptions`, `phone_numbers`, `subscribed_apps`, `request_code`, `verify_code`, `register`,
//! `deregister`, `whatsapp_business_profile` and `settings`. Always known are:
//!
//! | what | of the demo | of the playground |
//! |---|---|---|
//! | app, secret | `400000000000001`, `demo-app-secret` | `400000000000002`, `playground-app-secret` |
//! | WABA | `200000000000001` | `200000000000002` |
//! | number that is ready | `100000000000001`, `+15550001000` | `100000000000002`, `+15550001002` |
//! | number to verify and to register | | `100000000000003`, `+15550001003` |
//! | token | `demo-access-token` | `playground-access-token` |
//! | token that is expired | | `playground-expired-token` |
//! | token that may not send | | `playground-narrow-token` |
//!
//! The code that is sent to a number stands in `GET /_sim/codes`. What a person sets up in Meta's own pages is ordered
//! by `POST /_sim/apps`, `/_sim/wabas`, `/_sim/tokens` and `/_sim/numbers`; a token is revoked by
//! `DELETE /_sim/tokens/{token}`. An app's `next_secret` is good beside its `app_secret`, which signs webhooks until the
//! next one is ordered in its place.
//!
//! Webhooks of a number go to each app that has subscribed to its WABA and whose own `subscriptions` name the field:
//! messages and statuses to the URL given for the number, or else to the one given for the WABA, or else to the app's
//! own, all others to the app's own. A URL must be one of a loopback address, and is taken when it has sent a challenge back.
//! Numbers that were added with the id of an account (the demo's, and by `POST /_sim/senders`) have an app that has
//! subscribed, with the account's webhook as its own. Numbers nobody hears of give no webhooks.
//!
//! What set-up changes is in the journal before it is answered: tokens, keys and PINs as hashes, secrets never in clear
//! text. A reset takes it back; senders that were added stay, and so does whom a device of Fonnte's calls.
//!
//! The other providers are played below their names, `/fonnte`, `/notifapi` and `/mock`. Always known are:
//!
//! | provider | key | of |
//! |---|---|---|
//! | Fonnte | `demo-fonnte-token` | the device `15550002000` |
//! | NotifAPI | `demo-notifapi-key` | the number `15550003000` |
//! | mock | `demo-mock-key` | |
//!
//! Fonnte has `send`, `validate`, `device`, `update-device`, `fetch-group` and `get-whatsapp-group`; NotifAPI has
//! `send_message`, `send_image_url`, `send_file_url`, `send_message_group_id`, `check_number` and `get_group_id`; the
//! mock has `messages` and `me`. Keys are ordered by `POST /_sim/keys` and revoked by `DELETE /_sim/keys/{key}`.
//!
//! All of them share one ledger, so a message that two providers took is a duplicate: they tell it by `X-Request-Id`,
//! Meta by `biz_opaque_callback_data`. `+15558<code>` they refuse as a recipient, and `+15559<code>` is not on
//! WhatsApp, whoever asks, though it is taken; by Fonnte's status it then fails. Faults are Meta's unless they name a
//! `provider`; `error:` takes a reason of Fonnte's, words of NotifAPI's, or for the mock one of the platform's classes.
//!
//! A device of Fonnte's calls the URLs that it was given by `update-device` or by `POST /_sim/devices`, unsigned:
//! `webhook` for messages from people (`POST /_sim/inbound` with `provider`), `webhookstatus` for statuses,
//! `webhookconnect` when `connected` changes; where only the first is given, it gets everything. A status comes by
//! itself, the later ones with `stateid` alone. NotifAPI and the mock call nobody.

mod access;
mod assets;
mod call;
mod connection;
mod control;
mod courier;
mod exchange;
mod faults;
mod gateways;
mod graph;
mod graph_error;
mod handshake;
mod inbound;
mod journal;
mod ledger;
mod outbox;
mod rate;
mod recipient;
mod record;
mod sender;
mod state;
mod statuses;
mod templates;
#[cfg(test)]
mod tests;
mod updates;
mod webhooks;

pub use sender::Sender;
pub use statuses::StatusPlan;

use anyhow::Context;
use assets::Assets;
use connection::{Connection, CuttableListener};
use ledger::{Kept, Ledger};
use state::State;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use webhooks::Webhooks;

/// The file in the data directory.
const JOURNAL: &str = "simulator.journal";
/// How long a simulator that ends may hold the journal.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);
/// How long answers that are under way may take at the end.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(2);

/// How a simulator runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the journal is kept; `None` keeps it in memory.
    pub data_dir: Option<PathBuf>,
    /// Where webhooks go: `http://127.0.0.1:3001`, to which `/webhooks/meta/{account}` is added.
    pub webhook_url: String,
    /// Which statuses follow a message, and when.
    pub statuses: StatusPlan,
}

impl Options {
    /// In memory, with the usual statuses.
    #[must_use]
    pub fn in_memory(webhook_url: impl Into<String>) -> Self {
        Self {
            data_dir: None,
            webhook_url: webhook_url.into(),
            statuses: StatusPlan::default(),
        }
    }
}

/// A running simulator. Dropping it ends it, too, but does not wait for the end.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    stop: watch::Sender<()>,
    server: JoinHandle<()>,
    courier: JoinHandle<()>,
}

impl Simulator {
    /// Starts a simulator that knows these senders and those added to its journal earlier.
    pub async fn start(
        listener: TcpListener,
        options: Options,
        senders: Vec<Sender>,
    ) -> anyhow::Result<Self> {
        let address = listener.local_addr()?;
        let webhooks = Webhooks::new()?;
        let (ledger, kept) = open(options.data_dir.as_deref(), &options.statuses).await?;
        let assets = recall(&options.webhook_url, senders, kept);
        let (stop, stopped) = watch::channel(());
        let state = State::new(ledger, assets, webhooks, options.statuses, stopped);
        let state = Arc::new(state);
        let courier = tokio::spawn(courier::run(Arc::clone(&state)));
        let server = tokio::spawn(serve(listener, state));
        Ok(Self {
            address,
            stop,
            server,
            courier,
        })
    }

    /// The base URL of the Graph API and of the control surface.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends the simulator and waits for the end.
    pub async fn shutdown(self) {
        drop(self.stop);
        let ended = async {
            let _ = self.courier.await;
            let _ = self.server.await;
        };
        if tokio::time::timeout(SHUTDOWN_PATIENCE, ended)
            .await
            .is_err()
        {
            tracing::warn!("the simulator ends although a call is still under way");
        }
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    let mut stop = state.stop.clone();
    let routes = graph::router()
        .merge(gateways::router())
        .merge(control::router())
        .with_state(state);
    let service = routes.into_make_service_with_connect_info::<Connection>();
    let served = axum::serve(CuttableListener(listener), service)
        .with_graceful_shutdown(async move {
            let _ = stop.changed().await;
        })
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "the simulator's port failed");
    }
}

/// What is known at every start, then what the journal keeps, which may change it.
fn recall(webhook_url: &str, senders: Vec<Sender>, kept: Vec<Kept>) -> Assets {
    let mut assets = Assets::new(webhook_url);
    let senders = senders.into_iter().map(Kept::Sender);
    for kept in senders.chain(kept) {
        let change = match kept {
            Kept::Change(change) => change,
            Kept::Sender(sender) => assets.introduce(&sender),
        };
        assets.apply(change);
    }
    assets
}

async fn open(data_dir: Option<&Path>, plan: &StatusPlan) -> anyhow::Result<(Ledger, Vec<Kept>)> {
    let Some(data_dir) = data_dir else {
        return Ok((Ledger::in_memory(), Vec::new()));
    };
    std::fs::create_dir_all(data_dir)
        .with_context(|| format!("cannot create {}", data_dir.display()))?;
    let path = data_dir.join(JOURNAL);
    let begun = Instant::now();
    loop {
        match Ledger::open(&path, plan) {
            Err(error) if is_locked(&error) && begun.elapsed() < LOCK_PATIENCE => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            opened => return opened,
        }
    }
}

fn is_locked(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<std::fs::TryLockError>();
    matches!(cause, Some(std::fs::TryLockError::WouldBlock))
}
