//! When a burst of changes is over: pure, with the clock as an argument. Knows no files.

use std::time::Duration;

use tokio::time::Instant;

/// How patient a look at a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// A burst is over when nothing has stirred for so long.
    pub quiet: Duration,
    /// A burst that does not end is looked at after so long all the same.
    pub longest: Duration,
    /// Between looks that nothing asked for: some file systems tell of no change.
    pub poll: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self { quiet: Duration::from_millis(300), longest: Duration::from_secs(3), poll: Duration::from_secs(30) }
    }
}

/// Changes that belong together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Burst {
    first: Instant,
    last: Instant,
}

/// What to do about a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Wait so long, unless something stirs.
    Wait(Duration),
    /// It is over, or has lasted long enough.
    Look,
}

impl Burst {
    pub(super) const fn begin(now: Instant) -> Self {
        Self { first: now, last: now }
    }

    /// Something stirred again.
    pub(super) const fn stir(&mut self, now: Instant) {
        self.last = now;
    }

    pub(super) fn step(&self, now: Instant, timing: &Timing) -> Step {
        let until = (self.last + timing.quiet).min(self.first + timing.longest);
        match until.saturating_duration_since(now) {
            Duration::ZERO => Step::Look,
            left => Step::Wait(left),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn it_ends_when_nothing_has_stirred_for_a_while() {
        let (timing, start) = (Timing::default(), Instant::now());
        let mut burst = Burst::begin(start);
        assert_eq!(burst.step(start, &timing), Step::Wait(ms(300)));
        burst.stir(start + ms(200));
        assert_eq!(burst.step(start + ms(300), &timing), Step::Wait(ms(200)));
        assert_eq!(burst.step(start + ms(500), &timing), Step::Look);
    }

    #[test]
    fn one_that_never_ends_is_looked_at_after_three_seconds() {
        let (timing, start) = (Timing::default(), Instant::now());
        let mut burst = Burst::begin(start);
        for at in (100..=2_900).step_by(100) {
            burst.stir(start + ms(at));
            let Step::Wait(wait) = burst.step(start + ms(at), &timing) else { panic!("over at {at} ms") };
            assert!(wait <= ms(300) && ms(at) + wait <= ms(3_000));
        }
        burst.stir(start + ms(2_999));
        assert_eq!(burst.step(start + ms(3_000), &timing), Step::Look);
    }
}
