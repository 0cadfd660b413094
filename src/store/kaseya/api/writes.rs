//! What BMS is told to do: one function for each order. None is ever repeated where it may have been carried out. It knows
//! nothing of why.

use serde_json::{Map, Value, json};

use super::Bms;
use super::call::{Call, unexpected};
use super::endpoint::Endpoint;
use super::entry::Entry;
use super::envelope::{Answer, Garbled};
use super::error::BmsError;
use super::id::BmsId;
use super::offers::{Offers, PathStyle};
use super::orders::{AddressEdit, Edit, NewAddress, NewContact};
use super::settings::Anchor;
use super::shapes::{Activity, Contact, Rank};
use crate::http::Method;

impl Bms {
    /// Makes a contact. It is active; a job title is set by [`Bms::edit_contact`] afterwards.
    ///
    /// # Errors
    /// On [`BmsError::Unknown`] it may be there: look for its email before it is made again.
    pub async fn create_contact(&self, contact: &NewContact) -> Result<BmsId, BmsError> {
        let endpoint = Endpoint::CreateContact;
        let call = Call::new(endpoint, Method::Post, "crm/contacts/summary").json(&self.created(contact));
        let answer = self.call(&call).await?;
        let id = Entry::of(&answer.result).and_then(Entry::own_id);
        id.map_err(|garbled| unexpected(endpoint, garbled))
    }

    /// Sets fields of a contact, and nothing else of it; says what it is like afterwards, read anew.
    ///
    /// The first change that shows in the record teaches how this BMS spells the paths of fields.
    ///
    /// # Errors
    /// [`BmsError::Unexpected`] when BMS took the change and the record does not show it; [`BmsError::Unknown`] when it
    /// may have happened; nothing is changed when there is no room for reading the contact again.
    pub async fn edit_contact(&self, id: BmsId, edits: &[Edit]) -> Result<Contact, BmsError> {
        self.check_room(Endpoint::ContactSummary)?;
        let known = self.offers().paths();
        let first = known.unwrap_or(PathStyle::Bare);
        let mut refused = None;
        for style in [first, first.other()] {
            match (self.patch(Endpoint::PatchContact, "crm/contacts", id, edits, style).await, known) {
                (Ok(()), _) => {
                    let contact = self.look_again(id).await?;
                    if edits.iter().all(|edit| edit.shows_in(&contact)) {
                        self.learned(|learned| learned.offers.learned(style));
                        return Ok(contact);
                    }
                }
                // Where paths are known to be taken, it is the change that is not; else it may be their spelling.
                (Err(error @ BmsError::Refused { .. }), None) => drop(refused.get_or_insert(error)),
                (Err(error), _) => return Err(refused.unwrap_or(error)),
            }
        }
        let what = "it took the change, and the contact does not show it".to_owned();
        Err(refused.unwrap_or(BmsError::Unexpected { what }))
    }

    /// Sets fields of an employee. No BMS is known to offer it ([`BmsError::NotOffered`]); [`Bms::probe`] finds one that
    /// does. Which fields it takes is not documented: look again afterwards.
    pub async fn edit_employee(&self, id: BmsId, edits: &[Edit]) -> Result<(), BmsError> {
        let style = self.offers().paths().unwrap_or(PathStyle::Bare);
        self.patch(Endpoint::PatchEmployee, "hr/employees", id, edits, style).await
    }

    /// Changes emails of a contact.
    ///
    /// # Errors
    /// [`BmsError::Unknown`] also when BMS counts other changes than it was asked for: look again then.
    pub async fn edit_emails(&self, id: BmsId, edits: &[AddressEdit]) -> Result<(), BmsError> {
        let names = Names { value: "emailAddress", new_value: "newEmailAddress" };
        self.edit_addresses(Endpoint::PatchEmails, &format!("crm/contacts/{id}/emails"), edits, &names).await
    }

    /// Changes phones of a contact.
    ///
    /// # Errors
    /// [`BmsError::Unknown`] also when BMS counts other changes than it was asked for: look again then.
    pub async fn edit_phones(&self, id: BmsId, edits: &[AddressEdit]) -> Result<(), BmsError> {
        let names = Names { value: "phoneNumber", new_value: "newPhoneNumber" };
        self.edit_addresses(Endpoint::PatchPhones, &format!("crm/contacts/{id}/phones"), edits, &names).await
    }

    /// Sets the anchor's custom field of a contact; does nothing where the settings name no such field.
    pub async fn set_anchor(&self, contact: BmsId, value: &str) -> Result<(), BmsError> {
        let Some(Anchor { module_id, field_id }) = self.settings.anchor else { return Ok(()) };
        let path = format!("system/customFields/data/{module_id}/{contact}/{field_id}");
        let call = Call::new(Endpoint::PutCustomField, Method::Put, &path).json(&json!({ "value": value }));
        self.call(&call).await.map(drop)
    }

    /// Asks anew which of the changing operations are there, without changing anything: with empty changes of a contact
    /// and of an employee that exist. Others than those that BMS is asked about keep what is known of them.
    ///
    /// # Errors
    /// When BMS cannot be asked.
    pub async fn probe(&self, contact: Option<BmsId>, employee: Option<BmsId>) -> Result<Offers, BmsError> {
        let patch = |endpoint, path: String| Call::new(endpoint, Method::Patch, &path).json_patch(&json!([]));
        let of_contact = contact.into_iter().flat_map(|id| {
            [
                (Endpoint::PatchContact, format!("crm/contacts/{id}")),
                (Endpoint::PatchEmails, format!("crm/contacts/{id}/emails")),
                (Endpoint::PatchPhones, format!("crm/contacts/{id}/phones")),
            ]
        });
        let of_employee = employee.map(|id| (Endpoint::PatchEmployee, format!("hr/employees/{id}")));
        for (endpoint, path) in of_contact.chain(of_employee) {
            self.learned(|learned| learned.offers.forget(endpoint));
            if let Err(
                error @ (BmsError::Unauthorized { .. }
                | BmsError::Throttled { .. }
                | BmsError::Unreachable { .. }
                | BmsError::Credentials { .. }),
            ) = self.call(&patch(endpoint, path)).await
            {
                return Err(error);
            }
        }
        Ok(self.offers())
    }

    fn check_room(&self, endpoint: Endpoint) -> Result<(), BmsError> {
        let (now, budget) = (self.now(), self.budget());
        match budget.room(endpoint, now) {
            0 => Err(BmsError::Throttled { endpoint, until: budget.free_at(endpoint, now) }),
            _ => Ok(()),
        }
    }

    fn created(&self, contact: &NewContact) -> Value {
        let NewContact { first_name, last_name, account_id, location_id, email, phone, anchor } = contact;
        let mut body = json!({
            "firstName": first_name,
            "lastName": last_name,
            "accountId": account_id.number(),
            "locationId": location_id.number(),
            "emails": [],
            "phones": [],
        });
        if let Some(NewAddress { value, type_id }) = email {
            let email = json!({ "emailAddress": value, "emailTypeId": type_id.number(), "isDefault": true });
            body["emails"] = json!([email]);
        }
        if let Some(NewAddress { value, type_id }) = phone {
            let phone = json!({ "phoneNumber": value, "phoneTypeId": type_id.number(), "isDefault": true });
            body["phones"] = json!([phone]);
        }
        if let (Some(anchor), Some(Anchor { module_id: _, field_id })) = (anchor, self.settings.anchor) {
            let data = json!({ "id": 0, "customFieldId": field_id.number(), "data": anchor, "settingsId": null });
            body["customFieldsData"] = json!([data]);
        }
        body
    }

    async fn patch(
        &self,
        endpoint: Endpoint,
        path: &str,
        id: BmsId,
        edits: &[Edit],
        style: PathStyle,
    ) -> Result<(), BmsError> {
        let operation = |edit: &Edit| {
            let (field, value) = edit.written();
            json!({ "op": "replace", "path": style.path(field), "value": value })
        };
        let body: Value = edits.iter().map(operation).collect();
        let call = Call::new(endpoint, Method::Patch, path).below(&id.to_string()).json_patch(&body);
        self.call(&call).await.map(drop)
    }

    /// The contact after a change that was made.
    async fn look_again(&self, id: BmsId) -> Result<Contact, BmsError> {
        match self.contact(id).await {
            Ok(Some(contact)) => Ok(contact),
            Ok(None) => Err(BmsError::Unknown { what: "the contact is gone after the change".to_owned(), cause: None }),
            Err(error) => {
                let what = "the change was taken, but the contact could not be read again".to_owned();
                Err(BmsError::Unknown { what, cause: Some(Box::new(error)) })
            }
        }
    }

    async fn edit_addresses(
        &self,
        endpoint: Endpoint,
        path: &str,
        edits: &[AddressEdit],
        names: &Names,
    ) -> Result<(), BmsError> {
        let body: Value = edits.iter().map(|edit| names.operation(edit)).collect();
        let answer = self.call(&Call::new(endpoint, Method::Patch, path).json_patch(&body)).await?;
        check_counts(&answer, edits).map_err(|garbled| unexpected(endpoint, garbled))
    }
}

/// How the fields of an address are called.
struct Names {
    value: &'static str,
    new_value: &'static str,
}

impl Names {
    fn operation(&self, edit: &AddressEdit) -> Value {
        let mut map = Map::new();
        let mut put = |name: &str, value: Value| map.insert(name.to_owned(), value);
        match edit {
            AddressEdit::Add { address: NewAddress { value, type_id }, rank } => {
                put("operation", ADD.into());
                put(self.value, json!(value));
                put("typeId", type_id.number().into());
                put("isDefault", (*rank == Rank::Default).into());
            }
            AddressEdit::Update { from, to: NewAddress { value, type_id }, rank } => {
                put("operation", UPDATE.into());
                put(self.value, json!(from));
                put(self.new_value, json!(value));
                put("typeId", type_id.number().into());
                put("isDefault", (*rank == Rank::Default).into());
            }
            AddressEdit::Remove { value, type_id } => {
                put("operation", REMOVE.into());
                put(self.value, json!(value));
                type_id.map(|type_id| put("typeId", type_id.number().into()));
            }
        }
        map.into()
    }
}

/// The numbers of the operations, as far as anybody knows them.
const ADD: u64 = 0;
const UPDATE: u64 = 1;
const REMOVE: u64 = 2;

/// The meaning of the numbers above is not documented, so what BMS says it did is held against what it was asked.
fn check_counts(answer: &Answer, edits: &[AddressEdit]) -> Result<(), Garbled> {
    let Ok(entry) = Entry::of(&answer.result) else { return Ok(()) };
    let asked = |is: fn(&AddressEdit) -> bool| edits.iter().filter(|edit| is(edit)).count() as u64;
    let counts = [
        ("added", asked(|edit| matches!(edit, AddressEdit::Add { .. }))),
        ("updated", asked(|edit| matches!(edit, AddressEdit::Update { .. }))),
        ("deleted", asked(|edit| matches!(edit, AddressEdit::Remove { .. }))),
    ];
    let told = |name| entry.get(name).and_then(Value::as_u64);
    match counts.into_iter().find(|(name, asked)| told(name).is_some_and(|told| told != *asked)) {
        Some((name, asked)) => Err(Garbled(format!("`{name}` is not {asked}"))),
        None => Ok(()),
    }
}

impl Edit {
    /// The field and its value, as BMS calls them.
    fn written(&self) -> (&'static str, Value) {
        match self {
            Self::FirstName(name) => ("firstName", json!(name)),
            Self::LastName(name) => ("lastName", json!(name)),
            Self::JobTitle(title) => ("jobTitle", json!(title)),
            Self::AccountId(id) => ("accountId", id.number().into()),
            Self::LocationId(id) => ("locationId", id.number().into()),
            Self::Activity(activity) => ("isActive", (*activity == Activity::Active).into()),
        }
    }

    /// Whether a contact is what this makes of it.
    fn shows_in(&self, contact: &Contact) -> bool {
        let same = |is: &Option<String>, wanted: &Option<String>| {
            is.as_deref() == wanted.as_deref().map(str::trim).filter(|text| !text.is_empty())
        };
        match self {
            Self::FirstName(name) => same(&contact.first_name, name),
            Self::LastName(name) => same(&contact.last_name, name),
            Self::JobTitle(title) => same(&contact.job_title, title),
            Self::AccountId(id) => contact.account_id == Some(*id),
            Self::LocationId(id) => contact.location_id == Some(*id),
            Self::Activity(activity) => contact.activity == *activity,
        }
    }
}
