//! The fault switches: which troubles there are, how each is set, and whether one strikes now.
//! Knows nothing of what a fault then does.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
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
}

/// What may stand after the colon.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Takes {
    Nothing,
    /// A number; this one by default.
    Number(f64),
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

    fn takes(self) -> Takes {
        self.row().map_or(Takes::Nothing, |(.., takes)| *takes)
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

/// When a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum When {
    Probability(f64),
    /// So many more times, after leaving so many chances out.
    Next {
        times: u32,
        after: u32,
    },
}

/// How a fault is set: when it strikes, on which requests, with which value.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    when: When,
    /// A part of the path; without one, every Graph request (or the login service, for `sign-in`).
    path: Option<String>,
    value: Option<String>,
}

impl Setting {
    fn parse(fault: Fault, text: &str) -> Result<Self, FaultError> {
        let (head, value) = text.split_once(':').map_or((text, None), |(head, value)| (head, Some(value)));
        let (when, path) = head.split_once('@').map_or((head, None), |(when, path)| (when, Some(path)));
        let setting = Self { when: when.parse()?, path: path.map(str::to_owned), value: value.map(str::to_owned) };
        setting.check(fault).map(|()| setting)
    }

    fn check(&self, fault: Fault) -> Result<(), FaultError> {
        let Some(value) = &self.value else { return Ok(()) };
        let wanted = match fault.takes() {
            Takes::Nothing => "none",
            Takes::Number(_) if value.parse().is_ok_and(|number: f64| (0.0..1e9).contains(&number)) => return Ok(()),
            Takes::Number(_) => "a number from 0",
            Takes::Origin(_) if value.starts_with("http://") || value.starts_with("https://") => return Ok(()),
            Takes::Origin(_) => "an origin like http://127.0.0.2:9",
        };
        Err(FaultError::Value { name: fault.name(), value: value.clone(), wanted })
    }

    fn is_for(&self, fault: Fault, class: Class, path: &str) -> bool {
        let usual = class.is_graph() || fault == Fault::SignIn;
        self.path.as_deref().map_or(usual, |part| path.contains(part))
    }
}

impl FromStr for When {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let when = match (text, text.strip_prefix("next"), text.strip_suffix('%')) {
            ("always", ..) => Some(Self::Probability(1.0)),
            ("off", ..) => Some(Self::Probability(0.0)),
            (_, Some(counts), _) => next(counts),
            (_, None, Some(percent)) => percent.parse().ok().map(|number: f64| Self::Probability(number / 100.0)),
            (_, None, None) => text.parse().ok().map(Self::Probability),
        };
        when.filter(Self::is_sensible).ok_or_else(|| FaultError::When { when: text.to_owned() })
    }
}

fn next(counts: &str) -> Option<When> {
    let (times, after) = counts.split_once("after").unwrap_or((counts, "0"));
    Some(When::Next { times: times.parse().ok()?, after: after.parse().ok()? })
}

impl When {
    fn is_sensible(&self) -> bool {
        match self {
            Self::Probability(share) => (0.0..=1.0).contains(share),
            Self::Next { .. } => true,
        }
    }

    fn is_over(self) -> bool {
        match self {
            Self::Probability(share) => share <= 0.0,
            Self::Next { times, after: _ } => times == 0,
        }
    }

    fn strikes(&mut self, rng: &mut fastrand::Rng) -> bool {
        match self {
            Self::Probability(share) => rng.f64() < *share,
            Self::Next { after, .. } if *after > 0 => {
                *after -= 1;
                false
            }
            Self::Next { times, .. } => {
                let strikes = *times > 0;
                *times = times.saturating_sub(1);
                strikes
            }
        }
    }
}

impl Display for Setting {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { when, path, value } = self;
        match when {
            When::Probability(share) => write!(f, "{share}")?,
            When::Next { times, after: 0 } => write!(f, "next{times}")?,
            When::Next { times, after } => write!(f, "next{times}after{after}")?,
        }
        path.iter().try_for_each(|path| write!(f, "@{path}"))?;
        value.iter().try_for_each(|value| write!(f, ":{value}"))
    }
}

/// The faults that are switched on.
#[derive(Clone, Debug, Default)]
pub struct Faults(BTreeMap<Fault, Setting>);

impl Faults {
    /// Sets one fault from text like `throttle=0.01`, `cut=next1@users/delta`, `slow=always:250` or `cut=off`.
    ///
    /// # Errors
    /// When there is no such fault, or it is not said sensibly when it strikes.
    pub fn set(&mut self, text: &str) -> Result<(), FaultError> {
        let form = || FaultError::Form { text: text.to_owned() };
        let (name, setting) = text.split_once('=').ok_or_else(form)?;
        let fault = name.trim().parse()?;
        self.insert(fault, Setting::parse(fault, setting.trim())?);
        Ok(())
    }

    fn insert(&mut self, fault: Fault, setting: Setting) {
        if setting.when.is_over() {
            self.0.remove(&fault);
        } else {
            self.0.insert(fault, setting);
        }
    }

    /// The faults that are on, each with its setting as text; counts are what is left of them.
    pub fn iter(&self) -> impl Iterator<Item = (Fault, String)> {
        self.0.iter().map(|(fault, setting)| (*fault, setting.to_string()))
    }

    /// Whether a fault strikes this request; asking uses up a chance.
    pub(super) fn strikes(
        &mut self,
        fault: Fault,
        class: Class,
        path: &str,
        rng: &mut fastrand::Rng,
    ) -> Option<Strike> {
        let setting = self.0.get_mut(&fault).filter(|setting| setting.is_for(fault, class, path))?;
        let strike = setting.when.strikes(rng).then(|| Strike { fault, value: setting.value.clone() });
        if setting.when.is_over() {
            self.0.remove(&fault);
        }
        strike
    }
}

/// A fault that strikes now.
#[derive(Debug)]
pub(super) struct Strike {
    fault: Fault,
    value: Option<String>,
}

impl Strike {
    /// Its number: the one that was set, or the usual one.
    pub(super) fn number(&self) -> f64 {
        let usual = match self.fault.takes() {
            Takes::Number(number) => number,
            Takes::Nothing | Takes::Origin(_) => 0.0,
        };
        self.value.as_ref().and_then(|value| value.parse().ok()).unwrap_or(usual)
    }

    /// Its number as a count.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be in 0..1e9 when it was set"
    )]
    pub(super) fn count(&self) -> usize {
        self.number() as usize
    }

    /// Its origin: the one that was set, or one where nobody listens.
    pub(super) fn origin(&self) -> String {
        let usual = match self.fault.takes() {
            Takes::Origin(origin) => origin,
            Takes::Nothing | Takes::Number(_) => "",
        };
        self.value.clone().unwrap_or_else(|| usual.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn struck(text: &str, chances: usize) -> Vec<bool> {
        let (mut faults, mut rng) = (Faults::default(), fastrand::Rng::with_seed(1));
        faults.set(text).unwrap();
        (0..chances).map(|_| faults.strikes(Fault::Cut, Class::Users, "/v1.0/users/x", &mut rng).is_some()).collect()
    }

    #[test]
    fn a_fault_strikes_when_it_is_told_to() {
        assert_eq!(struck("cut=next2after1", 4), [false, true, true, false]);
        assert_eq!(struck("cut=always", 2), [true, true]);
        assert_eq!(struck("cut=always@groups", 2), [false, false]);
        let share = struck("cut=25%", 4000).into_iter().filter(|strike| *strike).count();
        assert!((900..1100).contains(&share), "struck {share} of 4000");
    }

    #[test]
    fn bad_settings_say_what_is_known() {
        let message = |text: &str| Faults::default().set(text).unwrap_err().to_string();
        assert!(message("trottle=1").contains("unknown fault `trottle`; known are throttle, unavailable"));
        assert!(message("throttle").contains("NAME=WHEN"));
        assert!(message("throttle=2").contains("probability"));
        assert!(message("throttle=1:soon").contains("a number from 0"));
        assert!(message("cut=1:5").contains("it takes none"));
    }

    #[test]
    fn every_fault_has_its_row_and_its_text_reads_back() {
        for fault in Fault::all() {
            let mut faults = Faults::default();
            faults.set(&format!("{}=next3after1@delta", fault.name())).unwrap();
            let shown: Vec<_> = faults.iter().collect();
            assert_eq!(shown, [(fault, "next3after1@delta".to_owned())]);
        }
    }
}
