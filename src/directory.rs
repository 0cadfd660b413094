//! What the tenants' directories hold: users, groups and direct memberships, and how complete that knowledge is.
//!
//! Pure: sources write into it, the rules read from it. It knows nothing of HTTP and nothing of BMS.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use crate::model::{Digest, Id, Text, filled};

/// The directories of all tenants, by tenant ID.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    tenants: BTreeMap<Id, TenantDirectory>,
}

impl Directory {
    /// What is known of a tenant; `None` when it was not read at all.
    #[must_use]
    pub fn tenant(&self, id: &Id) -> Option<&TenantDirectory> {
        self.tenants.get(id)
    }

    /// The tenant only if its snapshot is complete: the only knowledge that may remove anything (rule R9).
    #[must_use]
    pub fn complete(&self, id: &Id) -> Option<&TenantDirectory> {
        self.tenant(id).filter(|tenant| tenant.coverage == Coverage::Complete)
    }

    /// Puts a tenant's directory in place of what was known of it.
    pub fn insert(&mut self, id: Id, tenant: TenantDirectory) {
        self.tenants.insert(id, tenant);
    }

    /// The tenants in ID order.
    pub fn tenants(&self) -> impl Iterator<Item = (&Id, &TenantDirectory)> {
        self.tenants.iter()
    }
}

/// How much of a tenant is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Coverage {
    /// Nothing yet, or a read that has not reached its end.
    #[default]
    Partial,
    /// Everything, as of `read_at`.
    Complete,
    /// The last read failed; the text says why and what to do.
    Failed(String),
}

/// One tenant's users, groups and direct memberships.
///
/// Groups are numbered in the order they were first heard of; edges hold numbers. A removed group keeps its number and
/// its edges and grants nothing.
#[derive(Clone, Debug, Default)]
pub struct TenantDirectory {
    /// How complete this is.
    pub coverage: Coverage,
    /// When the read that made it complete ended.
    pub read_at: Option<Timestamp>,
    /// Where the next read goes on.
    pub links: Option<DeltaLinks>,
    users: HashMap<Id, User>,
    groups: Vec<Group>,
    group_numbers: HashMap<Id, u32>,
    member_of: HashMap<Id, Vec<u32>>,
}

/// The delta links up to which a directory was read. They are secrets of a kind: never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct DeltaLinks {
    /// Of `users/delta`.
    pub users: String,
    /// Of `groups/delta`.
    pub groups: String,
}

impl std::fmt::Debug for DeltaLinks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeltaLinks(…)")
    }
}

impl TenantDirectory {
    /// A tenant that could not be read, and why.
    #[must_use]
    pub fn failed(why: String) -> Self {
        Self { coverage: Coverage::Failed(why), ..Self::default() }
    }

    /// A user that exists (not deleted, softly or otherwise).
    #[must_use]
    pub fn user(&self, id: &Id) -> Option<&User> {
        self.users.get(id)
    }

    /// All users that exist, in no order.
    pub fn users(&self) -> impl Iterator<Item = (&Id, &User)> {
        self.users.iter()
    }

    /// How many users exist.
    #[must_use]
    pub fn user_count(&self) -> usize {
        self.users.len()
    }

    /// The groups ever heard of, by number; some may be gone.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// How many groups exist.
    #[must_use]
    pub fn group_count(&self) -> usize {
        self.groups.iter().filter(|group| group.exists).count()
    }

    /// A group's number.
    #[must_use]
    pub fn group_number(&self, id: &Id) -> Option<u32> {
        self.group_numbers.get(id).copied()
    }

    /// A group that exists.
    #[must_use]
    pub fn group(&self, id: &Id) -> Option<&Group> {
        self.group_number(id).map(|number| &self.groups[number as usize]).filter(|group| group.exists)
    }

    /// Numbers of the groups that an object (user or group) is a direct member of, ascending.
    #[must_use]
    pub fn groups_of(&self, member: &Id) -> &[u32] {
        self.member_of.get(member).map_or(&[], Vec::as_slice)
    }

    /// Adds a user, or changes what is given of it.
    pub fn upsert_user(&mut self, id: Id, patch: UserPatch) {
        self.users.entry(id).or_default().apply(patch);
    }

    /// Takes a user out. Its memberships outlive a soft deletion, because a restore does not report them again.
    pub fn remove_user(&mut self, id: &Id, removal: Removal) {
        self.users.remove(id);
        match removal {
            Removal::Soft => {}
            Removal::Hard => {
                self.member_of.remove(id);
            }
        }
    }

    /// Adds a group, or changes what is given of it; a removed one exists again.
    pub fn upsert_group(&mut self, id: &Id, patch: GroupPatch) {
        let number = self.number_group(id);
        let group = &mut self.groups[number as usize];
        let GroupPatch { display_name, created, security_enabled } = patch;
        group.exists = true;
        display_name.onto(&mut group.display_name);
        created.onto(&mut group.created);
        security_enabled.onto(&mut group.security_enabled);
    }

    /// Marks a group as gone. A group that was never heard of stays unknown.
    pub fn remove_group(&mut self, id: &Id) {
        if let Some(number) = self.group_number(id) {
            self.groups[number as usize].exists = false;
        }
    }

    /// Adds a direct membership; repeating it changes nothing.
    pub fn add_member(&mut self, group: &Id, member: &Id) {
        let number = self.number_group(group);
        let groups = self.member_of.entry(member.clone()).or_default();
        if let Err(at) = groups.binary_search(&number) {
            groups.insert(at, number);
        }
    }

    /// Ends a direct membership; ending one that is not there changes nothing.
    pub fn remove_member(&mut self, group: &Id, member: &Id) {
        let Some(number) = self.group_number(group) else { return };
        if let Some(groups) = self.member_of.get_mut(member)
            && let Ok(at) = groups.binary_search(&number)
        {
            groups.remove(at);
        }
    }

    fn number_group(&mut self, id: &Id) -> u32 {
        if let Some(&number) = self.group_numbers.get(id) {
            return number;
        }
        let number = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
        self.groups.push(Group {
            id: id.clone(),
            exists: false,
            display_name: None,
            created: None,
            security_enabled: None,
        });
        self.group_numbers.insert(id.clone(), number);
        number
    }
}

/// Whether a removed object can come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// In the recycle bin.
    Soft,
    /// Gone for good.
    Hard,
}

/// A group as far as the rules read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Object ID.
    pub id: Id,
    /// False when it was removed, or is so far known only as somebody's group.
    pub exists: bool,
    /// For people to read.
    pub display_name: Option<Text>,
    /// When it was created; without it the group is the youngest (rule R1).
    pub created: Option<Timestamp>,
    /// A rule's group must say true.
    pub security_enabled: Option<bool>,
}

/// A user as far as the rules read it: what is mapped as values, what is only watched for changes as fingerprints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    fn onto(self, slot: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *slot = None,
            Self::Set(value) => *slot = Some(value),
        }
    }
}

/// What a source says of a group.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the fields of `Group`")]
pub struct GroupPatch {
    pub display_name: Patch<Text>,
    pub created: Patch<Timestamp>,
    pub security_enabled: Patch<bool>,
}

/// What a source says of a user; collections whole, as Graph sends them.
#[derive(Clone, Debug, Default)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the Microsoft Graph attributes of the same names")]
pub struct Identity {
    pub sign_in_type: Option<Text>,
    pub issuer: Option<Text>,
    pub issuer_assigned_id: Option<Text>,
}

impl User {
    fn apply(&mut self, patch: UserPatch) {
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
                let mut values: Vec<&str> = values.iter().map(Text::as_str).filter(|value| !value.is_empty()).collect();
                values.sort_unstable();
                self.watched[watched as usize] = fingerprint(values.into_iter().map(str::as_bytes));
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

/// Fingerprint of parts; 0 only when there are none.
fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Fingerprint {
    let mut parts = parts.into_iter().peekable();
    if parts.peek().is_none() {
        return 0;
    }
    let Digest(bytes) = Digest::of(parts);
    let mut first = [0; 8];
    first.copy_from_slice(&bytes[..8]);
    u64::from_le_bytes(first)
}
