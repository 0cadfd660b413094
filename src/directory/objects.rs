//! The objects of a directory by ID: those that are users, and those that are members of groups, which mostly are the same.
//!
//! Users and memberships stand apart, so that taking in memberships does not have to go through everything that is
//! known of the users.

use foldhash::quality::RandomState;
use indexmap::IndexSet;

use super::memberships::Memberships;
use super::{User, UserPatch};
use crate::model::Id;

/// Users and members. Of the three lists, the same place is of the same object.
#[derive(Clone, Debug, Default)]
pub(super) struct Objects {
    ids: IndexSet<Id, RandomState>,
    users: Vec<Option<User>>,
    groups: Vec<Memberships>,
    user_count: usize,
}

impl Objects {
    /// How many users there are.
    pub const fn user_count(&self) -> usize {
        self.user_count
    }

    /// The user with that ID.
    pub fn user(&self, id: &Id) -> Option<&User> {
        self.users[self.ids.get_index_of(id)?].as_ref()
    }

    /// All users.
    pub fn users(&self) -> impl Iterator<Item = (&Id, &User)> {
        self.ids.iter().zip(&self.users).filter_map(|(id, user)| Some((id, user.as_ref()?)))
    }

    /// All users, each with the numbers of its groups, ascending.
    pub fn users_in_groups(&self) -> impl Iterator<Item = (&Id, &User, &[u32])> {
        self.iter().filter_map(|(id, user, groups)| Some((id, user.as_ref()?, groups.as_slice())))
    }

    /// Numbers of the groups that an object is a direct member of, ascending.
    pub fn groups_of(&self, id: &Id) -> &[u32] {
        self.ids.get_index_of(id).map_or(&[], |place| self.groups[place].as_slice())
    }

    /// Everything: an ID, the user if it is one, and its groups.
    pub fn iter(&self) -> impl Iterator<Item = (&Id, &Option<User>, &Memberships)> {
        self.ids.iter().zip(&self.users).zip(&self.groups).map(|((id, user), groups)| (id, user, groups))
    }

    /// Adds an object, in place of what was known of it.
    pub fn insert(&mut self, id: Id, user: Option<User>, groups: Memberships) {
        let place = self.place(id);
        self.user_count += usize::from(user.is_some());
        self.user_count -= usize::from(self.users[place].is_some());
        self.users[place] = user;
        self.groups[place] = groups;
    }

    /// Adds a user, or changes what is mentioned of it.
    pub fn upsert_user(&mut self, id: Id, patch: UserPatch) {
        let place = self.place(id);
        match &mut self.users[place] {
            Some(user) => patch.onto(user),
            nobody => {
                *nobody = Some(patch.into_user());
                self.user_count += 1;
            }
        }
    }

    /// Takes a user out; its memberships stay.
    pub fn remove_user(&mut self, id: &Id) {
        let Some(place) = self.ids.get_index_of(id) else { return };
        self.user_count -= usize::from(self.users[place].take().is_some());
        self.tidy(place);
    }

    /// Whether an object is a direct member of a group.
    pub fn is_member(&self, group: u32, id: &Id) -> bool {
        self.groups_of(id).binary_search(&group).is_ok()
    }

    /// Whether anything is known of an object.
    pub fn knows(&self, id: &Id) -> bool {
        self.ids.contains(id)
    }

    /// Adds a membership; false when it was there already.
    pub fn join(&mut self, group: u32, member: Id) -> bool {
        let place = self.place(member);
        self.groups[place].insert(group)
    }

    /// Ends a membership; false when there was none.
    pub fn leave(&mut self, group: u32, member: &Id) -> bool {
        let Some(place) = self.ids.get_index_of(member) else { return false };
        let left = self.groups[place].remove(group);
        self.tidy(place);
        left
    }

    /// Ends all memberships, and says which these were.
    pub fn leave_all(&mut self, member: &Id) -> Vec<u32> {
        let Some(place) = self.ids.get_index_of(member) else { return Vec::new() };
        let left = std::mem::take(&mut self.groups[place]);
        self.tidy(place);
        left.into()
    }

    /// Where an object stands; one that is new gets a place.
    fn place(&mut self, id: Id) -> usize {
        let (place, is_new) = self.ids.insert_full(id);
        if is_new {
            self.users.push(None);
            self.groups.push(Memberships::default());
        }
        place
    }

    /// Forgets an object of which nothing is known any more.
    fn tidy(&mut self, place: usize) {
        if self.users[place].is_none() && self.groups[place].as_slice().is_empty() {
            self.ids.swap_remove_index(place);
            self.users.swap_remove(place);
            self.groups.swap_remove(place);
        }
    }
}
