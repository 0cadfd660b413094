//! The client of the BMS REST API V2: signing in, the limits of an hour, lists read to their end, writes that say whether
//! they happened. It knows nothing of plans, rules or what bmsync keeps.

mod budget;
mod call;
mod endpoint;
mod entry;
pub mod envelope;
mod error;
mod id;
mod offers;
mod orders;
mod pages;
mod reading;
mod reads;
mod session;
mod settings;
mod shapes;
mod totp;
mod verdict;
mod writes;

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

pub use budget::{Budget, DOCUMENTED_PER_HOUR, Spent};
pub use endpoint::{Effect, Endpoint};
pub use error::BmsError;
pub use id::{BmsId, Moment};
pub use offers::{Offer, Offers, PathStyle};
pub use orders::{AddressEdit, Edit, NewAddress, NewContact};
pub use pages::Pages;
pub use settings::{Anchor, ApiUser, Credentials, Memory, NoSecrets, Secrets, Settings};
pub use shapes::{
    Account, Activity, Address, Administrator, Bridge, Contact, ContactSearch, Employee, Extent, FoundContact, Listing,
    Location, Lookup, Main, Named, Portal, Rank, Twin, UserInfo,
};

use self::session::Session;
use crate::http::Wire;
use crate::store::local::Clock;

/// Largest answer that is read, unpacked: what [`crate::http::Web`] is made with.
pub const MAX_ANSWER: usize = 16 << 20;

/// A BMS, as one user of it sees it. One at a time signs in; otherwise calls may go side by side.
pub struct Bms {
    wire: Arc<dyn Wire>,
    user: ApiUser,
    credentials: Arc<dyn Credentials>,
    settings: Settings,
    clock: Clock,
    session: Session,
    learned: Mutex<Learned>,
}

/// What calls teach.
struct Learned {
    budget: Budget,
    offers: Offers,
}

impl Bms {
    /// A client that remembers what another learned before; nothing is asked yet.
    pub fn new(
        wire: Arc<dyn Wire>,
        user: ApiUser,
        credentials: Arc<dyn Credentials>,
        settings: Settings,
        clock: Clock,
        memory: Memory,
    ) -> Self {
        let Memory { spent, offers } = memory;
        let learned = Learned { budget: Budget::new(settings.calls_per_hour, spent), offers };
        Self { wire, user, credentials, settings, clock, session: Session::default(), learned: Mutex::new(learned) }
    }

    /// What must not be forgotten: keep it after each round.
    pub fn memory(&self) -> Memory {
        self.learned(|learned| Memory { spent: learned.budget.spent().clone(), offers: learned.offers.clone() })
    }

    /// The calls that are left.
    pub fn budget(&self) -> Budget {
        self.learned(|learned| learned.budget.clone())
    }

    /// What this BMS offers, as far as is known.
    pub fn offers(&self) -> Offers {
        self.learned(|learned| learned.offers.clone())
    }

    /// The time by which this client goes.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// How it was told to ask.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Looks at what was learned, or adds to it. Never held while something is waited for.
    fn learned<T>(&self, look: impl FnOnce(&mut Learned) -> T) -> T {
        look(&mut self.learned.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
