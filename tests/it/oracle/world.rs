//! Small worlds as plain values: what the admin declared, what the directories hold, what BMS holds. The second
//! implementation of the rules reads them directly; `compare.rs` translates them for bmsync. Knows no rule.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use bmsync::model::{Kind, Status};

/// Field values by the field's name in JSON; a blank value is not in the map.
pub type Values = BTreeMap<&'static str, String>;

/// Fields of an employee, in the order of spec section 7.
pub const EMPLOYEE: [&str; 12] = [
    "username",
    "email",
    "firstName",
    "lastName",
    "phone",
    "jobTitle",
    "department",
    "location",
    "manager",
    "employmentType",
    "employeeRole",
    "securityRole",
];

/// Fields of a contact, in the order of spec section 7.
pub const CONTACT: [&str; 10] = [
    "account",
    "location",
    "email",
    "firstName",
    "lastName",
    "phone",
    "jobTitle",
    "portalAccess",
    "username",
    "securityRole",
];

/// The fields of a kind of record.
pub fn fields_of(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Employee => &EMPLOYEE,
        Kind::Contact => &CONTACT,
    }
}

/// A directory user's identity, in short names (`t1`, `u03`); `compare.rs` makes GUIDs of them in the same order.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub tenant: String,
    pub user: String,
}

impl Key {
    pub fn new(tenant: &str, user: &str) -> Self {
        Self { tenant: tenant.into(), user: user.into() }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant, self.user)
    }
}

#[derive(Clone, Debug, Default)]
pub struct World {
    pub policy: Policy,
    pub defaults: Values,
    pub tenants: BTreeMap<String, Tenant>,
    pub rules: Vec<Rule>,
    pub accounts: BTreeMap<u64, Account>,
    pub records: Vec<Record>,
}

/// `SyncPolicy`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "four independent choices of two, drawn at random")]
pub struct Policy {
    pub enforce: bool,
    pub keep_unmatched: bool,
    pub deactivate_disabled: bool,
    pub exclude_guests: bool,
    pub max_deactivations: Limit,
    pub max_archives: Limit,
    pub max_creates: Limit,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limit {
    #[default]
    None,
    Count(u64),
    Percent(u8),
}

/// How far the read of a tenant came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Read {
    #[default]
    Complete,
    Failed,
    Partial,
    Never,
}

#[derive(Clone, Debug, Default)]
pub struct Tenant {
    pub declared: bool,
    pub suspend: bool,
    pub nested: bool,
    pub read: Read,
    pub users: BTreeMap<String, User>,
    pub groups: BTreeMap<String, Group>,
    /// (group, member); a member is a user or a group.
    pub members: BTreeSet<(String, String)>,
}

/// A directory user. An empty text or list is an attribute that is null.
#[derive(Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "`userType` is what Microsoft Graph calls it")]
pub struct User {
    pub upn: String,
    pub given: String,
    pub surname: String,
    pub mail: String,
    pub job: String,
    pub user_type: String,
    pub department: String,
    pub phones: Vec<String>,
    pub other_mails: Vec<String>,
    pub microsoft: bool,
    pub enabled: Option<bool>,
    pub deleted: bool,
}

impl User {
    /// What R8 compares: every attribute, whatever the order of a collection.
    pub fn content(&self) -> Self {
        let mut content = Self { deleted: false, ..self.clone() };
        for list in [&mut content.phones, &mut content.other_mails] {
            list.retain(|value| !value.is_empty());
            list.sort();
        }
        content
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { upn, given, surname, mail, job, user_type, department, .. } = self;
        let texts = [
            ("upn", upn),
            ("given", given),
            ("surname", surname),
            ("mail", mail),
            ("job", job),
            ("user_type", user_type),
            ("department", department),
        ];
        let mut out = f.debug_struct("User");
        for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
            out.field(name, text);
        }
        for (name, list) in [("phones", &self.phones), ("other_mails", &self.other_mails)] {
            if !list.is_empty() {
                out.field(name, list);
            }
        }
        if self.microsoft {
            out.field("microsoft", &true);
        }
        if let Some(enabled) = self.enabled {
            out.field("enabled", &enabled);
        }
        if self.deleted {
            out.field("deleted", &true);
        }
        out.finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub exists: bool,
    pub security: Option<bool>,
    /// Years after 2000.
    pub created: Option<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmailFrom {
    #[default]
    Auto,
    Upn,
    Mail,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub name: String,
    pub tenant: String,
    pub group: String,
    pub order: u64,
    pub kind: Kind,
    pub email: EmailFrom,
    /// For a contact `account`, perhaps `location`, `portalAccess` and, with it, `securityRole`.
    pub values: Values,
    pub suspend: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub name: String,
    pub locations: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub kind: Kind,
    pub id: u64,
    pub status: Status,
    pub fields: Values,
    pub link: Option<Link>,
    pub archived_from: Option<Key>,
    pub references: bool,
}

impl Record {
    pub fn get(&self, field: &str) -> Option<&str> {
        self.fields.get(field).map(String::as_str)
    }

    /// Section 7: `portalAccess` is a bool, `username` and `securityRole` "null without portal access", `archivedFrom`
    /// "null unless archived".
    fn settle(&mut self) {
        if self.kind == Kind::Contact && self.get("portalAccess") != Some("true") {
            self.fields.insert("portalAccess", "false".to_owned());
            self.fields.remove("username");
            self.fields.remove("securityRole");
        }
        if self.status != Status::Archived {
            self.archived_from = None;
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub user: Key,
    pub upn: Option<String>,
    pub seen: Seen,
}

/// What was last applied, in full rather than as digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Unknown,
    Present { content: Box<User>, group: String, kind: Kind, email: EmailFrom, values: Values, enabled: bool },
    Absent { kept: bool },
}

impl World {
    /// The rules that manifests can declare: those of declared tenants.
    pub fn declared_rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(|rule| self.tenants.get(&rule.tenant).is_some_and(|tenant| tenant.declared))
    }

    /// Makes true of every record what an import makes true.
    pub fn settle(&mut self) {
        self.records.iter_mut().for_each(Record::settle);
    }

    pub fn record(&self, kind: Kind, id: u64) -> Option<&Record> {
        self.records.iter().find(|record| (record.kind, record.id) == (kind, id))
    }

    /// The next ID of a kind: records are never deleted, so the highest one tells.
    pub fn next_id(&self, kind: Kind) -> u64 {
        self.records.iter().filter(|record| record.kind == kind).map(|record| record.id).max().unwrap_or(0) + 1
    }

    /// What manifests and imports guarantee: one rule per group and tenant, one record per user.
    fn valid(&self) -> bool {
        let groups: BTreeSet<_> = self.rules.iter().map(|rule| (&rule.tenant, &rule.group)).collect();
        let links: Vec<_> = self.records.iter().filter_map(|record| record.link.as_ref()).map(|l| &l.user).collect();
        let owners: BTreeSet<_> = links.iter().collect();
        groups.len() == self.rules.len() && owners.len() == links.len()
    }
}

/// Something that happens between rounds. What names something that is not there does nothing.
#[derive(Clone, Debug)]
pub enum Op {
    User(Key, User),
    HardDelete(Key),
    Group(String, String, Group),
    Member(String, String, String, bool),
    Rule(Rule),
    DropRule(String),
    Tenant { tenant: String, declared: bool, suspend: bool, nested: bool, read: Read },
    Policy(Policy),
    Defaults(Values),
    Account(u64, Account),
    Edit(Kind, u64, &'static str, Option<String>),
    Status(Kind, u64, Status),
    References(Kind, u64, bool),
    Import(Record),
    Source(Kind, u64, Option<Key>),
}

impl Op {
    /// Makes it happen, unless the world would be one that manifests or imports cannot declare.
    pub fn happen(&self, world: &mut World) {
        let mut after = world.clone();
        self.change(&mut after);
        if after.valid() {
            *world = after;
        }
    }

    fn change(&self, world: &mut World) {
        match self.clone() {
            Self::User(key, user) => {
                if let Some(tenant) = world.tenants.get_mut(&key.tenant) {
                    tenant.users.insert(key.user, user);
                }
            }
            Self::HardDelete(key) => {
                if let Some(tenant) = world.tenants.get_mut(&key.tenant) {
                    tenant.users.remove(&key.user);
                    tenant.members.retain(|(_, member)| *member != key.user);
                }
            }
            Self::Group(tenant, id, group) => {
                if let Some(tenant) = world.tenants.get_mut(&tenant) {
                    tenant.groups.insert(id, group);
                }
            }
            Self::Member(tenant, group, member, is) => {
                if let Some(tenant) = world.tenants.get_mut(&tenant) {
                    if is {
                        tenant.members.insert((group, member));
                    } else {
                        tenant.members.remove(&(group, member));
                    }
                }
            }
            Self::Rule(rule) => {
                world.rules.retain(|old| old.name != rule.name);
                world.rules.push(rule);
            }
            Self::DropRule(name) => world.rules.retain(|rule| rule.name != name),
            Self::Tenant { tenant, declared, suspend, nested, read } => {
                if let Some(tenant) = world.tenants.get_mut(&tenant) {
                    *tenant = Tenant { declared, suspend, nested, read, ..tenant.clone() };
                }
            }
            Self::Policy(policy) => world.policy = policy,
            Self::Defaults(defaults) => world.defaults = defaults,
            Self::Account(id, account) => {
                world.accounts.insert(id, account);
            }
            Self::Import(record) => {
                if world.record(record.kind, record.id).is_none() {
                    world.records.push(record);
                    world.settle();
                }
            }
            Self::Edit(kind, id, field, value) => {
                edit(world, kind, id, |record| match value {
                    Some(value) => {
                        record.fields.insert(field, value);
                    }
                    None => {
                        record.fields.remove(field);
                    }
                });
            }
            Self::Status(kind, id, status) => edit(world, kind, id, |record| record.status = status),
            Self::References(kind, id, references) => edit(world, kind, id, |record| record.references = references),
            // A source that is the record's already says nothing new.
            Self::Source(kind, id, user) => edit(world, kind, id, |record| {
                if record.link.as_ref().map(|link| &link.user) != user.as_ref() {
                    record.link = user.map(|user| Link { user, upn: None, seen: Seen::Unknown });
                }
            }),
        }
    }
}

fn edit(world: &mut World, kind: Kind, id: u64, change: impl FnOnce(&mut Record)) {
    if let Some(record) = world.records.iter_mut().find(|record| (record.kind, record.id) == (kind, id)) {
        change(record);
        record.settle();
    }
}

/// One round of a walk: what happens, then a plan, then an apply with or without consent to what is held.
#[derive(Clone, Debug, Default)]
pub struct Round {
    pub ops: Vec<Op>,
    pub consent: bool,
}

/// A world and what happens to it.
#[derive(Clone, Debug, Default)]
pub struct Walk {
    pub world: World,
    pub rounds: Vec<Round>,
}
