//! Secrets Manager: values in versions, versions under stages, all of it in one small file.
//!
//! The file is readable by its owner only; values are in it as they are, which is what a desk needs and nothing more.

mod api;
mod error;
mod file;
mod rotation;
mod secret;

use super::answer::{self, Dialect};
use anyhow::Result;
use api::{Create, Delete, Get, List, MoveStage, Of, Put};
use axum::http::StatusCode;
use axum::response::Response;
use error::Refusal;
use file::{Shelf, Store};
use rotation::Rotate;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// All the secrets.
pub(super) struct Secrets {
    shelved: Mutex<Shelf>,
    store: Store,
}

impl Secrets {
    /// The secrets of `data_dir`, or none.
    pub(super) fn open(data_dir: Option<&Path>) -> Result<Self> {
        let store = Store::at(data_dir);
        let shelved = Mutex::new(store.load()?);
        Ok(Self { shelved, store })
    }

    /// The answer to a call.
    pub(super) fn answer(&self, operation: &str, body: &[u8]) -> Response {
        match self.call(operation, body) {
            Ok(answer) => answer::ok(Dialect::Json11, answer.to_string().into_bytes()),
            Err(Refusal::UnknownOperation) => answer::unknown_operation(Dialect::Json11),
            Err(refusal) => refuse(&refusal),
        }
    }

    fn call(&self, operation: &str, body: &[u8]) -> Result<Value, Refusal> {
        let now = jiff::Timestamp::now().as_millisecond();
        match operation {
            "GetSecretValue" => self.read(|shelved| api::get(shelved, &parse::<Get>(body)?)),
            "DescribeSecret" => self.read(|shelved| api::describe(shelved, &parse::<Of>(body)?)),
            "ListSecrets" => self.read(|shelved| api::list(shelved, &parse::<List>(body)?)),
            "GetRandomPassword" => Ok(api::random_password()),
            "CreateSecret" => {
                self.change(|shelved| api::create(shelved, parse::<Create>(body)?, now))
            }
            "PutSecretValue" => self.change(|shelved| api::put(shelved, parse::<Put>(body)?, now)),
            "UpdateSecretVersionStage" => {
                self.change(|shelved| api::move_stage(shelved, &parse::<MoveStage>(body)?, now))
            }
            "RotateSecret" => {
                self.change(|shelved| rotation::rotate(shelved, parse::<Rotate>(body)?, now))
            }
            "DeleteSecret" => {
                self.change(|shelved| api::delete(shelved, &parse::<Delete>(body)?, now))
            }
            "RestoreSecret" => self.change(|shelved| api::restore(shelved, &parse::<Of>(body)?)),
            _ => Err(Refusal::UnknownOperation),
        }
    }

    fn read(&self, act: impl FnOnce(&Shelf) -> Result<Value, Refusal>) -> Result<Value, Refusal> {
        act(&self.shelved.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A change counts when it is in the file; a refused one changes nothing.
    fn change(
        &self,
        act: impl FnOnce(&mut Shelf) -> Result<Value, Refusal>,
    ) -> Result<Value, Refusal> {
        let mut shelved = self.shelved.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = shelved.clone();
        let answer = act(&mut changed)?;
        self.store.save(&changed)?;
        *shelved = changed;
        Ok(answer)
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|_| Refusal::Unreadable)
}

fn refuse(refusal: &Refusal) -> Response {
    let status = match refusal {
        Refusal::File(error) => {
            tracing::error!(%error, "the secrets' file cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR
        }
        _ => StatusCode::BAD_REQUEST,
    };
    answer::error(
        status,
        Dialect::Json11,
        refusal.shape(),
        &refusal.to_string(),
    )
}
