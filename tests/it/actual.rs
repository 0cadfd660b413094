//! The actual state against a map that is searched from end to end: whatever was put in by whatever way is found, and
//! clones stay what they were.

use std::collections::BTreeMap;

use bmsync::actual::{Actual, Namespace};
use bmsync::model::{Field, Fields, Id, Kind, Link, Record, RecordKey, References, Seen, Status, UserKey};

/// The same, simple and slow.
type Model = BTreeMap<RecordKey, Record>;

const SPACES: [Namespace; 4] = [
    Namespace::LoginUsername,
    Namespace::LoginEmail,
    Namespace::Email(Kind::Employee),
    Namespace::Email(Kind::Contact),
];

struct Dice(fastrand::Rng);

impl Dice {
    fn user(&mut self) -> UserKey {
        let tenant = ["84841066-274d-4ec0-a5c1-276be684bdd3", "other"][self.0.usize(..2)];
        UserKey { tenant: Id::new(tenant), user: Id::new(&format!("user-{}", self.0.u8(..12))) }
    }

    fn name(&mut self) -> String {
        let name = format!("Nämé{}@x.example", self.0.u8(..15));
        if self.0.bool() { name } else { name.to_uppercase() }
    }

    /// Neighbours and outliers.
    fn key(&mut self) -> RecordKey {
        let id = if self.0.u8(..4) == 0 { (1 << 53) - 1 - self.0.u64(..300) } else { self.0.u64(1..400) };
        RecordKey { kind: Kind::ALL[self.0.usize(..2)], id }
    }

    fn record(&mut self, key: RecordKey) -> Record {
        let mut fields = Fields::default();
        for field in [Field::Username, Field::Email, Field::FirstName] {
            let value = (self.0.u8(..4) > 0).then(|| self.name());
            fields.set(field, value.as_deref());
        }
        fields.set(Field::PortalAccess, Some(if self.0.bool() { "true" } else { "false" }));
        let link = |user| Link { user, user_principal_name: None, seen: Seen::Unknown };
        Record {
            key,
            status: [Status::Active, Status::Inactive, Status::Archived][self.0.usize(..3)],
            fields,
            link: self.0.bool().then(|| link(self.user())),
            archived_from: self.0.bool().then(|| self.user()),
            references: References::default(),
        }
    }

    fn step(&mut self, actual: &mut Actual, model: &mut Model) {
        match self.0.u8(..8) {
            0 | 1 => {
                let key = self.key();
                let record = self.record(key);
                model.insert(key, record.clone());
                actual.put(record);
            }
            2 | 3 => {
                let key = model.keys().nth(self.0.usize(..=model.len())).copied().unwrap_or_else(|| self.key());
                model.remove(&key);
                actual.forget(key);
            }
            4 => self.put_neighbours(actual, model),
            _ => {
                let keys: Vec<RecordKey> = (0..self.0.usize(1..60)).map(|_| self.key()).collect();
                let records: Vec<Record> = keys.into_iter().map(|key| self.record(key)).collect();
                model.extend(records.iter().map(|record| (record.key, record.clone())));
                let prepared = actual.preparation().prepare(records);
                actual.put_all([prepared]);
            }
        }
    }

    /// Whole buckets, as they are read from a disk.
    fn put_neighbours(&mut self, actual: &mut Actual, model: &mut Model) {
        let preparation = actual.preparation();
        let buckets = (0..self.0.u64(1..4)).map(|number| {
            let kind = Kind::ALL[self.0.usize(..2)];
            let ids = (number * 128..(number + 1) * 128).filter(|id| *id > 0);
            let records: Vec<Record> = ids.map(|id| self.record(RecordKey { kind, id })).collect();
            model.extend(records.iter().map(|record| (record.key, record.clone())));
            preparation.prepare(records)
        });
        actual.put_all(buckets.collect::<Vec<_>>());
    }
}

fn check(dice: &mut Dice, actual: &Actual, model: &Model) {
    let all: Vec<&Record> = model.values().collect();
    assert_eq!(actual.sorted_records(), all);
    for _ in 0..8 {
        let (name, user, key) = (dice.name(), dice.user(), dice.key());
        let folded = name.to_lowercase();
        let named = |record: &Record, field| record.fields.get(field).is_some_and(|held| held.to_lowercase() == folded);
        for space in SPACES {
            let holders: Vec<&Record> = actual.holders(space, &name).collect();
            let expected = all.iter().copied().filter(|record| space.admits(record) && named(record, space.field()));
            assert_eq!(holders, expected.collect::<Vec<_>>(), "{space:?} {name}");
        }
        assert_eq!(actual.has_username(&name), all.iter().any(|record| named(record, Field::Username)));
        assert_eq!(actual.has_email(&name), all.iter().any(|record| named(record, Field::Email)));
        assert_eq!(actual.record(key), model.get(&key));
        assert_eq!(actual.owned_by(&user), all.iter().copied().find(|record| record.is_owned_by(&user)));
        let left = all.iter().copied().filter(|record| record.archived_from.as_ref() == Some(&user));
        assert_eq!(actual.archived_from(&user).collect::<Vec<_>>(), left.collect::<Vec<_>>());
        let owned =
            all.iter().filter(|record| record.link.as_ref().is_some_and(|link| link.user.tenant == user.tenant));
        let active = owned.clone().filter(|record| record.status == Status::Active).count();
        assert_eq!(actual.owned_active(&user.tenant), active as u64);
        let counted = actual.owning_tenants().find(|(tenant, _)| **tenant == user.tenant).map_or(0, |(_, count)| count);
        assert_eq!(counted, owned.count() as u64);
        let page = all.iter().copied().filter(|record| record.key.kind == key.kind && record.key.id > key.id).take(7);
        assert_eq!(actual.page(key.kind, key.id, 7), page.collect::<Vec<_>>());
    }
}

#[test]
fn whatever_was_put_in_is_found_and_clones_stay_what_they_were() {
    for seed in 0..20 {
        let mut dice = Dice(fastrand::Rng::with_seed(seed));
        let (mut actual, mut model) = (Actual::default(), Model::new());
        let (mut earlier, mut earlier_model) = (actual.clone(), model.clone());
        for step in 0..60 {
            dice.step(&mut actual, &mut model);
            check(&mut dice, &actual, &model);
            check(&mut dice, &earlier, &earlier_model);
            if step % 7 == 0 {
                (earlier, earlier_model) = (actual.clone(), model.clone());
            }
        }
    }
}
