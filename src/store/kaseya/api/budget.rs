//! The calls that BMS takes in an hour, counted for each operation by itself: what may be called now, and when the next
//! call is free. A pure value that is told the time; what it remembers survives a restart.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::endpoint::Endpoint;

/// How many calls BMS documents for an hour.
pub const DOCUMENTED_PER_HOUR: NonZeroU32 = NonZeroU32::new(1500).unwrap();

/// Calls are counted by the minute; a minute's calls are forgotten when its end is an hour ago.
const WINDOW_MIN: i64 = 61;
/// How long nothing is called after a first refusal that names no time; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_mins(2);
/// No pause is longer, unless BMS asks for it.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// No pause is longer, whatever BMS asks for.
const LONGEST_ASKED: Duration = Duration::from_hours(24);

/// How many calls of each operation are left.
///
/// It never allows more than the limit in any sixty minutes, however BMS cuts its hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    per_hour: NonZeroU32,
    spent: Spent,
}

/// What was spent, in a form to be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent(BTreeMap<Endpoint, Used>);

/// What was spent of one operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Used {
    /// Minutes since 1970 with the calls in each, oldest first.
    minutes: Vec<(i64, u32)>,
    /// BMS wants no calls before.
    shut_until: Option<Timestamp>,
    /// Refusals in a row.
    refusals: u32,
}

impl Budget {
    /// So many calls in an hour, some of which may be spent already.
    #[must_use]
    pub const fn new(per_hour: NonZeroU32, spent: Spent) -> Self {
        Self { per_hour, spent }
    }

    /// How many calls are allowed in an hour.
    #[must_use]
    pub const fn per_hour(&self) -> u32 {
        self.per_hour.get()
    }

    /// How many calls may be made now.
    #[must_use]
    pub fn room(&self, endpoint: Endpoint, now: Timestamp) -> u32 {
        match self.spent.0.get(&endpoint) {
            None => self.per_hour.get(),
            Some(used) if used.is_shut(now) => 0,
            Some(used) => self.per_hour.get().saturating_sub(used.count(now)),
        }
    }

    /// When the next call may be made; now, where there is room.
    #[must_use]
    pub fn free_at(&self, endpoint: Endpoint, now: Timestamp) -> Timestamp {
        self.free_for(endpoint, 1, now)
    }

    /// When so many calls may be made at once; more than the limit count as the limit.
    #[must_use]
    pub fn free_for(&self, endpoint: Endpoint, calls: u32, now: Timestamp) -> Timestamp {
        let Some(used) = self.spent.0.get(&endpoint) else { return now };
        let opens = used.shut_until.filter(|until| *until > now).unwrap_or(now);
        let calls = calls.clamp(1, self.per_hour.get());
        let mut left = self.per_hour.get().saturating_sub(used.count(now));
        for (minute, count) in used.minutes.iter().filter(|(minute, _)| is_recent(*minute, now)) {
            if left >= calls {
                break;
            }
            left = left.saturating_add(*count);
            if left >= calls {
                return opens.max(forgotten_at(*minute));
            }
        }
        opens
    }

    /// Spends a call.
    ///
    /// # Errors
    /// When there is no room: when there will be.
    pub fn spend(&mut self, endpoint: Endpoint, now: Timestamp) -> Result<(), Timestamp> {
        if self.room(endpoint, now) == 0 {
            return Err(self.free_at(endpoint, now));
        }
        self.spent.0.entry(endpoint).or_default().add(now);
        Ok(())
    }

    /// BMS took a call.
    pub fn taken(&mut self, endpoint: Endpoint) {
        if let Some(used) = self.spent.0.get_mut(&endpoint) {
            (used.refusals, used.shut_until) = (0, None);
        }
    }

    /// BMS wants fewer calls, and perhaps said for how long there shall be none. Says when the next may be made.
    pub fn throttled(&mut self, endpoint: Endpoint, asked: Option<Duration>, now: Timestamp) -> Timestamp {
        let used = self.spent.0.entry(endpoint).or_default();
        let doubled = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(used.refusals).unwrap_or(u32::MAX));
        let pause = asked.map_or(doubled.min(LONGEST_PAUSE), |asked| asked.min(LONGEST_ASKED));
        used.refusals = used.refusals.saturating_add(1);
        let until = now.saturating_add(SignedDuration::try_from(pause).unwrap_or_default()).unwrap_or(Timestamp::MAX);
        used.shut_until = Some(until);
        until
    }

    /// How many calls were made in the last hour.
    #[must_use]
    pub fn made(&self, endpoint: Endpoint, now: Timestamp) -> u32 {
        self.spent.0.get(&endpoint).map_or(0, |used| used.count(now))
    }

    /// What must not be forgotten.
    #[must_use]
    pub const fn spent(&self) -> &Spent {
        &self.spent
    }
}

impl Used {
    fn is_shut(&self, now: Timestamp) -> bool {
        self.shut_until.is_some_and(|until| until > now)
    }

    fn count(&self, now: Timestamp) -> u32 {
        let recent = self.minutes.iter().filter(|(minute, _)| is_recent(*minute, now));
        recent.fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// A clock that was set back has minutes ahead of it; those count as the current one.
    fn add(&mut self, now: Timestamp) {
        let current = minute_of(now);
        self.minutes.retain(|(minute, _)| is_recent(*minute, now));
        let ahead: u32 = self.minutes.extract_if(.., |(minute, _)| *minute >= current).map(|(_, count)| count).sum();
        self.minutes.push((current, ahead.saturating_add(1)));
    }
}

fn minute_of(time: Timestamp) -> i64 {
    time.as_second().div_euclid(60)
}

fn is_recent(minute: i64, now: Timestamp) -> bool {
    minute > minute_of(now) - WINDOW_MIN
}

fn forgotten_at(minute: i64) -> Timestamp {
    Timestamp::from_second(minute.saturating_add(WINDOW_MIN).saturating_mul(60)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: Endpoint = Endpoint::PatchContact;

    fn at(text: &str) -> Timestamp {
        format!("2026-03-02T{text}Z").parse().unwrap()
    }

    fn budget(per_hour: u32) -> Budget {
        Budget::new(NonZeroU32::new(per_hour).unwrap(), Spent::default())
    }

    #[test]
    fn no_sixty_minutes_see_more_than_the_limit() {
        let mut budget = budget(100);
        let (mut now, mut made) = (at("00:00:17"), Vec::new());
        for step in 0..4000_i64 {
            now += SignedDuration::from_secs(1 + step * 7919 % 90);
            if budget.spend(CALL, now).is_ok() {
                made.push(now);
            }
        }
        for (place, first) in made.iter().enumerate() {
            let hour = made[place..].iter().take_while(|time| time.duration_since(*first).as_secs() < 3600);
            assert!(hour.count() <= 100, "from {first}");
        }
        assert!(made.len() > 3000, "{} calls", made.len());
    }

    #[test]
    fn what_is_full_says_when_it_has_room_and_keeps_its_word() {
        let mut budget = budget(3);
        for second in ["10:00:10", "10:00:50", "10:20:00"] {
            budget.spend(CALL, at(second)).unwrap();
        }
        let full = at("10:20:01");
        assert_eq!(budget.room(CALL, full), 0);
        assert_eq!(budget.free_at(CALL, full), at("11:01:00"));
        assert_eq!(budget.free_for(CALL, 3, full), at("11:21:00"));
        assert_eq!(budget.free_for(CALL, 99, full), at("11:21:00"));
        assert_eq!(budget.spend(CALL, full), Err(at("11:01:00")));
        assert_eq!(budget.room(CALL, at("11:01:00")), 2);
        assert_eq!(budget.room(Endpoint::PatchEmails, full), 3, "each operation by itself");
    }

    #[test]
    fn a_restart_does_not_forget() {
        let mut before = budget(2);
        before.spend(CALL, at("10:00:00")).unwrap();
        before.spend(CALL, at("10:00:00")).unwrap();
        before.throttled(Endpoint::CreateContact, None, at("10:00:00"));
        let kept = serde_json::to_string(before.spent()).unwrap();
        let after = Budget::new(NonZeroU32::new(2).unwrap(), serde_json::from_str(&kept).unwrap());
        assert_eq!(after, before);
        assert_eq!(after.room(CALL, at("10:59:59")), 0);
        assert_eq!(after.room(Endpoint::CreateContact, at("10:01:59")), 0);
        let bytes = postcard::to_stdvec(before.spent()).unwrap();
        assert_eq!(&postcard::from_bytes::<Spent>(&bytes).unwrap(), before.spent());
    }

    #[test]
    fn refusals_pause_longer_each_time_unless_bms_says_how_long() {
        let mut budget = budget(1500);
        let now = at("10:00:00");
        assert_eq!(budget.throttled(CALL, None, now), at("10:02:00"));
        assert_eq!(budget.throttled(CALL, None, now), at("10:04:00"));
        assert_eq!(budget.free_at(CALL, now), at("10:04:00"));
        assert_eq!(budget.throttled(CALL, Some(Duration::from_secs(90)), now), at("10:01:30"));
        assert_eq!(budget.room(CALL, at("10:01:29")), 0);
        assert_eq!(budget.room(CALL, at("10:01:30")), 1500);
        budget.taken(CALL);
        assert_eq!(budget.throttled(CALL, None, now), at("10:02:00"));
        let long = budget.throttled(CALL, Some(Duration::MAX), now);
        assert_eq!(long.duration_since(now).as_hours(), 24);
        for _ in 0..50 {
            budget.throttled(CALL, None, now);
        }
        assert_eq!(budget.throttled(CALL, None, now), at("11:00:00"));
    }

    #[test]
    fn a_clock_that_was_set_back_frees_nothing() {
        let mut budget = budget(2);
        budget.spend(CALL, at("10:30:00")).unwrap();
        budget.spend(CALL, at("09:00:00")).unwrap();
        assert_eq!(budget.room(CALL, at("09:00:00")), 0);
        assert_eq!(budget.room(CALL, at("10:01:00")), 2);
    }
}
