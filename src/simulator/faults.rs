//! Which troubles there are, their names and the values they take. Knows nothing of when they strike or what they do.

use std::str::FromStr;

use thiserror::Error;

use super::stats::Class;

/// One kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// 429 with a decimal `Retry-After`.
    Throttle,
    /// 503 with `Retry-After` and a body of HTML.
    Unavailable,
    /// 500 with a JSON body.
    ServerError,
    /// 502 with an empty body.
    BadGateway,
    /// 504 with an empty body.
    GatewayTimeout,
    /// The connection ends in the middle of the body.
    Cut,
    /// The reply comes late.
    Slow,
    /// 302 to another origin.
    Redirect,
    /// 200 with a page of HTML.
    NotJson,
    /// 200 with the first half of the JSON.
    TruncatedJson,
    /// 200 with an error object.
    WrongContent,
    /// 200 with a body that hardly ends.
    HugePage,
    /// The token stops being valid: 401 until there is a new one.
    ExpireToken,
    /// 403, as for a token without roles.
    NoRoles,
    /// 410 with a `Location`; the delta link stays dead.
    ExpireDeltaLink,
    /// 400 `syncStateNotFound`; the delta link stays dead.
    SyncStateNotFound,
    /// 400 `SyncStateNotFound`, spelled as seen elsewhere; the delta link stays dead.
    SyncStateNotFoundCapital,
    /// 400 `Directory_ExpiredPageToken`; the round stays dead.
    ExpirePageToken,
    /// Pages repeat objects of earlier pages.
    Duplicate,
    /// A round brings its objects in any order.
    Reorder,
    /// A page without objects and with a nextLink comes first.
    EmptyPage,
    /// Groups are cut into small slices of members, other groups between them.
    Slice,
    /// nextLink and deltaLink point to another origin.
    ForeignLink,
    /// A later round repeats what the round before it told.
    Replay,
    /// The initial round tells the removal of users and groups that nobody knows.
    UnknownRemoved,
    /// The initial round tells the removal of members that were never told.
    RemovedMembers,
    /// A later round does not see the newest changes yet, and a read by ID finds nothing.
    Delay,
    /// Objects deleted for good leave their groups without a word.
    SilentPurge,
    /// The login service refuses, with an AADSTS number.
    SignIn,
    /// Refusals come without `error_uri`, the parts of their description joined by blanks.
    PlainError,
    /// A refresh token that was used is dead from then on.
    RetireRefreshToken,
    /// A refresh brings no new refresh token.
    KeepRefreshToken,
    /// The refresh token has expired, and stays so.
    ExpireRefreshToken,
    /// The refresh token was revoked, and stays so.
    RevokeRefreshToken,
    /// Tokens name a tenant that is not the one.
    ForeignTenant,
    /// An access token is no JWT: nobody but the service can read it.
    OpaqueToken,
    /// The ID token carries another nonce.
    WrongNonce,
    /// The ID token is for another application.
    WrongAudience,
    /// The ID token was issued by somebody else.
    WrongIssuer,
    /// The ID token ended an hour ago.
    ExpiredIdToken,
    /// The browser comes back with another state.
    WrongState,
    /// Asking for a device's token is told to be too frequent.
    SlowDown,
    /// The `Date` of replies is wrong by so many seconds.
    ClockSkew,
    /// A change notification is never sent.
    DropNotification,
    /// A change notification is sent twice.
    DuplicateNotification,
    /// A change notification is sent later.
    LateNotification,
    /// A change notification waits for others and shares a request with them.
    BatchNotifications,
    /// A change notification carries a `clientState` that is not the subscription's.
    ForeignClientState,
    /// A change notification comes before delta shows the change.
    EarlyNotification,
    /// A subscription's authorization lapses: it is told so, and its notifications wait until it is renewed.
    ReauthorizationRequired,
    /// A subscription is gone when it is to be renewed or reauthorized.
    SubscriptionGone,
    /// The validation of a webhook times out without cause.
    ValidationTimeout,
    /// There are too many subscriptions.
    SubscriptionQuota,
}

/// What may stand after the colon.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Takes {
    Nothing,
    /// A number; this one by default.
    Number(f64),
    /// A number of seconds, forth or back; this one by default.
    Seconds(f64),
    /// An origin; this one by default.
    Origin(&'static str),
}

/// An origin that no simulator has, on a port where nobody listens.
const FOREIGN: Takes = Takes::Origin("http://127.0.0.2:9");

/// Name, value and meaning of each fault, in the order of the documentation.
const TABLE: &[(Fault, &str, Takes)] = &[
    (Fault::Throttle, "throttle", Takes::Number(0.25)),
    (Fault::Unavailable, "unavailable", Takes::Number(1.0)),
    (Fault::ServerError, "server-error", Takes::Nothing),
    (Fault::BadGateway, "bad-gateway", Takes::Nothing),
    (Fault::GatewayTimeout, "gateway-timeout", Takes::Nothing),
    (Fault::Cut, "cut", Takes::Nothing),
    (Fault::Slow, "slow", Takes::Number(250.0)),
    (Fault::Redirect, "redirect", FOREIGN),
    (Fault::NotJson, "not-json", Takes::Nothing),
    (Fault::TruncatedJson, "truncated-json", Takes::Nothing),
    (Fault::WrongContent, "wrong-content", Takes::Nothing),
    (Fault::HugePage, "huge-page", Takes::Number(1024.0)),
    (Fault::ExpireToken, "expire-token", Takes::Nothing),
    (Fault::NoRoles, "no-roles", Takes::Nothing),
    (Fault::ExpireDeltaLink, "expire-delta-link", Takes::Nothing),
    (Fault::SyncStateNotFound, "sync-state-not-found", Takes::Nothing),
    (Fault::SyncStateNotFoundCapital, "sync-state-not-found-capital", Takes::Nothing),
    (Fault::ExpirePageToken, "expire-page-token", Takes::Nothing),
    (Fault::Duplicate, "duplicate", Takes::Number(3.0)),
    (Fault::Reorder, "reorder", Takes::Nothing),
    (Fault::EmptyPage, "empty-page", Takes::Nothing),
    (Fault::Slice, "slice", Takes::Number(2.0)),
    (Fault::ForeignLink, "foreign-link", FOREIGN),
    (Fault::Replay, "replay", Takes::Nothing),
    (Fault::UnknownRemoved, "unknown-removed", Takes::Nothing),
    (Fault::RemovedMembers, "removed-members", Takes::Nothing),
    (Fault::Delay, "delay", Takes::Nothing),
    (Fault::SilentPurge, "silent-purge", Takes::Nothing),
    (Fault::SignIn, "sign-in", Takes::Number(7_000_222.0)),
    (Fault::PlainError, "plain-error", Takes::Nothing),
    (Fault::RetireRefreshToken, "retire-refresh-token", Takes::Nothing),
    (Fault::KeepRefreshToken, "keep-refresh-token", Takes::Nothing),
    (Fault::ExpireRefreshToken, "expire-refresh-token", Takes::Nothing),
    (Fault::RevokeRefreshToken, "revoke-refresh-token", Takes::Nothing),
    (Fault::ForeignTenant, "foreign-tenant", Takes::Nothing),
    (Fault::OpaqueToken, "opaque-token", Takes::Nothing),
    (Fault::WrongNonce, "wrong-nonce", Takes::Nothing),
    (Fault::WrongAudience, "wrong-audience", Takes::Nothing),
    (Fault::WrongIssuer, "wrong-issuer", Takes::Nothing),
    (Fault::ExpiredIdToken, "expired-id-token", Takes::Nothing),
    (Fault::WrongState, "wrong-state", Takes::Nothing),
    (Fault::SlowDown, "slow-down", Takes::Nothing),
    (Fault::ClockSkew, "clock-skew", Takes::Seconds(600.0)),
    (Fault::DropNotification, "drop-notification", Takes::Nothing),
    (Fault::DuplicateNotification, "duplicate-notification", Takes::Nothing),
    (Fault::LateNotification, "late-notification", Takes::Number(1000.0)),
    (Fault::BatchNotifications, "batch-notifications", Takes::Number(250.0)),
    (Fault::ForeignClientState, "foreign-client-state", Takes::Nothing),
    (Fault::EarlyNotification, "early-notification", Takes::Number(500.0)),
    (Fault::ReauthorizationRequired, "reauthorization-required", Takes::Nothing),
    (Fault::SubscriptionGone, "subscription-gone", Takes::Nothing),
    (Fault::ValidationTimeout, "validation-timeout", Takes::Nothing),
    (Fault::SubscriptionQuota, "subscription-quota", Takes::Nothing),
];

/// Those that strike at the login service when no path is given.
const OF_SIGN_IN: &[Fault] = &[
    Fault::PlainError,
    Fault::RetireRefreshToken,
    Fault::KeepRefreshToken,
    Fault::ExpireRefreshToken,
    Fault::RevokeRefreshToken,
    Fault::ForeignTenant,
    Fault::OpaqueToken,
    Fault::WrongNonce,
    Fault::WrongAudience,
    Fault::WrongIssuer,
    Fault::ExpiredIdToken,
    Fault::WrongState,
    Fault::SlowDown,
];

impl Fault {
    /// Every fault, in the order of the documentation.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|(fault, ..)| *fault)
    }

    /// Its name on the command line and in the control API.
    pub fn name(self) -> &'static str {
        self.row().map_or("", |(_, name, _)| name)
    }

    pub(super) fn takes(self) -> Takes {
        self.row().map_or(Takes::Nothing, |(.., takes)| *takes)
    }

    /// Which requests it is for when no path is given.
    pub(super) fn is_usual(self, class: Class) -> bool {
        match (self, OF_SIGN_IN.contains(&self)) {
            (Self::SignIn, _) => class == Class::Token,
            (Self::ClockSkew, _) => true,
            (_, of_sign_in) => class.is_graph() != of_sign_in,
        }
    }

    fn row(self) -> Option<&'static (Self, &'static str, Takes)> {
        TABLE.iter().find(|(fault, ..)| *fault == self)
    }
}

/// Why a fault cannot be set.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum FaultError {
    /// No such fault.
    #[error("unknown fault `{name}`; known are {}", known())]
    Unknown {
        /// As it was written.
        name: String,
    },
    /// Not of the form `NAME=WHEN[@PATH][:VALUE]`.
    #[error(
        "`{text}` does not set a fault; write NAME=WHEN[@PATH][:VALUE], like throttle=0.01 or cut=next1@users/delta"
    )]
    Form {
        /// As it was written.
        text: String,
    },
    /// It is not said when the fault strikes.
    #[error("`{when}` is not when a fault strikes; write a probability (0.01, 5%), always, off, next3 or next3after2")]
    When {
        /// As it was written.
        when: String,
    },
    /// The value after the colon does not fit.
    #[error("fault `{name}` cannot take the value `{value}`; it takes {wanted}")]
    Value {
        /// Of the fault.
        name: &'static str,
        /// As it was written.
        value: String,
        /// What it takes.
        wanted: &'static str,
    },
}

fn known() -> String {
    Fault::all().map(Fault::name).collect::<Vec<_>>().join(", ")
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let found = TABLE.iter().find(|(_, name, _)| *name == text).map(|(fault, ..)| *fault);
        found.ok_or_else(|| FaultError::Unknown { name: text.to_owned() })
    }
}
