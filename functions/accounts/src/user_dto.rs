//! People as they are shown, and the bodies that add and change them as the document describes them.

use crate::key_body::LONGEST_NAME;
use heliograph::domain::email::EmailAddress;
use heliograph::domain::fields::Fields;
use heliograph::domain::id::UserId;
use heliograph::domain::identity::TenantId;
use heliograph::domain::role::Role;
use heliograph::store::User;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// A person who signs in.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct UserDto {
    /// Our id.
    #[schema(value_type = String, example = "usr_019e92a7c8887000a000000000000001")]
    id: UserId,
    /// What it signs in with.
    #[schema(value_type = String, example = "ada@example.com")]
    email: EmailAddress,
    /// What people call it.
    name: String,
    /// What it may do.
    role: Role,
    /// Whether it may sign in.
    status: UserStatus,
    /// When it was added.
    created_at: Timestamp,
    /// Since when it may not sign in.
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_at: Option<Timestamp>,
}

/// Whether a person may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum UserStatus {
    /// Once it has chosen a password.
    Invited,
    /// It may.
    Active,
    /// It may not.
    Disabled,
}

impl From<&User> for UserDto {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.clone(),
            email: user.email.clone(),
            name: user.name.clone(),
            role: user.role,
            status: match (user.disabled_at, &user.password) {
                (Some(_), _) => UserStatus::Disabled,
                (None, Some(_)) => UserStatus::Active,
                (None, None) => UserStatus::Invited,
            },
            created_at: user.created_at,
            disabled_at: user.disabled_at,
        }
    }
}

/// A person, and its invitation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvitedUser {
    #[serde(flatten)]
    pub(crate) described: UserDto,
    /// Give it to that person, and to nobody else: it is shown this once, and lets its bearer choose the password, with
    /// `POST /v1/invitations/accept`.
    /// An answer that is repeated for an `Idempotency-Key` has it no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "hgi_...")]
    pub(crate) invitation: Option<String>,
    /// Until when it may be accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) invitation_expires_at: Option<Timestamp>,
}

/// A person to add.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = UserBody)]
pub(crate) struct NewUser {
    /// What it signs in with.
    #[schema(value_type = String, min_length = 3, max_length = 254, example = "ada@example.com")]
    pub(crate) email: EmailAddress,
    /// What people call it.
    #[schema(min_length = 1, max_length = 100, example = "Ada")]
    pub(crate) name: String,
    /// What it may do.
    pub(crate) role: Role,
}

impl NewUser {
    /// Reads one; whoever hands the fields over finishes them.
    pub(crate) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let email = fields.required_parsed("email", str::parse);
        let name = fields.required_line("name", 1..=LONGEST_NAME);
        let role = fields.required_choice("role", &Role::ALL.map(Role::as_str));
        Some(Self {
            email: email?,
            name: name?.to_owned(),
            role: Role::named(role?)?,
        })
    }

    /// The person, who has no password yet.
    pub(crate) fn user(self, tenant: &TenantId, now: Timestamp) -> User {
        User {
            id: UserId::at(now),
            tenant: tenant.clone(),
            email: self.email,
            name: self.name,
            role: self.role,
            created_at: now,
            password: None,
            invitation: None,
            sessions_era: 0,
            disabled_at: None,
        }
    }
}

impl From<&User> for NewUser {
    fn from(user: &User) -> Self {
        Self {
            email: user.email.clone(),
            name: user.name.clone(),
            role: user.role,
        }
    }
}

/// What is changed of a person; what is absent stays.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read by `users::read_changes`"
)]
pub(crate) struct UserChangesBody {
    /// What people call it.
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    /// What it may do.
    role: Option<Role>,
    /// Whether it may not sign in. Its sessions are over then.
    disabled: Option<bool>,
}
