//! Worlds of any size from a seed: people whose attributes are computed when they are asked for, and groups of them.
//! The same seed and sizes give the same world, byte for byte. Knows nothing of HTTP.

use std::io::Write as _;

use serde_json::json;

use super::object::{Attributes, Member, Object, ObjectId, Presence};
use super::world::{Application, Tenant, World};

/// The tenant of a generated world.
pub const GENERATED_TENANT: &str = "3b9ac9ff-5d1e-4c07-9a42-7e60f1d2c384";
/// Its domain.
pub const GENERATED_DOMAIN: &str = "generated.onmicrosoft.com";

/// A made-up person: a seed and a number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Person {
    seed: u64,
    number: u32,
}

const GIVEN: [&str; 32] = [
    "Ada", "Ben", "Clara", "Deniz", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kaja", "Luca", "Mira", "Noah",
    "Olga", "Pavel", "Quinn", "Rosa", "Stefan", "Tilda", "Umar", "Vera", "Wanda", "Xenia", "Yusuf", "Zoe", "Anton",
    "Bruna", "Cyril", "Dora", "Emil", "Freya",
];
const SURNAME: [&str; 32] = [
    "Abel", "Bauer", "Costa", "Dahl", "Eriksen", "Fischer", "Grant", "Horvat", "Ivanov", "Jansen", "Keller", "Lopez",
    "Marin", "Novak", "Okafor", "Petit", "Quist", "Rossi", "Silva", "Tanaka", "Ueda", "Vogel", "Weber", "Ximenes",
    "Yilmaz", "Zimmer", "Almeida", "Brandt", "Cohen", "Duarte", "Engel", "Fuchs",
];
const TITLE: [&str; 8] = ["Engineer", "Analyst", "Dispatcher", "Accountant", "Planner", "Buyer", "Consultant", "Clerk"];
const DEPARTMENT: [&str; 6] = ["Operations", "Finance", "Sales", "Service Desk", "Logistics", "Research"];
const DOMAIN: &str = "generated.example";

/// One in this many is a guest.
const GUEST_EVERY: u64 = 20;
/// One in this many belongs to a second group.
const SECOND_GROUP_EVERY: u64 = 8;

impl Person {
    /// Every attribute that a person may have.
    pub(super) const ATTRIBUTES: &'static [&'static str] = &[
        "userPrincipalName",
        "displayName",
        "givenName",
        "surname",
        "mail",
        "otherMails",
        "proxyAddresses",
        "identities",
        "businessPhones",
        "mobilePhone",
        "jobTitle",
        "department",
        "officeLocation",
        "employeeId",
        "accountEnabled",
        "userType",
    ];

    /// Appends an attribute as JSON; false when the person has none of that name. All values are plain ASCII.
    pub(super) fn write_value(self, name: &str, out: &mut Vec<u8>) -> bool {
        let (given, surname, number) = (self.given(), self.surname(), self.number);
        let written = match name {
            "givenName" => write!(out, "\"{given}\""),
            "surname" => write!(out, "\"{surname}\""),
            "displayName" => write!(out, "\"{given} {surname}\""),
            "userPrincipalName" if self.is_guest() => {
                write!(out, "\"{given}.{surname}.{number}_partner.example#EXT#@{GENERATED_DOMAIN}\"")
            }
            "mail" if self.is_guest() => write!(out, "\"{given}.{surname}.{number}@partner.example\""),
            "userPrincipalName" | "mail" => write!(out, "\"{given}.{surname}.{number}@{DOMAIN}\""),
            "otherMails" if self.is_guest() => write!(out, "[\"{given}.{surname}.{number}@partner.example\"]"),
            "otherMails" => write!(out, "[]"),
            "proxyAddresses" => write!(out, "[\"SMTP:{given}.{surname}.{number}@{DOMAIN}\"]"),
            "identities" => write!(
                out,
                "[{{\"signInType\":\"userPrincipalName\",\"issuer\":\"{GENERATED_DOMAIN}\",\"issuerAssignedId\":\"{given}.{surname}.{number}@{DOMAIN}\"}}]"
            ),
            "businessPhones" => write!(out, "[\"+1 555 {:07}\"]", self.draw(3) % 10_000_000),
            "mobilePhone" if self.draw(4).is_multiple_of(2) => {
                write!(out, "\"+1 556 {:07}\"", self.draw(5) % 10_000_000)
            }
            "jobTitle" => write!(out, "\"{}\"", pick(&TITLE, self.draw(6))),
            "department" => write!(out, "\"{}\"", pick(&DEPARTMENT, self.draw(7))),
            "officeLocation" => write!(out, "\"{}/{}\"", 1 + self.draw(8) % 40, 100 + self.draw(9) % 900),
            "employeeId" => write!(out, "\"{number:07}\""),
            "accountEnabled" => write!(out, "{}", !self.draw(10).is_multiple_of(50)),
            "userType" => write!(out, "\"{}\"", if self.is_guest() { "Guest" } else { "Member" }),
            _ => return false,
        };
        written.is_ok()
    }

    fn given(self) -> &'static str {
        pick(&GIVEN, self.draw(1))
    }

    fn surname(self) -> &'static str {
        pick(&SURNAME, self.draw(2))
    }

    fn is_guest(self) -> bool {
        self.draw(11).is_multiple_of(GUEST_EVERY)
    }

    fn draw(self, what: u64) -> u64 {
        mix(self.seed ^ what << 40 ^ u64::from(self.number))
    }
}

impl World {
    /// A world of one tenant, [`GENERATED_TENANT`], that accepts any application.
    ///
    /// Every person is in one group, some in two; groups are security groups. Sizes beyond `u32` are cut.
    #[must_use]
    pub fn generate(seed: u64, users: usize, groups: usize) -> Self {
        let mut tenant = Tenant::new(GENERATED_TENANT, GENERATED_DOMAIN, None::<Vec<Application>>);
        let groups = u32::try_from(groups).unwrap_or(u32::MAX);
        for number in 0..groups {
            tenant.groups.insert(generated_group(seed, number));
            tenant.members.push(Vec::new());
        }
        for number in 0..u32::try_from(users).unwrap_or(u32::MAX) {
            let attributes = Attributes::Generated(Person { seed, number });
            tenant.users.insert(Object { id: id(seed, 1, number), attributes, presence: Presence::Live });
            for group in groups_of(seed, number, groups) {
                tenant.members[group].push(Member::User(number));
            }
        }
        Self::of(vec![tenant])
    }
}

fn groups_of(seed: u64, number: u32, groups: u32) -> Vec<usize> {
    if groups == 0 {
        return Vec::new();
    }
    let draw = mix(seed ^ 12 << 40 ^ u64::from(number));
    let at = |draw: u64| usize::try_from(draw % u64::from(groups)).unwrap_or(0);
    let (first, second) = (at(draw), at(draw >> 20));
    if draw.is_multiple_of(SECOND_GROUP_EVERY) && first != second { vec![first, second] } else { vec![first] }
}

fn generated_group(seed: u64, number: u32) -> Object {
    let day = 1 + number % 28;
    let fields = [
        ("displayName", json!(format!("Group {number}"))),
        ("createdDateTime", json!(format!("2023-02-{day:02}T07:30:11Z"))),
        ("securityEnabled", json!(true)),
        ("mailEnabled", json!(false)),
        ("groupTypes", json!([])),
    ];
    let attributes = Attributes::from_map(fields.map(|(name, value)| (name.to_owned(), value)).into_iter().collect());
    Object { id: id(seed, 2, number), attributes, presence: Presence::Live }
}

/// A GUID that differs for every (kind, number): the low half is a bijection of the two.
fn id(seed: u64, kind: u64, number: u32) -> ObjectId {
    let low = mix(kind << 32 | u64::from(number));
    ObjectId::Guid(u128::from(mix(seed ^ low)) << 64 | u128::from(low))
}

/// The finalizer of `SplitMix64`: a bijection that spreads neighbours apart.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

fn pick<const N: usize>(words: &[&'static str; N], draw: u64) -> &'static str {
    usize::try_from(draw % N as u64).ok().and_then(|at| words.get(at)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attribute_is_json() {
        for number in 0..200 {
            let person = Attributes::Generated(Person { seed: 7, number });
            let map = person.to_map();
            assert!(map.len() >= Person::ATTRIBUTES.len() - 1, "only {map:?}");
            assert!(map.values().all(|value| !value.is_null()), "a value of {number} is not JSON: {map:?}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_world() {
        let ids = |seed| World::generate(seed, 50, 3).user_ids(GENERATED_TENANT);
        assert_eq!(ids(1), ids(1));
        assert_ne!(ids(1), ids(2));
    }
}
