//! How the faults are set, and whether one strikes now. Knows nothing of what a fault then does.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::time::Duration;

use super::faults::{Fault, FaultError, Takes};
use super::stats::Class;

/// When a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum When {
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
            Takes::Seconds(_) if value.parse().is_ok_and(|number: f64| number.abs() < 1e9) => return Ok(()),
            Takes::Seconds(_) => "a number of seconds",
            Takes::Origin(_) if value.starts_with("http://") || value.starts_with("https://") => return Ok(()),
            Takes::Origin(_) => "an origin like http://127.0.0.2:9",
        };
        Err(FaultError::Value { name: fault.name(), value: value.clone(), wanted })
    }

    fn is_for(&self, fault: Fault, class: Class, path: &str) -> bool {
        self.path.as_deref().map_or_else(|| fault.is_usual(class), |part| path.contains(part))
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

    pub(super) fn strikes(&mut self, rng: &mut fastrand::Rng) -> bool {
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
            Takes::Number(number) | Takes::Seconds(number) => number,
            Takes::Nothing | Takes::Origin(_) => 0.0,
        };
        self.value.as_ref().and_then(|value| value.parse().ok()).unwrap_or(usual)
    }

    /// Its number as milliseconds.
    pub(super) fn milliseconds(&self) -> Duration {
        Duration::from_secs_f64(self.number() / 1000.0)
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
            Takes::Nothing | Takes::Number(_) | Takes::Seconds(_) => "",
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
