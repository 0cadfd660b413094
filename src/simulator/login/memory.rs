//! What the login service remembers: codes, refresh tokens, device codes, sessions, assertions seen, and its clock.
//! Knows nothing of HTTP. Everything is kept by random text and forgotten when there is too much of it.

use std::collections::HashMap;
use std::hash::Hash;

use jiff::{SignedDuration, Timestamp};

use super::ask::Challenge;
use super::scope::Scopes;
use super::signing::SigningKey;

/// How long a code can be redeemed.
pub(super) const CODE_LIFE: SignedDuration = SignedDuration::from_mins(10);
/// How long a refresh token lives without being used.
pub(super) const REFRESH_LIFE: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How long a device code lives.
pub(super) const DEVICE_LIFE: SignedDuration = SignedDuration::from_mins(15);
/// How many of a sort are remembered.
const KEPT: usize = 10_000;

/// A user, by the numbers of the tenant and of the user in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Person {
    pub(super) tenant: usize,
    pub(super) user: u32,
}

/// That a person lets an application act in their name.
#[derive(Clone, Debug)]
pub(super) struct Approval {
    pub(super) person: Person,
    pub(super) client_id: String,
    pub(super) scopes: Scopes,
    pub(super) nonce: Option<String>,
}

/// An authorization code.
pub(super) struct Code {
    pub(super) approval: Approval,
    pub(super) redirect_uri: String,
    pub(super) challenge: Option<Challenge>,
    pub(super) expires: Timestamp,
    pub(super) usage: Usage,
}

/// Whether something that works once has been used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Usage {
    Fresh,
    Redeemed,
}

/// A refresh token.
#[derive(Clone)]
pub(super) struct Refresh {
    pub(super) approval: Approval,
    pub(super) issued: Timestamp,
    pub(super) life: Life,
}

/// What became of a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Good,
    /// A switch ended it, with this AADSTS number.
    Ended(u64),
}

/// A device code and the person it waits for.
pub(super) struct Device {
    pub(super) user_code: String,
    pub(super) client_id: String,
    pub(super) scopes: Scopes,
    /// The tenant that was asked; `None`: any.
    pub(super) tenant: Option<usize>,
    pub(super) expires: Timestamp,
    pub(super) answer: Answer,
}

/// What the person who was shown a user code said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Pending,
    Declined,
    Accepted(Person),
    Redeemed,
}

/// A browser that is signed in.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) person: Person,
    /// `session_state`.
    pub(super) id: String,
    pub(super) since: Timestamp,
}

/// The whole memory of the login service.
pub(in crate::simulator) struct Login {
    pub(super) key: SigningKey,
    pub(super) codes: HashMap<String, Code>,
    pub(super) refresh: HashMap<String, Refresh>,
    pub(super) devices: HashMap<String, Device>,
    pub(super) sessions: HashMap<String, Session>,
    /// Application and `jti` of the assertions that were used, and when they end.
    pub(super) assertions: HashMap<(String, String), Timestamp>,
    /// When somebody's sessions were last revoked.
    pub(super) revoked: HashMap<Person, Timestamp>,
    /// How far the clock was put forward.
    ahead: SignedDuration,
}

impl Login {
    pub(in crate::simulator) fn new(key: SigningKey) -> Self {
        Self {
            key,
            codes: HashMap::new(),
            refresh: HashMap::new(),
            devices: HashMap::new(),
            sessions: HashMap::new(),
            assertions: HashMap::new(),
            revoked: HashMap::new(),
            ahead: SignedDuration::ZERO,
        }
    }

    /// Forgets everything but the key.
    pub(in crate::simulator) fn reset(&mut self) {
        *self = Self::new(self.key.clone());
    }

    /// The time, as the login service has it.
    pub(in crate::simulator) fn now(&self) -> Timestamp {
        Timestamp::now().checked_add(self.ahead).unwrap_or(Timestamp::MAX)
    }

    /// Puts the clock forward.
    pub(in crate::simulator) fn forward(&mut self, by: SignedDuration) {
        self.ahead = self.ahead.saturating_add(by);
    }

    /// Whether something of this time was revoked since.
    pub(super) fn is_revoked(&self, person: Person, since: Timestamp) -> bool {
        self.revoked.get(&person).is_some_and(|revoked| since <= *revoked)
    }

    pub(super) fn remember_code(&mut self, text: String, code: Code) {
        let now = self.now();
        make_room(&mut self.codes, |code| code.expires > now);
        self.codes.insert(text, code);
    }

    pub(super) fn remember_refresh(&mut self, text: String, refresh: Refresh) {
        let now = self.now();
        make_room(&mut self.refresh, |refresh| now.duration_since(refresh.issued) < REFRESH_LIFE);
        self.refresh.insert(text, refresh);
    }

    pub(super) fn remember_device(&mut self, text: String, device: Device) {
        let now = self.now();
        make_room(&mut self.devices, |device| device.expires > now);
        self.devices.insert(text, device);
    }

    pub(super) fn remember_session(&mut self, text: String, session: Session) {
        make_room(&mut self.sessions, |_| true);
        self.sessions.insert(text, session);
    }

    /// Remembers an assertion; false when it was used before.
    pub(super) fn is_first_use(&mut self, application: &str, jti: &str, until: Timestamp) -> bool {
        let now = Timestamp::now();
        make_room(&mut self.assertions, |until| *until > now);
        self.assertions.insert((application.to_lowercase(), jti.to_owned()), until).is_none()
    }

    /// The device that waits under a user code.
    pub(super) fn device_of(&mut self, user_code: &str) -> Option<&mut Device> {
        let wanted = user_code.trim();
        self.devices.values_mut().find(|device| device.user_code.eq_ignore_ascii_case(wanted))
    }
}

/// Makes room for one more: what is over goes first, then everything.
fn make_room<K: Eq + Hash, V>(map: &mut HashMap<K, V>, lives: impl Fn(&V) -> bool) {
    if map.len() >= KEPT {
        map.retain(|_, value| lives(value));
    }
    if map.len() >= KEPT {
        map.clear();
    }
}
