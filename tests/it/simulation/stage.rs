//! What everything under a seed shares: the dice, virtual time, the world with its past, and a diary of what happened.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use bmsync::manifest::config::Config;
use bmsync::model::Id;
use bmsync::simulator::ItGlue;
use bmsync::store::local::Clock;
use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::beside;
use crate::oracle::translate;
use crate::oracle::world::{Tenant, World};

/// How often something was met with.
#[derive(Clone, Debug, Default)]
pub struct Tally(BTreeMap<&'static str, u64>);

impl Tally {
    pub fn add(&mut self, other: &Self) {
        other.0.iter().for_each(|(word, count)| *self.0.entry(word).or_default() += count);
    }

    pub fn count(&mut self, word: &'static str) {
        *self.0.entry(word).or_default() += 1;
    }

    pub fn has(&self, word: &str) -> bool {
        self.0.contains_key(word)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.iter().map(|(word, count)| format!("{word} {count}")).collect();
        f.write_str(&all.join(", "))
    }
}

/// Shared by the processes, the directory service and the story.
pub struct Stage {
    began: Instant,
    /// The IT Glue beside this world, in every other one.
    pub it_glue: Option<Mutex<ItGlue>>,
    held: Mutex<Held>,
}

struct Held {
    rng: Rng,
    /// Of a hundred: how often something that can go wrong does.
    faults: u8,
    clock_off: SignedDuration,
    world: World,
    past: BTreeMap<String, Vec<Tenant>>,
    subscriptions: BTreeMap<String, (String, String)>,
    tally: Tally,
    diary: Vec<String>,
}

impl Stage {
    /// The stage of a seed. Virtual time begins now.
    pub fn new(seed: u64, world: World) -> Arc<Self> {
        let mut rng = Rng::with_seed(seed ^ 0x5eed);
        let faults = [0, 3, 10, 25][rng.usize(0..4)];
        let it_glue = rng.bool().then(|| Mutex::new(beside::service()));
        let mut past = BTreeMap::new();
        for (id, tenant) in &world.tenants {
            past.insert(id.clone(), vec![tenant.clone()]);
        }
        let held = Held {
            rng,
            faults,
            clock_off: SignedDuration::ZERO,
            world,
            past,
            subscriptions: BTreeMap::new(),
            tally: Tally::default(),
            diary: Vec::new(),
        };
        Arc::new(Self { began: Instant::now(), it_glue, held: Mutex::new(held) })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().expect("nobody panicked while holding it")
    }

    /// What time it is, by a clock that may have been set wrong.
    pub fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.began.elapsed()).expect("a simulated time");
        let base: Timestamp = "2026-03-01T00:00:00Z".parse().expect("an instant");
        base + elapsed + self.held().clock_off
    }

    pub fn clock(self: &Arc<Self>) -> Clock {
        let stage = Arc::clone(self);
        Arc::new(move || stage.now())
    }

    /// Sets the clock, forwards or backwards.
    pub fn step_clock(&self, step: SignedDuration) {
        self.held().clock_off = step;
    }

    /// How long the world has been going on.
    pub fn elapsed(&self) -> std::time::Duration {
        self.began.elapsed()
    }

    /// Throws the dice.
    pub fn dice<T>(&self, throw: impl FnOnce(&mut Rng) -> T) -> T {
        throw(&mut self.held().rng)
    }

    /// Whether something that can go wrong does; it is counted then.
    pub fn goes_wrong(&self, what: &'static str) -> bool {
        let mut held = self.held();
        let wrong = held.rng.u8(0..100) < held.faults;
        if wrong {
            held.tally.count(what);
            let at = self.began.elapsed().as_secs();
            held.diary.push(format!("{at:>6} s  {what}"));
        }
        wrong
    }

    /// From now on nothing goes wrong any more.
    pub fn make_peace(&self) {
        let mut held = self.held();
        (held.faults, held.clock_off) = (0, SignedDuration::ZERO);
    }

    /// Notes something that happened.
    pub fn note(&self, what: &'static str) {
        self.held().tally.count(what);
        self.tell(what);
    }

    /// Tells the diary.
    pub fn tell(&self, what: &str) {
        let at = self.began.elapsed().as_secs();
        self.held().diary.push(format!("{at:>6} s  {what}"));
    }

    pub fn tally(&self) -> Tally {
        self.held().tally.clone()
    }

    pub fn diary(&self) -> String {
        self.held().diary.join("\n")
    }

    // ---- the world ------------------------------------------------------------------------------------------------

    pub fn world(&self) -> World {
        self.held().world.clone()
    }

    pub fn config(&self) -> Arc<Config> {
        let mut config = translate::config(&self.held().world);
        config.it_glue = self.it_glue.as_ref().map(|_| beside::declared());
        Arc::new(config)
    }

    /// Changes the world; gives the tenants whose directories are different now.
    pub fn change(&self, change: impl FnOnce(&mut World)) -> Vec<String> {
        let mut held = self.held();
        let held = &mut *held;
        change(&mut held.world);
        let mut moved = Vec::new();
        for (id, tenant) in &held.world.tenants {
            let past = held.past.entry(id.clone()).or_default();
            if past.last().is_none_or(|last| !same_directory(last, tenant)) {
                past.push(tenant.clone());
                moved.push(id.clone());
            }
        }
        moved
    }

    /// A tenant's directory as it was at a version and as it is now, with the number of now.
    pub fn versions(&self, tenant: &Id, since: Option<usize>) -> Option<(Option<Tenant>, Vec<Tenant>, usize)> {
        let held = self.held();
        let (_, past) = held.past.iter().find(|(id, _)| translate::guid(id) == *tenant)?;
        let now = past.len() - 1;
        let from = since.unwrap_or(now).min(now);
        Some((since.map(|since| past[since.min(now)].clone()), past[from..].to_vec(), now))
    }

    // ---- subscriptions --------------------------------------------------------------------------------------------

    pub fn subscribe(&self, tenant: &Id) -> (String, String) {
        let mut held = self.held();
        let (id, secret) = (format!("s{}", held.rng.u64(..)), format!("c{}", held.rng.u64(..)));
        held.subscriptions.insert(id.clone(), (tenant.to_string(), secret.clone()));
        (id, secret)
    }

    pub fn unsubscribe(&self, id: &str) {
        self.held().subscriptions.remove(id);
    }

    pub fn is_subscribed(&self, id: &str) -> bool {
        self.held().subscriptions.contains_key(id)
    }

    /// The subscriptions of a tenant, with their secrets.
    pub fn subscriptions_of(&self, tenant: &Id) -> Vec<(String, String)> {
        let held = self.held();
        let of = held.subscriptions.iter().filter(|(_, (known, _))| *known == tenant.to_string());
        of.map(|(id, (_, secret))| (id.clone(), secret.clone())).collect()
    }
}

/// What a directory service knows of a tenant; the rest of it is the admin's.
fn same_directory(one: &Tenant, other: &Tenant) -> bool {
    let Tenant { declared: _, suspend: _, nested: _, read, users, groups, members } = one;
    *read == other.read && *users == other.users && *groups == other.groups && *members == other.members
}
