//! When what a tenant signs in with ends, and when that is worth a warning. Pure: the clock is an argument, and who knows
//! an end tells it.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use crate::display::counted;

const DAY: Duration = Duration::from_hours(24);
/// The service forgets a refresh token that lies idle for so long.
const IDLE: Duration = Duration::from_hours(90 * 24);
/// A sign-in is worth a warning so long before: after 75 idle days.
const IDLE_NOTICE: Duration = Duration::from_hours(15 * 24);
/// A secret or a certificate is: somebody has to make a new one, and ask around.
const RENEWAL_NOTICE: Duration = Duration::from_hours(30 * 24);

/// What a tenant signs in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Credential {
    /// The sign-in of a person, which dies when it lies idle.
    Grant,
    /// The certificate of the application.
    Certificate,
    /// The client secret of the application.
    Secret,
}

/// A credential with its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expiring {
    /// What ends.
    pub credential: Credential,
    /// When.
    pub at: Timestamp,
}

/// How an end looks from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outlook {
    /// Far off.
    Good,
    /// So near that somebody should act.
    Near,
    /// It has passed.
    Over,
}

impl Credential {
    /// Every one of them.
    pub const ALL: [Self; 3] = [Self::Grant, Self::Certificate, Self::Secret];

    /// Its name in metrics and logs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Certificate => "certificate",
            Self::Secret => "secret",
        }
    }

    const fn notice(self) -> Duration {
        match self {
            Self::Grant => IDLE_NOTICE,
            Self::Certificate | Self::Secret => RENEWAL_NOTICE,
        }
    }

    const fn noun(self) -> &'static str {
        match self {
            Self::Grant => "the sign-in",
            Self::Certificate => "the certificate",
            Self::Secret => "the client secret",
        }
    }

    const fn next_step(self) -> &'static str {
        match self {
            Self::Grant => "it is used too seldom: sign in again, and keep `bmsync run` going",
            Self::Certificate => "make a new one, add it to the app registration, and put it where the manifest points",
            Self::Secret => "make a new one in the app registration, and put it where the manifest points",
        }
    }
}

impl Expiring {
    /// The sign-in of a person that was last used then. Using it pushes its end away.
    #[must_use]
    pub fn grant(refreshed_at: Timestamp) -> Self {
        Self { credential: Credential::Grant, at: refreshed_at.checked_add(IDLE).unwrap_or(Timestamp::MAX) }
    }

    /// How its end looks.
    #[must_use]
    pub fn outlook(&self, now: Timestamp) -> Outlook {
        let left = self.at.duration_since(now);
        if left.is_negative() || left.is_zero() {
            Outlook::Over
        } else if left.unsigned_abs() <= self.credential.notice() {
            Outlook::Near
        } else {
            Outlook::Good
        }
    }

    /// What a person should know and do; nothing while the end is far off.
    #[must_use]
    pub fn warning(&self, now: Timestamp) -> Option<String> {
        let Self { credential, at } = self;
        let (noun, next) = (credential.noun(), credential.next_step());
        let days = counted(at.duration_since(now).unsigned_abs().as_secs() / DAY.as_secs(), "day");
        match self.outlook(now) {
            Outlook::Good => None,
            Outlook::Near => Some(format!("{noun} ends in {days}, at {}: {next}", Second(*at))),
            Outlook::Over => Some(format!("{noun} ended {days} ago, at {}: {next}", Second(*at))),
        }
    }
}

/// A moment without its fraction of a second.
struct Second(Timestamp);

impl fmt::Display for Second {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Timestamp::from_second(self.0.as_second()).unwrap_or(self.0), out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + day * 86_400).unwrap()
    }

    #[test]
    fn a_sign_in_is_warned_of_after_75_idle_days_and_dies_after_90() {
        let grant = Expiring::grant(day(0));
        let looks: Vec<_> = [0, 74, 75, 89, 90, 400].map(|at| grant.outlook(day(at))).into();
        assert_eq!(looks, [Outlook::Good, Outlook::Good, Outlook::Near, Outlook::Near, Outlook::Over, Outlook::Over]);
        assert_eq!(grant.warning(day(74)), None);
        let warning = grant.warning(day(76)).unwrap();
        assert!(warning.starts_with("the sign-in ends in 14 days, at 2027-04-15T08:00:00Z: "), "{warning}");
        assert!(grant.warning(day(91)).unwrap().starts_with("the sign-in ended 1 day ago, at "));
    }

    #[test]
    fn a_certificate_and_a_secret_are_warned_of_30_days_ahead() {
        for credential in [Credential::Certificate, Credential::Secret] {
            let expiring = Expiring { credential, at: day(100) };
            let looks: Vec<_> = [69, 70, 99, 100].map(|at| expiring.outlook(day(at))).into();
            assert_eq!(looks, [Outlook::Good, Outlook::Near, Outlook::Near, Outlook::Over]);
        }
    }

    #[test]
    fn the_ends_of_time_are_no_trouble() {
        assert_eq!(Expiring::grant(Timestamp::MAX).outlook(Timestamp::MIN), Outlook::Good);
        assert_eq!(Expiring::grant(Timestamp::MIN).outlook(Timestamp::MAX), Outlook::Over);
    }
}
