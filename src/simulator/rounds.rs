//! Delta rounds: which objects a round tells, on which page, and where the next round goes on.
//! A round is fixed when it begins; later changes belong to the next one. Knows nothing of HTTP or JSON.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::faults::Fault;
use super::object::{Member, Presence};
use super::properties::{Membership, Resource, Select};
use super::world::{Change, Tenant, What};

/// One object as a round tells it.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    /// A user, or a group without membership news.
    Object(u32),
    /// A group, and members that came or went.
    Group(u32, Box<[Edge]>),
    /// The removal of somebody nobody knows.
    Stranger(u128),
}

impl Entry {
    fn weight(&self) -> usize {
        match self {
            Self::Object(_) | Self::Stranger(_) => 1,
            Self::Group(_, edges) => 1 + edges.len(),
        }
    }
}

/// One item of `members@delta`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    pub(super) member: Member,
    pub(super) news: News,
}

/// What is told of a membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    Holds,
    Ended,
}

/// A round that is being read.
pub(super) struct Round {
    pub(super) tenant: usize,
    pub(super) resource: Resource,
    pub(super) select: Arc<Select>,
    pub(super) entries: Vec<Entry>,
    /// Where each page ends.
    ends: Vec<usize>,
    /// The delta token that its last page gives out.
    pub(super) token: u64,
}

impl Round {
    pub(super) fn page(&self, number: usize) -> Option<&[Entry]> {
        let start = if number == 0 { 0 } else { *self.ends.get(number - 1)? };
        self.entries.get(start..*self.ends.get(number)?)
    }

    /// Everything told before a page.
    pub(super) fn before(&self, number: usize) -> &[Entry] {
        let end = number.checked_sub(1).and_then(|page| self.ends.get(page)).copied().unwrap_or(0);
        &self.entries[..end]
    }

    pub(super) fn is_last(&self, number: usize) -> bool {
        number + 1 >= self.ends.len()
    }
}

/// Where a later round begins: the state behind a delta token.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) tenant: usize,
    pub(super) resource: Resource,
    pub(super) select: Arc<Select>,
    /// The revision up to which everything was told.
    pub(super) since: usize,
    /// Some of what the round before told.
    pub(super) told: Vec<Entry>,
    /// The fault that killed the link, if one did.
    pub(super) dead: Option<Fault>,
}

/// How many entries a link remembers, for a replay.
const REMEMBERED: usize = 20;
/// Entries of all rounds together above which the oldest rounds are forgotten.
const ENTRIES_KEPT: usize = 6_000_000;
const ROUNDS_KEPT: usize = 256;
const LINKS_KEPT: usize = 100_000;

/// All rounds and links, by the number in their token.
#[derive(Default)]
pub(super) struct Rounds {
    open: HashMap<u64, Round>,
    links: HashMap<u64, Link>,
    /// Keys in the order they were given out.
    round_keys: Vec<u64>,
    link_keys: Vec<u64>,
}

impl Rounds {
    pub(super) fn round(&self, key: u64) -> Option<&Round> {
        self.open.get(&key)
    }

    pub(super) fn forget(&mut self, key: u64) {
        self.open.remove(&key);
    }

    pub(super) fn link(&self, key: u64) -> Option<&Link> {
        self.links.get(&key)
    }

    pub(super) fn kill(&mut self, key: u64, fault: Fault) {
        if let Some(link) = self.links.get_mut(&key) {
            link.dead = Some(fault);
        }
    }

    /// Keeps a round and the link that its end gives out, and returns the round's key.
    pub(super) fn begin(&mut self, start: Start, page_size: usize, rng: &mut fastrand::Rng) -> u64 {
        let Start { tenant, resource, select, entries, until } = start;
        let (key, token) = (rng.u64(..), rng.u64(..));
        let told = entries.iter().take(REMEMBERED).cloned().collect();
        let link = Link { tenant, resource, select: select.clone(), since: until, told, dead: None };
        self.links.insert(token, link);
        self.link_keys.push(token);
        let ends = page_ends(&entries, page_size);
        self.open.insert(key, Round { tenant, resource, select, entries, ends, token });
        self.round_keys.push(key);
        self.shrink();
        key
    }

    fn shrink(&mut self) {
        while self.round_keys.len() > 1 && (self.round_keys.len() > ROUNDS_KEPT || self.entries() > ENTRIES_KEPT) {
            let key = self.round_keys.remove(0);
            self.open.remove(&key);
        }
        if self.link_keys.len() > LINKS_KEPT {
            let key = self.link_keys.remove(0);
            self.links.remove(&key);
        }
    }

    fn entries(&self) -> usize {
        self.open.values().map(|round| round.entries.len()).sum()
    }
}

/// What a new round is made of.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) tenant: usize,
    pub(super) resource: Resource,
    pub(super) select: Arc<Select>,
    pub(super) entries: Vec<Entry>,
    /// The revision that the round tells everything up to.
    pub(super) until: usize,
}

/// A page is full when its objects and members reach the page size; a round has at least one page.
fn page_ends(entries: &[Entry], page_size: usize) -> Vec<usize> {
    let (mut ends, mut weight) = (Vec::new(), 0);
    for (at, entry) in entries.iter().enumerate() {
        weight += entry.weight();
        if weight >= page_size {
            ends.push(at + 1);
            weight = 0;
        }
    }
    if ends.last() != Some(&entries.len()) {
        ends.push(entries.len());
    }
    ends
}

/// Everything that exists. Slices of large groups come with other groups between them.
pub(super) fn everything(tenant: &Tenant, resource: Resource, select: &Select, slice: usize) -> Vec<Entry> {
    let numbers = tenant.table(resource).live_numbers();
    match (resource, select.membership) {
        (Resource::Groups, Membership::Included) => {
            sliced(numbers.map(|group| (group, all_members(tenant, group))), slice)
        }
        (Resource::Users, Membership::Included | Membership::LeftOut) | (Resource::Groups, Membership::LeftOut) => {
            numbers.map(Entry::Object).collect()
        }
    }
}

fn all_members(tenant: &Tenant, group: u32) -> Vec<Edge> {
    tenant.members_of(group).iter().map(|member| Edge { member: *member, news: News::Holds }).collect()
}

/// First slices first, then the rest.
fn sliced(groups: impl Iterator<Item = (u32, Vec<Edge>)>, slice: usize) -> Vec<Entry> {
    let (mut first, mut rest) = (Vec::new(), Vec::new());
    for (group, edges) in groups {
        let mut slices = edges.chunks(slice.max(1)).map(|edges| Entry::Group(group, edges.into()));
        first.push(slices.next().unwrap_or(Entry::Object(group)));
        rest.extend(slices);
    }
    first.append(&mut rest);
    first
}

/// What changed since a revision, of what the round tracks.
pub(super) fn changes(tenant: &Tenant, resource: Resource, select: &Select, since: usize, slice: usize) -> Vec<Entry> {
    let mut touched = Touched::default();
    for change in tenant.log.get(since..).unwrap_or_default().iter().filter(|change| change.resource == resource) {
        touched.note(change, select);
    }
    match resource {
        Resource::Users => touched.order.into_iter().map(Entry::Object).collect(),
        Resource::Groups => {
            let groups = touched.order.iter().map(|group| (*group, touched.edges(tenant, *group, select)));
            sliced(groups, slice)
        }
    }
}

/// Entries of an earlier round, with the memberships as they are now: a replay is late, but never untrue.
pub(super) fn as_of_now(tenant: &Tenant, told: Vec<Entry>) -> Vec<Entry> {
    let current = |entry| match entry {
        Entry::Group(group, edges) => {
            let members = tenant.members_of(group);
            let news = |member| if members.contains(&member) { News::Holds } else { News::Ended };
            let edges = edges.iter().map(|edge| Edge { member: edge.member, news: news(edge.member) });
            Entry::Group(group, edges.collect())
        }
        Entry::Object(_) | Entry::Stranger(_) => entry,
    };
    told.into_iter().map(current).collect()
}

/// Takes the memberships of groups that hide their members out; the groups themselves stay, each once.
pub(super) fn leave_out_hidden(tenant: &Tenant, entries: &mut Vec<Entry>) {
    let mut seen = HashSet::new();
    entries.retain_mut(|entry| match entry {
        Entry::Group(group, _) if tenant.hides_members(*group) => {
            let is_first = seen.insert(*group);
            *entry = Entry::Object(*group);
            is_first
        }
        Entry::Object(_) | Entry::Group(..) | Entry::Stranger(_) => true,
    });
}

fn is_live(tenant: &Tenant, group: u32) -> bool {
    tenant.groups.get(group).is_some_and(|group| group.presence == Presence::Live)
}

/// The objects that a log touches, in the order of their first change.
#[derive(Default)]
struct Touched {
    order: Vec<u32>,
    seen: HashSet<u32>,
    appeared: HashSet<u32>,
    members: HashMap<u32, Vec<Member>>,
    seen_members: HashSet<(u32, Member)>,
}

impl Touched {
    /// The membership news of a group: of one that appeared, all that it has and what ended meanwhile.
    fn edges(&self, tenant: &Tenant, group: u32, select: &Select) -> Vec<Edge> {
        if !is_live(tenant, group) || select.membership == Membership::LeftOut {
            return Vec::new();
        }
        let current: HashSet<&Member> = tenant.members_of(group).iter().collect();
        let told = |member: &Member| if current.contains(member) { News::Holds } else { News::Ended };
        let news = self.members.get(&group).into_iter().flatten();
        let mut news: Vec<_> = news.map(|member| Edge { member: *member, news: told(member) }).collect();
        if self.appeared.contains(&group) {
            news.retain(|edge| edge.news == News::Ended);
            news.extend(all_members(tenant, group));
        }
        news
    }

    fn note(&mut self, change: &Change, select: &Select) {
        let Change { resource: _, number, what } = change;
        let tracked = match what {
            What::Appeared => {
                self.appeared.insert(*number);
                true
            }
            What::Attributes(names) => select.tracks(names),
            What::Member(member) => select.membership == Membership::Included && self.note_member(*number, *member),
            What::Removed => true,
        };
        if tracked && self.seen.insert(*number) {
            self.order.push(*number);
        }
    }

    fn note_member(&mut self, group: u32, member: Member) -> bool {
        if self.seen_members.insert((group, member)) {
            self.members.entry(group).or_default().push(member);
        }
        true
    }
}
