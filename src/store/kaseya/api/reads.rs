//! What BMS is asked: one function for each question. It knows nothing of what is made of the answers.

use super::Bms;
use super::call::{Call, unexpected};
use super::endpoint::Endpoint;
use super::envelope::Garbled;
use super::error::BmsError;
use super::id::{BmsId, Moment};
use super::pages::{Pages, items};
use super::reading::{self, Item};
use super::settings::Anchor;
use super::shapes::{
    Account, Activity, Bridge, Contact, ContactSearch, Employee, Extent, FoundContact, Listing, Location, Lookup,
    Named, Portal, Twin, UserInfo,
};

/// So many IDs stand in one address.
const IDS_AT_ONCE: usize = 50;

impl Bms {
    /// Who is signed in, and what they may do.
    pub async fn user_info(&self) -> Result<UserInfo, BmsError> {
        self.one(Endpoint::UserInfo, Call::get(Endpoint::UserInfo, "security/userinfo"), reading::user_info).await
    }

    /// All contacts, or those that were changed at that moment or later.
    pub async fn contacts(&self, since: Option<Moment>) -> Result<Listing<Contact>, BmsError> {
        let mut pages = self.pages();
        self.read_contacts(since, &mut pages).await?;
        Ok(pages.listing())
    }

    /// A list of which nothing was read yet.
    pub fn pages<T>(&self) -> Pages<T> {
        Pages::new(usize::try_from(self.settings.page_size.get()).unwrap_or(usize::MAX))
    }

    /// Like [`Bms::contacts`], but what was read before an error stays in the pages, and the next call goes on there: so
    /// a list that is longer than the calls of an hour comes to its end.
    pub async fn read_contacts(&self, since: Option<Moment>, pages: &mut Pages<Contact>) -> Result<(), BmsError> {
        let mut call = Call::get(Endpoint::ContactsSummary, "crm/contacts/summary");
        if let Some(since) = since {
            call = call.with("Filter.ModifiedOnFrom", &since);
        }
        self.read(Endpoint::ContactsSummary, &call, pages).await
    }

    /// One contact as it is now; none where there is none of that ID.
    pub async fn contact(&self, id: BmsId) -> Result<Option<Contact>, BmsError> {
        let call = Call::get(Endpoint::ContactSummary, "crm/contacts/summary").below(&id.to_string());
        let answer = match self.call(&call).await {
            Ok(answer) => answer,
            Err(BmsError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let contact = Contact::read(&answer.result).and_then(|contact| {
            let is_it = contact.id == id;
            is_it.then_some(contact).ok_or_else(|| Garbled("it shows another contact than was asked for".to_owned()))
        });
        contact.map(Some).map_err(|garbled| unexpected(Endpoint::ContactSummary, garbled))
    }

    /// Contacts that meet a search. Many IDs are asked for in several calls, for they stand in the address.
    pub async fn search_contacts(&self, search: &ContactSearch) -> Result<Listing<FoundContact>, BmsError> {
        let ids: Vec<BmsId> = search.ids.iter().copied().collect();
        if ids.len() <= IDS_AT_ONCE {
            return self.search_some(search, &ids).await;
        }
        let mut found = Listing { items: Vec::new(), extent: Extent::Whole };
        for ids in ids.chunks(IDS_AT_ONCE) {
            let Listing { items, extent } = self.search_some(search, ids).await?;
            found.items.extend(items);
            if extent != Extent::Whole {
                found.extent = extent;
            }
        }
        Ok(found)
    }

    async fn search_some(&self, search: &ContactSearch, ids: &[BmsId]) -> Result<Listing<FoundContact>, BmsError> {
        let ContactSearch { ids: _, email, portal, activity } = search;
        let mut call = Call::get(Endpoint::ContactsSearch, "crm/contacts/search");
        for id in ids {
            call = call.with("Filter.Ids", id);
        }
        if let Some(email) = email {
            call = call.with("Filter.EmailAddress", email);
        }
        if let Some(portal) = portal {
            call = call.with("Filter.HasClientPortalAccess", &(*portal == Portal::Open));
        }
        if let Some(activity) = activity {
            call = call.with("Filter.IsActive", &(*activity == Activity::Active));
        }
        self.list(Endpoint::ContactsSearch, call).await
    }

    /// All employees, inactive ones too.
    pub async fn employees(&self) -> Result<Listing<Employee>, BmsError> {
        self.list(Endpoint::Employees, Call::get(Endpoint::Employees, "hr/employees/searchselect")).await
    }

    /// All accounts with their locations.
    pub async fn accounts(&self) -> Result<Listing<Account>, BmsError> {
        self.list(Endpoint::AccountsSummary, Call::get(Endpoint::AccountsSummary, "crm/accounts/summary")).await
    }

    /// Accounts of that name, inactive ones too, without their locations.
    pub async fn accounts_named(&self, name: &str) -> Result<Listing<Account>, BmsError> {
        let call = Call::get(Endpoint::AccountsLookup, "crm/accounts/lookup");
        let call = call.with("Filter.Name", &name).with("Filter.WithInactiveAccounts", &true);
        self.list(Endpoint::AccountsLookup, call).await
    }

    /// The locations of an account, the main one first.
    pub async fn locations(&self, account: BmsId) -> Result<Vec<Location>, BmsError> {
        let path = format!("crm/accounts/{account}/locations/lookup");
        let mut locations: Vec<Location> =
            self.all(Endpoint::AccountLocations, Call::get(Endpoint::AccountLocations, &path)).await?;
        locations.sort_by_key(|location| location.main);
        Ok(locations)
    }

    /// A list of values.
    pub async fn lookup(&self, what: &Lookup) -> Result<Vec<Named>, BmsError> {
        let table = |name: &str| (Endpoint::SystemTable, Call::get(Endpoint::SystemTable, "system/lookup").below(name));
        let fixed = |endpoint, path| (endpoint, Call::get(endpoint, path));
        let (endpoint, call) = match what {
            Lookup::Departments => fixed(Endpoint::Departments, "admin/hr/departments/lookup"),
            Lookup::JobTitles => fixed(Endpoint::JobTitles, "admin/hr/jobtitles/lookup"),
            Lookup::Locations => fixed(Endpoint::Locations, "system/locations/lookup"),
            Lookup::EmployeeRoles => fixed(Endpoint::EmployeeRoles, "system/roles/lookup"),
            Lookup::SecurityRoles => fixed(Endpoint::SecurityRoles, "admin/security/roles/lookup"),
            Lookup::EmailTypes => table(&self.settings.email_types),
            Lookup::PhoneTypes => table(&self.settings.phone_types),
            Lookup::Table(name) => table(name),
        };
        self.all(endpoint, call).await
    }

    /// How many tickets name a contact.
    pub async fn tickets_of(&self, contact: BmsId) -> Result<u64, BmsError> {
        let call = Call::get(Endpoint::TicketsCount, "servicedesk/tickets/count").with("ContactId", &contact);
        self.one(Endpoint::TicketsCount, call, reading::count).await
    }

    /// Whether BMS passes its changes on to IT Glue.
    pub async fn itglue(&self) -> Result<Bridge, BmsError> {
        self.one(
            Endpoint::ItGlueStatus,
            Call::get(Endpoint::ItGlueStatus, "integrations/itglue/status"),
            reading::bridge,
        )
        .await
    }

    /// The contact of IT Glue that belongs to this one.
    pub async fn itglue_contact(&self, contact: BmsId) -> Result<Option<Twin>, BmsError> {
        let call = Call::get(Endpoint::ItGlueContact, &format!("integrations/itglue/contacts/{contact}/lookup"));
        match self.one(Endpoint::ItGlueContact, call, reading::twin).await {
            Err(BmsError::NotFound { .. }) => Ok(None),
            twin => twin,
        }
    }

    /// What the anchor's custom field of a contact holds; nothing where the settings name no such field.
    pub async fn anchor(&self, contact: BmsId) -> Result<Option<String>, BmsError> {
        let Some(Anchor { module_id, field_id }) = self.settings.anchor else { return Ok(None) };
        let call = Call::get(Endpoint::CustomFields, &format!("system/customFields/{module_id}/{contact}"));
        self.one(Endpoint::CustomFields, call, |value| reading::custom_field(value, field_id)).await
    }

    /// One thing, which may come in an envelope or bare.
    async fn one<T>(
        &self,
        endpoint: Endpoint,
        call: Call,
        read: impl FnOnce(&serde_json::Value) -> Result<T, Garbled> + Send,
    ) -> Result<T, BmsError> {
        let answer = self.call(&call).await?;
        read(&answer.result).map_err(|garbled| unexpected(endpoint, garbled))
    }

    /// A list that comes at once.
    async fn all<T: Item>(&self, endpoint: Endpoint, call: Call) -> Result<Vec<T>, BmsError> {
        let answer = self.call(&call).await?;
        let read = items(&answer).and_then(|items| items.iter().map(T::read).collect());
        read.map_err(|garbled| unexpected(endpoint, garbled))
    }

    async fn list<T: Item + Send>(&self, endpoint: Endpoint, call: Call) -> Result<Listing<T>, BmsError> {
        let mut pages = self.pages();
        self.read(endpoint, &call, &mut pages).await?;
        Ok(pages.listing())
    }

    async fn read<T: Item + Send>(
        &self,
        endpoint: Endpoint,
        call: &Call,
        pages: &mut Pages<T>,
    ) -> Result<(), BmsError> {
        while let Some(page) = pages.next() {
            let call = call.clone().with("PageSize", &self.settings.page_size).with("PageNumber", &page);
            let answer = self.call(&call).await?;
            pages.take(&answer).map_err(|garbled| unexpected(endpoint, garbled))?;
        }
        Ok(())
    }
}
