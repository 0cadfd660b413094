//! How the simulated BMS writes what it holds. Knows nothing of requests.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::held::Held;
use super::rows::{Account, Address, Choice, Contact, Employee};
use super::{BmsFault, Company};

impl Company {
    /// A date, with or without its offset.
    pub(super) fn date(&mut self, time: Timestamp) -> String {
        match self.struck(BmsFault::NoOffset, "") {
            Some(_) => time.strftime("%Y-%m-%dT%H:%M:%S%.f").to_string(),
            None => time.to_string(),
        }
    }

    /// A contact as the list shows it.
    pub(super) fn contact_item(&mut self, contact: &Contact) -> Value {
        let (created, modified) = (self.date(contact.created_on), self.date(contact.modified_on));
        let held = &self.held;
        let (account, location) = held.place(contact);
        json!({
            "id": contact.id, "createdBy": 12, "createdOn": created, "modifiedBy": 12, "modifiedOn": modified,
            "accountId": account, "accountName": contact.account,
            "locationId": location, "locationName": contact.location,
            "firstName": contact.first_name, "lastName": contact.last_name, "jobTitle": contact.job_title,
            "isPoc": contact.poc, "isActive": contact.active, "effectiveDate": null,
            "isBillable": contact.billed, "canRecieveInvoices": false,
            "emails": held.emails_of(contact), "phones": held.phones_of(contact),
        })
    }

    /// A contact as changing it answers.
    pub(super) fn contact_record(&mut self, contact: &Contact) -> Value {
        let (account, location) = self.held.place(contact);
        json!({
            "id": contact.id, "accountId": account, "locationId": location, "firstName": contact.first_name,
            "middleName": contact.middle_name, "lastName": contact.last_name, "jobTitle": contact.job_title,
            "poc": contact.poc, "isActive": contact.active, "recieveInvoices": false,
            "billByContact": contact.billed, "effectiveDate": null,
        })
    }

    pub(super) fn account_item(&mut self, account: &Account) -> Value {
        let modified = self.date(account.modified_on);
        let locations: Vec<Value> = (0..).zip(&account.locations).map(|(place, one)| location(place, one)).collect();
        json!({
            "id": account.id, "name": account.name, "code": null, "isActive": account.active, "modifiedOn": modified,
            "locations": locations,
        })
    }
}

impl Held {
    /// The IDs of the account and the location of a contact.
    fn place(&self, contact: &Contact) -> (Option<u32>, Option<u32>) {
        let account = self.account(&contact.account);
        let is_meant = |location: &&Choice| Some(&location.name) == contact.location.as_ref();
        let location = account.and_then(|account| account.locations.iter().find(is_meant));
        (account.map(|account| account.id), location.map(|location| location.id))
    }

    pub fn emails_of(&self, contact: &Contact) -> Vec<Value> {
        let item = |(place, email): (u32, &Address)| {
            let Address { value, type_id, default } = email;
            json!({
                "id": contact.id * 16 + place, "emailAddress": value, "emailTypeId": type_id,
                "emailType": self.type_name("EmailType", *type_id), "isDefault": default,
            })
        };
        (0..).zip(&contact.emails).map(item).collect()
    }

    pub fn phones_of(&self, contact: &Contact) -> Vec<Value> {
        let item = |(place, phone): (u32, &Address)| {
            let Address { value, type_id, default } = phone;
            json!({
                "id": contact.id * 16 + place, "phone": value, "phoneTypeId": type_id,
                "phoneType": self.type_name("PhoneType", *type_id), "isDefault": default,
            })
        };
        (0..).zip(&contact.phones).map(item).collect()
    }

    fn type_name(&self, list: &str, id: u32) -> Option<&str> {
        self.lists.get(list)?.iter().find(|choice| choice.id == id).map(|choice| choice.name.as_str())
    }
}

fn location(place: u32, location: &Choice) -> Value {
    let Choice { id, name, active } = location;
    json!({ "id": id, "locationName": name, "isMain": place == 0, "isActive": active, "addresses": [] })
}

pub(super) fn employee_item(employee: &Employee) -> Value {
    json!({
        "id": employee.id, "firstName": employee.first_name, "lastName": employee.last_name,
        "emailAddress": employee.email, "username": employee.username, "jobTitle": employee.job_title,
        "isActive": employee.active,
    })
}

/// The same with names that begin with a capital.
pub(super) fn pascal(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(pascal).collect(),
        Value::Object(members) => {
            let renamed = members.into_iter().map(|(name, value)| (capital(&name), pascal(value)));
            Value::Object(renamed.collect::<Map<_, _>>())
        }
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
    }
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
