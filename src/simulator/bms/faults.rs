//! What can be odd about the simulated BMS, and when it is. Knows nothing of requests but their paths.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::simulator::settings::When;

/// One kind of trouble or oddity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BmsFault {
    /// The connection ends before the request is looked at.
    CutBefore,
    /// The connection ends after what was asked is done, in the middle of the answer.
    CutAfter,
    /// The answer takes so many milliseconds.
    Slow,
    /// 429 with a `Retry-After` of so many seconds; 0: without one.
    Throttle,
    /// The same as 403.
    ThrottleAs403,
    /// 500 with a page of HTML.
    ServerError,
    /// 503 with a page of HTML.
    Unavailable,
    /// 200 with a page of HTML; what was asked is done.
    NotJson,
    /// So many mebibytes of blanks before the answer.
    Huge,
    /// 404 or 405 as for an address with nothing behind it.
    NotOffered,
    /// 401, and the token stays dead.
    ExpireToken,
    /// The refresh token is not taken, and stays so.
    RefuseRefresh,
    /// Nobody is let in.
    RefuseSignIn,
    /// 200 with `success: false`; nothing is done.
    Refuse,
    /// A refusal has its number as HTTP status, too.
    StatusErrors,
    /// Names of members begin with a capital.
    PascalCase,
    /// One thing comes without an envelope.
    Bare,
    /// Lists do not say how many items there are.
    NoTotal,
    /// The last page of a list is empty.
    MissingLastPage,
    /// A page begins with so many items of the page before.
    Duplicate,
    /// A page has at most so many items.
    SmallPages,
    /// Every page is the first one.
    SamePage,
    /// Dates come without an offset.
    NoOffset,
    /// A JSON Patch is taken with a leading slash in its paths only.
    SlashedPaths,
    /// A JSON Patch without a leading slash in its paths is taken and changes nothing.
    DeafPaths,
    /// The numbers of the operations on emails and phones begin with 1.
    OtherOperations,
    /// Employees can be changed.
    WritableEmployees,
}

/// Name and usual value of each, in the order of the documentation.
const TABLE: &[(BmsFault, &str, u64)] = &[
    (BmsFault::CutBefore, "cut-before", 0),
    (BmsFault::CutAfter, "cut-after", 0),
    (BmsFault::Slow, "slow", 250),
    (BmsFault::Throttle, "throttle", 30),
    (BmsFault::ThrottleAs403, "throttle-403", 30),
    (BmsFault::ServerError, "server-error", 0),
    (BmsFault::Unavailable, "unavailable", 0),
    (BmsFault::NotJson, "not-json", 0),
    (BmsFault::Huge, "huge", 17),
    (BmsFault::NotOffered, "not-offered", 404),
    (BmsFault::ExpireToken, "expire-token", 0),
    (BmsFault::RefuseRefresh, "refuse-refresh", 0),
    (BmsFault::RefuseSignIn, "refuse-sign-in", 0),
    (BmsFault::Refuse, "refuse", 0),
    (BmsFault::StatusErrors, "status-errors", 0),
    (BmsFault::PascalCase, "pascal-case", 0),
    (BmsFault::Bare, "bare", 0),
    (BmsFault::NoTotal, "no-total", 0),
    (BmsFault::MissingLastPage, "missing-last-page", 0),
    (BmsFault::Duplicate, "duplicate", 2),
    (BmsFault::SmallPages, "small-pages", 25),
    (BmsFault::SamePage, "same-page", 0),
    (BmsFault::NoOffset, "no-offset", 0),
    (BmsFault::SlashedPaths, "slashed-paths", 0),
    (BmsFault::DeafPaths, "deaf-paths", 0),
    (BmsFault::OtherOperations, "other-operations", 0),
    (BmsFault::WritableEmployees, "writable-employees", 0),
];

/// Why a fault of BMS cannot be set.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "`{text}` sets no fault of BMS; write NAME=WHEN[@PATH][:VALUE], like cut-after=next1@contacts/summary, with a name of {}",
    BmsFaults::names().collect::<Vec<_>>().join(", ")
)]
pub struct BmsFaultError {
    /// As it was written.
    pub text: String,
}

/// When a fault strikes, on which paths, with which value.
#[derive(Clone, Debug)]
struct Setting {
    when: When,
    path: Option<String>,
    value: u64,
    text: String,
}

/// The faults that are on.
#[derive(Clone, Debug, Default)]
pub struct BmsFaults(BTreeMap<BmsFault, Setting>);

impl BmsFaults {
    /// The names of all faults, in the order of the documentation.
    pub fn names() -> impl Iterator<Item = &'static str> {
        TABLE.iter().map(|(_, name, _)| *name)
    }

    /// Sets one from text like `cut-after=next1@contacts/summary` or `throttle=0.05:30`; `off` takes it out.
    pub(super) fn set(&mut self, text: &str) -> Result<(), BmsFaultError> {
        let (fault, setting) = parse(text).ok_or_else(|| BmsFaultError { text: text.to_owned() })?;
        match setting.text.as_str() {
            "off" => drop(self.0.remove(&fault)),
            _ => drop(self.0.insert(fault, setting)),
        }
        Ok(())
    }

    /// Those that were switched on, each as it was written.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let set = |fault: &BmsFault| self.0.get(fault).map(|setting| setting.text.as_str());
        TABLE.iter().filter_map(move |(fault, name, _)| Some((*name, set(fault)?)))
    }

    /// Whether it strikes now, with its value; asking uses up a chance.
    pub(super) fn strikes(&mut self, fault: BmsFault, path: &str, rng: &mut fastrand::Rng) -> Option<u64> {
        let setting = self.0.get_mut(&fault)?;
        let is_meant = setting.path.as_ref().is_none_or(|part| path.contains(part));
        (is_meant && setting.when.strikes(rng)).then_some(setting.value)
    }
}

fn parse(text: &str) -> Option<(BmsFault, Setting)> {
    let (name, setting) = text.split_once('=')?;
    let (fault, _, usual) = TABLE.iter().find(|(_, known, _)| *known == name.trim())?;
    let setting = setting.trim();
    let (head, value) = setting.split_once(':').map_or((setting, None), |(head, value)| (head, Some(value)));
    let (when, path) = head.split_once('@').map_or((head, None), |(when, path)| (when, Some(path.to_owned())));
    let value = match value {
        Some(value) => value.parse().ok().filter(|value| *value < 1_000_000)?,
        None => *usual,
    };
    Some((*fault, Setting { when: when.parse().ok()?, path, value, text: setting.to_owned() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_set_for_a_path_and_a_number_of_times() {
        let (mut faults, mut rng) = (BmsFaults::default(), fastrand::Rng::with_seed(1));
        faults.set("throttle=next1@emails:7").unwrap();
        assert_eq!(faults.strikes(BmsFault::Throttle, "/v2/crm/contacts/1", &mut rng), None);
        assert_eq!(faults.strikes(BmsFault::Throttle, "/v2/crm/contacts/1/emails", &mut rng), Some(7));
        assert_eq!(faults.strikes(BmsFault::Throttle, "/v2/crm/contacts/1/emails", &mut rng), None);
        faults.set("bare=always").unwrap();
        assert_eq!(faults.iter().collect::<Vec<_>>(), [("throttle", "next1@emails:7"), ("bare", "always")]);
        faults.set("bare=off").unwrap();
        assert_eq!(faults.strikes(BmsFault::Bare, "/", &mut rng), None);
        for bad in ["bear=always", "bare", "bare=sometimes", "slow=always:long", "slow=2"] {
            assert!(faults.set(bad).unwrap_err().to_string().contains("missing-last-page"), "{bad}");
        }
    }
}
