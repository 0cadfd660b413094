//! What an import would make of the state: rows laid over the records that they name. Pure.

use std::collections::HashMap;

use super::stage::{blank, settle};
use crate::actual::Actual;
use crate::interchange::row::{AccountRow, Given, PersonRow, Place, Row, RowErrors};
use crate::model::{Account, Field, Kind, Link, Record, RecordKey, Seen, Status, Text, UserKey};

use super::ids::Ids;

/// Records and accounts that rows name, as they would be, in the order in which they are first named.
#[derive(Debug, Default)]
pub struct Laid {
    /// With the place that named them last.
    pub records: Vec<(Record, Place)>,
    /// Accounts.
    pub accounts: Vec<Account>,
    /// Rows that give a login to a contact without portal access, where there is none.
    pub logins_dropped: u64,
}

/// Lays the rows over the state. The highest IDs move on with what is given and used.
///
/// # Errors
/// All rows that do not fit what is stored or each other.
pub fn lay(actual: &Actual, ids: &mut Ids, rows: Vec<Row>) -> Result<Laid, RowErrors> {
    for row in &rows {
        ids.note(row);
    }
    let mut layer = Layer { actual, laid: Laid::default(), records: HashMap::new(), accounts: HashMap::new() };
    let mut errors = RowErrors::default();
    for row in rows {
        let place = match &row {
            Row::Account(AccountRow { place, .. }) | Row::Person(PersonRow { place, .. }) => place.clone(),
        };
        let put = match row {
            Row::Account(row) => layer.account(ids, row),
            Row::Person(row) => layer.person(ids, row),
        };
        if let Err(message) = put {
            errors.push(place, message);
        }
    }
    layer.check_sources(&mut errors);
    if errors.is_empty() { Ok(layer.laid) } else { Err(errors) }
}

struct Layer<'a> {
    actual: &'a Actual,
    laid: Laid,
    /// Where in `laid`.
    records: HashMap<RecordKey, usize>,
    accounts: HashMap<u64, usize>,
}

impl Layer<'_> {
    fn account(&mut self, ids: &mut Ids, row: AccountRow) -> Result<(), String> {
        let AccountRow { place: _, id, name, locations } = row;
        let id = id.map_or_else(|| ids.next_account(), Ok)?;
        let at = self.accounts.get(&id).copied();
        let known = at.map(|at| &self.laid.accounts[at]).or_else(|| self.actual.account_by_id(id));
        let mut account = match (known, &name) {
            (Some(known), _) => known.clone(),
            (None, Some(name)) => Account { id, name: name.clone(), locations: Vec::new() },
            (None, None) => return Err(format!("there is no account {id}, and a new one needs a `name`")),
        };
        account.name = name.unwrap_or(account.name);
        account.locations = locations.unwrap_or(account.locations);
        if let Some(at) = at {
            self.laid.accounts[at] = account;
        } else {
            self.accounts.insert(id, self.laid.accounts.len());
            self.laid.accounts.push(account);
        }
        Ok(())
    }

    fn person(&mut self, ids: &mut Ids, row: PersonRow) -> Result<(), String> {
        let id = row.id.map_or_else(|| ids.next(row.kind), Ok)?;
        let key = RecordKey { kind: row.kind, id };
        let at = self.records.get(&key).copied();
        let known = at.map(|at| &self.laid.records[at].0).or_else(|| self.actual.record(key));
        let mut record = known.cloned().unwrap_or_else(|| Record { key, ..blank(row.kind) });
        let place = row.place.clone();
        self.laid.logins_dropped += overlay(&mut record, row)?;
        if let Some(at) = at {
            self.laid.records[at] = (record, place);
        } else {
            self.records.insert(key, self.laid.records.len());
            self.laid.records.push((record, place));
        }
        Ok(())
    }

    /// A directory user owns one record at most.
    fn check_sources(&self, errors: &mut RowErrors) {
        let mut owners: HashMap<&UserKey, &(Record, Place)> = HashMap::new();
        for laid in &self.laid.records {
            let (record, place) = laid;
            let Some(Link { user, .. }) = &record.link else { continue };
            if let Some((other, at)) = owners.insert(user, laid) {
                errors.push(place.clone(), format!("{at} gives the same source to {}", other.key));
            } else if let Some(owned) = self.actual.owned_by(user)
                && owned.key != record.key
                && !self.records.contains_key(&owned.key)
            {
                errors.push(place.clone(), format!("the source belongs to {} already", owned.key));
            }
        }
    }
}

/// Changes what the row gives; counts a login that cannot be kept.
fn overlay(record: &mut Record, row: PersonRow) -> Result<u64, String> {
    let PersonRow { place: _, kind: _, id: _, status, fields, source, archived_from, tickets, invoices } = row;
    record.status = status.unwrap_or(record.status);
    record.fields.set_all(fields.iter().map(|(field, value)| (*field, value.as_deref())));
    record.references.tickets = tickets.unwrap_or(record.references.tickets);
    record.references.invoices = invoices.unwrap_or(record.references.invoices);
    match source {
        Given::Absent => {}
        Given::Null => record.link = None,
        Given::Value(user) => own(record, user),
    }
    match archived_from {
        Given::Absent => {}
        Given::Null => record.archived_from = None,
        Given::Value(_) if record.status != Status::Archived => {
            return Err("`archivedFrom` is only for an archived record".to_owned());
        }
        Given::Value(user) => record.archived_from = Some(user),
    }
    settle(record);
    Ok(u64::from(drop_login(record)))
}

/// A source that is the record's already says nothing new: what was seen of it stays known.
fn own(record: &mut Record, user: UserKey) {
    if !record.is_owned_by(&user) {
        record.link = Some(Link { user, user_principal_name: None, seen: Seen::Unknown });
    }
}

/// A contact without portal access has neither username nor security role.
fn drop_login(record: &mut Record) -> bool {
    if record.key.kind != Kind::Contact || record.fields.portal_access() {
        return false;
    }
    let login = [Field::Username, Field::SecurityRole];
    let had = login.iter().any(|field| record.fields.get(*field).is_some());
    for field in login {
        record.fields.set(field, None);
    }
    had
}

/// Why a record was imported, for its event.
pub fn reason(place: &Place) -> Text {
    Text::from(format!("imported from {place}"))
}
