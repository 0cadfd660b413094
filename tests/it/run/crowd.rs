//! People who come, go, move, and change their names at random, and what BMS must hold of them in the end: the rules
//! once more, for a directory without namesakes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bmsync::simulator::{Control, Deletion};
use serde_json::{Value, json};

use super::stage::Stage;
use super::world::CONTOSO;

/// The group of contacts; that of employees comes with the tenant, and goes before it.
const PORTAL: &str = "45b7d2e7-b882-4a80-ba97-10b7a63b8fb5";
const CUSTOMER: &str = "Northwind Traders";

/// Trouble passes sooner than in earnest, and no guard waits for a person.
pub const STAFF_POLICY: &str = "{ pollInterval: 1s, fullSyncInterval: 15s, reconnect: { failures: 3, after: 2s }, \
     guards: { maxDeactivations: 100%, maxArchives: 100% } }";

/// Users and what may happen to them.
pub struct Crowd {
    random: fastrand::Rng,
    live: Vec<String>,
    binned: Vec<String>,
    /// Numbers that make names unique.
    number: u64,
}

impl Crowd {
    /// Sixty people in two groups, some in both and some in none.
    pub fn new(stage: &Stage, seed: u64) -> Self {
        let control = stage.control(&CONTOSO);
        control
            .put_group(CONTOSO.id, PORTAL, json!({ "displayName": "Portal", "securityEnabled": true }))
            .expect("a group");
        stage.write("manifests/portal.yaml", &CONTOSO.portal_rule(PORTAL, CUSTOMER));
        stage.write(
            "accounts.jsonl",
            &format!("{}\n", json!({ "kind": "account", "name": CUSTOMER, "locations": ["Main"] })),
        );
        assert!(stage.output(&["import", "accounts.jsonl"]).status.success());
        let live = (1..=10).map(|number| CONTOSO.user(number)).collect();
        let mut crowd = Self { random: fastrand::Rng::with_seed(seed), live, binned: Vec::new(), number: 0 };
        (0..50).for_each(|_| crowd.join(control));
        crowd
    }

    /// How long until the next change: mostly a moment, now and then long enough for everything to come to rest.
    pub fn pause(&mut self) -> Duration {
        Duration::from_millis(if self.random.u8(..) == 0 { 4000 } else { self.random.u64(1..120) })
    }

    /// Something happens.
    pub fn step(&mut self, stage: &Stage) {
        let control = stage.control(&CONTOSO);
        let somebody = self.live[self.random.usize(..self.live.len())].clone();
        self.number += 1;
        let number = self.number;
        match self.random.u8(..100) {
            0..25 => patch(control, &somebody, json!({ "jobTitle": format!("Title {number}") })),
            25..35 => patch(control, &somebody, json!({ "businessPhones": [format!("+1 555 {number:07}")] })),
            35..45 => {
                let name = format!("renamed{number}@contoso.com");
                patch(
                    control,
                    &somebody,
                    json!({ "userPrincipalName": name, "mail": name, "givenName": format!("Re{number}") }),
                );
            }
            45..58 => toggle(control, CONTOSO.group(), &somebody),
            58..70 => toggle(control, PORTAL, &somebody),
            70..78 if self.live.len() > 30 => self.delete(control, &somebody, Deletion::Soft),
            78..82 if self.live.len() > 30 => self.delete(control, &somebody, Deletion::Hard),
            82..90 if !self.binned.is_empty() => {
                let back = self.binned.swap_remove(self.random.usize(..self.binned.len()));
                control.restore_user(CONTOSO.id, &back).expect("it was in the bin");
                self.live.push(back);
            }
            _ => self.join(control),
        }
    }

    fn delete(&mut self, control: &Control, user: &str, deletion: Deletion) {
        control.delete_user(CONTOSO.id, user, deletion).expect("the user is there");
        self.live.retain(|known| known != user);
        if deletion == Deletion::Soft {
            self.binned.push(user.to_owned());
        }
    }

    fn join(&mut self, control: &Control) {
        if self.live.len() >= 90 {
            return;
        }
        self.number += 1;
        let (id, name) =
            (format!("c1c00000-0000-4000-8000-{:012}", self.number), format!("new{}@contoso.com", self.number));
        let attributes = json!({
            "userPrincipalName": name, "mail": name, "givenName": "New", "surname": format!("Person {}", self.number),
            "jobTitle": "Trainee", "businessPhones": ["+1 555 0100"], "accountEnabled": true, "userType": "Member",
        });
        control.put_user(CONTOSO.id, &id, attributes).expect("the ID is new");
        for group in [CONTOSO.group(), PORTAL] {
            if self.random.u8(..10) < 6 {
                control.add_member(CONTOSO.id, group, &id).expect("both are there");
            }
        }
        self.live.push(id);
    }

    /// Where BMS is not what the rules say of the directory as it is now.
    pub fn difference(stage: &Stage) -> Option<String> {
        let (wanted, existing) = wanted(&stage.control(&CONTOSO).world());
        let records: Vec<Value> = stage.all("employees").into_iter().chain(stage.all("contacts")).collect();
        let owned: BTreeMap<&str, &Value> =
            records.iter().filter_map(|record| Some((record["source"]["userId"].as_str()?, record))).collect();
        let missing = wanted.iter().find_map(|(user, wanted)| {
            let record = owned.get(user.as_str()).copied().cloned().unwrap_or_default();
            let differs = wanted.as_object()?.iter().find(|(name, value)| record[name.as_str()] != **value);
            differs.map(|(name, value)| format!("{user} should have {name} {value}: {record}"))
        });
        let idle = owned.iter().find(|(user, record)| !wanted.contains_key(**user) && record["status"] != "inactive");
        let idle = idle.map(|(user, record)| {
            let known = if existing.contains(*user) { "is in no group" } else { "is gone" };
            format!("{user} {known}: {record}")
        });
        let archived = records.iter().find(|record| (record["status"] == "archived") != record["source"].is_null());
        let archived = archived.map(|record| format!("owned and archived, or neither: {record}"));
        missing.or(idle).or(archived).or_else(|| namesakes(&records))
    }
}

/// The record of each user that a rule matches, as far as the rules say how it is; and all users that exist.
fn wanted(world: &Value) -> (BTreeMap<String, Value>, BTreeSet<String>) {
    let tenant = &world["tenants"][0];
    let members = |group: &str| -> BTreeSet<&str> {
        let groups = tenant["groups"].as_array().into_iter().flatten();
        let found = groups.filter(|known| known["id"] == *group).filter_map(|known| known["members"].as_array());
        found.flatten().filter_map(Value::as_str).collect()
    };
    let (staff, portal) = (members(CONTOSO.group()), members(PORTAL));
    let (mut wanted, mut existing) = (BTreeMap::new(), BTreeSet::new());
    for user in tenant["users"].as_array().expect("users").iter().filter(|user| user["deleted"].is_null()) {
        let id = user["id"].as_str().expect("an ID");
        existing.insert(id.to_owned());
        let kind = match (staff.contains(id), portal.contains(id)) {
            (true, _) => "employee",
            (false, true) => "contact",
            (false, false) => continue,
        };
        let name = user["userPrincipalName"].as_str().expect("a name");
        let mut record = json!({ "kind": kind, "status": "active", "email": name, "firstName": user["givenName"],
            "username": name.split_once('@').expect("a domain").0, "lastName": user["surname"] });
        for (field, value) in [("jobTitle", &user["jobTitle"]), ("phone", &user["businessPhones"][0])] {
            if !value.is_null() {
                record[field] = value.clone();
            }
        }
        wanted.insert(id.to_owned(), record);
    }
    (wanted, existing)
}

/// Two logins of one name.
fn namesakes(records: &[Value]) -> Option<String> {
    let mut seen = BTreeSet::new();
    let mut names = records.iter().filter(|record| record["status"] != "archived").flat_map(|record| {
        ["username", "email"].map(|field| (field, record[field].as_str().unwrap_or_default().to_lowercase()))
    });
    names
        .find(|name| !name.1.is_empty() && !seen.insert(name.clone()))
        .map(|(field, name)| format!("two with {field} {name}"))
}

/// Joins a group, or leaves it.
fn toggle(control: &Control, group: &str, user: &str) {
    if control.remove_member(CONTOSO.id, group, user).is_err() {
        control.add_member(CONTOSO.id, group, user).expect("both are there");
    }
}

fn patch(control: &Control, user: &str, attributes: Value) {
    control.patch_user(CONTOSO.id, user, attributes).expect("the user is there");
}
