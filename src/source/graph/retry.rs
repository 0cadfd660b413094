//! Patience: how often a request is tried, how long bmsync waits in between, and when it gives up. It knows nothing of
//! what is asked.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use super::error::{Pressure, Setback};
use crate::source::{Job, Meter, SourceError, SourceErrorClass};

/// How patient a source is with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How often a request is tried.
    pub tries: u32,
    /// How long all tries of a request may take together.
    pub budget: Duration,
    /// Upper bound of the first wait; it doubles with each try.
    pub first_wait: Duration,
    /// Upper bound of every wait that the service did not ask for.
    pub longest_wait: Duration,
    /// How long a whole read may take that brings nothing.
    pub read: Duration,
    /// How much longer it may take for every user, group and membership that it has brought.
    pub each: Duration,
    /// Seed of the jitter.
    pub seed: u64,
}

impl Pace {
    /// Five tries in at most 60 seconds; ten minutes for a whole read, and a second more for every ten things it brings.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            tries: 5,
            budget: Duration::from_mins(1),
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(15),
            read: Duration::from_mins(10),
            each: Duration::from_millis(100),
            seed,
        }
    }
}

/// A pace and its source of jitter.
#[derive(Debug)]
pub(super) struct Patience {
    pace: Pace,
    jitter: Mutex<fastrand::Rng>,
    meter: Arc<dyn Meter>,
}

impl Patience {
    pub fn new(pace: Pace) -> Self {
        Self { pace, jitter: Mutex::new(fastrand::Rng::with_seed(pace.seed)), meter: Arc::new(()) }
    }

    /// The same, counting its pauses.
    pub fn with_meter(self, meter: Arc<dyn Meter>) -> Self {
        Self { meter, ..self }
    }

    /// How patient it is.
    pub const fn pace(&self) -> Pace {
        self.pace
    }

    /// The tries of a new request; its time runs from now.
    pub fn start(&self) -> Tries {
        let jitter = self.jitter.lock().unwrap_or_else(PoisonError::into_inner).fork();
        let deadline = Instant::now() + self.pace.budget;
        Tries { pace: self.pace, jitter, made: 0, deadline, meter: Arc::clone(&self.meter) }
    }
}

/// The tries of one request.
#[derive(Debug)]
pub(super) struct Tries {
    pace: Pace,
    jitter: fastrand::Rng,
    made: u32,
    deadline: Instant,
    meter: Arc<dyn Meter>,
}

/// Why there is no further try.
#[derive(Debug, PartialEq, Eq)]
enum GivenUp {
    /// All tries are made.
    Tries,
    /// The time is up.
    Time,
    /// The service asks to wait longer than the time that is left.
    Asked(Duration),
}

impl Tries {
    /// When the time of the request is up.
    pub const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// How many tries have failed.
    pub const fn made(&self) -> u32 {
        self.made
    }

    /// A random GUID, to name a try in the service's own logs.
    pub fn name(&mut self) -> String {
        let bits = self.jitter.u128(..) & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
        let hex = format!("{bits:032x}");
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }

    /// Waits until the next try is due.
    ///
    /// # Errors
    /// When there is to be none: the setback, as the error that ends the request for `what`.
    pub async fn pause(
        &mut self,
        what: &(impl fmt::Display + Sync + ?Sized),
        setback: Setback,
    ) -> Result<(), SourceError> {
        let next = self.next(Instant::now(), setback.wait);
        self.count(setback.pressure, next.as_ref().ok().copied());
        match next {
            Ok(wait) => {
                let wait_ms = wait.as_millis();
                warn!(request = %what, reason = %setback.what, tries = self.made, wait_ms, "trying again");
                tokio::time::sleep(wait).await;
                Ok(())
            }
            Err(given_up) => Err(self.give_up(what, setback, &given_up)),
        }
    }

    fn count(&self, pressure: Pressure, wait: Option<Duration>) {
        match pressure {
            Pressure::Throttled => self.meter.throttled(wait.unwrap_or_default()),
            Pressure::Free => {}
        }
        if wait.is_some() {
            self.meter.retried();
        }
    }

    fn next(&mut self, now: Instant, asked: Option<Duration>) -> Result<Duration, GivenUp> {
        self.made += 1;
        let left = self.deadline.saturating_duration_since(now);
        match asked {
            Some(asked) if asked >= left => Err(GivenUp::Asked(asked)),
            Some(_) | None if self.made >= self.pace.tries => Err(GivenUp::Tries),
            Some(asked) => Ok(asked),
            None => Some(self.back_off()).filter(|wait| *wait < left).ok_or(GivenUp::Time),
        }
    }

    /// Full jitter: anything up to a bound that doubles.
    fn back_off(&mut self) -> Duration {
        let doubled = self.pace.first_wait.saturating_mul(1_u32.checked_shl(self.made - 1).unwrap_or(u32::MAX));
        doubled.min(self.pace.longest_wait).mul_f64(self.jitter.f64())
    }

    fn give_up(&self, what: &(impl fmt::Display + ?Sized), setback: Setback, given_up: &GivenUp) -> SourceError {
        let Setback { class, what: happened, wait: _, pressure: _, hint, cause } = setback;
        let (class, end) = match given_up {
            GivenUp::Tries => (class, format!("gave up after {} tries", self.made)),
            GivenUp::Time => (class, format!("gave up after {} s", self.pace.budget.as_secs())),
            GivenUp::Asked(asked) => (SourceErrorClass::Transient, asked_too_long(*asked)),
        };
        let job = match class {
            SourceErrorClass::Transient => Job::Wait,
            SourceErrorClass::Person | SourceErrorClass::Protocol => Job::Operator,
        };
        SourceError { class, job, code: None, message: format!("{what}: {happened}; {end}"), hint, source: cause }
    }
}

fn asked_too_long(asked: Duration) -> String {
    if asked == Duration::MAX {
        return "the service asks to wait longer than bmsync does".to_owned();
    }
    format!("the service asks to wait {} s, longer than bmsync does", asked.as_secs_f64().ceil())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tries(pace: Pace) -> Tries {
        Patience::new(pace).start()
    }

    #[test]
    fn the_waits_are_jittered_under_a_doubling_bound() {
        for seed in 0..200 {
            let mut tries = tries(Pace::new(seed));
            let now = Instant::now();
            for bound in [1, 2, 4, 8] {
                let wait = tries.next(now, None).unwrap();
                assert!(wait <= Duration::from_secs(bound), "seed {seed}: {wait:?} over {bound} s");
            }
            assert_eq!(tries.next(now, None), Err(GivenUp::Tries), "seed {seed}");
        }
    }

    #[test]
    fn equal_seeds_wait_alike_and_others_do_not() {
        let waits = |seed| {
            let mut tries = tries(Pace::new(seed));
            [(); 4].map(|()| tries.next(Instant::now(), None).unwrap())
        };
        assert_eq!(waits(7), waits(7));
        assert_ne!(waits(7), waits(8));
    }

    #[test]
    fn what_the_service_asks_is_kept_or_refused_whole() {
        let mut tries = tries(Pace::new(1));
        let now = tries.deadline() - Duration::from_secs(20);
        assert_eq!(tries.next(now, Some(Duration::from_secs(19))), Ok(Duration::from_secs(19)));
        let long = Duration::from_secs(20);
        assert_eq!(tries.next(now, Some(long)), Err(GivenUp::Asked(long)));
        assert_eq!(tries.next(tries.deadline(), None), Err(GivenUp::Time));
    }

    #[test]
    fn giving_up_says_what_and_why() {
        let mut tries = tries(Pace::new(1));
        tries.made = 5;
        let said = |up: &GivenUp| tries.give_up("users page 3", Setback::garbled("not a page"), up);
        let error = said(&GivenUp::Tries);
        assert_eq!(error.message, "users page 3: not a page; gave up after 5 tries");
        assert_eq!(error.class, SourceErrorClass::Protocol);
        let error = said(&GivenUp::Asked(Duration::from_millis(119_500)));
        assert_eq!(error.class, SourceErrorClass::Transient);
        assert!(error.message.ends_with("asks to wait 120 s, longer than bmsync does"), "{error}");
    }

    #[test]
    fn a_try_is_named_by_a_version_4_guid() {
        let mut tries = tries(Pace::new(1));
        let name = tries.name();
        assert!(crate::model::Id::new(&name).is_guid(), "{name}");
        assert_eq!(&name[14..15], "4");
        assert!("89ab".contains(&name[19..20]), "{name}");
        assert_ne!(name, tries.name());
    }
}
