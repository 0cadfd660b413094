//! The world written back as a directory file. Knows nothing of HTTP.

use serde_json::{Map, Value, json};

use super::object::{Member, Object, Presence};
use super::registration::Registration;
use super::world::{Application, Consent, Standing, Tenant, World};

impl World {
    /// The world as it is now, in the shape of the directory file.
    pub fn to_json(&self) -> Value {
        let Self { tenants, applications, it_glue: _, bms } = self;
        let mut world = json!({ "tenants": tenants.iter().map(Tenant::to_json).collect::<Vec<_>>() });
        if !applications.is_empty() {
            world["applications"] = applications.iter().map(Registration::to_json).collect();
        }
        if let Some(bms) = bms {
            world["bms"] = bms.to_json();
        }
        world
    }
}

impl Tenant {
    fn to_json(&self) -> Value {
        let Self { id, domains, applications, name, admins, consents, users, groups, members: _, others: _, log: _ } =
            self;
        let mut map = Map::new();
        map.insert("id".into(), json!(id));
        map.insert("domain".into(), json!(domains.first()));
        if domains.len() > 1 {
            map.insert("domains".into(), json!(domains[1..]));
        }
        if let Some(applications) = applications {
            map.insert("applications".into(), applications.iter().map(Application::to_json).collect());
        }
        if domains.first() != Some(name) {
            map.insert("name".into(), json!(name));
        }
        map.extend(admins.as_ref().map(|admins| ("admins".to_owned(), json!(admins))));
        if !consents.is_empty() {
            map.insert("consents".into(), consents.iter().map(Consent::to_json).collect());
        }
        map.insert("users".into(), users.objects.iter().filter_map(Object::to_json).map(Value::Object).collect());
        map.insert(
            "groups".into(),
            (0..).zip(&groups.objects).filter_map(|(at, group)| self.group_json(at, group)).collect(),
        );
        Value::Object(map)
    }

    pub(super) fn group_json(&self, number: u32, group: &Object) -> Option<Value> {
        let mut map = group.to_json()?;
        let members = self.members_of(number).iter().filter_map(|member| self.member_json(*member)).collect();
        map.insert("members".into(), Value::Array(members));
        Some(Value::Object(map))
    }

    fn member_json(&self, member: Member) -> Option<Value> {
        let (id, kind) = self.describe(member)?;
        Some(match member {
            Member::User(_) | Member::Group(_) => json!(id.to_string()),
            Member::Other(_) => json!({ "id": id.to_string(), "type": kind }),
        })
    }
}

impl Object {
    /// The object as it stands in the directory file; `None` when nothing is left of it.
    pub(super) fn to_json(&self) -> Option<Map<String, Value>> {
        let Self { id, attributes, presence } = self;
        let mut map = Map::from_iter([("id".to_owned(), json!(id.to_string()))]);
        map.extend(attributes.to_map());
        match presence {
            Presence::Live => Some(map),
            Presence::SoftDeleted => {
                map.insert("deleted".into(), json!("soft"));
                Some(map)
            }
            Presence::Purged => None,
        }
    }
}

impl Application {
    fn to_json(&self) -> Value {
        let Self { id, key, roles, scopes, standing } = self;
        let mut map = Map::from_iter([("id".to_owned(), json!(id))]);
        map.extend(key.as_ref().map(|key| ("key".to_owned(), json!(key))));
        map.extend(roles.as_ref().map(|roles| ("roles".to_owned(), json!(roles))));
        map.extend(scopes.as_ref().map(|scopes| ("scopes".to_owned(), json!(scopes))));
        match standing {
            Standing::Enabled => {}
            Standing::Disabled => map.extend([("disabled".to_owned(), json!(true))]),
        }
        Value::Object(map)
    }
}

impl Consent {
    fn to_json(&self) -> Value {
        let Self { application, user, scopes } = self;
        json!({ "application": application, "user": user, "scopes": scopes })
    }
}
