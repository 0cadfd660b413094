//! What plans and explanations say for people: why a change is made, which rule decides and why, and where each value comes
//! from. The scenarios compare what is done; these words are compared here.

use std::fmt::Write as _;
use std::sync::Arc;

use bmsync::actual::Actual;
use bmsync::approved::Consent;
use bmsync::directory::{Attribute, Coverage, Flag, GroupPatch, Listed, Patch, Removal, Said, TenantDirectory};
use bmsync::engine;
use bmsync::interchange::import::{Format, parse};
use bmsync::ledger::memory::MemoryLedger;
use bmsync::manifest::config::Config;
use bmsync::manifest::{ManifestFile, load};
use bmsync::model::{Field, Id, Kind, Text, UserKey};
use bmsync::plan::explain::{ExplainedField, Presence, Verdict, find};
use bmsync::plan::{
    Action, Cause, Change, Explanation, FieldChanges, Observed, Plan, Provenance, Scope, explain, plan,
};
use bmsync::store::Store as _;
use bmsync::store::local::LocalStore;
use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};

const TENANT: &str = "84841066-274d-4ec0-a5c1-276be684bdd3";

fn group(number: u8) -> Id {
    Id::new(&format!("45b7d2e7-b882-4a80-ba97-{number:012}"))
}

fn user(number: u8) -> Id {
    Id::new(&format!("a1c00000-0000-4000-8000-{number:012}"))
}

fn key(number: u8) -> UserKey {
    UserKey { tenant: Id::new(TENANT), user: user(number) }
}

/// The tenant, the defaults, a policy and rules: each with name, group, and the rest of its spec.
fn config(policy: &str, rules: &[(&str, u8, &str)]) -> Config {
    let mut text = format!(
        "apiVersion: bmsync/v1\nkind: Tenant\nmetadata: {{ name: contoso }}\nspec:\n  domain: {TENANT}\n  \
         applicationId: 1f3c5d7e-0000-4000-8000-000000000001\n  applicationKey: {{ env: KEY }}\n---\n\
         apiVersion: bmsync/v1\nkind: EmployeeDefaults\nmetadata: {{ name: defaults }}\nspec: {{ department: Operations, \
         location: HQ, manager: jsmith, jobTitle: Technician, employmentType: Full Time, employeeRole: Engineer, \
         securityRole: User }}\n---\napiVersion: bmsync/v1\nkind: SyncPolicy\nmetadata: {{ name: policy }}\nspec: {policy}\n"
    );
    for (name, number, rest) in rules {
        let group = group(*number);
        text.push_str("---\napiVersion: bmsync/v1\nkind: MappingRule\n");
        writeln!(text, "metadata: {{ name: {name} }}\nspec: {{ tenantId: {TENANT}, groupId: {group}, {rest} }}")
            .unwrap();
    }
    let loaded = load(&[ManifestFile::new("m.yaml", text.into_bytes())]);
    loaded.config.unwrap_or_else(|| panic!("{:#?}", loaded.diagnostics))
}

/// A world of one tenant, and a BMS.
struct World {
    config: Config,
    tenant: TenantDirectory,
    store: LocalStore,
    runtime: Runtime,
}

impl World {
    fn new(config: Config) -> Self {
        let runtime = Builder::new_current_thread().build().unwrap();
        let clock = Arc::new(|| Timestamp::UNIX_EPOCH);
        let store = runtime.block_on(LocalStore::open(Arc::new(MemoryLedger::new()), clock)).unwrap();
        let mut tenant = TenantDirectory::default();
        tenant.coverage = Coverage::Complete;
        Self { config, tenant, store, runtime }
    }

    /// A security group, the higher its number the younger.
    fn group(&mut self, number: u8, members: &[u8]) {
        for member in members {
            self.tenant.add_member(&group(number), &user(*member));
        }
        let created = Timestamp::from_second(i64::from(number) * 1000).unwrap();
        let patch = GroupPatch {
            display_name: Patch::Set(Text::from(format!("Group {number}"))),
            created: Patch::Set(created),
            security_enabled: Patch::Set(true),
        };
        self.tenant.upsert_group(&group(number), patch);
    }

    /// A person called `u1@contoso.com` and so on, and what else is said of them.
    fn person(&mut self, number: u8, more: impl FnOnce(&mut Said<'static>)) {
        let mut said = Said::default();
        said.text(Attribute::UserPrincipalName, Some(format!("u{number}@contoso.com").into()));
        said.text(Attribute::DisplayName, Some(format!("Person {number}").into()));
        said.text(Attribute::GivenName, Some(format!("First {number}").into()));
        said.text(Attribute::Surname, Some("Vance".into()));
        more(&mut said);
        self.tenant.upsert_user(user(number), said);
    }

    fn import(&self, lines: &str) {
        let rows = parse(lines.as_bytes(), "rows", Format::JsonLines, None).unwrap();
        self.runtime.block_on(self.store.import(rows)).unwrap();
    }

    fn observed(&self) -> Observed {
        let mut observed = Observed { actual: Actual::default(), ..Observed::default() };
        observed.directory.insert(Id::new(TENANT), self.tenant.clone());
        self.runtime.block_on(self.store.read(&mut observed.actual)).unwrap();
        observed
    }

    fn plan(&self) -> Plan {
        plan(&self.config, &self.observed(), &Scope::All)
    }

    fn apply(&self) {
        let report = self.runtime.block_on(engine::apply(&self.store, self.plan().approve(Consent::Given))).unwrap();
        assert!(report.failures.is_empty(), "{:?}", report.failures);
    }

    /// The reason of the one change of that user.
    #[track_caller]
    fn reason(&self, number: u8) -> String {
        let plan = self.plan();
        let reasons: Vec<String> =
            plan.changes.iter().filter(|one| one.user.key == key(number)).map(|one| one.reason().to_string()).collect();
        assert_eq!(reasons.len(), 1, "{reasons:?} {:?}", plan.blocked);
        reasons.into_iter().next().unwrap()
    }

    fn explain(&self, number: u8) -> Explanation {
        explain(&key(number), &self.config, &self.observed(), &self.plan())
    }
}

const STAFF: (&str, u8, &str) = ("staff", 1, "order: 10, record: employee, employee: { securityRole: Technician }");

fn titled(title: &'static str) -> impl FnOnce(&mut Said<'static>) {
    move |said| said.text(Attribute::JobTitle, Some(title.into()))
}

#[test]
fn an_update_says_what_it_comes_from() {
    let mut world = World::new(config("{ disabledAccounts: deactivate }", &[STAFF]));
    world.group(1, &[1, 2]);
    world.person(1, titled("Planner"));
    world.person(2, |_| {});
    world.import("{\"kind\":\"employee\",\"email\":\"x@contoso.com\",\"source\":{\"tenantId\":\"84841066-274d-4ec0-a5c1-276be684bdd3\",\"userId\":\"a1c00000-0000-4000-8000-000000000002\"}}");
    assert_eq!(world.reason(1), "no record has the email u1@contoso.com");
    assert_eq!(world.reason(2), "the link was imported, so nothing is known of what was last applied");
    world.apply();

    world.person(1, titled("Engineer"));
    assert_eq!(world.reason(1), "the directory user changed");
    world.apply();

    world.config = config(
        "{ disabledAccounts: deactivate }",
        &[(STAFF.0, 1, "order: 10, record: employee, employee: { securityRole: Dispatcher }")],
    );
    assert_eq!(world.reason(1), "another rule applies, or its values changed");
    world.apply();

    world.person(1, |said| {
        titled("Engineer")(said);
        said.flag(Flag::AccountEnabled, Some(false));
    });
    world.apply();
    world.person(1, |said| said.flag(Flag::AccountEnabled, Some(true)));
    assert_eq!(world.reason(1), "the account is enabled again");
    world.apply();

    world.tenant.remove_user(&user(1), Removal::Soft);
    world.apply();
    world.person(1, titled("Engineer"));
    world.tenant.add_member(&group(1), &user(1));
    assert_eq!(world.reason(1), "the user is back");
    world.apply();

    let record = world.observed().actual.owned_by(&key(1)).unwrap().key.id;
    world.import(&format!("{{\"kind\":\"employee\",\"id\":{record},\"jobTitle\":\"by hand\"}}"));
    assert!(world.plan().changes.is_empty(), "it is preserved");
    world.config.policy.drift = bmsync::manifest::config::Drift::Enforce;
    assert_eq!(world.reason(1), "the policy overwrites local edits (drift: enforce)");
}

#[test]
fn a_merge_says_whose_record_it_is() {
    let mut world = World::new(config("{}", &[STAFF]));
    world.group(1, &[1, 2]);
    world.person(1, |_| {});
    world.person(2, |_| {});
    world.import(
        "{\"kind\":\"employee\",\"id\":7,\"email\":\"u1@contoso.com\"}\n{\"kind\":\"employee\",\"id\":8,\"email\":\"u2@contoso.com\",\
         \"source\":{\"tenantId\":\"84841066-274d-4ec0-a5c1-276be684bdd3\",\"userId\":\"a1c00000-0000-4000-8000-000000000009\"}}",
    );
    assert_eq!(world.reason(1), "employee 7 has the email u1@contoso.com and nobody owns it");
    assert_eq!(world.reason(2), "employee 8 has the email u2@contoso.com and its owner is gone from the directory");
}

#[test]
fn an_archive_says_whose_login_makes_way() {
    let contact = "order: 20, record: contact, contact: { account: Northwind }";
    let mut world = World::new(config("{}", &[STAFF, ("portal", 2, contact)]));
    world.group(1, &[1]);
    world.group(2, &[2]);
    world.import(
        "{\"kind\":\"account\",\"name\":\"Northwind\",\"locations\":[\"Main\"]}\n{\"kind\":\"employee\",\"id\":9,\
         \"email\":\"u2@contoso.com\",\"username\":\"u2\"}",
    );
    world.person(1, |_| {});
    world.person(2, |_| {});
    let archives = |world: &World| -> Vec<String> {
        let plan = world.plan();
        let archives = plan.changes.iter().filter(|change| change.action == Action::Archive);
        archives.map(|change| change.reason().to_string()).collect()
    };
    assert_eq!(archives(&world), ["it holds the login of this user, whom rule `portal` makes a contact"]);
    world.apply();
    world.tenant.remove_member(&group(1), &user(1));
    world.tenant.add_member(&group(2), &user(1));
    assert_eq!(archives(&world), ["rule `portal` makes this user a contact"]);
}

/// Verdicts, in their order, with why.
fn verdicts(explanation: &Explanation) -> Vec<(&str, Verdict, &str)> {
    explanation.rules.iter().map(|one| (one.rule.as_str(), one.verdict, one.why.as_str())).collect()
}

const EMPLOYEE: &str = "record: employee";
const BROKEN: &str = "the tenant has no such group";

#[test]
fn every_rule_says_what_it_means_for_somebody() {
    let tie = format!("order: 10, {EMPLOYEE}");
    let (low, paused) = (format!("order: 20, {EMPLOYEE}"), format!("order: 5, suspend: true, {EMPLOYEE}"));
    let rules =
        [("staff", 1, &*tie), ("tie", 2, &*tie), ("low", 3, &*low), ("paused", 4, &*paused), ("missing", 5, &*low)];
    let mut world = World::new(config("{ guests: exclude }", &rules));
    world.group(1, &[1, 4]);
    world.group(2, &[1]);
    world.group(3, &[1, 3]);
    world.group(4, &[2]);
    (1..=3).for_each(|number| world.person(number, |_| {}));
    world.person(4, |said| said.text(Attribute::UserType, Some("Guest".into())));
    let not_in = "the user is not in its group";
    let first = world.explain(1);
    assert_eq!(
        verdicts(&first)[..4],
        [
            ("staff", Verdict::Wins, "the user is in its group and its order 10 comes first"),
            ("tie", Verdict::Loses, "rule `staff` has the same order and its group is older"),
            ("low", Verdict::Loses, "rule `staff` has the lower order 10"),
            ("paused", Verdict::NoMatch, not_in),
        ]
    );
    assert_eq!(verdicts(&first)[4], ("missing", Verdict::Broken, BROKEN));
    assert_eq!(first.rules[0].group_name.as_deref(), Some("Group 1"));
    assert_eq!(first.presence, Presence::Present);
    assert_eq!((first.display_name.as_deref(), first.tenant.as_deref()), (Some("Person 1"), Some("contoso")));
    assert_eq!(first.user.user_principal_name.as_deref(), Some("u1@contoso.com"));

    let second = world.explain(2);
    let suspended = "it comes first and is suspended, so the user is left alone";
    assert_eq!(verdicts(&second)[0], ("paused", Verdict::Suspended, suspended));
    assert_eq!(second.display_name.as_deref(), Some("Person 2"), "a suspended rule does not hide who it is");
    assert!(verdicts(&second)[1..4].iter().all(|one| (one.1, one.2) == (Verdict::NoMatch, not_in)));

    let guest = world.explain(4);
    assert!(verdicts(&guest)[..4].iter().all(|one| (one.1, one.2) == (Verdict::NoMatch, "the policy excludes guests")));
    let nobody = world.explain(9);
    let gone = "the user does not exist in the directory";
    assert!(verdicts(&nobody)[..4].iter().all(|one| (one.1, one.2) == (Verdict::NoMatch, gone)));
    assert_eq!((nobody.presence, nobody.display_name), (Presence::Gone, None));

    world.config = config("{}", &rules);
    assert_eq!(verdicts(&world.explain(4))[0].1, Verdict::Wins, "a guest who is included");
    world.person(3, |said| said.flag(Flag::AccountEnabled, Some(false)));
    assert_eq!(world.explain(3).presence, Presence::Disabled);
    world.person(3, |said| said.flag(Flag::AccountEnabled, Some(true)));
    assert_eq!(world.explain(3).presence, Presence::Present);
    world.tenant.coverage = Coverage::Failed("no".into());
    let unknown = world.explain(1);
    assert_eq!((unknown.presence, unknown.rules.len()), (Presence::Unknown, 0));
}

#[test]
fn the_words_of_an_explanation_are_what_they_were() {
    let presences = [Presence::Present, Presence::Disabled, Presence::Gone, Presence::Unknown].map(Presence::word);
    assert_eq!(presences, ["present", "disabled", "gone", "unknown"]);
    let verdicts = [Verdict::Wins, Verdict::Loses, Verdict::Suspended, Verdict::NoMatch, Verdict::Broken];
    assert_eq!(verdicts.map(Verdict::word), ["wins", "loses", "suspended", "noMatch", "broken"]);
    assert_eq!(Cause::ALL.map(Cause::word), ["manifests", "pending"]);
}

fn field(explanation: &Explanation, field: Field) -> ExplainedField {
    explanation.fields.iter().find(|one| one.field == field).unwrap().clone()
}

#[test]
fn an_explanation_is_of_one_user_and_tells_where_its_values_come_from() {
    let contact = "order: 20, record: contact, contact: { account: Northwind }";
    let mut world = World::new(config("{}", &[STAFF, ("portal", 2, contact)]));
    world.group(1, &[1, 2, 3, 4]);
    world.group(2, &[]);
    world.import("{\"kind\":\"account\",\"name\":\"Northwind\",\"locations\":[\"Main\"]}");
    for number in 1..=3 {
        world.person(number, titled("Planner"));
    }
    world.person(4, |said| said.text(Attribute::UserPrincipalName, None));
    world.apply();
    let of = |actual: &str, desired: &str, from, field| ExplainedField {
        field,
        actual: Some(actual.into()),
        desired: Some(desired.into()),
        from,
    };

    // One with a change, one with a local edit, one that is blocked, one of whom only the link moves.
    world.person(1, titled("Engineer"));
    let edited = world.observed().actual.owned_by(&key(2)).unwrap().key.id;
    world.import(&format!("{{\"kind\":\"employee\",\"id\":{edited},\"jobTitle\":\"by hand\"}}"));
    world.person(3, |said| {
        titled("Planner")(said);
        said.text(Attribute::EmployeeId, Some("17".into()));
    });
    let [changed, preserved, touched, blocked] = [1, 2, 3, 4].map(|number| world.explain(number));
    let parts = |one: &Explanation| {
        (one.changes.len(), one.preserved.is_some(), one.touched.is_some(), one.blocked.is_some(), one.record.is_some())
    };
    assert_eq!(parts(&changed), (1, false, false, false, true));
    assert_eq!(parts(&preserved), (0, true, false, false, true));
    assert_eq!(parts(&touched), (0, false, true, false, true));
    assert_eq!(parts(&blocked), (0, false, false, true, false));
    for (number, one) in (1..).zip([&changed, &preserved, &touched, &blocked]) {
        assert!(one.changes.iter().all(|change| change.user.key == key(number)));
        assert!(one.preserved.iter().all(|kept| kept.user.key == key(number)));
        assert!(one.touched.iter().all(|touch| touch.user.key == key(number)));
        assert!(one.blocked.iter().all(|blocked| blocked.user.key == key(number)));
    }
    assert_eq!(field(&changed, Field::JobTitle), of("Planner", "Engineer", Provenance::Directory, Field::JobTitle));
    let role = of("Technician", "Technician", Provenance::Rule, Field::SecurityRole);
    assert_eq!(field(&changed, Field::SecurityRole), role);
    // Once a default has filled a field, it is the record's.
    let place = of("HQ", "HQ", Provenance::Record, Field::Location);
    assert_eq!(field(&changed, Field::Location), place);

    // An employee who becomes a contact: nothing of the employee is what the contact holds.
    world.tenant.remove_member(&group(1), &user(1));
    world.tenant.add_member(&group(2), &user(1));
    let becomes = world.explain(1);
    assert_eq!(becomes.changes.len(), 2);
    let account = field(&becomes, Field::Account);
    assert_eq!((account.actual, account.desired.as_deref(), account.from), (None, Some("Northwind"), Provenance::Rule));
    assert_eq!(field(&becomes, Field::JobTitle).actual, None);
    world.apply();

    // And back: the record that is restored is the one that is told of.
    world.tenant.remove_member(&group(2), &user(1));
    world.tenant.add_member(&group(1), &user(1));
    let back = world.explain(1);
    let email = field(&back, Field::Email);
    assert_eq!(email.actual.as_deref(), Some("u1@contoso.com_Archived"));
    assert_eq!(email.desired.as_deref(), Some("u1@contoso.com"));
}

#[test]
fn a_name_with_a_hash_is_not_a_guests() {
    let mut world = World::new(config("{}", &[STAFF]));
    world.group(1, &[1, 2]);
    for (number, name) in [(1, "adele#1@contoso.com"), (2, "adele_x.example#ext#@contoso.com")] {
        world.person(number, |said| {
            said.text(Attribute::UserPrincipalName, Some(name.into()));
            said.text(Attribute::Mail, Some(format!("mail{number}@elsewhere.example").into()));
        });
    }
    let email = |number| field(&world.explain(number), Field::Email).desired.unwrap();
    assert_eq!((email(1).as_str(), email(2).as_str()), ("adele#1@contoso.com", "mail2@elsewhere.example"));
}

#[test]
fn who_is_sought_by_mail_is_found_wherever_it_stands() {
    let mut world = World::new(config("{}", &[STAFF]));
    world.group(1, &[1]);
    world.person(1, |_| {});
    world.person(2, |said| said.text(Attribute::Mail, Some("two@elsewhere.example".into())));
    world.person(3, |said| said.list(Listed::OtherMails, &["three@elsewhere.example".into()]));
    world.apply();
    let record = world.observed().actual.owned_by(&key(1)).unwrap().key.id;
    world.import(&format!("{{\"kind\":\"employee\",\"id\":{record},\"email\":\"by-hand@contoso.com\"}}"));
    let observed = world.observed();
    for (wanted, number) in [
        ("Two@Elsewhere.example", 2),
        ("three@elsewhere.example", 3),
        ("by-hand@contoso.com", 1),
        ("u2@contoso.com", 2),
    ] {
        assert_eq!(find(wanted, &observed), [key(number)], "{wanted}");
    }
    assert!(find("nobody@elsewhere.example", &observed).is_empty());
}

/// What the head of a plan sums up of the tenant's directory.
fn digest(world: &World) -> String {
    world.plan().basis.tenants[0].digest.clone().unwrap()
}

#[test]
fn the_digest_moves_with_whom_a_rule_matches_and_with_nobody_else() {
    let mut world = World::new(config("{}", &[STAFF, ("missing", 5, "order: 30, record: employee")]));
    world.group(1, &[1]);
    world.group(2, &[3]);
    (1..=3).for_each(|number| world.person(number, titled("Planner")));
    let first = digest(&world);
    assert!(first.starts_with("sha256:") && first.len() == 7 + 64, "{first}");
    world.person(3, titled("Somebody else"));
    assert_eq!(digest(&world), first, "nobody is matched who changed");

    world.person(1, titled("Engineer"));
    let changed = digest(&world);
    assert_ne!(changed, first, "a user without a record whom a rule matches");
    world.tenant.add_member(&group(1), &user(2));
    let joined = digest(&world);
    assert_ne!(joined, changed, "a user who joined");
    let older = GroupPatch { created: Patch::Set(Timestamp::UNIX_EPOCH), ..GroupPatch::default() };
    world.tenant.upsert_group(&group(1), older);
    let aged = digest(&world);
    assert_ne!(aged, joined, "the age of a rule's group decides between rules");
    world.group(5, &[]);
    assert_ne!(digest(&world), aged, "a rule that is no longer broken");

    world.apply();
    let applied = digest(&world);
    world.tenant.remove_user(&user(1), Removal::Hard);
    let gone = digest(&world);
    assert_ne!(gone, applied, "an owner who is gone");
    world.apply();
    assert_eq!(digest(&world), gone, "what BMS holds is not what the directory says");
}

#[test]
fn changes_are_the_same_when_all_of_them_is() {
    let mut world = World::new(config("{}", &[STAFF]));
    world.group(1, &[1, 2]);
    world.person(1, titled("Planner"));
    world.person(2, titled("Planner"));
    let plan = world.plan();
    assert_eq!(plan.changes, world.plan().changes);
    assert_ne!(plan.changes[0], plan.changes[1]);
    let same = plan.changes[0].clone();
    let other = |change: Change| assert_ne!(plan.changes[0], change);
    other(Change { reason: "another".to_owned().into(), ..same.clone() });
    other(Change { kind: Kind::Contact, ..same.clone() });
    other(Change { fields: FieldChanges::default(), reason: same.reason().into_owned().into(), ..same });
}

#[test]
fn a_plan_of_one_tenant_is_of_that_tenant() {
    let mut world = World::new(config("{}", &[STAFF]));
    world.group(1, &[1]);
    world.person(1, |_| {});
    let of = |tenant: &str| plan(&world.config, &world.observed(), &Scope::Tenant(Id::new(tenant)));
    let (own, other) = (of(TENANT), of("94841066-274d-4ec0-a5c1-276be684bdd3"));
    assert_eq!((own.changes.len(), own.basis.tenants.len()), (1, 1));
    assert_eq!((other.changes.len(), other.basis.tenants.len()), (0, 0));
    assert!(!own.failed());
    world.tenant.coverage = Coverage::Failed("no".into());
    assert!(world.plan().failed());
}
