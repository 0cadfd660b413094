//! Pages as Microsoft Graph writes them, read straight into what a directory takes. It knows nothing of where a page
//! comes from.
//!
//! A key that comes twice in an object is an error, for nobody can say which one is meant; keys that are not read are
//! skipped.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer};

use super::error::plain;
use super::value::{Lossy, Objects, id, identities, instant, patch, text, texts};
use crate::directory::{GroupPatch, Identity, Patch, Removal, UserPatch};
use crate::model::{Id, Text};

/// One page of a collection.
#[derive(Debug)]
pub(super) struct Page<T> {
    /// What is on it.
    pub objects: Vec<T>,
    /// Where it leads.
    pub onward: Onward,
}

/// Where a page leads; text of the service, not yet to be trusted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Onward {
    /// To the next page of the round.
    Next(String),
    /// To the next round.
    Delta(String),
}

/// Why bytes are no page; names the place in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Garbled(pub String);

/// Reads a page.
pub(super) fn page<T: DeserializeOwned>(bytes: &[u8]) -> Result<Page<T>, Garbled> {
    let Written { value: Objects(objects), next, delta } =
        serde_json::from_slice(bytes).map_err(|error| garbled::<T>(bytes, &error))?;
    let onward = match (next, delta) {
        (Some(next), None) => Onward::Next(next),
        (None, Some(delta)) => Onward::Delta(delta),
        (Some(_), Some(_)) => return Err(Garbled("it has both a nextLink and a deltaLink".to_owned())),
        (None, None) => return Err(Garbled("it has neither a nextLink nor a deltaLink".to_owned())),
    };
    Ok(Page { objects, onward })
}

/// Reads the bytes once more to find out where they go wrong: only failures pay for that.
fn garbled<T: DeserializeOwned>(bytes: &[u8], error: &serde_json::Error) -> Garbled {
    let error = plain(&error.to_string(), 160);
    let again = &mut serde_json::Deserializer::from_slice(bytes);
    let place = serde_path_to_error::deserialize::<_, Written<T>>(again).err().map(|error| error.path().to_string());
    match place.as_deref() {
        None | Some("." | "?") => Garbled(error),
        Some(place) => Garbled(format!("`{}`: {error}", plain(place, 80))),
    }
}

#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Written<T> {
    value: Objects<T>,
    #[serde(rename = "@odata.nextLink", default)]
    next: Option<String>,
    #[serde(rename = "@odata.deltaLink", default)]
    delta: Option<String>,
}

/// A user as a page has it: new, changed or removed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserEntry {
    #[serde(deserialize_with = "id")]
    id: Id,
    #[serde(rename = "@removed", default)]
    removed: Option<Removed>,
    #[serde(default, deserialize_with = "text")]
    user_principal_name: Patch<Text>,
    #[serde(default, deserialize_with = "text")]
    display_name: Patch<Text>,
    #[serde(default, deserialize_with = "text")]
    given_name: Patch<Text>,
    #[serde(default, deserialize_with = "text")]
    surname: Patch<Text>,
    #[serde(default, deserialize_with = "text")]
    mail: Patch<Text>,
    #[serde(default, deserialize_with = "text")]
    job_title: Patch<Text>,
    #[serde(default, deserialize_with = "text")]
    user_type: Patch<Text>,
    #[serde(default, deserialize_with = "text")]
    mobile_phone: Patch<Text>,
    #[serde(default, deserialize_with = "text")]
    fax_number: Patch<Text>,
    #[serde(default, deserialize_with = "text")]
    department: Patch<Text>,
    #[serde(default, deserialize_with = "text")]
    company_name: Patch<Text>,
    #[serde(default, deserialize_with = "text")]
    office_location: Patch<Text>,
    #[serde(default, deserialize_with = "text")]
    employee_id: Patch<Text>,
    #[serde(default, deserialize_with = "patch")]
    account_enabled: Patch<bool>,
    #[serde(default, deserialize_with = "patch")]
    on_premises_sync_enabled: Patch<bool>,
    #[serde(default, deserialize_with = "texts")]
    other_mails: Patch<Vec<Text>>,
    #[serde(default, deserialize_with = "texts")]
    proxy_addresses: Patch<Vec<Text>>,
    #[serde(default, deserialize_with = "texts")]
    business_phones: Patch<Vec<Text>>,
    #[serde(default, deserialize_with = "identities")]
    identities: Patch<Vec<Identity>>,
}

/// The attributes that [`UserEntry`] reads: what is not selected is neither returned nor tracked.
pub(super) const USER_SELECT: &str = "id,displayName,givenName,surname,userPrincipalName,mail,otherMails,\
proxyAddresses,identities,businessPhones,mobilePhone,faxNumber,jobTitle,department,companyName,officeLocation,\
employeeId,accountEnabled,userType,onPremisesSyncEnabled";

impl UserEntry {
    /// The user's ID and what became of it: a removal, or what is said of it.
    pub fn told(self) -> (Id, Result<UserPatch, Removal>) {
        let Self {
            id,
            removed,
            user_principal_name,
            display_name,
            given_name,
            surname,
            mail,
            job_title,
            user_type,
            mobile_phone,
            fax_number,
            department,
            company_name,
            office_location,
            employee_id,
            account_enabled,
            on_premises_sync_enabled,
            other_mails,
            proxy_addresses,
            business_phones,
            identities,
        } = self;
        if let Some(removed) = removed {
            return (id, Err(removed.how()));
        }
        let patch = UserPatch {
            user_principal_name,
            display_name,
            given_name,
            surname,
            mail,
            job_title,
            user_type,
            mobile_phone,
            fax_number,
            department,
            company_name,
            office_location,
            employee_id,
            account_enabled,
            on_premises_sync_enabled,
            other_mails,
            proxy_addresses,
            business_phones,
            identities,
        };
        (id, Ok(patch))
    }
}

/// A group as a page has it, with the slice of its members that the page tells of.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupEntry {
    /// The group's ID.
    #[serde(deserialize_with = "id")]
    pub id: Id,
    #[serde(rename = "@removed", default)]
    removed: Option<Removed>,
    #[serde(default, deserialize_with = "text")]
    display_name: Patch<Text>,
    #[serde(rename = "createdDateTime", default, deserialize_with = "instant")]
    created: Patch<Timestamp>,
    #[serde(default, deserialize_with = "patch")]
    security_enabled: Patch<bool>,
    #[serde(rename = "members@delta", default)]
    members: Option<Vec<MemberEntry>>,
}

/// The attributes that [`GroupEntry`] reads; `members` is what makes `members@delta` come.
pub(super) const GROUP_SELECT: &str = "id,displayName,createdDateTime,securityEnabled,members";

impl GroupEntry {
    /// How much it tells: of itself and of each member.
    pub fn weight(&self) -> u64 {
        1 + self.members.as_ref().map_or(0, |members| members.len() as u64)
    }

    /// What became of the group, and of its direct members.
    pub fn told(self) -> (Id, Result<GroupPatch, Removal>, Vec<MemberEntry>) {
        let Self { id, removed, display_name, created, security_enabled, members } = self;
        let fate = match removed {
            Some(removed) => Err(removed.how()),
            None => Ok(GroupPatch { display_name, created, security_enabled }),
        };
        (id, fate, members.unwrap_or_default())
    }
}

/// One direct member that joined or left.
#[derive(Debug, Deserialize)]
pub(super) struct MemberEntry {
    #[serde(deserialize_with = "id")]
    id: Id,
    #[serde(rename = "@odata.type", default)]
    kind: MemberKind,
    #[serde(rename = "@removed", default)]
    removed: Option<Removed>,
}

/// What is told of a member.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Membership {
    /// It is one.
    Joined(Id),
    /// It is none any more.
    Left(Id),
    /// It is something that no rule reads: a device, a contact, an application.
    Ignored,
}

impl MemberEntry {
    /// What is told of it.
    pub fn told(self) -> Membership {
        let Self { id, kind, removed } = self;
        match (removed, kind) {
            (Some(Removed { .. }), _) => Membership::Left(id),
            (None, MemberKind::Counts) => Membership::Joined(id),
            (None, MemberKind::Other) => Membership::Ignored,
        }
    }
}

/// Whether a member's type counts: users and groups do, and so does one whose type is not told.
#[derive(Clone, Copy, Debug, Default)]
enum MemberKind {
    #[default]
    Counts,
    Other,
}

impl<'de> Deserialize<'de> for MemberKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let counts = |name: &str| {
            name.eq_ignore_ascii_case("#microsoft.graph.user") || name.eq_ignore_ascii_case("#microsoft.graph.group")
        };
        match Option::<Lossy>::deserialize(deserializer)? {
            Some(Lossy(name)) if !counts(&name) => Ok(Self::Other),
            Some(Lossy(_)) | None => Ok(Self::Counts),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Removed {
    #[serde(default)]
    reason: Option<Lossy>,
}

impl Removed {
    /// An unknown reason is taken for the milder one, which keeps the memberships.
    fn how(self) -> Removal {
        match self.reason {
            Some(Lossy(reason)) if reason.eq_ignore_ascii_case("deleted") => Removal::Hard,
            Some(Lossy(_)) | None => Removal::Soft,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(json: &str) -> Result<Page<UserEntry>, Garbled> {
        page(format!(r#"{{"value":[{json}],"@odata.deltaLink":"d"}}"#).as_bytes())
    }

    #[test]
    fn everything_that_is_selected_is_read() {
        for attribute in USER_SELECT.split(',').skip(1) {
            let Garbled(why) = user(&format!(r#"{{"id":"a","{attribute}":{{"x":1}}}}"#)).unwrap_err();
            assert!(why.starts_with(&format!("`value[0].{attribute}`: invalid type: map")), "{why}");
        }
        assert_eq!(USER_SELECT.split(',').count(), 20);
    }

    #[test]
    fn null_clears_and_absent_keeps() {
        let read = user(r#"{"id":"a","mail":null,"jobTitle":"x","identities":null,"accountEnabled":null}"#).unwrap();
        let (_, patch) = read.objects.into_iter().next().unwrap().told();
        let patch = patch.unwrap();
        assert_eq!((patch.mail, patch.surname), (Patch::Clear, Patch::Keep));
        assert_eq!((patch.job_title, patch.account_enabled), (Patch::Set("x".into()), Patch::Clear));
        assert_eq!((patch.identities, patch.other_mails), (Patch::Clear, Patch::Keep));
    }

    #[test]
    fn a_key_that_comes_twice_is_refused() {
        let Garbled(why) = user(r#"{"id":"a","mail":"x","mail":"y"}"#).unwrap_err();
        assert!(why.contains("duplicate field `mail`"), "{why}");
        assert!(user(r#"{"id":"a","other":1,"other":2}"#).is_ok());
    }

    #[test]
    fn odd_text_is_kept_or_repaired() {
        let read = user(r#"{"id":"a","mail":"a\ud83d!","jobTitle":"\u0000\u001b\ud83d\ude00"}"#).unwrap();
        let (_, patch) = read.objects.into_iter().next().unwrap().told();
        let patch = patch.unwrap();
        assert_eq!(patch.mail, Patch::Set("a\u{fffd}\u{fffd}\u{fffd}!".into()));
        assert_eq!(patch.job_title, Patch::Set("\0\u{1b}😀".into()));
        assert!(
            page::<UserEntry>(b"{\"value\":[{\"id\":\"a\",\"mail\":\"\xff\"}],\"@odata.deltaLink\":\"d\"}").is_ok()
        );
    }

    #[test]
    fn deep_nesting_is_skipped_or_refused_but_never_overflows() {
        let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
        assert!(user(&format!(r#"{{"id":"a","other":{deep}}}"#)).is_ok());
        assert!(user(&format!(r#"{{"id":"a","businessPhones":{deep}}}"#)).is_err());
        assert!(page::<UserEntry>(deep.as_bytes()).is_err());
    }

    #[test]
    fn a_page_of_too_many_objects_is_refused() {
        let many = vec![r#"{"id":"a"}"#; super::super::value::MAX_OBJECTS + 1].join(",");
        let Garbled(why) = user(&many).unwrap_err();
        assert!(why.contains("more than 50000 objects"), "{why}");
    }

    #[test]
    fn exactly_one_link_is_wanted() {
        for links in ["", r#","@odata.nextLink":"n","@odata.deltaLink":"d""#, r#","@odata.nextLink":null"#] {
            assert!(page::<UserEntry>(format!(r#"{{"value":[]{links}}}"#).as_bytes()).is_err(), "{links}");
        }
        let next = page::<UserEntry>(br#"{"@odata.nextLink":"n","@odata.deltaLink":null,"value":[]}"#).unwrap();
        assert_eq!(next.onward, Onward::Next("n".to_owned()));
    }
}
