//! How a world changes while it is served: objects put, patched, deleted and restored, members added and taken out.
//! Every change is written to the tenant's log. Knows nothing of HTTP.

use serde_json::{Map, Value};

use super::object::{Attributes, Member, Object, ObjectId, Other, Presence};
use super::properties::Resource;
use super::world::{Change, Tenant, What};

/// How an object is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// Into the recycle bin. A distribution group is gone at once, as in Microsoft Graph.
    Soft,
    /// For good; of an object in the recycle bin too.
    Hard,
}

/// Whether the end of a purged object's memberships is told in `groups/delta`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Farewell {
    Told,
    Silent,
}

impl Tenant {
    /// Creates an object or replaces all its attributes; one from the recycle bin exists again.
    /// False when it was deleted for good: Graph gives no ID twice.
    pub(super) fn put(&mut self, resource: Resource, id: &ObjectId, attributes: Map<String, Value>) -> bool {
        let number = self.table(resource).number(id);
        let found = number.and_then(|number| Some((number, self.table(resource).get(number)?.presence)));
        match found {
            None => self.create(resource, id, attributes),
            Some((_, Presence::Purged)) => return false,
            Some((number, Presence::Live)) => self.replace(resource, number, attributes),
            Some((number, Presence::SoftDeleted)) => {
                self.restore(resource, id);
                self.replace(resource, number, attributes);
            }
        }
        true
    }

    fn create(&mut self, resource: Resource, id: &ObjectId, attributes: Map<String, Value>) {
        let attributes = Attributes::from_map(attributes);
        let object = Object { id: id.clone(), attributes, presence: Presence::Live };
        let number = self.table_mut(resource).insert(object);
        if resource == Resource::Groups {
            self.members.push(Vec::new());
        }
        self.note(resource, number, What::Appeared);
    }

    /// What is not given becomes null: Graph cannot unset what was once set.
    fn replace(&mut self, resource: Resource, number: u32, mut attributes: Map<String, Value>) {
        let old = self.table(resource).get(number).map(|object| object.attributes.to_map()).unwrap_or_default();
        for name in old.into_iter().map(|(name, _)| name) {
            attributes.entry(name).or_insert(Value::Null);
        }
        self.merge(resource, number, attributes);
    }

    /// Sets what is given; null clears. False when there is no such object.
    pub(super) fn patch(&mut self, resource: Resource, id: &ObjectId, patch: Map<String, Value>) -> bool {
        let number = self.table(resource).live(id);
        if let Some(number) = number {
            self.merge(resource, number, patch);
        }
        number.is_some()
    }

    fn merge(&mut self, resource: Resource, number: u32, patch: Map<String, Value>) {
        let Some(object) = self.table_mut(resource).get_mut(number) else { return };
        let names = object.attributes.merge(patch);
        if !names.is_empty() {
            self.note(resource, number, What::Attributes(names));
        }
    }

    /// Deletes an object. False when there is none to delete.
    pub(super) fn delete(&mut self, resource: Resource, id: &ObjectId, deletion: Deletion, farewell: Farewell) -> bool {
        let Some(number) = self.table(resource).number(id) else { return false };
        let Some(object) = self.table(resource).get(number) else { return false };
        match (object.presence, deletion_of(resource, object, deletion)) {
            (Presence::Live, Deletion::Soft) => self.remove(resource, number, Presence::SoftDeleted),
            (Presence::Live | Presence::SoftDeleted, Deletion::Hard) => self.purge(resource, number, farewell),
            (Presence::SoftDeleted, Deletion::Soft) | (Presence::Purged, Deletion::Soft | Deletion::Hard) => {
                return false;
            }
        }
        true
    }

    fn remove(&mut self, resource: Resource, number: u32, presence: Presence) {
        if let Some(object) = self.table_mut(resource).get_mut(number) {
            object.presence = presence;
            self.note(resource, number, What::Removed);
        }
    }

    fn purge(&mut self, resource: Resource, number: u32, farewell: Farewell) {
        self.remove(resource, number, Presence::Purged);
        let member = match resource {
            Resource::Users => Member::User(number),
            Resource::Groups => Member::Group(number),
        };
        for group in 0..self.members.len() {
            self.end_membership(group, member, farewell);
        }
        if resource == Resource::Groups {
            self.members[number as usize].clear();
        }
    }

    fn end_membership(&mut self, group: usize, member: Member, farewell: Farewell) {
        let before = self.members[group].len();
        self.members[group].retain(|other| *other != member);
        let ended = self.members[group].len() < before;
        match (ended, farewell) {
            (true, Farewell::Told) => self.note_member(group, member),
            (true, Farewell::Silent) | (false, Farewell::Told | Farewell::Silent) => {}
        }
    }

    /// Takes an object out of the recycle bin. False when it is not there.
    pub(super) fn restore(&mut self, resource: Resource, id: &ObjectId) -> bool {
        let number = self.table(resource).number(id);
        let found = number.and_then(|number| self.table_mut(resource).get_mut(number).map(|object| (number, object)));
        let Some((number, object)) = found.filter(|(_, object)| object.presence == Presence::SoftDeleted) else {
            return false;
        };
        object.presence = Presence::Live;
        self.note(resource, number, What::Appeared);
        true
    }

    /// Adds a direct member. False when the group does not exist.
    pub(super) fn add_member(&mut self, group: &ObjectId, member: Member) -> bool {
        let Some(number) = self.groups.live(group) else { return false };
        let group = number as usize;
        if !self.members[group].contains(&member) {
            self.members[group].push(member);
            self.note_member(group, member);
        }
        true
    }

    /// Takes a direct member out. False when the group does not exist or it is not a member.
    pub(super) fn remove_member(&mut self, group: &ObjectId, member: Member) -> bool {
        let Some(number) = self.groups.live(group) else { return false };
        if !self.members_of(number).contains(&member) {
            return false;
        }
        self.end_membership(number as usize, member, Farewell::Told);
        true
    }

    /// The member of that ID; one that nobody knows becomes an object of the given type.
    pub(super) fn member_or_other(&mut self, id: &ObjectId, kind: &str) -> Member {
        self.member(id).unwrap_or_else(|| {
            let number = u32::try_from(self.others.len()).unwrap_or(u32::MAX);
            self.others.push(Other { id: id.clone(), kind: kind.to_owned() });
            Member::Other(number)
        })
    }

    fn note_member(&mut self, group: usize, member: Member) {
        self.note(Resource::Groups, u32::try_from(group).unwrap_or(u32::MAX), What::Member(member));
    }

    fn note(&mut self, resource: Resource, number: u32, what: What) {
        self.log.push(Change { resource, number, what });
    }
}

fn deletion_of(resource: Resource, object: &Object, wanted: Deletion) -> Deletion {
    let is = |name, value: Value| object.attributes.value(name) == Some(value);
    let unified = object.attributes.value("groupTypes").is_some_and(|types| types.to_string().contains("\"Unified\""));
    let distribution = resource == Resource::Groups
        && is("mailEnabled", Value::Bool(true))
        && !is("securityEnabled", Value::Bool(true))
        && !unified;
    if distribution { Deletion::Hard } else { wanted }
}
