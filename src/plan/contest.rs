//! Who wants which name, and who loses it to another user: decided on wishes alone, whatever becomes of them (rule R5).

use std::collections::HashMap;

use crate::actual::Namespace;
use crate::desired::Precedence;
use crate::model::{Id, Text};

use super::proposal::Proposal;

/// The names that proposals want. Proposals are known by their place in the slice.
#[derive(Debug, Default)]
pub(super) struct Contest {
    claims: HashMap<(Namespace, Text), Vec<usize>>,
    /// Who lost a name to whom.
    lost: HashMap<(usize, Namespace), usize>,
}

impl Contest {
    /// Between users that want the same name: who owns it keeps it, else the lower precedence gets it. What a record
    /// that its user already owns merely keeps does not compete: whether it is in the way is a question of names taken.
    pub fn new(proposals: &[Proposal<'_>]) -> Self {
        let mut claims: HashMap<_, Vec<usize>> = HashMap::with_capacity(proposals.len() * 3);
        for (at, proposal) in proposals.iter().enumerate() {
            for claim in proposal.wants() {
                claims.entry(claim).or_default().push(at);
            }
        }
        let mut contest = Self { claims, lost: HashMap::new() };
        for ((space, name), claims) in &contest.claims {
            contest.lost.extend(losers(proposals, *space, name, claims).map(|(at, to)| ((at, *space), to)));
        }
        contest
    }

    /// Who wants a name.
    pub fn claimants(&self, space: Namespace, name: &Text) -> &[usize] {
        self.claims.get(&(space, name.clone())).map_or(&[], Vec::as_slice)
    }

    /// To whom a proposal lost its name in the namespace.
    pub fn lost_to(&self, at: usize, space: Namespace) -> Option<usize> {
        self.lost.get(&(at, space)).copied()
    }

    /// Whether a proposal lost any name.
    pub fn loses(&self, at: usize) -> bool {
        [Namespace::LoginUsername, Namespace::LoginEmail]
            .into_iter()
            .chain(crate::model::Kind::ALL.map(Namespace::Email))
            .any(|space| self.lost.contains_key(&(at, space)))
    }
}

/// Who loses a name, and to whom.
fn losers<'c>(
    proposals: &'c [Proposal<'_>],
    space: Namespace,
    name: &'c Text,
    claims: &[usize],
) -> impl Iterator<Item = (usize, usize)> + use<'c> {
    let competing = |at: &usize| claims.len() > 1 && !proposals[*at].keeps(space, name);
    let competing: Vec<usize> = claims.iter().copied().filter(competing).collect();
    let owns = |at: &usize| proposals[*at].owns(space, name);
    let rank = |at: &usize| rank(&proposals[*at]);
    let owner = competing.iter().copied().filter(owns).min_by_key(rank);
    let winner = owner.or_else(|| competing.iter().copied().min_by_key(rank));
    competing.into_iter().filter_map(move |at| {
        let winner = winner?;
        (at != winner && !proposals[at].owns(space, name)).then_some((at, winner))
    })
}

fn rank<'c>(proposal: &'c Proposal<'_>) -> (Precedence<'c>, &'c Id, &'c Id) {
    (proposal.person.precedence, &proposal.user.tenant, &proposal.user.user)
}
