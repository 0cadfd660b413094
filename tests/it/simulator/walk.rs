//! A random walk: whatever happens in the directory, and however the faults mix the pages, a reader that merges by ID
//! ends with what the control API shows.

use std::collections::{BTreeMap, BTreeSet};

use bmsync::simulator::{Control, Deletion, Options, World};
use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::client::{Round, SMALL, Sim, TENANT};

const SEEDS: u64 = 25;
const STEPS: usize = 12;
const FAULTS: [&str; 7] = [
    "duplicate=30%",
    "reorder=50%",
    "empty-page=20%",
    "slice=50%:1",
    "replay=50%",
    "delay=20%",
    "unknown-removed=always",
];

/// What a reader knows.
#[derive(Debug, Default, PartialEq)]
struct Mirror {
    users: BTreeMap<String, Map<String, Value>>,
    groups: BTreeMap<String, BTreeSet<String>>,
}

impl Mirror {
    fn fold_users(&mut self, round: &Round) {
        for object in round.objects() {
            let id = object["id"].as_str().unwrap().to_owned();
            match object["@removed"]["reason"].as_str() {
                None => self.users.entry(id).or_default().extend(attributes(object)),
                Some(reason) => self.remove_user(&id, reason),
            }
        }
    }

    fn remove_user(&mut self, id: &str, reason: &str) {
        self.users.remove(id);
        if reason == "deleted" {
            self.groups.values_mut().for_each(|members| _ = members.remove(id));
        }
    }

    fn fold_groups(&mut self, round: &Round) {
        for object in round.objects() {
            let id = object["id"].as_str().unwrap().to_owned();
            if object.get("@removed").is_some() {
                self.groups.remove(&id);
                continue;
            }
            let members = self.groups.entry(id).or_default();
            for edge in object["members@delta"].as_array().into_iter().flatten() {
                let member = edge["id"].as_str().unwrap().to_owned();
                if edge.get("@removed").is_some() { _ = members.remove(&member) } else { _ = members.insert(member) }
            }
        }
    }
}

fn attributes(object: &Value) -> impl Iterator<Item = (String, Value)> {
    let wanted = ["userPrincipalName", "givenName", "jobTitle", "mail"];
    let map = object.as_object().unwrap().clone();
    map.into_iter().filter(move |(name, _)| wanted.contains(&name.as_str()))
}

/// What the control API shows, in the same shape.
fn truth(control: &Control) -> Mirror {
    let world = control.world();
    let live = |kind: &str| {
        let objects = world["tenants"][0][kind].as_array().unwrap().clone();
        objects.into_iter().filter(|object| object.get("deleted").is_none())
    };
    let id = |value: &Value| value.as_str().or(value["id"].as_str()).unwrap().to_owned();
    let members = |group: &Value| group["members"].as_array().unwrap().iter().map(id).collect();
    Mirror {
        users: live("users").map(|user| (id(&user), attributes(&user).collect())).collect(),
        groups: live("groups").map(|group| (id(&group), members(&group))).collect(),
    }
}

/// Something happens; what is impossible just now does not.
fn step(control: &Control, rng: &mut Rng) {
    let user = *rng.choice(&["u1", "u2", "u3", "u4", "u5", "u6", "u7"]).unwrap();
    let group = *rng.choice(&["g1", "g2", "g3", "g4", "g5"]).unwrap();
    let deletion = if rng.bool() { Deletion::Soft } else { Deletion::Hard };
    let word = [json!("x"), json!("y"), Value::Null][rng.usize(..3)].clone();
    let _ = match rng.u8(..10) {
        0 => control.put_user(TENANT, user, json!({ "userPrincipalName": format!("{user}@contoso.com") })),
        1 | 2 => control.patch_user(TENANT, user, json!({ "jobTitle": word, "department": "z" })),
        3 => control.delete_user(TENANT, user, deletion),
        4 => control.restore_user(TENANT, user),
        5 => control.put_group(TENANT, group, json!({ "displayName": group })),
        6 => control.delete_group(TENANT, group, deletion),
        7 => control.restore_group(TENANT, group),
        8 => control.add_member(TENANT, group, user),
        _ => control.remove_member(TENANT, group, user),
    };
}

#[tokio::test]
async fn a_reader_that_merges_ends_with_the_truth() {
    for seed in 0..SEEDS {
        let options = Options { page_size: 2, seed, ..Options::default() };
        let sim = Sim::of(World::from_yaml(SMALL).unwrap(), options).await;
        let (control, mut rng, mut mirror) = (sim.running.control(), Rng::with_seed(seed), Mirror::default());
        for fault in FAULTS {
            control.set_fault(fault).unwrap();
        }
        let (mut users, mut groups) = (sim.users().await, sim.groups().await);
        for at in 0..STEPS {
            mirror.fold_users(&users);
            mirror.fold_groups(&groups);
            (0..rng.usize(1..4)).for_each(|_| step(control, &mut rng));
            if at + 1 == STEPS {
                control.clear_faults();
            }
            (users, groups) = (sim.round(&users.delta).await, sim.round(&groups.delta).await);
        }
        mirror.fold_users(&users);
        mirror.fold_groups(&groups);
        assert_eq!(mirror, truth(control), "seed {seed}");
    }
}
