//! A user as Microsoft Graph writes it: new, changed or removed. What is only watched for changes becomes a fingerprint
//! while it is read.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::value::{List, Removed, Str, id};
use crate::directory::{Attribute, Flag, Listed, Removal, Said, UserPatch};
use crate::model::Id;

/// A user, and what became of it: a removal, or what is said of it.
#[derive(Debug)]
pub(in super::super) struct UserEntry {
    /// Its ID.
    pub id: Id,
    /// What became of it.
    pub told: Result<UserPatch, Removal>,
}

/// The attributes that [`UserEntry`] reads: what is not selected is neither returned nor tracked.
pub(in super::super) const USER_SELECT: &str = "id,displayName,givenName,surname,userPrincipalName,mail,otherMails,\
proxyAddresses,identities,businessPhones,mobilePhone,faxNumber,jobTitle,department,companyName,officeLocation,\
employeeId,accountEnabled,userType,onPremisesSyncEnabled";

/// What a key leads to.
#[derive(Clone, Copy, Debug)]
enum Key {
    Id,
    Removed,
    Text(Attribute),
    List(Listed),
    Identities,
    Flag(Flag),
}

/// The keys that are read, in the order in which Graph mostly writes them.
const KEYS: [(&str, Key); 21] = [
    ("@removed", Key::Removed),
    ("id", Key::Id),
    ("displayName", Key::Text(Attribute::DisplayName)),
    ("givenName", Key::Text(Attribute::GivenName)),
    ("surname", Key::Text(Attribute::Surname)),
    ("userPrincipalName", Key::Text(Attribute::UserPrincipalName)),
    ("mail", Key::Text(Attribute::Mail)),
    ("otherMails", Key::List(Listed::OtherMails)),
    ("proxyAddresses", Key::List(Listed::ProxyAddresses)),
    ("identities", Key::Identities),
    ("businessPhones", Key::List(Listed::BusinessPhones)),
    ("mobilePhone", Key::Text(Attribute::MobilePhone)),
    ("faxNumber", Key::Text(Attribute::FaxNumber)),
    ("jobTitle", Key::Text(Attribute::JobTitle)),
    ("department", Key::Text(Attribute::Department)),
    ("companyName", Key::Text(Attribute::CompanyName)),
    ("officeLocation", Key::Text(Attribute::OfficeLocation)),
    ("employeeId", Key::Text(Attribute::EmployeeId)),
    ("accountEnabled", Key::Flag(Flag::AccountEnabled)),
    ("userType", Key::Text(Attribute::UserType)),
    ("onPremisesSyncEnabled", Key::Flag(Flag::OnPremisesSyncEnabled)),
];

/// Where in [`KEYS`] the next key stands, if it is read at all; looked for from there on, because users are mostly
/// written alike.
struct NextKey(usize);

impl<'de> DeserializeSeed<'de> for NextKey {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for NextKey {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an attribute")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Option<usize>, E> {
        let mut places = (self.0..KEYS.len()).chain(0..self.0);
        Ok(places.find(|place| KEYS[*place].0 == key))
    }
}

impl<'de> Deserialize<'de> for UserEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AsUser)
    }
}

struct AsUser;

impl<'de> Visitor<'de> for AsUser {
    type Value = UserEntry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a user")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UserEntry, A::Error> {
        let mut entry = Reading::default();
        let (mut place, mut met) = (0, 0_u32);
        while let Some(found) = map.next_key_seed(NextKey(place))? {
            let Some(found) = found else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let (name, key) = KEYS[found];
            if met & 1 << found != 0 {
                return Err(A::Error::duplicate_field(name));
            }
            met |= 1 << found;
            entry.read(key, &mut map)?;
            place = found + 1;
        }
        entry.end().ok_or_else(|| A::Error::missing_field("id"))
    }
}

/// A user that is being read.
#[derive(Default)]
struct Reading<'de> {
    id: Option<Id>,
    removed: Option<Removed>,
    said: Said<'de>,
}

impl<'de> Reading<'de> {
    fn read<A: MapAccess<'de>>(&mut self, key: Key, map: &mut A) -> Result<(), A::Error> {
        match key {
            Key::Id => self.id = Some(map.next_value_seed(AsId)?),
            Key::Removed => self.removed = map.next_value()?,
            Key::Text(attribute) => {
                let text: Option<Str<'de>> = map.next_value()?;
                self.said.text(attribute, text.map(|Str(text)| text));
            }
            Key::List(list) => self.said.list(list, map.next_value::<List<_>>()?.as_slice()),
            Key::Identities => self.said.identities(map.next_value::<List<_>>()?.as_slice()),
            Key::Flag(flag) => self.said.flag(flag, map.next_value()?),
        }
        Ok(())
    }

    fn end(self) -> Option<UserEntry> {
        let Self { id, removed, said } = self;
        let told = match removed {
            Some(Removed { reason }) => Err(reason),
            None => Ok(said.into()),
        };
        Some(UserEntry { id: id?, told })
    }
}

struct AsId;

impl<'de> DeserializeSeed<'de> for AsId {
    type Value = Id;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Id, D::Error> {
        id(deserializer)
    }
}
