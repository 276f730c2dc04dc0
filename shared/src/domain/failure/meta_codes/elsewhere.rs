//! The table, continued: codes that other interfaces of Meta's use more than messages do (calls, groups, flows,
//! management). They reach us in webhooks, and in answers that are not about the message itself.

use super::super::Class::{Permanent, Template, Throttled, Transient};
use super::groups::{PERMISSIONS, TEMPLATE};
use super::{Group, Reach};
use std::ops::RangeInclusive;

/// Codes that are known by their range alone: what they say beyond it changes nothing about a message.
pub(super) const RANGES: &[(RangeInclusive<i64>, Group, &str)] = &[
    (200..=299, PERMISSIONS, "the token lacks a permission"),
    (
        131_200..=131_299,
        GROUPS_OF_PEOPLE,
        "Meta refused it because of the group it goes to",
    ),
    (
        132_000..=132_999,
        TEMPLATE,
        "Meta refused the template or its parameters",
    ),
    (138_000..=138_999, CALLS, "Meta refused the call"),
    (
        139_000..=139_099,
        FLOWS,
        "Meta refused the flow, or could not reach its endpoint",
    ),
    (
        139_100..=139_199,
        BLOCKING,
        "the person could not be blocked or unblocked",
    ),
    (
        147_000..=147_999,
        USERNAMES,
        "Meta refused the business's username",
    ),
    (
        200_005..=200_007,
        MANAGEMENT,
        "Meta has no such statistics for the account",
    ),
    (
        2_388_000..=2_388_999,
        MANAGEMENT,
        "Meta refused a change to a template or to the account",
    ),
    (
        2_494_000..=2_494_999,
        MANAGEMENT,
        "Meta refused a migration or a sign-up",
    ),
    (
        2_593_000..=2_593_999,
        MANAGEMENT,
        "the WhatsApp Business app's contacts or history cannot be fetched (any more)",
    ),
];

pub(super) const CALLS_TRANSIENT: Group = Group {
    class: Transient,
    reach: Reach::Message,
    remedy: "call again; if it lasts, look at Meta's status page",
    codes: &[
        (138_004, "the call could not be connected"),
        (138_007, "the call was not connected in time"),
    ],
};

pub(super) const OTHER_LIMITS: Group = Group {
    class: Throttled,
    reach: Reach::Message,
    remedy: "wait, then do it again more slowly",
    codes: &[
        (613, "this function was called too often"),
        (131_208, "too many changes to groups"),
        (138_002, "too many calls at the same time"),
        (138_005, "too many calls in a short time"),
    ],
};

pub(super) const GROUPS_OF_PEOPLE: Group = Group {
    class: Permanent,
    reach: Reach::Message,
    remedy: "check the group at Meta: it must exist, be yours, and take this type of message",
    codes: &[
        (131_020, "the group does not exist or cannot be used"),
        (131_041, "this cannot be sent to a group"),
        (131_059, "the group does not take this message"),
    ],
};

const CALLS: Group = Group {
    class: Permanent,
    reach: Reach::Message,
    remedy: "check that calling is set up for the number and that the person has permitted the call",
    codes: &[],
};

const FLOWS: Group = Group {
    class: Template,
    reach: Reach::Message,
    remedy: "check the flow and its endpoint at Meta, then send again",
    codes: &[],
};

const BLOCKING: Group = Group {
    class: Permanent,
    reach: Reach::Message,
    remedy: "only people who wrote within the last 24 hours can be blocked",
    codes: &[],
};

const USERNAMES: Group = Group {
    class: Permanent,
    reach: Reach::Message,
    remedy: "choose another username, or try again when Meta has decided about it",
    codes: &[],
};

const MANAGEMENT: Group = Group {
    class: Permanent,
    reach: Reach::Message,
    remedy: "look the code up in Meta's list of errors, and correct the request",
    codes: &[],
};
