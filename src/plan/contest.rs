//! Who wants which name, and who loses it to another user: decided on wishes alone, whatever becomes of them (rule R5).
//!
//! Names are told apart by 64-bit hashes, and compared where those agree: nearly all names are wanted by one user.

use std::collections::{BTreeMap, HashMap};

use foldhash::quality::RandomState;

use crate::actual::Namespace;
use crate::desired::Precedence;
use crate::model::{Claims, Mark, Marks, Text, folded, same_name};

use super::proposal::{Proposal, Who};

/// The names that proposals want. Proposals are known by their place in the slice.
#[derive(Debug, Default)]
pub(super) struct Contest {
    marks: Marks,
    claims: Claims,
    /// Who lost a name to whom.
    lost: HashMap<(usize, Namespace), usize, RandomState>,
}

impl Contest {
    /// Between users that want the same name: who owns it keeps it, else the lower precedence gets it. What a record
    /// that its user already owns merely keeps does not compete: whether it is in the way is a question of names taken.
    /// `claims` are those of the proposals, `marks` those by which their names were marked.
    pub fn new(proposals: &[Proposal<'_>], claims: Claims, marks: Marks) -> Self {
        let mut lost = HashMap::default();
        for (mark, claimants) in claims.shared() {
            for ((space, name), claimants) in wished(proposals, mark, claimants) {
                lost.extend(losers(proposals, space, &name, &claimants).map(|(at, to)| ((at, space), to)));
            }
        }
        Self { marks, claims, lost }
    }

    /// Who wants a name.
    pub fn claimants<'c>(
        &'c self,
        proposals: &'c [Proposal<'_>],
        space: Namespace,
        name: &'c str,
    ) -> impl Iterator<Item = usize> + 'c {
        let wants =
            move |at: &usize| proposals[*at].wants().any(|(wanted, held)| wanted == space && same_name(held, name));
        self.claims.of(self.marks.of(space.field(), name)).filter(wants)
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
fn wished(
    proposals: &[Proposal<'_>],
    mark: Mark,
    claimants: impl Iterator<Item = usize>,
) -> BTreeMap<(Namespace, Text), Vec<usize>> {
    let mut wished: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for at in claimants {
        let proposal = &proposals[at];
        for (space, name) in proposal.wants().filter(|(space, _)| proposal.names.mark(*space) == mark) {
            wished.entry((space, folded(name))).or_default().push(at);
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
    (proposal.ranked.precedence, proposal.who())
}
