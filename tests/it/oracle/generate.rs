//! Walks under a seed: small worlds, few names, and mutations between rounds, so that clashes, swaps, merges, changes of
//! kind, orphans and held changes happen all the time. Uses the model only to know what a mutation can be about.

use fastrand::Rng;

use super::model;
use super::world::{
    Account, EmailFrom, Group, Key, Kind, Limit, Link, Op, Policy, Read, Record, Round, Rule, Seen, Status, Tenant,
    User, Values, Walk, World,
};

const TENANTS: [&str; 3] = ["t1", "t2", "t3"];
const GROUPS: [&str; 4] = ["g1", "g2", "g3", "g4"];
const ACCOUNTS: [&str; 3] = ["North", "South", "Nowhere"];
const LOCATIONS: [&str; 3] = ["Main", "Yard", "Attic"];

/// The walk of a seed: always the same one.
pub fn walk(seed: u64) -> Walk {
    let mut dice = Dice::of_seed(seed);
    let world = dice.world();
    let mut rounds = Vec::new();
    let mut now = world.clone();
    for number in 0..dice.rng.usize(2..=5) {
        let round = dice.round(&now, number);
        round.ops.iter().for_each(|op| op.happen(&mut now));
        let verdict = model::plan(&now);
        now = model::apply(&now, &verdict, round.consent);
        rounds.push(round);
    }
    Walk { world, rounds }
}

/// What is thrown for worlds and for what happens to them.
pub struct Dice {
    rng: Rng,
    names: usize,
    domains: usize,
    /// Fewer broken, suspended and failed things, so that more gets as far as the names.
    calm: bool,
}

impl Dice {
    /// Always falls alike for a seed.
    pub fn of_seed(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        Self { names: rng.usize(2..=4), domains: rng.usize(1..=2), calm: rng.bool(), rng }
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.rng.usize(0..n) == 0
    }

    fn rarely(&mut self) -> bool {
        let n = if self.calm { 40 } else { 8 };
        self.one_in(n)
    }

    fn of<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.rng.usize(0..list.len())].clone()
    }

    fn text(&mut self, list: &[&str]) -> String {
        self.of(list).to_owned()
    }

    // ---- the world -------------------------------------------------------------------------------------------------

    /// A world to begin with.
    pub fn world(&mut self) -> World {
        let mut world = World { policy: self.policy(), defaults: self.defaults(), ..World::default() };
        for (id, name) in [(1, "North"), (2, "South")] {
            world.accounts.insert(id, Account { name: name.into(), locations: self.locations() });
        }
        let tenants = self.of(&[1, 1, 1, 2, 2, 3]);
        for id in &TENANTS[..tenants] {
            let tenant = self.tenant();
            world.tenants.insert((*id).to_owned(), tenant);
        }
        for _ in 0..self.rng.usize(1..=3) + tenants {
            let rule = self.rule(&world);
            Op::Rule(rule).happen(&mut world);
        }
        for _ in 0..self.rng.usize(1..=8) {
            let record = self.record(&world);
            Op::Import(record).happen(&mut world);
        }
        world
    }

    fn policy(&mut self) -> Policy {
        Policy {
            enforce: self.one_in(3),
            keep_unmatched: self.one_in(4),
            deactivate_disabled: self.one_in(2),
            exclude_guests: self.one_in(5),
            max_deactivations: self.limit(),
            max_archives: self.limit(),
            max_creates: self.limit(),
        }
    }

    fn limit(&mut self) -> Limit {
        match self.rng.usize(0..if self.calm { 16 } else { 6 }) {
            0 => Limit::Count(0),
            1 => Limit::Count(1),
            2 => Limit::Percent(self.rng.u8(0..=100)),
            _ => Limit::None,
        }
    }

    fn defaults(&mut self) -> Values {
        let mut defaults = Values::new();
        for field in ["department", "location", "manager", "jobTitle", "employmentType", "employeeRole", "securityRole"]
        {
            let value = self.text(&["Default", "Default", "Other"]);
            defaults.insert(field, value);
        }
        defaults
    }

    fn locations(&mut self) -> Vec<String> {
        self.of(&[&["Main", "Yard"][..], &["Main"], &["Yard", "Main"]]).iter().map(ToString::to_string).collect()
    }

    fn tenant(&mut self) -> Tenant {
        let mut tenant = Tenant { nested: self.one_in(2), ..Tenant::default() };
        (tenant.declared, tenant.suspend, tenant.read) = self.health();
        for group in &GROUPS[..self.rng.usize(1..=4)] {
            let it = self.group();
            tenant.groups.insert((*group).to_owned(), it);
        }
        for number in 1..=self.rng.usize(1..=6) {
            let (id, user) = (format!("u{number:02}"), self.user());
            for group in &GROUPS {
                if self.one_in(2) {
                    tenant.members.insert(((*group).to_owned(), id.clone()));
                }
            }
            tenant.users.insert(id, user);
        }
        for _ in 0..self.rng.usize(0..=3) {
            let edge = (self.text(&GROUPS), self.text(&GROUPS));
            tenant.members.insert(edge);
        }
        tenant
    }

    fn health(&mut self) -> (bool, bool, Read) {
        let read = if self.rarely() { self.of(&[Read::Failed, Read::Partial, Read::Never]) } else { Read::Complete };
        (!self.rarely(), self.rarely() && self.one_in(2), read)
    }

    fn group(&mut self) -> Group {
        let security = if self.rarely() { self.of(&[None, Some(false)]) } else { Some(true) };
        Group { exists: !self.rarely(), security, created: self.of(&[None, Some(1), Some(1), Some(2), Some(3)]) }
    }

    fn rule(&mut self, world: &World) -> Rule {
        let tenants: Vec<&String> = world.tenants.keys().collect();
        let tenant = self.of(&tenants).clone();
        let kind = self.of(&Kind::ALL);
        let mut values = Values::new();
        match kind {
            Kind::Employee => {
                for field in ["department", "location", "manager", "securityRole"] {
                    if self.one_in(4) {
                        let value = self.text(&["Ruled", "Desk"]);
                        values.insert(field, value);
                    }
                }
            }
            Kind::Contact => self.contact_values(&mut values),
        }
        let (order, email) = (
            self.rng.u64(1..=2),
            self.of(&[EmailFrom::Auto, EmailFrom::Auto, EmailFrom::Auto, EmailFrom::Upn, EmailFrom::Mail]),
        );
        let name = format!("r{}", self.rng.u8(1..=6));
        let groups: Vec<&String> = world.tenants[&tenant].groups.keys().collect();
        let group = if self.rarely() { self.text(&GROUPS) } else { self.of(&groups).clone() };
        Rule { name, tenant, group, order, kind, email, values, suspend: self.rarely() }
    }

    fn contact_values(&mut self, values: &mut Values) {
        let account = if self.rarely() { self.text(&ACCOUNTS) } else { "North".to_owned() };
        values.insert("account", account);
        if self.one_in(3) {
            let location = if self.rarely() { self.text(&LOCATIONS) } else { "Main".to_owned() };
            values.insert("location", location);
        }
        let portal = self.rng.bool();
        values.insert("portalAccess", portal.to_string());
        if portal {
            values.insert("securityRole", "External User".to_owned());
        }
    }

    // ---- people ----------------------------------------------------------------------------------------------------

    fn name(&mut self) -> String {
        let name = self.of(&["ann", "bob", "zoé", "cy"][..self.names]);
        if self.one_in(12) { name.to_uppercase() } else { name.to_owned() }
    }

    fn address(&mut self) -> String {
        let domain = self.of(&["x.io", "y.io"][..self.domains]);
        format!("{}@{domain}", self.name())
    }

    fn upn(&mut self) -> String {
        match self.rng.usize(0..80) {
            0 => "@y.io".to_owned(),
            1 => "@x.io".to_owned(),
            2 => self.name(),
            3..6 => format!("{}_y.io#EXT#@x.io", self.name()),
            6..8 => format!("{}#ext#@x.io", self.name()),
            8 => format!("{}_Archived@x.io", self.name()),
            _ => self.address(),
        }
    }

    fn mail(&mut self) -> String {
        if self.one_in(3) { self.text(&["", "", "", " "]) } else { self.address() }
    }

    fn user(&mut self) -> User {
        User {
            upn: self.upn(),
            given: self.text(&["Ann", "Bob", "Ann", "Ann", "Bob", " Cy ", ""]),
            surname: self.text(&["Lee", "Fox", "Fox", "", " "]),
            mail: self.mail(),
            job: self.text(&["Chief", "", " "]),
            user_type: self.text(&["Member", "Member", "", "", "Guest", "guest"]),
            department: self.text(&["", "Sales"]),
            phones: self
                .of(&[&[][..], &["1"], &["1", "2"], &["2", "1"], &["", "1"]])
                .iter()
                .map(ToString::to_string)
                .collect(),
            other_mails: if self.one_in(3) { vec![self.mail(), self.mail()] } else { Vec::new() },
            microsoft: self.one_in(20),
            enabled: self.of(&[None, Some(true), Some(true), Some(true), Some(true), Some(false)]),
            deleted: self.one_in(10),
        }
    }

    fn key(&mut self, world: &World) -> Option<Key> {
        let mut keys = Vec::new();
        for (id, tenant) in &world.tenants {
            keys.extend(tenant.users.keys().map(|user| Key::new(id, user)));
        }
        (!keys.is_empty()).then(|| self.of(&keys))
    }

    /// Some user, or one that nobody knows.
    fn owner(&mut self, world: &World) -> Key {
        let known = self.key(world).filter(|_| !self.one_in(4));
        known.unwrap_or_else(|| Key::new(self.of(&TENANTS), "u09"))
    }

    // ---- records ---------------------------------------------------------------------------------------------------

    fn record(&mut self, world: &World) -> Record {
        let kind = self.of(&Kind::ALL);
        let status = self.of(&[Status::Active, Status::Active, Status::Active, Status::Inactive, Status::Archived]);
        let mut fields = Values::new();
        for (field, pool) in [
            ("firstName", ["Ann", "Bob"]),
            ("lastName", ["Lee", "Fox"]),
            ("phone", ["1", "3"]),
            ("jobTitle", ["Chief", "Clerk"]),
        ] {
            if self.rng.bool() {
                let value = self.text(&pool);
                fields.insert(field, value);
            }
        }
        let login = match kind {
            Kind::Employee => {
                for field in ["department", "location", "manager", "employmentType", "employeeRole", "securityRole"] {
                    if self.one_in(2) {
                        fields.insert(field, "Held".to_owned());
                    }
                }
                true
            }
            Kind::Contact => {
                fields.insert("account", self.text(&ACCOUNTS));
                fields.insert("location", self.text(&LOCATIONS));
                let portal = self.rng.bool();
                fields.insert("portalAccess", portal.to_string());
                portal
            }
        };
        let suffix = if status == Status::Archived {
            self.text(&["_Archived", "_Archived", "_Archived2", ""])
        } else {
            String::new()
        };
        if login && !self.one_in(10) {
            fields.insert("username", format!("{}{suffix}", self.name()));
        }
        if !self.one_in(10) {
            fields.insert("email", format!("{}{suffix}", self.address()));
        }
        let link =
            if self.one_in(4) { Some(Link { user: self.owner(world), upn: None, seen: Seen::Unknown }) } else { None };
        let archived_from = (status == Status::Archived && !self.one_in(3)).then(|| self.owner(world));
        Record { kind, id: world.next_id(kind), status, fields, link, archived_from, references: self.one_in(4) }
    }

    fn edit(&mut self, record: &Record) -> Op {
        let (kind, id) = (record.kind, record.id);
        let (field, value) = match self.rng.usize(0..7) {
            0 => ("email", Some(self.address())),
            1 if record.kind == Kind::Employee || record.get("portalAccess") == Some("true") => {
                ("username", Some(self.name()))
            }
            2 => ("firstName", None),
            3 => ("location", Some(self.text(&LOCATIONS))),
            4 => ("jobTitle", None),
            5 if record.kind == Kind::Contact => ("portalAccess", Some("false".to_owned())),
            _ => ("phone", Some("9".to_owned())),
        };
        Op::Edit(kind, id, field, value)
    }

    // ---- what happens between rounds -------------------------------------------------------------------------------

    fn round(&mut self, world: &World, number: usize) -> Round {
        let mut now = world.clone();
        let mut ops = Vec::new();
        let count = if number == 0 { 0 } else { self.rng.usize(1..=6) };
        for _ in 0..count {
            for op in self.happening(&now) {
                op.happen(&mut now);
                ops.push(op);
            }
        }
        Round { ops, consent: self.one_in(3) }
    }

    /// Something that happens to a world.
    pub fn happening(&mut self, world: &World) -> Vec<Op> {
        let tenants: Vec<&String> = world.tenants.keys().collect();
        let tenant = self.of(&tenants).clone();
        match self.rng.usize(0..30) {
            0..9 => self.change_of_user(world),
            9..14 => {
                let member = self.key(world).map(|key| key.user).filter(|_| !self.one_in(5));
                let member = member.unwrap_or_else(|| self.text(&GROUPS));
                vec![Op::Member(tenant, self.text(&GROUPS), member, self.rng.bool())]
            }
            14 => vec![Op::Group(tenant, self.text(&GROUPS), self.group())],
            15..18 => self.change_of_rule(world),
            18 => vec![Op::Policy(self.policy())],
            19 => {
                let (declared, suspend, read) = self.health();
                vec![Op::Tenant { tenant, declared, suspend, nested: self.rng.bool(), read }]
            }
            20 => vec![Op::Tenant {
                tenant,
                declared: true,
                suspend: false,
                nested: self.rng.bool(),
                read: Read::Complete,
            }],
            21 => vec![Op::Defaults(self.defaults())],
            22 => {
                let name = self.text(&ACCOUNTS);
                vec![Op::Account(self.rng.u64(1..=2), Account { name, locations: self.locations() })]
            }
            23 => vec![Op::Import(self.record(world))],
            _ => self.change_of_record(world),
        }
    }

    fn change_of_user(&mut self, world: &World) -> Vec<Op> {
        let Some(key) = self.key(world) else { return Vec::new() };
        let Some(user) = world.tenants.get(&key.tenant).and_then(|tenant| tenant.users.get(&key.user)) else {
            return Vec::new();
        };
        let mut user = user.clone();
        match self.rng.usize(0..12) {
            0..2 => user.deleted = !user.deleted,
            2 => return vec![Op::HardDelete(key)],
            3 => user.enabled = self.of(&[None, Some(true), Some(false)]),
            4..6 => user.upn = self.upn(),
            6 => user.mail = self.mail(),
            7 => user = self.user(),
            8 => user.department = self.text(&["", "Sales", "Stock"]),
            9 => user.other_mails.reverse(),
            // A swap, or a link of a longer cycle.
            _ => return self.swap(world, key, user),
        }
        vec![Op::User(key, user)]
    }

    fn swap(&mut self, world: &World, key: Key, mut user: User) -> Vec<Op> {
        let Some(other) = self.key(world) else { return Vec::new() };
        let mut second = world.tenants[&other.tenant].users[&other.user].clone();
        std::mem::swap(&mut user.upn, &mut second.upn);
        vec![Op::User(key, user), Op::User(other, second)]
    }

    fn change_of_rule(&mut self, world: &World) -> Vec<Op> {
        if world.rules.is_empty() || self.one_in(3) {
            return vec![Op::Rule(self.rule(world))];
        }
        let mut rule = self.of(&world.rules);
        match self.rng.usize(0..6) {
            0 => return vec![Op::DropRule(rule.name)],
            1 => rule.suspend = !rule.suspend,
            2 => rule.order = self.rng.u64(1..=2),
            3 => {
                let Rule { kind, email, values, .. } = self.rule(world);
                rule = Rule { kind, email, values, ..rule };
            }
            4 => rule.email = self.of(&[EmailFrom::Auto, EmailFrom::Upn, EmailFrom::Mail]),
            _ => {
                let old = std::mem::replace(&mut rule.name, "renamed".to_owned());
                return vec![Op::DropRule(old), Op::Rule(rule)];
            }
        }
        vec![Op::Rule(rule)]
    }

    fn change_of_record(&mut self, world: &World) -> Vec<Op> {
        if world.records.is_empty() {
            return Vec::new();
        }
        let record = self.of(&world.records);
        let (kind, id) = (record.kind, record.id);
        vec![match self.rng.usize(0..10) {
            0..5 => self.edit(&record),
            5..7 => {
                Op::Status(kind, id, self.of(&[Status::Active, Status::Active, Status::Inactive, Status::Archived]))
            }
            7 => Op::References(kind, id, !record.references),
            8 => Op::Source(kind, id, None),
            _ => Op::Source(kind, id, Some(self.owner(world))),
        }]
    }
}
