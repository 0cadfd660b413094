//! What BMS holds, read out of its JSON. It knows nothing of how it was asked for.

use serde_json::Value;

use super::entry::Entry;
use super::envelope::Garbled;
use super::id::BmsId;
use super::shapes::{
    Account, Activity, Address, Administrator, Bridge, Contact, Employee, FoundContact, Location, Main, Named, Portal,
    Rank, Twin, UserInfo,
};

/// An item of a list, which is known by its ID.
pub trait Item: Sized {
    /// Reads one.
    ///
    /// # Errors
    /// When something of it is not what it must be.
    fn read(value: &Value) -> Result<Self, Garbled>;

    /// By what it is known.
    fn id(&self) -> BmsId;
}

impl Item for Contact {
    fn read(value: &Value) -> Result<Self, Garbled> {
        let entry = Entry::of(value)?;
        Ok(Self {
            id: entry.own_id()?,
            account_id: entry.id("accountId")?,
            account_name: entry.text("accountName")?,
            location_id: entry.id("locationId")?,
            location_name: entry.text("locationName")?,
            first_name: entry.text("firstName")?,
            last_name: entry.text("lastName")?,
            job_title: entry.text("jobTitle")?,
            activity: required_activity(entry)?,
            emails: addresses(entry, "emails", &["emailAddress"], &["emailTypeId", "typeId"], "emailType")?,
            phones: addresses(entry, "phones", &["phone", "phoneNumber"], &["phoneTypeId", "typeId"], "phoneType")?,
            created_on: entry.moment("createdOn")?,
            modified_on: entry.moment("modifiedOn")?,
        })
    }

    fn id(&self) -> BmsId {
        self.id
    }
}

impl Item for FoundContact {
    fn read(value: &Value) -> Result<Self, Garbled> {
        let entry = Entry::of(value)?;
        let portal = entry.flag("hasClientPortalAccess")?;
        Ok(Self {
            id: entry.own_id()?,
            account_id: entry.id("accountId")?,
            location_id: entry.id("locationId")?,
            first_name: entry.text("firstName")?,
            last_name: entry.text("lastName")?,
            job_title: entry.text("jobTitle")?,
            email: entry.text("emailAddress")?,
            activity: required_activity(entry)?,
            portal: if portal == Some(true) { Portal::Open } else { Portal::Closed },
        })
    }

    fn id(&self) -> BmsId {
        self.id
    }
}

impl Item for Employee {
    fn read(value: &Value) -> Result<Self, Garbled> {
        let entry = Entry::of(value)?;
        Ok(Self {
            id: entry.own_id()?,
            first_name: entry.text("firstName")?,
            last_name: entry.text("lastName")?,
            email: entry.text("emailAddress")?,
            username: entry.text("username")?,
            job_title: entry.text("jobTitle")?,
            activity: required_activity(entry)?,
        })
    }

    fn id(&self) -> BmsId {
        self.id
    }
}

impl Item for Account {
    fn read(value: &Value) -> Result<Self, Garbled> {
        let entry = Entry::of(value)?;
        let mut locations = entry.list("locations")?.iter().map(Location::read).collect::<Result<Vec<_>, _>>()?;
        locations.sort_by_key(|location| location.main);
        Ok(Self {
            id: entry.own_id()?,
            name: name_of(entry, &["name", "accountName"])?,
            activity: activity(entry)?,
            locations,
            modified_on: entry.moment("modifiedOn")?,
        })
    }

    fn id(&self) -> BmsId {
        self.id
    }
}

impl Item for Location {
    fn read(value: &Value) -> Result<Self, Garbled> {
        let entry = Entry::of(value)?;
        let main = entry.flag("isMain")?;
        Ok(Self {
            id: entry.own_id()?,
            name: name_of(entry, &["locationName", "name"])?,
            main: if main == Some(true) { Main::Yes } else { Main::No },
            activity: activity(entry)?,
        })
    }

    fn id(&self) -> BmsId {
        self.id
    }
}

impl Item for Named {
    fn read(value: &Value) -> Result<Self, Garbled> {
        let entry = Entry::of(value)?;
        let is_default = entry.flag("isDefault")?.or(entry.flag("isMain")?);
        let name = name_of(entry, &["name"])?;
        Ok(Self { id: entry.own_id()?, name, rank: rank(is_default), activity: activity(entry)? })
    }

    fn id(&self) -> BmsId {
        self.id
    }
}

pub(super) fn user_info(value: &Value) -> Result<UserInfo, Garbled> {
    let entry = Entry::of(value)?;
    let named = |right: &Value| Some(right.as_str().or_else(|| right.get("name")?.as_str())?.to_owned());
    Ok(UserInfo {
        user_id: entry.id("userId")?,
        username: entry.text_of(&["userName", "username"])?,
        company: entry.text_of(&["businessName", "tenantName"])?,
        administrator: match entry.flag("isUserSystemAdmin")? {
            Some(true) => Administrator::Yes,
            Some(false) | None => Administrator::No,
        },
        rights: entry.list("userAccessRights")?.iter().filter_map(named).collect(),
    })
}

/// The number of a count: itself, or a member of an object.
pub(super) fn count(value: &Value) -> Result<u64, Garbled> {
    let member = || ["count", "total", "totalRecords"].into_iter().find_map(|name| Entry::of(value).ok()?.get(name));
    value.as_u64().or_else(|| member()?.as_u64()).ok_or_else(|| Garbled("a count is no number".to_owned()))
}

/// Whether a bridge is on: itself, or a member of an object.
pub(super) fn bridge(value: &Value) -> Result<Bridge, Garbled> {
    const NAMES: [&str; 4] = ["isEnabled", "enabled", "isActive", "isConnected"];
    let member = || NAMES.into_iter().find_map(|name| Entry::of(value).ok()?.get(name)?.as_bool());
    match value.as_bool().or_else(member) {
        Some(true) => Ok(Bridge::On),
        Some(false) => Ok(Bridge::Off),
        None => Err(Garbled("the status of IT Glue is neither on nor off".to_owned())),
    }
}

/// The contact of IT Glue, whose ID is a larger number.
pub(super) fn twin(value: &Value) -> Result<Option<Twin>, Garbled> {
    if value.is_null() {
        return Ok(None);
    }
    let entry = Entry::of(value)?;
    let Some(id) = entry.get("id") else { return Ok(None) };
    let number = id.as_u64().or_else(|| id.as_str()?.parse().ok());
    let id = number.ok_or_else(|| Garbled("an ID of IT Glue is no number".to_owned()))?;
    Ok((id > 0).then_some(Twin { id, name: entry.text("name")? }))
}

/// What a custom field holds, out of all of an object's.
pub(super) fn custom_field(value: &Value, field: BmsId) -> Result<Option<String>, Garbled> {
    let fields = value.as_array().ok_or_else(|| Garbled("custom fields are no list".to_owned()))?;
    for value in fields {
        let entry = Entry::of(value)?;
        if entry.id_of(&["customFieldId", "id"])? == Some(field) {
            return entry.text_of(&["data", "value"]);
        }
    }
    Ok(None)
}

/// Addresses; those without a value are none.
fn addresses(
    entry: Entry<'_>,
    list: &str,
    value: &[&str],
    type_id: &[&str],
    type_name: &str,
) -> Result<Vec<Address>, Garbled> {
    let read = |item: &Value| {
        let entry = Entry::of(item)?;
        let Some(value) = entry.text_of(value)? else { return Ok(None) };
        let rank = rank(entry.flag("isDefault")?);
        Ok(Some(Address { value, type_id: entry.id_of(type_id)?, type_name: entry.text(type_name)?, rank }))
    };
    entry.list(list)?.iter().filter_map(|item| read(item).transpose()).collect()
}

const fn rank(is_default: Option<bool>) -> Rank {
    match is_default {
        Some(true) => Rank::Default,
        Some(false) | None => Rank::Further,
    }
}

/// What says nothing of it is in use.
fn activity(entry: Entry<'_>) -> Result<Activity, Garbled> {
    Ok(if entry.flag("isActive")? == Some(false) { Activity::Inactive } else { Activity::Active })
}

/// Of a person it must be said: to take an inactive one for an active one would undo somebody's work.
fn required_activity(entry: Entry<'_>) -> Result<Activity, Garbled> {
    match entry.flag("isActive")? {
        Some(true) => Ok(Activity::Active),
        Some(false) => Ok(Activity::Inactive),
        None => Err(Garbled("a person has no `isActive`".to_owned())),
    }
}

fn name_of(entry: Entry<'_>, names: &[&str]) -> Result<String, Garbled> {
    entry.text_of(names)?.ok_or_else(|| Garbled(format!("an item has no `{}`", names[0])))
}
