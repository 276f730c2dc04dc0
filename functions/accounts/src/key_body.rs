//! The bodies that make and change API keys.

use heliograph::domain::fault::{Fault, FaultCode, Faults};
use heliograph::domain::fields::Fields;
use heliograph::domain::role::{Right, Role, Scopes};
use heliograph::store::{ApiKey, ApiKeyChanges};
use jiff::Timestamp;
use serde_json::Value;

/// The longest name of a key or a tenant.
pub(crate) const LONGEST_NAME: usize = 100;

/// A key to make.
#[derive(Debug)]
pub(crate) struct NewKey {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) scopes: Scopes,
    pub(crate) expires_at: Option<Timestamp>,
}

impl NewKey {
    pub(crate) fn read(body: &Value, now: Timestamp) -> Result<Self, Vec<Fault>> {
        let faults = Faults::new();
        let read = Fields::of(body, "", &faults).and_then(|mut fields| {
            let name = fields.required_line("name", 1..=LONGEST_NAME);
            let role = fields.required_choice("role", &Role::ALL.map(Role::as_str));
            let scopes = scopes(&mut fields).unwrap_or_default();
            let expires_at = expires_at(&mut fields, now);
            let role = role.and_then(Role::named);
            if let Some(role) = role {
                check_scopes(&faults, role, &scopes);
            }
            fields.finish();
            Some(Self {
                name: name?.to_owned(),
                role: role?,
                scopes,
                expires_at,
            })
        });
        faults.into_result(read)
    }
}

/// A scope that is no right of the role would wait there for another role.
fn check_scopes(faults: &Faults, role: Role, scopes: &Scopes) {
    if let Some(right) = scopes.beyond(role) {
        let (role, right) = (role.as_str(), right.as_str());
        let detail = format!("{right} is no right of the role {role}");
        faults.add("/scopes", FaultCode::NotAllowed, detail);
    }
}

/// Reads what is changed of a key; what is absent stays, and `null` takes an end or scopes away.
pub(crate) fn read_changes(
    body: &Value,
    key: &ApiKey,
    now: Timestamp,
) -> Result<ApiKeyChanges, Vec<Fault>> {
    let faults = Faults::new();
    let read = Fields::of(body, "", &faults).map(|mut fields| {
        let name = fields.line("name", 1..=LONGEST_NAME);
        let role = fields.choice("role", &Role::ALL.map(Role::as_str));
        let changes = ApiKeyChanges {
            name: name.map(str::to_owned),
            role: role.and_then(Role::named),
            scopes: if fields.is_cleared("scopes") {
                Some(Scopes::all())
            } else {
                scopes(&mut fields)
            },
            expires_at: if fields.is_cleared("expires_at") {
                Some(None)
            } else {
                expires_at(&mut fields, now).map(Some)
            },
            revoked_at: None,
        };
        let scopes = changes.scopes.as_ref().unwrap_or(&key.scopes);
        check_scopes(&faults, changes.role.unwrap_or(key.role), scopes);
        fields.finish();
        changes
    });
    faults.into_result(read)
}

/// Reads the rights that a key is narrowed to.
pub(crate) fn scopes(fields: &mut Fields<'_>) -> Option<Scopes> {
    let listed = fields.array("scopes", 1..=Right::ALL.len())?;
    let mut rights = Vec::new();
    for (place, value) in listed {
        let right = value.as_str().and_then(Right::named);
        if right.is_none() {
            let known = Right::ALL.map(Right::as_str).join(", ");
            let detail = format!("must be one of: {known}");
            fields.faults().add(place, FaultCode::Invalid, detail);
        }
        rights.extend(right);
    }
    Some(Scopes::only(rights))
}

fn expires_at(fields: &mut Fields<'_>, now: Timestamp) -> Option<Timestamp> {
    let time = fields.time("expires_at")?;
    if time <= now {
        fields.fault(
            "expires_at",
            FaultCode::OutOfRange,
            "must be later than now",
        );
    }
    Some(time)
}
