//! The IDs behind names: of locations, and of the types of emails and phones. Looked up when they are first needed and
//! remembered until BMS is read in full again.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::api::{Bms, BmsId, Contact, Location, Lookup, Named, Rank};
use super::edits::{Places, Types};
use super::picture::is_called;
use super::writing::Stop;
use super::{Desk, KaseyaStore};
use crate::model::{Field, Record};

/// What was looked up.
#[derive(Clone, Debug, Default)]
pub struct Known {
    locations: BTreeMap<BmsId, Vec<Location>>,
    types: Option<Types>,
    /// Names and IDs of types that contacts showed, for a BMS whose tables have other names.
    email_types: BTreeMap<String, BmsId>,
    phone_types: BTreeMap<String, BmsId>,
}

impl Known {
    /// Learns the types that a contact shows.
    pub fn learn(&mut self, contact: &Contact) {
        let pairs = [(&contact.emails, &mut self.email_types), (&contact.phones, &mut self.phone_types)];
        for (addresses, types) in pairs {
            for address in addresses {
                if let (Some(name), Some(id)) = (&address.type_name, address.type_id) {
                    types.insert(name.clone(), id);
                }
            }
        }
    }

    /// Forgets what BMS may have changed.
    pub fn forget(&mut self) {
        self.locations.clear();
        self.types = None;
    }
}

impl KaseyaStore {
    /// The IDs behind the account and the location of a record.
    pub(super) async fn places(&self, desk: &mut Desk, record: &Record) -> Result<Places, Stop> {
        let missing = |what: &str, name: &str| Stop::Refused(format!("BMS has no {what} `{name}`"));
        let name = record.fields.get(Field::Account).unwrap_or_default().to_owned();
        let wanted = name.clone();
        let account = self.book.view(move |actual| actual.account(&wanted).map(|account| account.id)).await?;
        let account = account.and_then(BmsId::new).ok_or_else(|| missing("account", &name))?;
        let locations = match desk.known.locations.entry(account) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(self.api.locations(account).await?),
        };
        let wanted = record.fields.get(Field::Location).unwrap_or_default();
        let found = locations.iter().find(|location| location.name == wanted);
        let location = found.ok_or_else(|| missing("location", wanted))?;
        Ok(Places { account, location: location.id })
    }

    /// The types of what is added to a contact.
    pub(super) async fn types(&self, desk: &mut Desk) -> Result<Types, Stop> {
        if let Some(types) = desk.known.types {
            return Ok(types);
        }
        let Known { email_types, phone_types, .. } = &desk.known;
        let (email, phone) = (self.habits.email_type.as_deref(), self.habits.phone_type.as_deref());
        let types = Types {
            email: one_type(&self.api, &Lookup::EmailTypes, email, email_types, "email").await?,
            phone: one_type(&self.api, &Lookup::PhoneTypes, phone, phone_types, "phone").await?,
        };
        desk.known.types = Some(types);
        Ok(types)
    }
}

/// The ID of a type: of the table, or of what contacts showed where BMS has no such table.
async fn one_type(
    api: &Bms,
    table: &Lookup,
    wanted: Option<&str>,
    shown: &BTreeMap<String, BmsId>,
    noun: &str,
) -> Result<BmsId, Stop> {
    let listed: Vec<Named> = match api.lookup(table).await {
        Ok(listed) => listed,
        Err(
            super::BmsError::NotOffered { .. } | super::BmsError::NotFound { .. } | super::BmsError::Refused { .. },
        ) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let found = if let Some(wanted) = wanted {
        let listed = listed.iter().find(|one| is_called(Some(&one.name), wanted)).map(|one| one.id);
        listed.or_else(|| shown.iter().find(|(name, _)| is_called(Some(name), wanted)).map(|(_, id)| *id))
    } else {
        let default = listed.iter().find(|one| one.rank == Rank::Default).or(listed.first()).map(|one| one.id);
        default.or_else(|| shown.values().next().copied())
    };
    let named = wanted.map_or_else(String::new, |wanted| format!(" `{wanted}`"));
    found.ok_or_else(|| Stop::Refused(format!("BMS has no {noun} type{named}: name one with {noun}Type in KaseyaBms")))
}
