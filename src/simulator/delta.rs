//! `users/delta` and `groups/delta`: how a round begins, goes on and ends, and what the faults do to it.
//! Which objects a round has is decided in `rounds`, how they look in `render`.

use std::sync::Arc;

use super::faults::Fault;
use super::graph::{READ_HIDDEN, encoded};
use super::object::Member;
use super::properties::{Membership, Resource, Select};
use super::render::{self, Onward};
use super::reply::{Call, Reply};
use super::rounds::{self, Edge, Entry, Link, News, Start};
use super::state::{Grant, State};
use super::stats::Class;
use super::world::Application;

/// A delta request whose token has been accepted.
struct Asked<'a> {
    tenant: usize,
    resource: Resource,
    class: Class,
    call: &'a Call,
    /// Whether the members of groups that hide them are told.
    hidden: Hidden,
}

/// Whether hidden memberships are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hidden {
    Told,
    LeftOut,
}

impl State {
    /// Answers a delta request, or refuses it.
    pub(super) fn delta(
        &mut self,
        grant: &Grant,
        resource: Resource,
        class: Class,
        call: &Call,
    ) -> Result<Reply, Reply> {
        if let Some(option) =
            ["$filter", "$expand", "$orderby", "$search"].into_iter().find(|name| call.option(name).is_some())
        {
            let message = format!("The query option {option} is not supported by this simulator.");
            return Err(self.refuse(400, "Request_UnsupportedQuery", &message));
        }
        let hidden = if Application::has_one_of(grant.permissions.as_deref(), READ_HIDDEN) {
            Hidden::Told
        } else {
            Hidden::LeftOut
        };
        let asked = Asked { tenant: grant.tenant, resource, class, call, hidden };
        match (call.option("$skiptoken"), call.option("$deltatoken")) {
            (Some(_), Some(_)) => Err(self.refuse(400, "Request_BadRequest", "A request has one token.")),
            (Some(token), None) => self.page(&asked, token),
            (None, None | Some("")) => self.initial(&asked),
            (None, Some("latest")) => self.latest(&asked),
            (None, Some(token)) => self.later(&asked, token),
        }
    }

    fn initial(&mut self, asked: &Asked) -> Result<Reply, Reply> {
        let select = self.select(asked.resource, asked.call)?;
        let slice = self.slice(asked);
        let tenant = &self.world.tenants[asked.tenant];
        let mut entries = rounds::everything(tenant, asked.resource, &select, slice);
        self.haunt(asked, &select, &mut entries);
        Ok(self.begin(asked, Arc::new(select), entries, None))
    }

    fn latest(&mut self, asked: &Asked) -> Result<Reply, Reply> {
        let select = self.select(asked.resource, asked.call)?;
        Ok(self.begin(asked, Arc::new(select), Vec::new(), None))
    }

    fn later(&mut self, asked: &Asked, token: &str) -> Result<Reply, Reply> {
        self.check_verbatim(asked)?;
        let (key, link) = self.living_link(asked, token)?;
        if let Some(fault) = self.deadly(asked) {
            self.rounds.kill(key, fault);
            return Err(self.dead(asked, &link.select, fault));
        }
        let lags = self.strikes(Fault::Delay, asked.class, asked.call).is_some();
        if lags || self.notices.veils(asked.tenant, asked.resource) {
            return Ok(self.begin(asked, link.select, Vec::new(), Some(link.since)));
        }
        let replay = self.strikes(Fault::Replay, asked.class, asked.call);
        let slice = self.slice(asked);
        let tenant = &self.world.tenants[asked.tenant];
        let mut entries = replay.map_or_else(Vec::new, |_| rounds::as_of_now(tenant, link.told));
        entries.extend(rounds::changes(tenant, asked.resource, &link.select, link.since, slice));
        Ok(self.begin(asked, link.select, entries, None))
    }

    /// Links are followed as they are: an option beside the token is refused.
    fn check_verbatim(&mut self, asked: &Asked) -> Result<(), Reply> {
        match asked.call.query.iter().find(|(name, _)| !name.to_lowercase().ends_with("token")) {
            None => Ok(()),
            Some((name, _)) => {
                let message = format!("The query option {name} cannot stand beside a token.");
                Err(self.refuse(400, "Request_BadRequest", &message))
            }
        }
    }

    fn living_link(&mut self, asked: &Asked, token: &str) -> Result<(u64, Link), Reply> {
        let key = self.token_number(token)?;
        match self.rounds.link(key).cloned() {
            None => Err(self.lost("syncStateNotFound")),
            Some(link) if (link.tenant, link.resource) != (asked.tenant, asked.resource) => Err(self.badly_formed()),
            Some(link) => match link.dead {
                Some(fault) => Err(self.dead(asked, &link.select, fault)),
                None => Ok((key, link)),
            },
        }
    }

    fn token_number(&mut self, token: &str) -> Result<u64, Reply> {
        let number = token.get(..16).and_then(|text| u64::from_str_radix(text, 16).ok());
        number.ok_or_else(|| self.badly_formed())
    }

    fn badly_formed(&mut self) -> Reply {
        self.refuse(400, "Request_BadRequest", "Badly formed token.")
    }

    fn lost(&mut self, code: &str) -> Reply {
        self.refuse(400, code, "The sync state generation is not found; read everything again.")
    }

    /// The fault that kills the link now.
    fn deadly(&mut self, asked: &Asked) -> Option<Fault> {
        [Fault::ExpireDeltaLink, Fault::SyncStateNotFound, Fault::SyncStateNotFoundCapital]
            .into_iter()
            .find(|fault| self.strikes(*fault, asked.class, asked.call).is_some())
    }

    fn dead(&mut self, asked: &Asked, select: &Select, fault: Fault) -> Reply {
        if fault == Fault::SyncStateNotFound {
            return self.lost("syncStateNotFound");
        }
        if fault == Fault::SyncStateNotFoundCapital {
            return self.lost("SyncStateNotFound");
        }
        let select = select.written.as_ref().map(|text| format!("&$select={}", encoded(text))).unwrap_or_default();
        let location = format!("{}/v1.0/{}/delta?$deltatoken={select}", asked.call.origin, asked.resource.path());
        self.refuse(410, "resyncRequired", "Read everything again.").with("location", location)
    }

    /// How many members stand together at most.
    fn slice(&mut self, asked: &Asked) -> usize {
        let strike = self.strikes(Fault::Slice, asked.class, asked.call);
        strike.map_or(self.page_size, |strike| strike.count())
    }

    /// Removals of what was never told, where the faults want them.
    fn haunt(&mut self, asked: &Asked, select: &Select, entries: &mut Vec<Entry>) {
        if self.strikes(Fault::UnknownRemoved, asked.class, asked.call).is_some() {
            let at = self.rng.usize(..=entries.len());
            entries.insert(at, Entry::Stranger(self.rng.u128(..)));
        }
        let wanted = asked.resource == Resource::Groups && select.membership == Membership::Included;
        if wanted && self.strikes(Fault::RemovedMembers, asked.class, asked.call).is_some() {
            self.add_former_members(asked.tenant, entries);
        }
    }

    /// To every group one user who is no member of it, as somebody who left.
    fn add_former_members(&mut self, tenant: usize, entries: &mut Vec<Entry>) {
        let tenant = &self.world.tenants[tenant];
        let users: Vec<u32> = tenant.users.live_numbers().collect();
        for group in tenant.groups.live_numbers() {
            let Some(user) = self.rng.choice(&users).map(|user| Member::User(*user)) else { return };
            if !tenant.members_of(group).contains(&user) {
                entries.push(Entry::Group(group, [Edge { member: user, news: News::Ended }].into()));
            }
        }
    }

    /// Begins a round and answers with its first page. `until`: where the next round goes on, if not now.
    fn begin(&mut self, asked: &Asked, select: Arc<Select>, mut entries: Vec<Entry>, until: Option<usize>) -> Reply {
        if self.strikes(Fault::Reorder, asked.class, asked.call).is_some() {
            self.rng.shuffle(&mut entries);
        }
        if asked.hidden == Hidden::LeftOut {
            rounds::leave_out_hidden(&self.world.tenants[asked.tenant], &mut entries);
        }
        let until = until.unwrap_or_else(|| self.world.tenants[asked.tenant].revision());
        let Asked { tenant, resource, .. } = *asked;
        let start = Start { tenant, resource, select, entries, until };
        let key = self.rounds.begin(start, self.page_size, &mut self.secrets);
        self.show(asked, key, 0)
    }

    /// A page that a nextLink leads to.
    fn page(&mut self, asked: &Asked, token: &str) -> Result<Reply, Reply> {
        self.check_verbatim(asked)?;
        let key = self.token_number(token)?;
        let number = token.get(16..24).and_then(|text| usize::from_str_radix(text, 16).ok());
        if self.strikes(Fault::ExpirePageToken, asked.class, asked.call).is_some() {
            self.rounds.forget(key);
        }
        let round = self.rounds.round(key);
        let theirs = round.is_some_and(|round| (round.tenant, round.resource) != (asked.tenant, asked.resource));
        match (round, number) {
            (None, _) => {
                Err(self.refuse(400, "Directory_ExpiredPageToken", "The specified page token value has expired."))
            }
            (Some(round), Some(number)) if !theirs && round.page(number).is_some() => Ok(self.show(asked, key, number)),
            (Some(_), _) => Err(self.badly_formed()),
        }
    }

    fn show(&mut self, asked: &Asked, key: u64, number: usize) -> Reply {
        let empty = self.strikes(Fault::EmptyPage, asked.class, asked.call).is_some();
        let repeated = self.strikes(Fault::Duplicate, asked.class, asked.call).map_or(0, |strike| strike.count());
        let foreign = self.strikes(Fault::ForeignLink, asked.class, asked.call).map(|strike| strike.origin());
        let salt = self.secrets.u32(..);
        let Some(round) = self.rounds.round(key) else { return Reply::empty(500) };
        let (page, told) = (round.page(number).unwrap_or_default(), round.before(number + 1));
        let picks: Vec<&Entry> = (0..repeated).filter_map(|_| self.rng.choice(told)).collect();
        let entries = picks.into_iter().chain(page).take(if empty { 0 } else { usize::MAX });
        let tenant = &self.world.tenants[asked.tenant];
        let items = entries.map(|entry| render::entry(tenant, asked.resource, &round.select, entry));
        let base = format!("{}/v1.0/{}/delta", foreign.as_ref().unwrap_or(&asked.call.origin), asked.resource.path());
        let next = if empty { number } else { number + 1 };
        let onward = if empty || !round.is_last(number) {
            Onward::Next(format!("{base}?$skiptoken={key:016x}{next:08x}{salt:08x}"))
        } else {
            Onward::Delta(format!("{base}?$deltatoken={:016x}", round.token))
        };
        let context = render::delta_context(&asked.call.origin, asked.resource, &round.select, number);
        Reply::graph(200, render::page(&context, &onward, items))
    }
}
