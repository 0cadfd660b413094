//! What a source says of users and groups: what it does not mention is kept, null clears.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fingerprint::{Fingerprint, fingerprint};
use super::texts::{COUNT, Texts};
use super::user::{Kept, User, Watched};
use crate::model::Text;

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

/// What a source says of a user, as it is kept: a user that has what was mentioned, and what that was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserPatch {
    mentioned: Mentioned,
    user: User,
}

/// What a source says of a user, as it is read: texts may be borrowed from a page.
#[derive(Clone, Debug, Default)]
pub struct Said<'a> {
    mentioned: Mentioned,
    texts: [Option<Cow<'a, str>>; COUNT],
    user: User,
}

/// A single text that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the Microsoft Graph attribute of that name")]
pub enum Attribute {
    UserPrincipalName,
    DisplayName,
    GivenName,
    Surname,
    Mail,
    JobTitle,
    UserType,
    MobilePhone,
    FaxNumber,
    Department,
    CompanyName,
    OfficeLocation,
    EmployeeId,
}

/// A list of texts that is read; its order does not count, but for the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the Microsoft Graph attribute of that name")]
pub enum Listed {
    OtherMails,
    ProxyAddresses,
    BusinessPhones,
}

/// Something that is true, false or unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the Microsoft Graph attribute of that name")]
pub enum Flag {
    AccountEnabled,
    OnPremisesSyncEnabled,
}

/// One way a user signs in.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the Microsoft Graph attributes of the same names")]
pub struct Identity<'a> {
    pub sign_in_type: Option<Cow<'a, str>>,
    pub issuer: Option<Cow<'a, str>>,
    pub issuer_assigned_id: Option<Cow<'a, str>>,
}

/// A bit for each text, fingerprint and flag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Mentioned(u32);

impl Mentioned {
    const fn add(&mut self, bit: usize) {
        self.0 |= 1 << bit;
    }

    const fn has(self, bit: usize) -> bool {
        self.0 & 1 << bit != 0
    }

    const fn watched(number: usize) -> usize {
        COUNT + number
    }

    const fn flag(flag: Flag) -> usize {
        COUNT + Watched::COUNT + flag as usize
    }
}

impl<'a> Said<'a> {
    /// Says what a text is; `None` clears it.
    pub fn text(&mut self, attribute: Attribute, value: Option<Cow<'a, str>>) {
        match attribute {
            Attribute::UserPrincipalName => self.keep(Kept::UserPrincipalName, value),
            Attribute::DisplayName => self.keep(Kept::DisplayName, value),
            Attribute::GivenName => self.keep(Kept::GivenName, value),
            Attribute::Surname => self.keep(Kept::Surname, value),
            Attribute::Mail => self.keep(Kept::Mail, value),
            Attribute::JobTitle => self.keep(Kept::JobTitle, value),
            Attribute::UserType => self.keep(Kept::UserType, value),
            Attribute::MobilePhone => self.watch(Watched::MobilePhone, value.as_deref()),
            Attribute::FaxNumber => self.watch(Watched::FaxNumber, value.as_deref()),
            Attribute::Department => self.watch(Watched::Department, value.as_deref()),
            Attribute::CompanyName => self.watch(Watched::CompanyName, value.as_deref()),
            Attribute::OfficeLocation => self.watch(Watched::OfficeLocation, value.as_deref()),
            Attribute::EmployeeId => self.watch(Watched::EmployeeId, value.as_deref()),
        }
    }

    /// Says what a list holds; no list and an empty one are the same.
    pub fn list(&mut self, list: Listed, values: &[Cow<'a, str>]) {
        match list {
            Listed::OtherMails => self.keep(Kept::OtherMail, values.first().cloned()),
            Listed::BusinessPhones => self.keep(Kept::BusinessPhone, values.first().cloned()),
            Listed::ProxyAddresses => {}
        }
        let filled = values.iter().map(|value| value.as_bytes()).filter(|value| !value.is_empty());
        self.note(list.watched(), if values.len() < 2 { fingerprint(filled) } else { fingerprint(sorted(filled)) });
    }

    /// Says how the user signs in; no list and an empty one are the same.
    pub fn identities(&mut self, identities: &[Identity<'_>]) {
        self.user.is_microsoft_account = identities.iter().any(Identity::is_issued_by_microsoft);
        let parts = match identities {
            [] | [_] => fingerprint(identities.iter().flat_map(Identity::parts)),
            _ => fingerprint(sorted(identities.iter()).flat_map(Identity::parts)),
        };
        self.note(Watched::Identities, parts);
    }

    /// Says whether something is true.
    pub const fn flag(&mut self, flag: Flag, value: Option<bool>) {
        match flag {
            Flag::AccountEnabled => self.user.account_enabled = value,
            Flag::OnPremisesSyncEnabled => self.user.on_premises_sync_enabled = value,
        }
        self.mentioned.add(Mentioned::flag(flag));
    }

    fn keep(&mut self, text: Kept, value: Option<Cow<'a, str>>) {
        self.texts[text as usize] = value;
        self.mentioned.add(text as usize);
    }

    fn watch(&mut self, watched: Watched, value: Option<&str>) {
        let filled = value.map(str::as_bytes).filter(|value| !value.is_empty());
        self.note(watched, fingerprint(filled.into_iter()));
    }

    const fn note(&mut self, watched: Watched, fingerprint: Fingerprint) {
        self.user.watched[watched as usize] = fingerprint;
        self.mentioned.add(Mentioned::watched(watched as usize));
    }
}

/// The same values in the order that does not depend on where they come from.
fn sorted<T: Copy + Ord>(values: impl Iterator<Item = T>) -> impl Iterator<Item = T> + Clone {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.into_iter()
}

impl Listed {
    const fn watched(self) -> Watched {
        match self {
            Self::OtherMails => Watched::OtherMails,
            Self::ProxyAddresses => Watched::ProxyAddresses,
            Self::BusinessPhones => Watched::BusinessPhones,
        }
    }
}

impl Identity<'_> {
    fn parts(&self) -> [&[u8]; 3] {
        let Self { sign_in_type, issuer, issuer_assigned_id } = self;
        [sign_in_type, issuer, issuer_assigned_id].map(|part| part.as_deref().unwrap_or_default().as_bytes())
    }

    fn is_issued_by_microsoft(&self) -> bool {
        self.issuer.as_deref().is_some_and(|issuer| issuer.trim().eq_ignore_ascii_case("MicrosoftAccount"))
    }
}

impl From<Said<'_>> for UserPatch {
    fn from(Said { mentioned, texts, user }: Said<'_>) -> Self {
        let texts = Texts::of(texts.each_ref().map(Option::as_deref));
        Self { mentioned, user: User { texts, ..user } }
    }
}

impl UserPatch {
    /// The user, when nothing else is known of it.
    pub(super) fn into_user(self) -> User {
        self.user
    }

    /// Changes what was mentioned.
    pub(super) fn onto(self, known: &mut User) {
        let Self {
            mentioned,
            user: User { account_enabled, on_premises_sync_enabled, is_microsoft_account, texts, watched },
        } = self;
        let text = |number| if mentioned.has(number) { texts.get(number) } else { known.texts.get(number) };
        known.texts = Texts::of(std::array::from_fn(text));
        for (number, fingerprint) in watched.into_iter().enumerate() {
            if mentioned.has(Mentioned::watched(number)) {
                known.watched[number] = fingerprint;
            }
        }
        if mentioned.has(Mentioned::watched(Watched::Identities as usize)) {
            known.is_microsoft_account = is_microsoft_account;
        }
        if mentioned.has(Mentioned::flag(Flag::AccountEnabled)) {
            known.account_enabled = account_enabled;
        }
        if mentioned.has(Mentioned::flag(Flag::OnPremisesSyncEnabled)) {
            known.on_premises_sync_enabled = on_premises_sync_enabled;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(say: impl FnOnce(&mut Said<'_>)) -> UserPatch {
        let mut said = Said::default();
        say(&mut said);
        said.into()
    }

    #[test]
    fn what_is_not_mentioned_is_kept_and_null_clears() {
        let mut user = said(|said| {
            said.text(Attribute::Mail, Some("a@x".into()));
            said.text(Attribute::Surname, Some("Vance".into()));
            said.text(Attribute::Department, Some("Sales".into()));
            said.list(Listed::BusinessPhones, &["1".into(), "2".into()]);
            said.identities(&[Identity { issuer: Some(" microsoftaccount".into()), ..Identity::default() }]);
            said.flag(Flag::AccountEnabled, Some(false));
        })
        .into_user();
        let before = user.clone();
        said(|_| {}).onto(&mut user);
        assert_eq!(user, before);
        said(|said| {
            said.text(Attribute::Mail, None);
            said.text(Attribute::JobTitle, Some(String::new().into()));
            said.list(Listed::BusinessPhones, &[]);
        })
        .onto(&mut user);
        assert_eq!((user.mail(), user.surname(), user.job_title()), (None, Some("Vance"), Some("")));
        assert_eq!((user.business_phone(), user.account_enabled), (None, Some(false)));
        assert!(user.is_microsoft_account);
        assert_ne!(user.watched, before.watched);
        said(|said| said.text(Attribute::Department, None)).onto(&mut user);
        said(|said| said.identities(&[])).onto(&mut user);
        assert_eq!(user.watched, [0; Watched::COUNT]);
        assert!(!user.is_microsoft_account);
    }

    #[test]
    fn the_content_has_the_digest_that_links_remember() {
        let user = said(|said| {
            said.text(Attribute::UserPrincipalName, Some("adele@contoso.com".into()));
            said.text(Attribute::GivenName, Some("Adele".into()));
            said.text(Attribute::OfficeLocation, Some("18/2111".into()));
            said.list(Listed::OtherMails, &["b@x".into(), String::new().into(), "a@x".into()]);
            said.list(Listed::ProxyAddresses, &["SMTP:adele@contoso.com".into()]);
            said.identities(&[
                Identity { issuer: Some("contoso".into()), ..Identity::default() },
                Identity { sign_in_type: Some("federated".into()), issuer_assigned_id: Some("1".into()), issuer: None },
            ]);
            said.flag(Flag::OnPremisesSyncEnabled, Some(true));
        });
        assert_eq!(user.into_user().content().to_string(), "8622374e42645c07fc0287bd176f7af3");
    }

    #[test]
    fn the_order_of_a_list_and_what_is_empty_in_it_do_not_count() {
        let list = |values: &[&'static str]| {
            let values: Vec<_> = values.iter().map(|value| Cow::Borrowed(*value)).collect();
            said(|said| said.list(Listed::ProxyAddresses, &values)).into_user()
        };
        assert_eq!(list(&["a", "", "b"]), list(&["b", "a"]));
        assert_eq!(list(&[""]), list(&[]));
        assert_ne!(list(&["a", "b"]), list(&["ab"]));
    }
}
