//! A user as far as bmsync reads it, and what a source says of users and groups.

use std::hash::Hasher as _;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

use crate::model::{Digest, Text, filled};

/// A user as far as the rules read it: what is mapped as values, what is only watched for changes as fingerprints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Sign-in name; changes over time.
    pub user_principal_name: Option<Text>,
    /// For people to read.
    pub display_name: Option<Text>,
    /// First name.
    pub given_name: Option<Text>,
    /// Last name.
    pub surname: Option<Text>,
    /// Primary mail address.
    pub mail: Option<Text>,
    /// `otherMails[0]`.
    pub other_mail: Option<Text>,
    /// `businessPhones[0]`, the Office Phone.
    pub business_phone: Option<Text>,
    /// Job title.
    pub job_title: Option<Text>,
    /// `Member`, `Guest` or nothing.
    pub user_type: Option<Text>,
    /// False when sign-in is blocked.
    pub account_enabled: Option<bool>,
    /// True when an on-premises directory owns it.
    pub on_premises_sync_enabled: Option<bool>,
    /// Whether some identity is issued by `MicrosoftAccount`.
    pub is_microsoft_account: bool,
    watched: [Fingerprint; Watched::ALL.len()],
}

/// 64 bits that stand for an attribute's content; 0 where there is none.
type Fingerprint = u64;

/// Attributes whose content matters only for telling that the user changed (rule R8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the Microsoft Graph attribute of that name")]
pub enum Watched {
    OtherMails,
    ProxyAddresses,
    Identities,
    BusinessPhones,
    MobilePhone,
    FaxNumber,
    Department,
    CompanyName,
    OfficeLocation,
    EmployeeId,
}

impl Watched {
    /// All of them, in order.
    pub const ALL: [Self; 10] = [
        Self::OtherMails,
        Self::ProxyAddresses,
        Self::Identities,
        Self::BusinessPhones,
        Self::MobilePhone,
        Self::FaxNumber,
        Self::Department,
        Self::CompanyName,
        Self::OfficeLocation,
        Self::EmployeeId,
    ];
}

/// What a source says of one attribute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Patch<T> {
    /// Not mentioned: keep what is known.
    #[default]
    Keep,
    /// Null: clear it.
    Clear,
    /// A value.
    Set(T),
}

impl<T> Patch<T> {
    pub(super) fn onto(self, slot: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *slot = None,
            Self::Set(value) => *slot = Some(value),
        }
    }
}

/// What a source says of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields of `Group`")]
pub struct GroupPatch {
    pub display_name: Patch<Text>,
    pub created: Patch<Timestamp>,
    pub security_enabled: Patch<bool>,
}

/// What a source says of a user; collections whole, as Graph sends them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the Microsoft Graph attributes of the same names")]
pub struct UserPatch {
    pub user_principal_name: Patch<Text>,
    pub display_name: Patch<Text>,
    pub given_name: Patch<Text>,
    pub surname: Patch<Text>,
    pub mail: Patch<Text>,
    pub job_title: Patch<Text>,
    pub user_type: Patch<Text>,
    pub mobile_phone: Patch<Text>,
    pub fax_number: Patch<Text>,
    pub department: Patch<Text>,
    pub company_name: Patch<Text>,
    pub office_location: Patch<Text>,
    pub employee_id: Patch<Text>,
    pub account_enabled: Patch<bool>,
    pub on_premises_sync_enabled: Patch<bool>,
    pub other_mails: Patch<Vec<Text>>,
    pub proxy_addresses: Patch<Vec<Text>>,
    pub business_phones: Patch<Vec<Text>>,
    pub identities: Patch<Vec<Identity>>,
}

/// One way a user signs in.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the Microsoft Graph attributes of the same names")]
pub struct Identity {
    pub sign_in_type: Option<Text>,
    pub issuer: Option<Text>,
    pub issuer_assigned_id: Option<Text>,
}

impl User {
    pub(super) fn apply(&mut self, patch: UserPatch) {
        let UserPatch {
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
        } = patch;
        user_principal_name.onto(&mut self.user_principal_name);
        display_name.onto(&mut self.display_name);
        given_name.onto(&mut self.given_name);
        surname.onto(&mut self.surname);
        mail.onto(&mut self.mail);
        job_title.onto(&mut self.job_title);
        user_type.onto(&mut self.user_type);
        account_enabled.onto(&mut self.account_enabled);
        on_premises_sync_enabled.onto(&mut self.on_premises_sync_enabled);
        self.first_of(&other_mails, Watched::OtherMails, |user| &mut user.other_mail);
        self.first_of(&business_phones, Watched::BusinessPhones, |user| &mut user.business_phone);
        self.watch_all(&proxy_addresses, Watched::ProxyAddresses);
        self.watch(&mobile_phone, Watched::MobilePhone);
        self.watch(&fax_number, Watched::FaxNumber);
        self.watch(&department, Watched::Department);
        self.watch(&company_name, Watched::CompanyName);
        self.watch(&office_location, Watched::OfficeLocation);
        self.watch(&employee_id, Watched::EmployeeId);
        self.identify(identities);
    }

    fn first_of(&mut self, patch: &Patch<Vec<Text>>, watched: Watched, slot: fn(&mut Self) -> &mut Option<Text>) {
        match patch {
            Patch::Keep => {}
            Patch::Clear => *slot(self) = None,
            Patch::Set(values) => *slot(self) = values.first().cloned(),
        }
        self.watch_all(patch, watched);
    }

    fn watch(&mut self, patch: &Patch<Text>, watched: Watched) {
        match patch {
            Patch::Keep => {}
            Patch::Clear => self.watched[watched as usize] = 0,
            Patch::Set(value) => {
                let value = Some(value.as_bytes()).filter(|value| !value.is_empty());
                self.watched[watched as usize] = fingerprint(value);
            }
        }
    }

    fn watch_all(&mut self, patch: &Patch<Vec<Text>>, watched: Watched) {
        match patch {
            Patch::Keep => {}
            Patch::Clear => self.watched[watched as usize] = 0,
            Patch::Set(values) => {
                let filled = values.iter().map(Text::as_bytes).filter(|value| !value.is_empty());
                self.watched[watched as usize] = if values.len() < 2 {
                    fingerprint(filled)
                } else {
                    let mut filled: Vec<&[u8]> = filled.collect();
                    filled.sort_unstable();
                    fingerprint(filled)
                };
            }
        }
    }

    fn identify(&mut self, patch: Patch<Vec<Identity>>) {
        let mut identities = match patch {
            Patch::Keep => return,
            Patch::Clear => Vec::new(),
            Patch::Set(identities) => identities,
        };
        let issued_by_microsoft = |identity: &Identity| {
            identity.issuer.as_deref().is_some_and(|issuer| issuer.trim().eq_ignore_ascii_case("MicrosoftAccount"))
        };
        self.is_microsoft_account = identities.iter().any(issued_by_microsoft);
        identities.sort_unstable();
        let parts = identities.iter().flat_map(|Identity { sign_in_type, issuer, issuer_assigned_id }| {
            [sign_in_type, issuer, issuer_assigned_id].map(|part| part.as_deref().unwrap_or_default().as_bytes())
        });
        self.watched[Watched::Identities as usize] = fingerprint(parts);
    }

    /// Digest of every attribute that bmsync reads. Not set, null and empty are the same content, and so is another
    /// order of a collection.
    #[must_use]
    pub fn content(&self) -> Digest {
        let Self {
            user_principal_name,
            display_name,
            given_name,
            surname,
            mail,
            other_mail: _,
            business_phone: _,
            job_title,
            user_type,
            account_enabled,
            on_premises_sync_enabled,
            is_microsoft_account: _,
            watched,
        } = self;
        let texts = [user_principal_name, display_name, given_name, surname, mail, job_title, user_type];
        let flags = [*account_enabled, *on_premises_sync_enabled].map(|flag| flag.map_or(2_u8, u8::from));
        let mut fingerprints = [0_u8; Watched::ALL.len() * 8];
        for (slot, fingerprint) in fingerprints.chunks_exact_mut(8).zip(watched) {
            slot.copy_from_slice(&fingerprint.to_le_bytes());
        }
        let texts = texts.into_iter().map(|text| text.as_deref().unwrap_or_default().as_bytes());
        Digest::of(texts.chain([&flags[..], &fingerprints[..]]))
    }

    /// Whether the user principal name has the form of a guest's.
    #[must_use]
    pub fn is_external(&self) -> bool {
        self.user_principal_name.as_deref().is_some_and(|name| find_ext(name).is_some())
    }

    /// A guest: `userType` `Guest`, or `#EXT#` in the user principal name where userType is absent (rule R7).
    #[must_use]
    pub fn is_guest(&self) -> bool {
        match self.user_type.as_deref().and_then(filled) {
            Some(user_type) => user_type.eq_ignore_ascii_case("Guest"),
            None => self.is_external(),
        }
    }
}

/// What marks the user principal name of a guest, in any case.
pub const EXT: &str = "#EXT#";

/// Where [`EXT`] starts.
#[must_use]
pub fn find_ext(name: &str) -> Option<usize> {
    name.as_bytes().windows(EXT.len()).position(|window| window.eq_ignore_ascii_case(EXT.as_bytes()))
}

/// Fingerprint of parts, each framed by its length; 0 only when there are none.
///
/// It becomes part of digests that are stored, so it never changes: SipHash-1-3 with an empty key. Whoever finds two
/// values that collide hides a change of their own attribute, and nothing else.
fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Fingerprint {
    let mut hash = SipHasher13::new();
    let mut is_empty = true;
    for part in parts {
        hash.write(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        hash.write(part);
        is_empty = false;
    }
    if is_empty { 0 } else { hash.finish() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_the_same_for_good() {
        assert_eq!(fingerprint([]), 0);
        assert_eq!(fingerprint([b"Service Desk".as_slice()]), 0x0de3_1822_ed6c_8655);
        assert_ne!(fingerprint([b"a".as_slice(), b"bc"]), fingerprint([b"ab".as_slice(), b"c"]));
    }
}
