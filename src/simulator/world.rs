//! Tenants with their users, groups and memberships, and the log of what changed since the start.
//! Knows nothing of HTTP; the delta rounds read the log.

use std::collections::HashMap;

use super::bms::Company;
use super::itglue::ItGlue;
use super::object::{Member, Name, Object, ObjectId, Other, Presence};
use super::properties::Resource;
use super::registration::Registration;

/// Everything that the simulator serves: some tenants. It can change while it is served.
#[derive(Clone, Debug, Default)]
pub struct World {
    pub(super) tenants: Vec<Tenant>,
    /// Registrations; an application without one proves itself with what a tenant wrote down, or with anything.
    pub(super) applications: Vec<Registration>,
    /// The IT Glue beside them.
    pub(super) it_glue: Option<ItGlue>,
    /// The BMS of the provider.
    pub(super) bms: Option<Company>,
}

impl World {
    pub(super) fn of(tenants: Vec<Tenant>) -> Self {
        Self { tenants, ..Self::default() }
    }

    /// The tenants' IDs in the order of the directory file.
    pub fn tenant_ids(&self) -> Vec<String> {
        self.tenants.iter().map(|tenant| tenant.id.clone()).collect()
    }

    /// The BMS of the provider, where there is one.
    pub fn bms(&self) -> Option<&Company> {
        self.bms.as_ref()
    }

    /// The IDs of a tenant's users, deleted ones too; none when there is no such tenant.
    pub fn user_ids(&self, tenant: &str) -> Vec<String> {
        self.ids(tenant, Resource::Users)
    }

    /// The IDs of a tenant's groups, deleted ones too; none when there is no such tenant.
    pub fn group_ids(&self, tenant: &str) -> Vec<String> {
        self.ids(tenant, Resource::Groups)
    }

    fn ids(&self, tenant: &str, resource: Resource) -> Vec<String> {
        let objects = self.find(tenant).map(|number| &self.tenants[number].table(resource).objects);
        objects.into_iter().flatten().map(|object| object.id.to_string()).collect()
    }

    /// The number of a tenant, by ID or by one of its domains, in any case.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.tenants.iter().position(|tenant| tenant.is_called(name))
    }
}

/// One directory.
#[derive(Clone, Debug)]
pub(super) struct Tenant {
    pub(super) id: String,
    /// Verified domains, the initial one first.
    pub(super) domains: Vec<String>,
    /// `None`: any client ID and secret will do.
    pub(super) applications: Option<Vec<Application>>,
    /// What it is called by people.
    pub(super) name: String,
    /// Users, by ID or name, who may consent for everybody; `None`: all of them.
    pub(super) admins: Option<Vec<String>>,
    /// What single people consented to.
    pub(super) consents: Vec<Consent>,
    pub(super) users: Table,
    pub(super) groups: Table,
    /// Direct members of each group, by its number.
    pub(super) members: Vec<Vec<Member>>,
    pub(super) others: Vec<Other>,
    /// What happened, in order; a place in it is a revision.
    pub(super) log: Vec<Change>,
}

impl Tenant {
    pub(super) fn new(id: &str, domain: &str, applications: Option<Vec<Application>>) -> Self {
        Self {
            id: id.to_owned(),
            domains: vec![domain.to_owned()],
            applications,
            name: domain.to_owned(),
            admins: None,
            consents: Vec::new(),
            users: Table::default(),
            groups: Table::default(),
            members: Vec::new(),
            others: Vec::new(),
            log: Vec::new(),
        }
    }

    fn is_called(&self, name: &str) -> bool {
        self.id.eq_ignore_ascii_case(name) || self.domains.iter().any(|domain| domain.eq_ignore_ascii_case(name))
    }

    pub(super) fn table(&self, resource: Resource) -> &Table {
        match resource {
            Resource::Users => &self.users,
            Resource::Groups => &self.groups,
        }
    }

    pub(super) fn table_mut(&mut self, resource: Resource) -> &mut Table {
        match resource {
            Resource::Users => &mut self.users,
            Resource::Groups => &mut self.groups,
        }
    }

    /// The direct members of a group, by its number.
    pub(super) fn members_of(&self, group: u32) -> &[Member] {
        self.members.get(group as usize).map_or(&[], Vec::as_slice)
    }

    /// Whether a group, by its number, shows its members only to who may read hidden ones.
    pub(super) fn hides_members(&self, group: u32) -> bool {
        let visibility = self.groups.get(group).and_then(|group| group.attributes.text("visibility"));
        visibility.is_some_and(|visibility| visibility.eq_ignore_ascii_case("HiddenMembership"))
    }

    pub(super) fn revision(&self) -> usize {
        self.log.len()
    }

    /// What an ID stands for, if it stands for anything that can be a member.
    pub(super) fn member(&self, id: &ObjectId) -> Option<Member> {
        let other = || self.others.iter().position(|other| other.id == *id).and_then(|at| u32::try_from(at).ok());
        (self.users.number(id).map(Member::User))
            .or_else(|| self.groups.number(id).map(Member::Group))
            .or_else(|| other().map(Member::Other))
    }

    /// A member's ID and the type that follows `#microsoft.graph.`.
    pub(super) fn describe(&self, member: Member) -> Option<(&ObjectId, &str)> {
        match member {
            Member::User(number) => self.users.get(number).map(|object| (&object.id, "user")),
            Member::Group(number) => self.groups.get(number).map(|object| (&object.id, "group")),
            Member::Other(number) => self.others.get(number as usize).map(|other| (&other.id, other.kind.as_str())),
        }
    }

    /// Whether a member is there to be listed.
    pub(super) fn is_live(&self, member: Member) -> bool {
        self.presence_of(member) == Some(Presence::Live)
    }

    /// Whether a member was deleted for good.
    pub(super) fn is_purged(&self, member: Member) -> bool {
        self.presence_of(member) == Some(Presence::Purged)
    }

    fn presence_of(&self, member: Member) -> Option<Presence> {
        match member {
            Member::User(number) => self.users.get(number).map(|user| user.presence),
            Member::Group(number) => self.groups.get(number).map(|group| group.presence),
            Member::Other(_) => Some(Presence::Live),
        }
    }
}

/// An application that a tenant let in: its service principal there, and what it was granted.
#[derive(Clone, Debug)]
pub(super) struct Application {
    pub(super) id: String,
    /// A secret beside those of the registration.
    pub(super) key: Option<String>,
    /// Application permissions that were granted; `None`: all that are needed.
    pub(super) roles: Option<Vec<String>>,
    /// Delegated permissions that were granted for everybody; `None`: all that are asked for.
    pub(super) scopes: Option<Vec<String>>,
    pub(super) standing: Standing,
}

/// Whether a tenant lets an application sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Enabled,
    Disabled,
}

/// What one person consented to.
#[derive(Clone, Debug)]
pub(super) struct Consent {
    pub(super) application: String,
    /// The person's ID.
    pub(super) user: String,
    pub(super) scopes: Vec<String>,
}

impl Application {
    /// Whether the application may do what one of these permissions allows.
    pub(super) fn has_one_of(granted: Option<&[String]>, wanted: &[&str]) -> bool {
        granted.is_none_or(|granted| granted.iter().any(|name| wanted.contains(&name.as_str())))
    }
}

/// Objects of one kind, numbered in the order they were first heard of. A number is never given twice.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub(super) objects: Vec<Object>,
    numbers: HashMap<ObjectId, u32>,
}

impl Table {
    pub(super) fn number(&self, id: &ObjectId) -> Option<u32> {
        self.numbers.get(id).copied()
    }

    pub(super) fn get(&self, number: u32) -> Option<&Object> {
        self.objects.get(number as usize)
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut Object> {
        self.objects.get_mut(number as usize)
    }

    /// The object that exists under this ID.
    pub(super) fn live(&self, id: &ObjectId) -> Option<u32> {
        self.number(id).filter(|number| self.get(*number).is_some_and(|object| object.presence == Presence::Live))
    }

    /// Puts an object at the end and returns its number; an ID that is there already keeps its number.
    pub(super) fn insert(&mut self, object: Object) -> u32 {
        let next = u32::try_from(self.objects.len()).unwrap_or(u32::MAX);
        let number = *self.numbers.entry(object.id.clone()).or_insert(next);
        match self.objects.get_mut(number as usize) {
            Some(place) => *place = object,
            None => self.objects.push(object),
        }
        number
    }

    /// Numbers of the objects that exist.
    pub(super) fn live_numbers(&self) -> impl Iterator<Item = u32> {
        (0_u32..).zip(&self.objects).filter(|(_, object)| object.presence == Presence::Live).map(|(number, _)| number)
    }
}

/// One entry of the log.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) resource: Resource,
    /// Of the user or group that changed.
    pub(super) number: u32,
    pub(super) what: What,
}

/// What happened to an object.
#[derive(Clone, Debug)]
pub(super) enum What {
    /// Created or restored.
    Appeared,
    /// These attributes have another value.
    Attributes(Vec<Name>),
    /// A member came or went.
    Member(Member),
    /// Deleted, softly or for good.
    Removed,
}
