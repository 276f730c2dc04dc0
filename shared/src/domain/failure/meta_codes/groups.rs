//! The table: groups of Meta's codes with one class and one remedy. Texts are ours; Meta's page:
//! <https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/>.

use super::super::Class::{Ambiguous, Credential, Permanent, Policy, Recipient, Template};
use super::super::Class::{Throttled, Transient};
use super::elsewhere::{CALLS_TRANSIENT, GROUPS_OF_PEOPLE, OTHER_LIMITS};
use super::{Group, Reach};

/// Every group. A code stands in one of them only.
pub(super) const GROUPS: &[Group] = &[
    AMBIGUOUS,
    TRANSIENT,
    MAINTENANCE,
    TEMPLATE_SYNCING,
    CALLS_TRANSIENT,
    THROTTLED,
    OTHER_LIMITS,
    PAIR,
    REGISTRATION_PACE,
    TOKEN,
    PERMISSIONS,
    UNDELIVERABLE,
    ENGAGEMENT,
    EXPERIMENT,
    TEST_NUMBER,
    IDENTITY,
    TEMPLATE,
    TEMPLATE_STATE,
    WINDOW,
    OPTED_OUT,
    SPAM,
    RESTRICTED,
    COUNTRY,
    PAYMENT,
    REGISTRATION,
    REQUEST,
    MARKETING,
    MEDIA,
    PIN,
    VERIFICATION,
    NUMBER_GONE,
    GROUPS_OF_PEOPLE,
];

const AMBIGUOUS: Group = Group {
    class: Ambiguous,
    reach: Reach::Message,
    remedy: "wait for a status to settle it, or settle it by hand; sending again may deliver it \
             twice",
    codes: &[
        (
            1,
            "Meta had an unknown error and may have taken the message",
        ),
        (131_000, "Meta failed and may have taken the message"),
    ],
};

const TRANSIENT: Group = Group {
    class: Transient,
    reach: Reach::Message,
    remedy: "it is tried again; if it lasts, look at Meta's status page",
    codes: &[
        (2, "Meta's service is down or overloaded"),
        (131_016, "a service of Meta's is not available"),
        (133_004, "Meta's server is not available"),
    ],
};

const MAINTENANCE: Group = Group {
    class: Transient,
    reach: Reach::Message,
    remedy: "it is tried again; a throughput upgrade takes the number away for up to a minute",
    codes: &[(131_057, "Meta is maintaining the business account")],
};

const TEMPLATE_SYNCING: Group = Group {
    class: Transient,
    reach: Reach::Message,
    remedy: "it is tried again; a new template can take ten minutes to be usable",
    codes: &[(134_101, "Meta is still preparing the template")],
};

const THROTTLED: Group = Group {
    class: Throttled,
    reach: Reach::Message,
    remedy: "it is tried again more slowly; lower the sender's pace if it happens often",
    codes: &[
        (4, "the app has made too many calls"),
        (
            80_007,
            "the WhatsApp Business Account has made too many calls",
        ),
        (130_429, "the sender is above its messages per second"),
    ],
};

const PAIR: Group = Group {
    class: Throttled,
    reach: Reach::Message,
    remedy: "it is tried again later; send this person at most one message in six seconds",
    codes: &[(131_056, "too many messages to this person in a short time")],
};

const REGISTRATION_PACE: Group = Group {
    class: Throttled,
    reach: Reach::Sender,
    remedy: "wait some minutes (for 133016 up to 72 hours), then register the number again",
    codes: &[
        (133_008, "the two-step PIN was guessed wrong too often"),
        (133_009, "the two-step PIN was entered too quickly"),
        (133_015, "the number was just deleted and Meta is not done"),
        (133_016, "the number was registered too often"),
    ],
};

const TOKEN: Group = Group {
    class: Credential,
    reach: Reach::Account,
    remedy: "put a valid access token into the account; use a system user's, which does not expire",
    codes: &[
        (0, "Meta could not authenticate the access token"),
        (190, "the access token has expired or was revoked"),
    ],
};

pub(super) const PERMISSIONS: Group = Group {
    class: Credential,
    reach: Reach::Account,
    remedy: "give the token whatsapp_business_messaging and whatsapp_business_management, and \
             its system user access to this WhatsApp Business Account",
    codes: &[
        (3, "the app may not use this function"),
        (10, "a permission was not granted or was taken away"),
        (131_005, "the token may not act for this number"),
        (
            131_044,
            "the call may not be made with this token or number",
        ),
    ],
};

const UNDELIVERABLE: Group = Group {
    class: Recipient,
    reach: Reach::Message,
    remedy: "check the number; the person may not use WhatsApp, may have an old version, or may \
             not have accepted its terms",
    codes: &[
        (131_021, "the recipient is the sender itself"),
        (131_026, "the message cannot be delivered to this person"),
    ],
};

/// Of the codes about a person, those by which no message of anybody's would arrive. The others keep out one kind of
/// message, or are about who wrote it.
pub(super) const UNREACHABLE: [i64; 1] = [131_026];

const ENGAGEMENT: Group = Group {
    class: Recipient,
    reach: Reach::Message,
    remedy: "do not repeat it; this person may be sent marketing again after a day or more",
    codes: &[(131_049, "Meta limits how much marketing this person gets")],
};

const EXPERIMENT: Group = Group {
    class: Recipient,
    reach: Reach::Message,
    remedy: "do not repeat it; reach this person another way, or wait until they write",
    codes: &[(130_472, "Meta keeps this person out, for an experiment")],
};

const TEST_NUMBER: Group = Group {
    class: Recipient,
    reach: Reach::Message,
    remedy: "add the number to the test number's list at Meta, or send from a real number",
    codes: &[(131_030, "a test number may write to listed people only")],
};

const IDENTITY: Group = Group {
    class: Recipient,
    reach: Reach::Message,
    remedy: "make sure it is still the same person, then send with the new identity hash or none",
    codes: &[(137_000, "the person's identity has changed")],
};

pub(super) const TEMPLATE: Group = Group {
    class: Template,
    reach: Reach::Message,
    remedy: "compare the message with the template: name, language, number and form of its \
             parameters",
    codes: &[
        (132_000, "the number of parameters is not the template's"),
        (
            132_001,
            "there is no approved template of this name and language",
        ),
        (132_005, "the filled-in template is too long"),
        (132_007, "the template breaks a rule of WhatsApp"),
        (132_012, "a parameter has not the form the template wants"),
        (132_018, "the template's parameters are not valid"),
    ],
};

const TEMPLATE_STATE: Group = Group {
    class: Template,
    reach: Reach::Message,
    remedy: "stop sending this template; improve it or its flow at Meta, or use another",
    codes: &[
        (132_015, "the template is paused for low quality"),
        (132_016, "the template is disabled for low quality"),
        (132_068, "the template's flow is blocked"),
        (
            132_069,
            "the template's flow is limited to a few messages an hour",
        ),
        (134_102, "the template is not available for use"),
    ],
};

const WINDOW: Group = Group {
    class: Policy,
    reach: Reach::Message,
    remedy: "send an approved template; anything else needs a message from the person within the \
             last 24 hours",
    codes: &[(131_047, "the person last wrote more than 24 hours ago")],
};

const OPTED_OUT: Group = Group {
    class: Policy,
    reach: Reach::Message,
    remedy: "send this person no marketing until they opt in again",
    codes: &[(131_050, "the person has stopped marketing from you")],
};

const SPAM: Group = Group {
    class: Policy,
    reach: Reach::Sender,
    remedy: "pause this sender and look at its quality rating and its messaging limit at Meta",
    codes: &[
        (
            131_048,
            "Meta limits this sender because people blocked or reported it",
        ),
        (
            131_064,
            "the messaging limit was reached through misclassified templates",
        ),
    ],
};

const RESTRICTED: Group = Group {
    class: Policy,
    reach: Reach::Account,
    remedy: "pause sending, read the account's alerts in Business Support Home and appeal there",
    codes: &[
        (368, "Meta has blocked the account for breaking a rule"),
        (131_031, "Meta has locked the account"),
    ],
};

const COUNTRY: Group = Group {
    class: Policy,
    reach: Reach::Message,
    remedy: "do not send to this country; the account may not",
    codes: &[(130_497, "the account may not write to this country")],
};

const PAYMENT: Group = Group {
    class: Policy,
    reach: Reach::Account,
    remedy: "put the account's payment method or payment terms in order at Meta",
    codes: &[
        (131_042, "something is wrong with the payment method"),
        (134_011, "the payments terms have not been accepted"),
    ],
};

const REGISTRATION: Group = Group {
    class: Policy,
    reach: Reach::Sender,
    remedy: "put the number in order at Meta: display name approved, verified, registered",
    codes: &[
        (131_037, "the number's display name is not approved"),
        (131_045, "the number's registration is broken"),
        (133_000, "the number was not completely deregistered"),
        (133_006, "the number must be verified again"),
        (133_010, "the number is not registered"),
    ],
};

const REQUEST: Group = Group {
    class: Permanent,
    reach: Reach::Message,
    remedy: "correct what was asked; the same fails again",
    codes: &[
        (100, "a parameter is not valid or misspelt"),
        (131_008, "a parameter is missing"),
        (131_009, "a parameter has a value that is not valid"),
        (131_051, "this type of message is not supported"),
        (
            131_060,
            "the WhatsApp Business app alone can show this message",
        ),
        (131_062, "this message needs a phone number, not a user id"),
        (135_000, "something in the message is not valid"),
    ],
};

const MARKETING: Group = Group {
    class: Permanent,
    reach: Reach::Message,
    remedy: "send marketing templates, and only them, by the interface the account is set up for",
    codes: &[
        (131_055, "only marketing templates may be sent this way"),
        (131_063, "marketing templates may not be sent this way"),
        (134_100, "only marketing messages may be sent this way"),
        (
            134_103,
            "the marketing interface may not be used for this message",
        ),
    ],
};

const MEDIA: Group = Group {
    class: Permanent,
    reach: Reach::Message,
    remedy: "check the file: reachable for Meta, of a supported type, not too large, not expired",
    codes: &[
        (131_052, "the media could not be downloaded"),
        (131_053, "the media could not be uploaded"),
    ],
};

const PIN: Group = Group {
    class: Permanent,
    reach: Reach::Sender,
    remedy: "enter the number's two-step verification PIN, or reset it at Meta",
    codes: &[(133_005, "the two-step verification PIN is wrong")],
};

const VERIFICATION: Group = Group {
    class: Permanent,
    reach: Reach::Sender,
    remedy: "request another code, and enter it as it came, within ten minutes",
    codes: &[
        (136_024, "no code could be sent to the number"),
        (136_025, "the code was not the one that was sent"),
    ],
};

const NUMBER_GONE: Group = Group {
    class: Permanent,
    reach: Reach::Sender,
    remedy: "look at Meta whether the number was deleted or moved, and whether the token may see it; bring it back, or \
             send from another",
    codes: &[(
        33,
        "the sender's number does not exist (any more), or the token may not see it",
    )],
};

/// What a code means that nobody has told us about.
pub(super) const UNKNOWN: Group = Group {
    class: Permanent,
    reach: Reach::Message,
    remedy: "look the code up in Meta's list of errors; quote the trace id to Meta's support",
    codes: &[],
};
