//! What to tell BMS so that a contact becomes what it shall be: only what differs. Pure; knows nothing of calls.

use super::api::{Activity, Address, AddressEdit, BmsId, Contact, Edit, NewAddress, Rank};
use super::picture::Lens;
use crate::model::{Field, Record, Status};

/// Makes an order of a text.
type TextEdit = fn(Option<String>) -> Edit;

/// The orders that make a contact what it shall be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Orders {
    /// Of the record itself.
    pub fields: Vec<Edit>,
    /// Of its emails.
    pub emails: Vec<AddressEdit>,
    /// Of its phones.
    pub phones: Vec<AddressEdit>,
}

/// The IDs behind the names of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// Of the account.
    pub account: BmsId,
    /// Of the location.
    pub location: BmsId,
}

/// The types of what is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Types {
    /// Of emails.
    pub email: BmsId,
    /// Of phones.
    pub phone: BmsId,
}

impl Orders {
    /// What differs between a contact and what it shall be.
    #[must_use]
    pub fn between(is: &Contact, shall: &Record, places: Places, types: Types, lens: &Lens) -> Self {
        let value = |field| shall.fields.get(field).map(str::to_owned);
        let mut fields = Vec::new();
        let activity = activity(shall.status);
        if is.activity != activity {
            fields.push(Edit::Activity(activity));
        }
        if is.account_id != Some(places.account) {
            fields.push(Edit::AccountId(places.account));
        }
        if is.location_id != Some(places.location) {
            fields.push(Edit::LocationId(places.location));
        }
        let texts: [(&Option<String>, Field, TextEdit); 3] = [
            (&is.first_name, Field::FirstName, Edit::FirstName),
            (&is.last_name, Field::LastName, Edit::LastName),
            (&is.job_title, Field::JobTitle, Edit::JobTitle),
        ];
        for (is, field, edit) in texts {
            if is.as_deref() != shall.fields.get(field) {
                fields.push(edit(value(field)));
            }
        }
        Self {
            fields,
            emails: address(is.email(), value(Field::Email), types.email),
            phones: address(lens.phone(is), value(Field::Phone), types.phone),
        }
    }
}

/// Whether a record of that status is in use.
#[must_use]
pub const fn activity(status: Status) -> Activity {
    match status {
        Status::Active => Activity::Active,
        Status::Inactive | Status::Archived => Activity::Inactive,
    }
}

/// How the address that counts becomes another one.
fn address(is: Option<&Address>, shall: Option<String>, type_id: BmsId) -> Vec<AddressEdit> {
    match (is, shall) {
        (None, None) => Vec::new(),
        (Some(is), Some(shall)) if is.value == shall => Vec::new(),
        (None, Some(value)) => vec![AddressEdit::Add { address: NewAddress { value, type_id }, rank: Rank::Default }],
        (Some(is), Some(value)) => {
            let to = NewAddress { value, type_id: is.type_id.unwrap_or(type_id) };
            vec![AddressEdit::Update { from: is.value.clone(), to, rank: is.rank }]
        }
        (Some(is), None) => vec![AddressEdit::Remove { value: is.value.clone(), type_id: is.type_id }],
    }
}

/// What to tell a BMS that lets employees be edited.
#[must_use]
pub fn of_employee(is: &Record, shall: &Record) -> Vec<Edit> {
    let texts: [(Field, TextEdit); 3] =
        [(Field::FirstName, Edit::FirstName), (Field::LastName, Edit::LastName), (Field::JobTitle, Edit::JobTitle)];
    let differs = texts.into_iter().filter(|(field, _)| is.fields.get(*field) != shall.fields.get(*field));
    let status = (is.status != shall.status).then(|| Edit::Activity(activity(shall.status)));
    status.into_iter().chain(differs.map(|(field, edit)| edit(shall.fields.get(field).map(str::to_owned)))).collect()
}
