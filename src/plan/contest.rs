//! Who wants which name, and who loses it to another user: decided on wishes alone, whatever becomes of them (rule R5).
//!
//! Names are told apart by 64-bit hashes, and compared where those agree: nearly all names are wanted by one user.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher as _;

use foldhash::quality::RandomState;

use crate::actual::Namespace;
use crate::desired::Precedence;
use crate::model::{Field, Text, folded, with_folded};

use super::proposal::{Proposal, Who};

/// Stands for a username or an email as it is compared. Its key is random in each process, so that nobody can choose
/// names whose marks agree; what follows from a mark never depends on the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark(u64);

impl Mark {
    /// The mark of a name; usernames and emails do not meet.
    pub fn of(state: &RandomState, field: Field, name: &str) -> Self {
        let salt = if field == Field::Username { 0x9e37_79b9_7f4a_7c15 } else { 0 };
        Self(with_folded(name, |name| state.hash_one(name.as_bytes())) ^ salt)
    }
}

/// The names that proposals want. Proposals are known by their place in the slice.
#[derive(Debug, Default)]
pub(super) struct Contest {
    state: RandomState,
    /// Who wants a name of that mark, in order.
    claims: Vec<(Mark, u32)>,
    /// Who lost a name to whom.
    lost: HashMap<(usize, Namespace), usize, RandomState>,
}

impl Contest {
    /// Between users that want the same name: who owns it keeps it, else the lower precedence gets it. What a record
    /// that its user already owns merely keeps does not compete: whether it is in the way is a question of names taken.
    pub fn new(proposals: &[Proposal<'_>], state: RandomState) -> Self {
        let mut claims = Vec::with_capacity(proposals.len() * 2);
        for (at, proposal) in (0_u32..).zip(proposals) {
            let mut last = None;
            for (space, _) in proposal.wants() {
                let mark = proposal.names.mark(space);
                if last != Some(mark) {
                    claims.push((mark, at));
                }
                last = Some(mark);
            }
        }
        claims.sort_unstable();
        let mut contest = Self { state, claims, lost: HashMap::default() };
        for claims in contest.claims.chunk_by(|one, next| one.0 == next.0).filter(|claims| claims.len() > 1) {
            for ((space, name), claims) in wished(proposals, claims) {
                contest.lost.extend(losers(proposals, space, &name, &claims).map(|(at, to)| ((at, space), to)));
            }
        }
        contest
    }

    /// Who wants a name.
    pub fn claimants<'c>(
        &'c self,
        proposals: &'c [Proposal<'_>],
        space: Namespace,
        name: &'c str,
    ) -> impl Iterator<Item = usize> + 'c {
        let mark = Mark::of(&self.state, space.field(), name);
        let first = self.claims.partition_point(|claim| claim.0 < mark);
        let claims = self.claims[first..].iter().take_while(move |claim| claim.0 == mark);
        let wants = move |at: &usize| {
            proposals[*at].wants().any(|(wanted, held)| wanted == space && crate::model::same_name(held, name))
        };
        claims.map(|claim| claim.1 as usize).filter(wants)
    }

    /// To whom a proposal lost its name in the namespace.
    pub fn lost_to(&self, at: usize, space: Namespace) -> Option<usize> {
        self.lost.get(&(at, space)).copied()
    }

    /// The proposals that lost a name; one that lost several more than once.
    pub fn losers(&self) -> impl Iterator<Item = usize> {
        self.lost.keys().map(|(at, _)| *at)
    }

    /// Whether a proposal lost any name.
    pub fn loses(&self, at: usize) -> bool {
        [Namespace::LoginUsername, Namespace::LoginEmail]
            .into_iter()
            .chain(crate::model::Kind::ALL.map(Namespace::Email))
            .any(|space| self.lost.contains_key(&(at, space)))
    }
}

/// What the claims of one mark are for: one name, or several whose marks happen to agree.
fn wished(proposals: &[Proposal<'_>], claims: &[(Mark, u32)]) -> BTreeMap<(Namespace, Text), Vec<usize>> {
    let mut wished: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (mark, at) in claims {
        let proposal = &proposals[*at as usize];
        for (space, name) in proposal.wants().filter(|(space, _)| proposal.names.mark(*space) == *mark) {
            wished.entry((space, folded(name))).or_default().push(*at as usize);
        }
    }
    wished
}

/// Who loses a name, and to whom.
fn losers<'c>(
    proposals: &'c [Proposal<'_>],
    space: Namespace,
    name: &'c str,
    claims: &[usize],
) -> impl Iterator<Item = (usize, usize)> + use<'c> {
    let competing = |at: &usize| claims.len() > 1 && !proposals[*at].keeps(space, name);
    let competing: Vec<usize> = claims.iter().copied().filter(competing).collect();
    let owns = |at: &usize| proposals[*at].owns(space, name);
    let rank = |at: &usize| rank(&proposals[*at]);
    let owner = competing.iter().copied().filter(owns).min_by_key(rank);
    let winner = owner.or_else(|| competing.iter().copied().min_by_key(rank));
    let losers = competing.into_iter().filter_map(move |at| {
        let winner = winner?;
        (at != winner && !proposals[at].owns(space, name)).then_some((at, winner))
    });
    losers.collect::<Vec<_>>().into_iter()
}

fn rank<'c>(proposal: &'c Proposal<'_>) -> (Precedence<'c>, Who<'c>) {
    (proposal.ranked.precedence, proposal.who)
}
