//! Pages as Microsoft Graph writes them, read straight into what a directory takes. It knows nothing of where a page
//! comes from.
//!
//! Text is read leniently: an unpaired surrogate or a byte that is no UTF-8 becomes U+FFFD, because one odd name must
//! not stop a tenant for good. Types are read strictly: an attribute of another type is an error, never "not set".
//! A key that comes twice in an object is an error, for nobody can say which one is meant.

use std::fmt;
use std::marker::PhantomData;

use jiff::Timestamp;
use serde::de::{DeserializeOwned, Deserializer, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, de};

use super::error::plain;
use crate::directory::{GroupPatch, Identity, Patch, Removal, UserPatch};
use crate::model::{Id, Text};

/// Objects on one page; Graph itself stops at 999. Small objects would otherwise grow a large page to gigabytes.
const MAX_OBJECTS: usize = 50_000;

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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenIdentity {
    #[serde(default)]
    sign_in_type: Option<Lossy>,
    #[serde(default)]
    issuer: Option<Lossy>,
    #[serde(default)]
    issuer_assigned_id: Option<Lossy>,
}

/// Text that is repaired rather than refused.
#[derive(Debug)]
struct Lossy(Text);

impl<'de> Deserialize<'de> for Lossy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsText;
        impl Visitor<'_> for AsText {
            type Value = Lossy;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Lossy, E> {
                Ok(Lossy(Text::new(text)))
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Lossy, E> {
                Ok(Lossy(std::str::from_utf8(bytes).map_or_else(|_| Text::from_utf8_lossy(bytes), Text::new)))
            }
        }
        deserializer.deserialize_bytes(AsText)
    }
}

/// A list of bounded length.
#[derive(Debug)]
struct Objects<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Objects<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsObjects<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for AsObjects<T> {
            type Value = Objects<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of objects")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Objects<T>, A::Error> {
                let mut objects = Vec::new();
                while let Some(object) = list.next_element()? {
                    if objects.len() == MAX_OBJECTS {
                        return Err(A::Error::custom(format_args!("more than {MAX_OBJECTS} objects")));
                    }
                    objects.push(object);
                }
                Ok(Objects(objects))
            }
        }
        deserializer.deserialize_seq(AsObjects(PhantomData))
    }
}

fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Id, D::Error> {
    let Lossy(text) = Lossy::deserialize(deserializer)?;
    if text.trim().is_empty() {
        return Err(D::Error::custom("an ID that is empty"));
    }
    Ok(Id::new(&text))
}

fn patch<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Patch<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.map_or(Patch::Clear, Patch::Set))
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Patch<Text>, D::Error> {
    Ok(Option::deserialize(deserializer)?.map_or(Patch::Clear, |Lossy(text)| Patch::Set(text)))
}

fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Patch<Vec<Text>>, D::Error> {
    let texts: Option<Vec<Lossy>> = Option::deserialize(deserializer)?;
    Ok(texts.map_or(Patch::Clear, |texts| Patch::Set(texts.into_iter().map(|Lossy(text)| text).collect())))
}

fn identities<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Patch<Vec<Identity>>, D::Error> {
    let written: Option<Vec<WrittenIdentity>> = Option::deserialize(deserializer)?;
    let read = |WrittenIdentity { sign_in_type, issuer, issuer_assigned_id }| Identity {
        sign_in_type: sign_in_type.map(|Lossy(text)| text),
        issuer: issuer.map(|Lossy(text)| text),
        issuer_assigned_id: issuer_assigned_id.map(|Lossy(text)| text),
    };
    Ok(written.map_or(Patch::Clear, |written| Patch::Set(written.into_iter().map(read).collect())))
}

/// An instant with any offset; text that is none counts as not known, which makes the group the youngest (rule R1).
fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Patch<Timestamp>, D::Error> {
    let text: Option<Lossy> = Option::deserialize(deserializer)?;
    Ok(text.and_then(|Lossy(text)| text.trim().parse().ok()).map_or(Patch::Clear, Patch::Set))
}
