//! What the tenants sign in with and when it ends: remembered between looks, told as a condition, and in the log once a
//! day. Pure: the clock is an argument.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::Id;
use crate::source::expiry::{Expiring, Outlook};

/// So often a person is reminded.
const REMINDER: Duration = Duration::from_hours(24);

/// Of all tenants.
#[derive(Debug, Default)]
pub(super) struct Credentials(BTreeMap<Id, Known>);

#[derive(Debug, Default)]
struct Known {
    expiring: Vec<Expiring>,
    reminded_at: Option<Timestamp>,
}

impl Credentials {
    /// What a tenant signs in with, as it was just found. Gives the warnings that are due: none within a day of the last.
    pub fn found(&mut self, tenant: &Id, expiring: Vec<Expiring>, now: Timestamp) -> Vec<(Expiring, String)> {
        let known = self.0.entry(tenant.clone()).or_default();
        known.expiring = expiring;
        known.expiring.sort_unstable();
        let recent = |at: &Timestamp| now.duration_since(*at).unsigned_abs() < REMINDER;
        if known.reminded_at.as_ref().is_some_and(recent) {
            return Vec::new();
        }
        let warned = |one: &Expiring| Some((*one, one.warning(now)?));
        let due: Vec<_> = known.expiring.iter().filter_map(warned).collect();
        known.reminded_at = (!due.is_empty()).then_some(now);
        due
    }

    /// What is known of a tenant's.
    pub fn of(&self, tenant: &Id) -> &[Expiring] {
        self.0.get(tenant).map_or(&[], |known| &known.expiring)
    }

    /// Forgets tenants that are no longer declared.
    pub fn retain(&mut self, declared: impl Fn(&Id) -> bool) {
        self.0.retain(|tenant, _| declared(tenant));
    }
}

/// The worst of several, and what is to be said of those that are not good.
pub(super) fn summary(expiring: &[Expiring], now: Timestamp) -> Option<(Outlook, String)> {
    let worst = expiring.iter().map(|one| one.outlook(now)).max()?;
    let warnings: Vec<String> = expiring.iter().filter_map(|one| one.warning(now)).collect();
    Some((worst, warnings.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::expiry::Credential;

    fn hour(hour: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + hour * 3600).unwrap()
    }

    #[test]
    fn a_warning_comes_once_a_day_until_it_is_settled() {
        let tenant = Id::new("84841066-274d-4ec0-a5c1-276be684bdd3");
        let mut credentials = Credentials::default();
        let near = vec![Expiring { credential: Credential::Secret, at: hour(240) }];
        let far = vec![Expiring { credential: Credential::Secret, at: hour(24_000) }];
        let mut warned =
            |at: i64, expiring: &Vec<Expiring>| !credentials.found(&tenant, expiring.clone(), hour(at)).is_empty();
        assert!(!warned(0, &far));
        let hours: Vec<i64> = (1..=73).filter(|at| warned(*at, &near)).collect();
        assert_eq!(hours, [1, 25, 49, 73]);
        assert!(!warned(100, &far));
        assert!(warned(101, &near), "another one is told at once");
        assert_eq!(credentials.of(&tenant), near);
        credentials.retain(|_| false);
        assert!(credentials.of(&tenant).is_empty());
    }

    #[test]
    fn the_worst_of_several_counts() {
        let of = |credential, at| Expiring { credential, at: hour(at) };
        assert_eq!(summary(&[], hour(0)), None);
        let several = [of(Credential::Grant, 24_000), of(Credential::Secret, 48), of(Credential::Certificate, -30)];
        let (worst, text) = summary(&several, hour(0)).unwrap();
        assert_eq!(worst, Outlook::Over);
        assert!(
            text.contains("the client secret ends in 2 days") && text.contains("the certificate ended 1 day ago"),
            "{text}"
        );
        assert_eq!(summary(&several[..1], hour(0)), Some((Outlook::Good, String::new())));
    }
}
