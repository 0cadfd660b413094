//! What BMS shows, as records and accounts of the book. What BMS does not show of a record stays what the book has. Pure;
//! knows nothing of calls or commits.

use super::api;
use super::api::{Activity, Address, Portal, Rank};
use crate::model::{Account, Field, Kind, Record, RecordKey, Status, Text};
use crate::store::book::{blank, settle};

/// How BMS is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lens {
    /// The type of a contact's phone that counts; without one, the default phone does.
    pub phone_type: Option<Text>,
}

impl Lens {
    /// The phone that counts.
    #[must_use]
    pub fn phone<'c>(&self, contact: &'c api::Contact) -> Option<&'c Address> {
        match &self.phone_type {
            None => contact.phone(),
            Some(wanted) => {
                let mut of_type = contact.phones.iter().filter(|phone| is_called(phone.type_name.as_deref(), wanted));
                let first = of_type.clone().next();
                of_type.find(|phone| phone.rank == Rank::Default).or(first)
            }
        }
    }

    /// A contact as the book has it. `portal` is left out where it was not asked, or where a person is still to set it:
    /// then the book's word stands.
    #[must_use]
    pub fn contact(&self, contact: &api::Contact, known: Option<&Record>, portal: Option<Portal>) -> Record {
        let key = RecordKey { kind: Kind::Contact, id: contact.id.number() };
        let mut record = known.cloned().unwrap_or_else(|| Record { key, ..blank(Kind::Contact) });
        let email = contact.email().map(|email| email.value.as_str());
        record.fields.set_all([
            (Field::Account, contact.account_name.as_deref()),
            (Field::Location, contact.location_name.as_deref()),
            (Field::Email, email),
            (Field::FirstName, contact.first_name.as_deref()),
            (Field::LastName, contact.last_name.as_deref()),
            (Field::Phone, self.phone(contact).map(|phone| phone.value.as_str())),
            (Field::JobTitle, contact.job_title.as_deref()),
        ]);
        if let Some(portal) = portal {
            show_portal(&mut record, portal);
        }
        record.status = status(contact.activity, [email, None]);
        settle(&mut record);
        record
    }
}

/// Access that was given or taken in BMS. A name or a role that was given with it cannot be seen.
fn show_portal(record: &mut Record, portal: Portal) {
    match portal {
        Portal::Open => record.fields.set(Field::PortalAccess, Some("true")),
        Portal::Closed => record.fields.set_all([
            (Field::PortalAccess, Some("false")),
            (Field::Username, None),
            (Field::SecurityRole, None),
        ]),
    }
}

/// An employee as the book has it.
#[must_use]
pub fn employee(employee: &api::Employee, known: Option<&Record>) -> Record {
    let key = RecordKey { kind: Kind::Employee, id: employee.id.number() };
    let mut record = known.cloned().unwrap_or_else(|| Record { key, ..blank(Kind::Employee) });
    record.fields.set_all([
        (Field::Username, employee.username.as_deref()),
        (Field::Email, employee.email.as_deref()),
        (Field::FirstName, employee.first_name.as_deref()),
        (Field::LastName, employee.last_name.as_deref()),
        (Field::JobTitle, employee.job_title.as_deref()),
    ]);
    record.status = status(employee.activity, [employee.email.as_deref(), employee.username.as_deref()]);
    settle(&mut record);
    record
}

/// An account as the book has it; locations that are no longer used are none.
#[must_use]
pub fn account(account: &api::Account) -> Account {
    let used = account.locations.iter().filter(|location| location.activity == Activity::Active);
    Account {
        id: account.id.number(),
        name: Text::from(account.name.as_str()),
        locations: used.map(|location| Text::from(location.name.as_str())).collect(),
    }
}

/// The status: BMS knows two, and an inactive record with a name that archiving gives is archived.
fn status(activity: Activity, names: [Option<&str>; 2]) -> Status {
    match activity {
        Activity::Active => Status::Active,
        Activity::Inactive if names.into_iter().flatten().any(is_archived) => Status::Archived,
        Activity::Inactive => Status::Inactive,
    }
}

/// Whether a name is one that archiving gives: with `_Archived` at its end, perhaps numbered.
fn is_archived(name: &str) -> bool {
    name.trim_end_matches(|last: char| last.is_ascii_digit()).ends_with("_Archived")
}

/// Whether a type has that name.
#[must_use]
pub fn is_called(name: Option<&str>, wanted: &str) -> bool {
    name.is_some_and(|name| crate::model::same_name(name, wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archived_is_told_by_the_name_and_the_status_together() {
        for name in ["adele_Archived", "adele@x.com_Archived2", "a_Archived10"] {
            assert_eq!(status(Activity::Inactive, [Some(name), None]), Status::Archived, "{name}");
            assert_eq!(status(Activity::Active, [Some(name), None]), Status::Active, "{name}");
        }
        for name in ["adele", "Archived", "adele_Archived@x.com"] {
            assert_eq!(status(Activity::Inactive, [None, Some(name)]), Status::Inactive, "{name}");
        }
    }
}
