//! One login per person: which proposals can have the names they want (rule R5).
//!
//! A name is taken when, after the plan, another record still has it. That depends on which changes happen, and what is
//! blocked or held does not happen, so the answer is the largest set of changes that agree with each other: everything
//! is assumed to happen, and whoever wants a name that stays taken is taken out, with what follows from that.

use std::collections::HashMap;

use foldhash::quality::RandomState;

use crate::actual::{Actual, Namespace};
use crate::model::{Field, Record, RecordKey, folded};

use super::Code;
use super::contest::Contest;
use super::proposal::{Obstacle, Proposal};
use super::wishes::Rivals;

/// Whether a proposal's changes happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Happens,
    Blocked,
    Held,
}

/// All proposals of a plan with the names they compete for. Proposals are known by their place in the slice.
pub(super) struct Names<'p, 'a> {
    proposals: &'p [Proposal<'a>],
    actual: &'a Actual,
    contest: &'p Contest,
    /// Who writes a record.
    writers: HashMap<RecordKey, Vec<usize>, RandomState>,
    standing: Vec<Standing>,
}

impl<'p, 'a> Names<'p, 'a> {
    /// Settles which proposals stand when nothing is held. `entangled` are the proposals that write existing records.
    pub fn settle(
        proposals: &'p [Proposal<'a>],
        entangled: &[usize],
        contest: &'p Contest,
        actual: &'a Actual,
    ) -> Self {
        let mut writers: HashMap<RecordKey, Vec<usize>, RandomState> = HashMap::default();
        for at in entangled {
            for record in proposals[*at].touches() {
                writers.entry(record.key).or_default().push(*at);
            }
        }
        let mut rivals = Vec::new();
        let stands = |(at, proposal): (usize, &Proposal<'_>)| {
            if proposal.names.rivals == Rivals::Possible {
                rivals.push(at);
            }
            match proposal.obstacle {
                Some(_) => Standing::Blocked,
                None => Standing::Happens,
            }
        };
        let mut standing: Vec<Standing> = proposals.iter().enumerate().map(stands).collect();
        contest.losers().for_each(|at| standing[at] = Standing::Blocked);
        let mut names = Self { proposals, actual, contest, writers, standing };
        names.take_out(rivals);
        names
    }

    /// Takes held changes out as well: the names they would have freed stay taken for everybody who is not held.
    /// Held changes are judged as if they all happened, but not what is blocked because of them.
    pub fn hold(&mut self, held: &[usize]) {
        for at in held {
            self.standing[*at] = Standing::Held;
        }
        let waiting = held.iter().flat_map(|at| self.waiting_for(*at)).collect();
        self.take_out(waiting);
    }

    pub const fn actual(&self) -> &'a Actual {
        self.actual
    }

    pub fn standing(&self, at: usize) -> Standing {
        self.standing[at]
    }

    /// The places of the proposals whose changes do not happen.
    pub fn not_happening(&self) -> impl Iterator<Item = (usize, Standing)> {
        self.standing.iter().copied().enumerate().filter(|(_, standing)| *standing != Standing::Happens)
    }

    /// Whether somebody whose change is planned, held or not, wants the name.
    pub fn is_given(&self, space: Namespace, name: &str) -> bool {
        self.contest.claimants(self.proposals, space, name).any(|at| self.standing[at] != Standing::Blocked)
    }

    /// Why a blocked proposal is blocked, once everything has settled.
    pub fn obstacle(&self, at: usize) -> Obstacle {
        if let Some(obstacle) = &self.proposals[at].obstacle {
            return Obstacle::clone(obstacle);
        }
        let missed = self.missed(at);
        let of = |field| missed.iter().find(|(space, _)| space.field() == field);
        match (of(Field::Email), of(Field::Username)) {
            (Some((space, name)), _) => self.taken_obstacle(at, Code::EmailTaken, *space, name),
            (None, Some((space, name))) => self.taken_obstacle(at, Code::UsernameTaken, *space, name),
            (None, None) => {
                let message = String::from("a name that the user wants stays taken");
                Obstacle { code: Code::UsernameTaken, message, candidates: Vec::new() }
            }
        }
    }

    /// Blocks whoever cannot have a name, and looks again at those who counted on it, until nothing moves.
    fn take_out(&mut self, mut waiting: Vec<usize>) {
        let mut fallen: Vec<usize> =
            (0..self.standing.len()).filter(|at| self.standing[*at] == Standing::Blocked).collect();
        loop {
            waiting.extend(fallen.drain(..).flat_map(|at| self.waiting_for(at)));
            let Some(at) = waiting.pop() else { return };
            if self.standing[at] != Standing::Blocked
                && self.proposals[at].sets().any(|(space, name)| self.is_taken(at, space, name))
            {
                self.standing[at] = Standing::Blocked;
                fallen.push(at);
            }
        }
    }

    /// Who wants a name that the records of this proposal hold today.
    fn waiting_for(&self, at: usize) -> Vec<usize> {
        let held = self.proposals[at].touches().flat_map(names_of);
        let wanting = held.flat_map(|(space, name)| self.contest.claimants(self.proposals, space, name));
        wanting.filter(|other| *other != at).collect()
    }

    /// The names that the user misses: those it lost to another user, and those it would set that stay taken.
    fn missed(&self, at: usize) -> Vec<(Namespace, &str)> {
        let proposal = &self.proposals[at];
        let lost = proposal.wants().filter(|(space, _)| self.contest.lost_to(at, *space).is_some());
        let taken = proposal.sets().filter(|(space, name)| self.is_taken(at, *space, name));
        lost.chain(taken).collect()
    }

    fn is_taken(&self, at: usize, space: Namespace, name: &str) -> bool {
        self.keepers(at, space, name).next().is_some()
    }

    /// The records of others that still have the name after the plan.
    fn keepers(&self, at: usize, space: Namespace, name: &str) -> impl Iterator<Item = &'a Record> {
        let own = move |record: &Record| {
            let mut mine = self.proposals[at].touches().chain(self.proposals[at].linked);
            mine.any(|touched| touched.key == record.key)
        };
        self.actual.holders(space, name).filter(move |record| !own(record) && self.keeps(at, record, space, name))
    }

    /// Whether a record still has the name after the plan: unless somebody whose change happens takes it away.
    fn keeps(&self, at: usize, record: &Record, space: Namespace, name: &str) -> bool {
        let writers = self.writers.get(&record.key).into_iter().flatten();
        !writers
            .filter(|writer| self.counts_on(at, **writer))
            .any(|writer| !self.proposals[*writer].leaves(record, space, name))
    }

    /// Whether one proposal may count on another's changes to happen.
    fn counts_on(&self, at: usize, writer: usize) -> bool {
        match (self.standing[at], self.standing[writer]) {
            (_, Standing::Happens) | (Standing::Held, Standing::Held) => true,
            (_, Standing::Blocked) | (Standing::Happens | Standing::Blocked, Standing::Held) => false,
        }
    }

    fn taken_obstacle(&self, at: usize, code: Code, space: Namespace, name: &str) -> Obstacle {
        let mut candidates: Vec<RecordKey> = self.keepers(at, space, name).map(|record| record.key).collect();
        candidates.sort_unstable();
        let (what, name) = (space.field(), folded(name));
        let message = match (candidates.first(), self.contest.lost_to(at, space)) {
            (Some(keeper), _) => format!("the {what} {name} is held by {keeper}: rename one of the two"),
            (None, Some(winner)) => {
                let winner = &self.proposals[winner];
                let last = winner.user.user_principal_name.as_deref();
                let who = last.map_or_else(|| winner.user.key.to_string(), str::to_owned);
                format!(
                    "the {what} {name} goes to {who}, whose rule `{}` comes first: rename one of the two",
                    winner.rule()
                )
            }
            (None, None) => format!("the {what} {name} stays taken"),
        };
        Obstacle { code, message, candidates }
    }
}

/// The names that a record holds, by namespace.
fn names_of(record: &Record) -> impl Iterator<Item = (Namespace, &str)> {
    let spaces = [Namespace::LoginUsername, Namespace::LoginEmail, Namespace::Email(record.key.kind)];
    spaces
        .into_iter()
        .filter(|space| space.admits(record))
        .filter_map(|space| Some((space, record.fields.get(space.field())?)))
}
