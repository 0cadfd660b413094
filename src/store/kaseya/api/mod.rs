//! The client of the BMS REST API V2: signing in, the limits of an hour, lists read to their end, writes that say whether
//! they happened. It knows nothing of plans, rules or what bmsync keeps.

mod budget;
mod endpoint;
mod error;
mod id;
mod offers;
mod orders;
mod settings;
mod shapes;

use std::sync::{Arc, Mutex};

use jiff::Timestamp;

pub use budget::{Budget, DOCUMENTED_PER_HOUR, Spent};
pub use endpoint::{Effect, Endpoint};
pub use error::BmsError;
pub use id::{BmsId, Moment};
pub use offers::{Offer, Offers, PathStyle};
pub use orders::{AddressEdit, Edit, NewAddress, NewContact};
pub use settings::{Anchor, ApiUser, Credentials, Memory, NoSecrets, Secrets, Settings};
pub use shapes::{
    Account, Activity, Address, Administrator, Bridge, Contact, ContactSearch, Employee, Extent, FoundContact, Listing,
    Location, Lookup, Main, Named, Portal, Rank, Twin, UserInfo,
};

use crate::http::Wire;
use crate::store::local::Clock;

/// A BMS, as one user of it sees it. One at a time signs in; otherwise calls may go side by side.
pub struct Bms {
    wire: Arc<dyn Wire>,
    user: ApiUser,
    credentials: Arc<dyn Credentials>,
    settings: Settings,
    clock: Clock,
    learned: Mutex<Memory>,
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
        todo!()
    }

    /// What must not be forgotten: keep it after each round.
    pub fn memory(&self) -> Memory {
        todo!()
    }

    /// The calls that are left.
    pub fn budget(&self) -> Budget {
        todo!()
    }

    /// What this BMS offers, as far as is known.
    pub fn offers(&self) -> Offers {
        todo!()
    }

    /// The time by which this client goes.
    pub fn now(&self) -> Timestamp {
        todo!()
    }

    /// Asks which of the writing operations are there, without changing anything: with empty changes of a contact, and
    /// of an employee, that cannot exist.
    pub async fn probe(&self) -> Result<Offers, BmsError> {
        todo!()
    }

    /// Who is signed in, and what they may do.
    pub async fn user_info(&self) -> Result<UserInfo, BmsError> {
        todo!()
    }

    /// All contacts, or those that were changed at that moment or later.
    pub async fn contacts(&self, since: Option<Moment>) -> Result<Listing<Contact>, BmsError> {
        todo!()
    }

    /// One contact as it is now; none where there is none of that ID.
    pub async fn contact(&self, id: BmsId) -> Result<Option<Contact>, BmsError> {
        todo!()
    }

    /// Contacts that meet a search.
    pub async fn search_contacts(&self, search: &ContactSearch) -> Result<Listing<FoundContact>, BmsError> {
        todo!()
    }

    /// All employees, inactive ones too.
    pub async fn employees(&self) -> Result<Listing<Employee>, BmsError> {
        todo!()
    }

    /// All accounts with their locations.
    pub async fn accounts(&self) -> Result<Listing<Account>, BmsError> {
        todo!()
    }

    /// Accounts of that name, inactive ones too, without their locations.
    pub async fn accounts_named(&self, name: &str) -> Result<Listing<Account>, BmsError> {
        todo!()
    }

    /// The locations of an account, the main one first.
    pub async fn locations(&self, account: BmsId) -> Result<Vec<Location>, BmsError> {
        todo!()
    }

    /// A list of values.
    pub async fn lookup(&self, what: &Lookup) -> Result<Vec<Named>, BmsError> {
        todo!()
    }

    /// How many tickets name a contact.
    pub async fn tickets_of(&self, contact: BmsId) -> Result<u64, BmsError> {
        todo!()
    }

    /// Whether BMS passes its changes on to IT Glue.
    pub async fn itglue(&self) -> Result<Bridge, BmsError> {
        todo!()
    }

    /// The contact of IT Glue that belongs to this one.
    pub async fn itglue_contact(&self, contact: BmsId) -> Result<Option<Twin>, BmsError> {
        todo!()
    }

    /// Makes a contact. It is active; a job title is set by [`Bms::edit_contact`] afterwards.
    ///
    /// # Errors
    /// On [`BmsError::Unknown`] it may be there: look for its email before it is made again.
    pub async fn create_contact(&self, contact: &NewContact) -> Result<BmsId, BmsError> {
        todo!()
    }

    /// Sets fields of a contact, and nothing else of it; says what it is like afterwards, read anew.
    pub async fn edit_contact(&self, id: BmsId, edits: &[Edit]) -> Result<Contact, BmsError> {
        todo!()
    }

    /// Changes emails of a contact.
    pub async fn edit_emails(&self, id: BmsId, edits: &[AddressEdit]) -> Result<(), BmsError> {
        todo!()
    }

    /// Changes phones of a contact.
    pub async fn edit_phones(&self, id: BmsId, edits: &[AddressEdit]) -> Result<(), BmsError> {
        todo!()
    }

    /// Sets fields of an employee. No BMS is known to offer it ([`BmsError::NotOffered`]); [`Bms::probe`] finds one that does.
    pub async fn edit_employee(&self, id: BmsId, edits: &[Edit]) -> Result<(), BmsError> {
        todo!()
    }

    /// What the anchor's custom field of a contact holds; nothing where the settings name no such field.
    pub async fn anchor(&self, contact: BmsId) -> Result<Option<String>, BmsError> {
        todo!()
    }

    /// Sets the anchor's custom field of a contact; does nothing where the settings name no such field.
    pub async fn set_anchor(&self, contact: BmsId, value: &str) -> Result<(), BmsError> {
        todo!()
    }
}
