//! How patient an outbox is: how long it waits after failures, and when everything is compared again. Pure.

use std::time::Duration;

use super::SinkError;

/// How patient an outbox is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The wait after a first failure; it doubles with each further one.
    pub first_wait: Duration,
    /// The longest wait that the service did not ask for.
    pub longest_wait: Duration,
    /// Between two passes that compare everything.
    pub recheck: Duration,
}

impl Pace {
    /// Two seconds, doubled up to five minutes.
    #[must_use]
    pub const fn new(recheck: Duration) -> Self {
        Self { first_wait: Duration::from_secs(2), longest_wait: Duration::from_mins(5), recheck }
    }

    /// How long to wait after so many failures in a row: what the service asks, else a doubling wait, spread so that what
    /// failed together does not come back together.
    #[must_use]
    pub fn after(&self, failures: u32, error: &SinkError, random: &mut fastrand::Rng) -> Duration {
        error.wait.unwrap_or_else(|| self.doubled(failures, random))
    }

    /// The same for one contact that must be brought again and again.
    #[must_use]
    pub fn doubled(&self, failures: u32, random: &mut fastrand::Rng) -> Duration {
        let factor = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        let bound = self.first_wait.saturating_mul(factor).min(self.longest_wait);
        bound.mul_f64(random.f64().mul_add(0.5, 0.5))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_are_spread() {
        let (pace, mut random) = (Pace::new(Duration::from_hours(24)), fastrand::Rng::with_seed(1));
        for (failures, bound) in [(1, 2), (2, 4), (3, 8), (20, 300), (200, 300)] {
            let wait = pace.doubled(failures, &mut random).as_secs_f64();
            assert!((f64::from(bound) / 2.0..=f64::from(bound)).contains(&wait), "{failures}: {wait}");
        }
    }
}
