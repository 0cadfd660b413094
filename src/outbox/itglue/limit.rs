//! At most so many requests in any five minutes, whatever happened before the process started: a bucket that is empty at
//! first. Knows nothing of requests.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The window that IT Glue counts in.
const WINDOW: Duration = Duration::from_mins(5);

/// Gives turns.
#[derive(Debug)]
pub(super) struct Limiter {
    /// Turns that may be taken at once after a rest: a tenth of all.
    burst: f64,
    /// Turns in a second: so many that they and a burst are no more than the limit in any window.
    rate: f64,
    held: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    turns: f64,
    at: Instant,
    /// Nobody gets a turn before then.
    closed: Option<Instant>,
}

impl Limiter {
    /// For so many requests in five minutes.
    pub fn new(requests: u32) -> Self {
        let burst = (f64::from(requests) / 10.0).floor().max(1.0);
        let rate = (f64::from(requests) - burst) / WINDOW.as_secs_f64();
        Self { burst, rate, held: Mutex::new(Bucket { turns: 0.0, at: Instant::now(), closed: None }) }
    }

    /// Waits for a turn.
    pub async fn turn(&self) {
        while let Some(wait) = self.wait(Instant::now()) {
            tokio::time::sleep(wait).await;
        }
    }

    /// Gives no turn for so long.
    pub fn close(&self, time: Duration) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.closed = Instant::now().checked_add(time);
    }

    /// Takes a turn, or says how long to wait before asking again.
    fn wait(&self, now: Instant) -> Option<Duration> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(closed) = held.closed.filter(|closed| *closed > now) {
            return Some(closed - now);
        }
        let passed = now.saturating_duration_since(held.at).as_secs_f64();
        held.turns = passed.mul_add(self.rate, held.turns).min(self.burst);
        held.at = now;
        if held.turns >= 1.0 {
            held.turns -= 1.0;
            return None;
        }
        Some(Duration::from_secs_f64((1.0 - held.turns) / self.rate).max(Duration::from_millis(1)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_five_minutes_hold_more_than_the_limit() {
        for (limit, taken) in [(10_u32, 60), (3_000, 9_000)] {
            let limiter = Limiter::new(limit);
            tokio::time::sleep(Duration::from_hours(1)).await;
            let mut window = VecDeque::new();
            for _ in 0..taken {
                limiter.turn().await;
                let now = Instant::now();
                while window.front().is_some_and(|then: &Instant| now - *then >= WINDOW) {
                    window.pop_front();
                }
                window.push_back(now);
                assert!(window.len() <= limit as usize, "{} of {limit}", window.len());
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_asked_to_wait_waits() {
        let limiter = Limiter::new(3_000);
        limiter.close(Duration::from_secs(90));
        let began = Instant::now();
        limiter.turn().await;
        assert!(began.elapsed() >= Duration::from_secs(90));
    }
}
