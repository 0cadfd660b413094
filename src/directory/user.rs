//! A user as far as bmsync reads it.

use serde::{Deserialize, Serialize};

use super::fingerprint::Fingerprint;
use super::texts::Texts;
use crate::model::{Digest, filled};

/// A user as far as the rules read it: what is mapped as values, what is only watched for changes as fingerprints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// False when sign-in is blocked.
    pub account_enabled: Option<bool>,
    /// True when an on-premises directory owns it.
    pub on_premises_sync_enabled: Option<bool>,
    /// Whether some identity is issued by `MicrosoftAccount`.
    pub is_microsoft_account: bool,
    pub(super) texts: Texts,
    pub(super) watched: [Fingerprint; Watched::COUNT],
}

/// Texts that are kept as they are. The digest of the content has them in this order, without the last two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    UserPrincipalName,
    DisplayName,
    GivenName,
    Surname,
    Mail,
    JobTitle,
    UserType,
    OtherMail,
    BusinessPhone,
}

/// Attributes whose content matters only for telling that the user changed (rule R8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watched {
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
    /// How many there are.
    pub const COUNT: usize = 10;
}

impl User {
    /// Sign-in name; changes over time.
    #[must_use]
    pub fn user_principal_name(&self) -> Option<&str> {
        self.kept(Kept::UserPrincipalName)
    }

    /// For people to read.
    #[must_use]
    pub fn display_name(&self) -> Option<&str> {
        self.kept(Kept::DisplayName)
    }

    /// First name.
    #[must_use]
    pub fn given_name(&self) -> Option<&str> {
        self.kept(Kept::GivenName)
    }

    /// Last name.
    #[must_use]
    pub fn surname(&self) -> Option<&str> {
        self.kept(Kept::Surname)
    }

    /// Primary mail address.
    #[must_use]
    pub fn mail(&self) -> Option<&str> {
        self.kept(Kept::Mail)
    }

    /// `otherMails[0]`.
    #[must_use]
    pub fn other_mail(&self) -> Option<&str> {
        self.kept(Kept::OtherMail)
    }

    /// `businessPhones[0]`, the Office Phone.
    #[must_use]
    pub fn business_phone(&self) -> Option<&str> {
        self.kept(Kept::BusinessPhone)
    }

    /// Job title.
    #[must_use]
    pub fn job_title(&self) -> Option<&str> {
        self.kept(Kept::JobTitle)
    }

    /// `Member`, `Guest` or nothing.
    #[must_use]
    pub fn user_type(&self) -> Option<&str> {
        self.kept(Kept::UserType)
    }

    fn kept(&self, text: Kept) -> Option<&str> {
        self.texts.get(text as usize)
    }

    /// Digest of every attribute that bmsync reads. Not set, null and empty are the same content, and so is another
    /// order of a collection.
    #[must_use]
    pub fn content(&self) -> Digest {
        let Self { account_enabled, on_premises_sync_enabled, is_microsoft_account: _, texts, watched } = self;
        let flags = [*account_enabled, *on_premises_sync_enabled].map(|flag| flag.map_or(2_u8, u8::from));
        let mut fingerprints = [0_u8; Watched::COUNT * 8];
        for (slot, fingerprint) in fingerprints.chunks_exact_mut(8).zip(watched) {
            slot.copy_from_slice(&fingerprint.to_le_bytes());
        }
        let texts = (0..Kept::OtherMail as usize).map(|number| texts.get(number).unwrap_or_default().as_bytes());
        Digest::of(texts.chain([&flags[..], &fingerprints[..]]))
    }

    /// Whether something that was known of it is blank in what is known now.
    #[must_use]
    pub fn lost(&self, now: &Self) -> bool {
        let Self { account_enabled, on_premises_sync_enabled, is_microsoft_account: _, texts, watched } = self;
        let flags =
            [(account_enabled, &now.account_enabled), (on_premises_sync_enabled, &now.on_premises_sync_enabled)];
        let text = |of: &Texts, number| of.get(number).and_then(filled).is_some();
        flags.iter().any(|(before, now)| before.is_some() && now.is_none())
            || (0..=Kept::BusinessPhone as usize).any(|number| text(texts, number) && !text(&now.texts, number))
            || watched.iter().zip(&now.watched).any(|(before, now)| *before != 0 && *now == 0)
    }

    /// Whether the user principal name has the form of a guest's.
    #[must_use]
    pub fn is_external(&self) -> bool {
        self.user_principal_name().is_some_and(|name| find_ext(name).is_some())
    }

    /// A guest: `userType` `Guest`, or `#EXT#` in the user principal name where userType is absent (rule R7).
    #[must_use]
    pub fn is_guest(&self) -> bool {
        match self.user_type().and_then(filled) {
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
    let name = name.as_bytes();
    let mut signs = name.iter().enumerate().filter(|(_, byte)| **byte == b'#').map(|(at, _)| at);
    signs.find(|at| name.get(*at..at + EXT.len()).is_some_and(|found| found.eq_ignore_ascii_case(EXT.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ext_is_found_in_any_case_and_after_other_signs() {
        for (name, found) in
            [("a#EXT#@x", Some(1)), ("##ext#", Some(1)), ("#EX#EXT", None), ("é#eXt#", Some(2)), ("", None)]
        {
            assert_eq!(find_ext(name), found, "{name}");
        }
    }
}
