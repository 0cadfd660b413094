//! What IT Glue has of an organization, as far as some contacts need it: the organization of an account, the contacts that
//! may be theirs, and which of them a PSA synchronizes. Reads only.

use std::collections::{BTreeMap, BTreeSet};

use super::client::{Client, Query, filter};
use super::document::Contact;
use crate::manifest::config::NameOrId;
use crate::model::{Field, Record, Text, folded, same_name};
use crate::outbox::{Finding, FindingCode, Item, SinkError};

/// The names that BMS has as an integration.
const BMS: [&str; 2] = ["kaseya-bms", "vorex"];

/// For so many contacts or fewer, each is looked for; for more the whole organization is read.
const FEW: usize = 4;

/// What IT Glue has.
#[derive(Debug, Default)]
pub(super) struct View {
    pub contacts: BTreeMap<u64, Contact>,
    /// The contacts by their primary email, and by first and last name, as names are compared.
    emails: BTreeMap<Text, Vec<u64>>,
    names: BTreeMap<[Text; 2], Vec<u64>>,
    /// Those that BMS synchronizes, of the ones above.
    pub synced: BTreeSet<u64>,
    /// Whether BMS synchronizes any contact of the organization.
    pub has_synced: bool,
}

/// The organization of an account.
pub(super) async fn organization(
    client: &Client,
    account: &str,
    declared: Option<&NameOrId>,
) -> Result<Result<u64, Finding>, SinkError> {
    let missing = |what: String| {
        let hint = "name it in `organizations` of the ItGlue manifest, or give one of the two the other's name";
        Err(Finding::new(FindingCode::OrganizationMissing, format!("{what}: {hint}")))
    };
    let name = match declared {
        Some(NameOrId::Id(id)) => {
            let found = client.one(&["organizations", &id.to_string()]).await?;
            return Ok(found.map_or_else(|| missing(format!("IT Glue has no organization {id}")), |one| Ok(one.id)));
        }
        Some(NameOrId::Name(name)) => name.as_str(),
        None if account.is_empty() => return Ok(missing("the contact has no account".to_owned())),
        None => account,
    };
    let found = client.list(&["organizations"], &[filter("name", name)]).await?;
    let ids: Vec<u64> = found.iter().filter(|one| one.text("name") == Some(name)).map(|one| one.id).collect();
    Ok(match ids.as_slice() {
        [] => missing(format!("IT Glue has no organization `{name}`")),
        [id] => Ok(*id),
        [_, ..] => {
            let message = format!("{} organizations of IT Glue are called `{name}`: name the ID of one", ids.len());
            Err(Finding::new(FindingCode::OrganizationAmbiguous, message))
        }
    })
}

/// The locations of an organization, by name; of several of one name none.
pub(super) async fn locations(client: &Client, organization: u64) -> Result<BTreeMap<String, u64>, SinkError> {
    let id = organization.to_string();
    let listed = client.list(&["organizations", &id, "relationships", "locations"], &[]).await?;
    let (mut found, mut twice) = (BTreeMap::new(), BTreeSet::new());
    for location in listed {
        let Some(name) = location.text("name") else { continue };
        if found.insert(name.to_owned(), location.id).is_some() {
            twice.insert(name.to_owned());
        }
    }
    found.retain(|name, _| !twice.contains(name));
    Ok(found)
}

/// The ID of a contact type.
pub(super) async fn contact_type(client: &Client, wanted: &NameOrId) -> Result<Option<u64>, SinkError> {
    match wanted {
        NameOrId::Id(id) => Ok(Some(*id)),
        NameOrId::Name(name) => {
            let types = client.list(&["contact_types"], &[]).await?;
            Ok(types.iter().find(|one| one.text("name") == Some(name.as_str())).map(|one| one.id))
        }
    }
}

impl View {
    /// What IT Glue has that may be these contacts.
    pub async fn read(client: &Client, organization: u64, items: &[Item]) -> Result<Self, SinkError> {
        let mut view = Self::default();
        if items.len() > FEW {
            view.take(client, organization, Vec::new()).await?;
        } else {
            for item in items {
                view.look_for(client, organization, item).await?;
            }
        }
        view.mark(client, organization).await?;
        view.index();
        Ok(view)
    }

    fn index(&mut self) {
        (self.emails, self.names) = (BTreeMap::new(), BTreeMap::new());
        for (id, contact) in &self.contacts {
            if let Some(email) = contact.primary_email() {
                self.emails.entry(folded(email)).or_default().push(*id);
            }
            let name = [&contact.first, &contact.last].map(|name| folded(name.as_deref().unwrap_or_default()));
            self.names.entry(name).or_default().push(*id);
        }
    }

    /// Those that may be one of these contacts, or are mistaken for one.
    pub fn candidates(&self, items: &[Item]) -> Vec<u64> {
        let of = |item: &Item| {
            let known = item.memory.contact.filter(|id| self.contacts.contains_key(id));
            let by_email = item.record.fields.get(Field::Email).map(|email| self.by_email(email)).unwrap_or_default();
            known.into_iter().chain(by_email).chain(self.namesakes(&item.record)).collect::<Vec<u64>>()
        };
        let all: BTreeSet<u64> = items.iter().flat_map(of).collect();
        all.into_iter().collect()
    }

    /// Takes in the contacts of the organization that a filter lets through.
    async fn take(&mut self, client: &Client, organization: u64, query: Query) -> Result<(), SinkError> {
        let id = organization.to_string();
        let listed = client.list(&["organizations", &id, "relationships", "contacts"], &query).await?;
        self.contacts.extend(listed.iter().map(|one| (one.id, one.contact())));
        Ok(())
    }

    /// By the ID that is remembered, else by the email; where neither leads to anybody, by the name, for somebody may be
    /// there under another email.
    async fn look_for(&mut self, client: &Client, organization: u64, item: &Item) -> Result<(), SinkError> {
        let Item { record, memory } = item;
        if let Some(id) = memory.contact
            && let Some(found) = client.one(&["contacts", &id.to_string()]).await?
            && found.number("organization-id") == Some(organization)
        {
            self.contacts.insert(id, found.contact());
            return Ok(());
        }
        let Some(email) = record.fields.get(Field::Email) else { return Ok(()) };
        self.take(client, organization, vec![filter("primary_email", email)]).await?;
        let names = [("first_name", Field::FirstName), ("last_name", Field::LastName)];
        let names: Query =
            names.into_iter().filter_map(|(name, field)| Some(filter(name, record.fields.get(field)?))).collect();
        let is_found = self.contacts.values().any(|one| one.primary_email().is_some_and(|held| same_name(held, email)));
        if !is_found && !names.is_empty() {
            self.take(client, organization, names).await?;
        }
        Ok(())
    }

    /// Marks those that BMS synchronizes.
    async fn mark(&mut self, client: &Client, organization: u64) -> Result<(), SinkError> {
        for kind in BMS {
            let of = vec![filter("organization_id", &organization), filter("psa_integration_type", kind)];
            if client.first(&["contacts"], of.clone()).await?.is_none() {
                continue;
            }
            self.has_synced = true;
            if !self.contacts.is_empty() {
                let synced = client.list(&["contacts"], &of).await?;
                self.synced.extend(synced.iter().map(|one| one.id));
            }
        }
        Ok(())
    }

    /// The contacts whose primary email is this one.
    pub fn by_email(&self, email: &str) -> Vec<u64> {
        self.emails.get(&folded(email)).cloned().unwrap_or_default()
    }

    /// The contacts with the record's first and last name.
    pub fn namesakes(&self, record: &Record) -> Vec<u64> {
        let name =
            [Field::FirstName, Field::LastName].map(|field| folded(record.fields.get(field).unwrap_or_default()));
        self.names.get(&name).cloned().unwrap_or_default()
    }
}
