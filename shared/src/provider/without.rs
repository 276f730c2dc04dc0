//! What the module of a gateway says that has no way for something. Nobody is called.

use super::gateway::Checked;
use super::webhook::Heard;
use super::{Access, Answered, Group};
use crate::domain::failure::{Class, ProviderFailure};
use crate::domain::phone::PhoneNumber;
use crate::domain::queue::{Change, PackingError};
use crate::domain::secret::SecretText;
use crate::domain::webhook::Update;
use jiff::Timestamp;
use std::future::{Ready, ready};

/// It cannot be asked about numbers.
pub fn check_numbers(_: Access<'_>, _: &[PhoneNumber]) -> Ready<Answered<Checked>> {
    ready(Err(no_way()))
}

/// It lists no groups.
pub fn groups(_: Access<'_>) -> Ready<Answered<Vec<Group>>> {
    ready(Err(no_way()))
}

/// It calls nobody.
pub fn call_at(_: Access<'_>, _: &SecretText) -> Ready<Answered<()>> {
    ready(Err(no_way()))
}

/// It calls nobody, so nothing is heard of it.
#[must_use]
pub const fn heard(_: &[u8]) -> Option<Result<Heard, PackingError>> {
    None
}

/// It calls nobody, so nothing changes.
#[must_use]
pub const fn updates(_: &Change, _: Timestamp) -> Vec<Update> {
    Vec::new()
}

fn no_way() -> ProviderFailure {
    ProviderFailure::without_code(
        Class::Permanent,
        "the provider has no way to do this",
        "see GET /v1/providers for what each provider does",
    )
}
