//! Nested groups that change: whom the news reach is enough, for a plan of those alone is the plan of everybody.

use std::sync::Arc;

use bmsync::actual::Actual;
use bmsync::approved::Consent;
use bmsync::controller::reached::{Reached, reached};
use bmsync::directory::{
    Attribute, Changes, DeltaLinks, Directory, GroupPatch, Patch, Removal, Said, TenantDirectory, Told,
};
use bmsync::engine;
use bmsync::ledger::memory::MemoryLedger;
use bmsync::manifest::config::Config;
use bmsync::manifest::{ManifestFile, load};
use bmsync::model::{Id, UserKey};
use bmsync::plan::{Observed, Plan, Scope, plan};
use bmsync::store::Store as _;
use bmsync::store::local::LocalStore;
use jiff::Timestamp;
use proptest::prelude::*;

const TENANT: &str = "84841066-274d-4ec0-a5c1-276be684bdd3";
const GROUPS: u8 = 7;
const USERS: u8 = 9;

fn group(number: u8) -> Id {
    Id::new(&format!("45b7d2e7-b882-4a80-ba97-{number:012}"))
}

fn user(number: u8) -> Id {
    Id::new(&format!("a1c00000-0000-4000-8000-{number:012}"))
}

fn tenant() -> Id {
    Id::new(TENANT)
}

/// Two rules of nested groups, and no guard.
fn config(nested: bool) -> Config {
    let rule = |number: u8, role: &str| {
        format!(
            "---\napiVersion: bmsync/v1\nkind: MappingRule\nmetadata: {{ name: r{number} }}\nspec:\n  \
             tenantId: {TENANT}\n  groupId: {}\n  order: {number}\n  record: employee\n  \
             employee: {{ securityRole: {role} }}\n",
            group(number)
        )
    };
    let text = format!(
        "apiVersion: bmsync/v1\nkind: Tenant\nmetadata: {{ name: contoso }}\nspec:\n  domain: {TENANT}\n  \
         applicationId: 1f3c5d7e-0000-4000-8000-000000000001\n  applicationKey: {{ env: KEY }}\n  \
         signIn: application\n  nestedGroups: {nested}\n{}{}---\n\
         apiVersion: bmsync/v1\nkind: EmployeeDefaults\nmetadata: {{ name: defaults }}\nspec: {{ department: Operations, \
         location: HQ, manager: jsmith, jobTitle: Technician, employmentType: Full Time, employeeRole: Engineer, \
         securityRole: User }}\n",
        rule(0, "Technician"),
        rule(1, "Manager"),
    );
    load(&[ManifestFile::new("m.yaml", text.into_bytes())]).config.expect("the manifests are right")
}

fn person(number: u8) -> Told {
    let mut said = Said::default();
    said.text(Attribute::UserPrincipalName, Some(format!("u{number}@contoso.com").into()));
    said.text(Attribute::GivenName, Some(format!("First {number}").into()));
    said.text(Attribute::Surname, Some("Vance".into()));
    Told::User(user(number), Box::new(said.into()))
}

fn security_group(number: u8) -> Told {
    let patch = GroupPatch { security_enabled: Patch::Set(true), ..GroupPatch::default() };
    Told::Group(group(number), patch)
}

/// A member of a group: a user, or another group.
fn member() -> impl Strategy<Value = Id> {
    prop_oneof![(0..USERS).prop_map(user), (0..GROUPS).prop_map(group)]
}

fn joined() -> impl Strategy<Value = Told> {
    ((0..GROUPS).prop_map(group), member()).prop_map(|(group, member)| Told::Joined { group, member })
}

/// Whatever a directory may tell.
fn told() -> impl Strategy<Value = Told> {
    let left = ((0..GROUPS).prop_map(group), member()).prop_map(|(group, member)| Told::Left { group, member });
    let gone = (0..USERS, any::<bool>())
        .prop_map(|(number, hard)| Told::UserGone(user(number), if hard { Removal::Hard } else { Removal::Soft }));
    prop_oneof![
        4 => joined(),
        4 => left,
        1 => (0..GROUPS).prop_map(|number| Told::GroupGone(group(number))),
        1 => (0..GROUPS).prop_map(security_group),
        1 => (0..USERS).prop_map(person),
        1 => gone,
    ]
}

fn changes(told: Vec<Told>) -> Changes {
    let links = DeltaLinks { users: String::new(), groups: String::new() };
    Changes { told, read_at: Timestamp::UNIX_EPOCH, links }
}

/// What is decided of anybody.
fn decided(plan: &Plan) -> String {
    let Plan { basis: _, changes, touched, preserved, blocked, unchanged: _ } = plan;
    format!("{changes:#?}{touched:#?}{preserved:#?}{blocked:#?}")
}

/// The state after everything that there is to do was done, held changes too.
fn settled(config: &Config, directory: &Directory) -> Actual {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let clock = Arc::new(|| Timestamp::UNIX_EPOCH);
        let store = LocalStore::open(Arc::new(MemoryLedger::new()), clock).await.unwrap();
        let mut observed = Observed { directory: directory.clone(), actual: Actual::default(), ..Observed::default() };
        loop {
            store.read(&mut observed.actual).await.unwrap();
            let made = plan(config, &observed, &Scope::All);
            if made.changes.is_empty() && made.touched.is_empty() {
                return observed.actual;
            }
            engine::apply(&store, made.approve(Consent::Given)).await.unwrap();
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whom_the_news_reach_is_everybody_with_something_to_do(
        before in prop::collection::vec(joined(), 0..25),
        news in prop::collection::vec(told(), 1..6),
        nested in prop::bool::weighted(0.8),
    ) {
        let config = config(nested);
        let mut known = TenantDirectory::default();
        let start = (0..USERS).map(person).chain((0..GROUPS).map(security_group)).chain(before);
        known.follow(changes(start.collect()));
        let mut directory = Directory::default();
        directory.insert(tenant(), known);
        let actual = settled(&config, &directory);

        let touched = directory.tenant_mut(&tenant()).follow(changes(news));
        let scope = match reached(&config, &directory, &tenant(), touched) {
            Reached::Users(users) => Scope::Users(users),
            Reached::Everybody => Scope::All,
        };
        let observed = Observed { directory, actual, ..Observed::default() };
        let (whole, some) = (plan(&config, &observed, &Scope::All), plan(&config, &observed, &scope));
        prop_assert_eq!(decided(&whole), decided(&some));
    }
}

#[test]
fn an_edge_between_groups_reaches_those_under_it_and_nobody_else() {
    let join = |parent, member| Told::Joined { group: group(parent), member };
    let mut known = TenantDirectory::default();
    let people = (0..USERS).map(person).chain((0..GROUPS).map(security_group));
    let edges = [join(2, user(1)), join(3, group(2)), join(2, group(3)), join(3, user(2)), join(0, user(3))];
    known.follow(changes(people.chain(edges).collect()));
    let mut directory = Directory::default();
    directory.insert(tenant(), known);

    let news = vec![join(0, group(3))];
    let touched = directory.tenant_mut(&tenant()).follow(changes(news));
    let key = |number| UserKey { tenant: tenant(), user: user(number) };
    let those = Reached::Users([key(1), key(2)].into());
    assert_eq!(
        reached(&config(true), &directory, &tenant(), touched.clone()),
        those,
        "a cycle, and both of its members"
    );
    assert_eq!(reached(&config(false), &directory, &tenant(), touched), Reached::Users([].into()), "nothing nests");

    let touched = directory.tenant_mut(&tenant()).follow(changes(vec![Told::GroupGone(group(6))]));
    assert_eq!(reached(&config(true), &directory, &tenant(), touched), Reached::Users([].into()), "an empty group");
    let touched = directory.tenant_mut(&tenant()).follow(changes(vec![Told::GroupGone(group(1))]));
    assert_eq!(reached(&config(true), &directory, &tenant(), touched), Reached::Everybody, "a rule's own group");
}

#[test]
fn a_copy_taken_for_a_question_does_not_change_with_the_original() {
    let mut known = TenantDirectory::default();
    known.follow(changes(vec![person(1), security_group(0), Told::Joined { group: group(0), member: user(1) }]));
    let taken = known.clone();
    known.follow(changes(vec![
        person(2),
        Told::Left { group: group(0), member: user(1) },
        Told::UserGone(user(1), Removal::Hard),
        Told::GroupGone(group(0)),
    ]));
    assert_eq!((taken.user_count(), taken.group_count(), taken.member_count(&group(0))), (1, 1, 1));
    assert_eq!((known.user_count(), known.group_count(), known.groups_of(&user(1))), (1, 0, &[][..]));
    assert!(taken.user(&user(2)).is_none() && known.user(&user(1)).is_none());
}
