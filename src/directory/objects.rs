//! The objects of a directory by ID: those that are users, and those that are members of groups, which mostly are the same.
//!
//! Users and memberships stand apart, so that taking in memberships does not have to go through everything that is
//! known of the users.

use std::hash::BuildHasher as _;
use std::hint::black_box;

use foldhash::quality::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::memberships::Memberships;
use super::{User, UserPatch};
use crate::model::Id;

/// Users and members. Of the two lists, the same place is of the same object.
#[derive(Clone, Debug, Default)]
pub(super) struct Objects {
    places: Places,
    members: Vec<Member>,
    users: Vec<Option<User>>,
    user_count: usize,
}

/// An object, with the groups that it is a direct member of.
#[derive(Clone, Debug)]
struct Member {
    id: Id,
    groups: Memberships,
}

/// Where objects stand, by ID. Holds numbers alone, so that it stays where the processor has it at hand.
#[derive(Clone, Debug, Default)]
struct Places {
    table: HashTable<u32>,
    seed: RandomState,
}

impl Places {
    /// The place of an object.
    fn find(&self, id: &Id, members: &[Member]) -> Option<usize> {
        let found = self.table.find(self.seed.hash_one(id), |place| members[*place as usize].id == *id);
        found.map(|place| *place as usize)
    }

    /// The place of an object; the next one for one that is new.
    fn find_or_add(&mut self, id: &Id, members: &[Member]) -> usize {
        let is_it = |place: &u32| members[*place as usize].id == *id;
        let hash = |place: &u32| self.seed.hash_one(&members[*place as usize].id);
        match self.table.entry(self.seed.hash_one(id), is_it, hash) {
            Entry::Occupied(found) => *found.get() as usize,
            Entry::Vacant(vacant) => {
                vacant.insert(number(members.len()));
                members.len()
            }
        }
    }

    /// Forgets the object at a place; the last one stands there from now on.
    fn swap_remove(&mut self, place: usize, members: &[Member]) {
        let last = members.len() - 1;
        let hash = |place: usize| self.seed.hash_one(&members[place].id);
        if let Ok(gone) = self.table.find_entry(hash(place), |found| *found as usize == place) {
            gone.remove();
        }
        if place != last
            && let Ok(mut moved) = self.table.find_entry(hash(last), |found| *found as usize == last)
        {
            *moved.get_mut() = number(place);
        }
    }
}

/// A place as it is kept: no read brings as many objects as there are numbers.
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// So many objects are looked at ahead.
const AHEAD: usize = 64;

impl Objects {
    /// How many users there are.
    pub const fn user_count(&self) -> usize {
        self.user_count
    }

    /// The user with that ID.
    pub fn user(&self, id: &Id) -> Option<&User> {
        self.users[self.find(id)?].as_ref()
    }

    /// All users.
    pub fn users(&self) -> impl Iterator<Item = (&Id, &User)> {
        self.iter().filter_map(|(id, user, _)| Some((id, user.as_ref()?)))
    }

    /// All users by ID, each with the numbers of its groups, ascending.
    pub fn users_by_id(&self) -> impl Iterator<Item = (&Id, &User, &[u32])> {
        let users = self.members.iter().zip(&self.users).enumerate().filter(|(_, (_, user))| user.is_some());
        // With what decides between nearly all IDs at hand.
        let mut order: Vec<(u64, u32)> =
            users.map(|(place, (member, _))| (member.id.first_bytes(), number(place))).collect();
        order.sort_unstable_by(|one, other| {
            let id = |place: u32| &self.members[place as usize].id;
            one.0.cmp(&other.0).then_with(|| id(one.1).cmp(id(other.1)))
        });
        (0..order.len()).filter_map(move |next| {
            if next % AHEAD == 0 {
                let some = order[next..].iter().take(AHEAD);
                some.for_each(|(_, place)| self.fetch(*place as usize));
            }
            let place = order[next].1 as usize;
            let Member { id, groups } = &self.members[place];
            Some((id, self.users[place].as_ref()?, groups.as_slice()))
        })
    }

    /// Looks at a user that will be wanted. Memory is waited for: looking at some users that stand apart, one right
    /// after the other, waits for all of them together.
    fn fetch(&self, place: usize) {
        black_box(self.members[place].groups.as_slice().first());
        black_box(self.users[place].as_ref().map(User::glance));
    }

    /// The same for objects that will be looked for.
    pub fn seek<'i>(&self, ids: impl Iterator<Item = &'i Id>) {
        black_box(ids.filter_map(|id| self.find(id)).count());
    }

    /// Numbers of the groups that an object is a direct member of, ascending.
    pub fn groups_of(&self, id: &Id) -> &[u32] {
        self.find(id).map_or(&[], |place| self.members[place].groups.as_slice())
    }

    /// Everything: an ID, the user if it is one, and its groups.
    pub fn iter(&self) -> impl Iterator<Item = (&Id, &Option<User>, &Memberships)> {
        self.members.iter().zip(&self.users).map(|(Member { id, groups }, user)| (id, user, groups))
    }

    /// Adds an object, in place of what was known of it.
    pub fn insert(&mut self, id: Id, user: Option<User>, groups: Memberships) {
        let place = self.place(id);
        self.user_count += usize::from(user.is_some());
        self.user_count -= usize::from(self.users[place].is_some());
        self.users[place] = user;
        self.members[place].groups = groups;
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
        let Some(place) = self.find(id) else { return };
        self.user_count -= usize::from(self.users[place].take().is_some());
        self.tidy(place);
    }

    /// Whether an object is a direct member of a group.
    pub fn is_member(&self, group: u32, id: &Id) -> bool {
        self.groups_of(id).binary_search(&group).is_ok()
    }

    /// Whether anything is known of an object.
    pub fn knows(&self, id: &Id) -> bool {
        self.find(id).is_some()
    }

    /// Adds a membership; false when it was there already.
    pub fn join(&mut self, group: u32, member: Id) -> bool {
        let place = self.place(member);
        self.members[place].groups.insert(group)
    }

    /// Ends a membership; false when there was none.
    pub fn leave(&mut self, group: u32, member: &Id) -> bool {
        let Some(place) = self.find(member) else { return false };
        let left = self.members[place].groups.remove(group);
        self.tidy(place);
        left
    }

    /// Ends all memberships, and says which these were.
    pub fn leave_all(&mut self, member: &Id) -> Vec<u32> {
        let Some(place) = self.find(member) else { return Vec::new() };
        let left = std::mem::take(&mut self.members[place].groups);
        self.tidy(place);
        left.into()
    }

    fn find(&self, id: &Id) -> Option<usize> {
        self.places.find(id, &self.members)
    }

    /// Where an object stands; one that is new gets a place.
    fn place(&mut self, id: Id) -> usize {
        let place = self.places.find_or_add(&id, &self.members);
        if place == self.members.len() {
            self.members.push(Member { id, groups: Memberships::default() });
            self.users.push(None);
        }
        place
    }

    /// Forgets an object of which nothing is known any more.
    fn tidy(&mut self, place: usize) {
        if self.users[place].is_none() && self.members[place].groups.as_slice().is_empty() {
            self.places.swap_remove(place, &self.members);
            self.members.swap_remove(place);
            self.users.swap_remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Users and members come and go; what is known of each is what was said last.
    #[test]
    fn what_was_said_of_an_object_is_found_wherever_it_stands() {
        let (mut objects, mut known) = (Objects::default(), BTreeMap::<Id, (bool, Vec<u32>)>::new());
        for step in 0_u32..4_000 {
            let id = Id::new(&format!("u{}", step.wrapping_mul(2_654_435_761) % 97));
            let (is_user, groups) = known.entry(id.clone()).or_default();
            let group = step % 7;
            match step.wrapping_mul(40_503) >> 4 & 3 {
                0 => {
                    objects.upsert_user(id.clone(), UserPatch::default());
                    *is_user = true;
                }
                1 => {
                    objects.remove_user(&id);
                    *is_user = false;
                }
                2 => {
                    assert_eq!(objects.join(group, id.clone()), !groups.contains(&group));
                    groups.retain(|known| *known != group);
                    groups.push(group);
                    groups.sort_unstable();
                }
                _ => {
                    assert_eq!(objects.leave(group, &id), groups.contains(&group));
                    groups.retain(|known| *known != group);
                }
            }
            known.retain(|_, (is_user, groups)| *is_user || !groups.is_empty());
            assert_eq!(objects.knows(&id), known.contains_key(&id));
            assert_eq!(objects.iter().count(), known.len());
        }
        assert!(known.iter().all(|(id, (is_user, groups))| {
            objects.user(id).is_some() == *is_user && objects.groups_of(id) == groups.as_slice()
        }));
        let users = known.iter().filter(|(_, (is_user, _))| *is_user).map(|(id, (_, groups))| (id, groups.as_slice()));
        assert_eq!(
            objects.users_by_id().map(|(id, _, groups)| (id, groups)).collect::<Vec<_>>(),
            users.collect::<Vec<_>>()
        );
        assert_eq!(objects.user_count(), objects.users().count());
    }
}
