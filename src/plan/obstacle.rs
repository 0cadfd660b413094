//! What blocks a user before names are compared: the first that applies, in the order of [`Code`] (rules R3, R4, R11).

use crate::actual::Actual;
use crate::model::{Field, Kind, Record, RecordKey};

use super::Code;
use super::proposal::{Obstacle, Target};
use super::values::Sourced;

/// What of a proposal an obstacle may follow from.
#[derive(Clone, Copy)]
pub(super) struct Wish<'w, 'a> {
    pub kind: Kind,
    pub values: &'w Sourced<'a>,
    pub linked: Option<&'a Record>,
    pub target: Target<'a>,
}

/// The first obstacle, if there is one. `same` are the records of the wanted kind with the email, `others` the logins of
/// the other kind.
pub(super) fn first(wish: Wish<'_, '_>, actual: &Actual, same: &[&Record], others: &[&Record]) -> Option<Obstacle> {
    missing_email(wish)
        .or_else(|| missing_username(wish))
        .or_else(|| place(wish, actual))
        .or_else(|| ambiguous(wish, same))
        .or_else(|| ambiguous(wish, others))
        .or_else(|| missing_name(wish))
}

fn missing_email(wish: Wish<'_, '_>) -> Option<Obstacle> {
    let has_record = wish.linked.is_some() || wish.values.get(Field::Email).is_some();
    (!has_record).then(|| {
        let message =
            "the directory gives no email: fill in the user's mail address, or choose another `email` in the rule";
        obstacle(Code::MissingEmail, message.to_owned())
    })
}

fn missing_username(wish: Wish<'_, '_>) -> Option<Obstacle> {
    (wish.values.login(wish.kind) && wish.values.get(Field::Username).is_none()).then(|| {
        let message = "the user principal name gives no username: nothing stands before its @";
        obstacle(Code::MissingUsername, message.to_owned())
    })
}

/// Account and location of a contact must exist when they are newly set (rule R11).
fn place(wish: Wish<'_, '_>, actual: &Actual) -> Option<Obstacle> {
    if wish.kind == Kind::Employee {
        return None;
    }
    let fields = wish.values;
    let held = |field| wish.target.record().and_then(|record| record.fields.get(field));
    let newly = |field| fields.get(field) != held(field);
    let name = fields.get(Field::Account).unwrap_or_default();
    let account = actual.account(name);
    if newly(Field::Account) && account.is_none() {
        let message = format!("BMS has no account `{name}`: create it, or correct the rule's spelling");
        return Some(obstacle(Code::AccountNotFound, message));
    }
    let location = fields.get(Field::Location);
    let exists = account.is_some_and(|account| account.locations.iter().any(|known| Some(known.as_str()) == location));
    ((newly(Field::Account) || newly(Field::Location)) && !exists).then(|| {
        let message = match location {
            Some(location) => {
                format!("the account `{name}` has no location `{location}`: create it, or correct the rule")
            }
            None => format!("the account `{name}` has no location: create one"),
        };
        obstacle(Code::LocationNotFound, message)
    })
}

fn ambiguous(wish: Wish<'_, '_>, found: &[&Record]) -> Option<Obstacle> {
    (found.len() > 1).then(|| {
        let mut candidates: Vec<RecordKey> = found.iter().map(|record| record.key).collect();
        candidates.sort_unstable();
        let email = wish.values.get(Field::Email).unwrap_or_default();
        let kind = candidates[0].kind;
        let message = format!("{} {kind}s have the email {email}: leave it to one of them", candidates.len());
        Obstacle { code: Code::AmbiguousEmail, message, candidates }
    })
}

fn missing_name(wish: Wish<'_, '_>) -> Option<Obstacle> {
    let fields = wish.values;
    let nameless = fields.get(Field::FirstName).is_none() && fields.get(Field::LastName).is_none();
    nameless.then(|| {
        let message = "first and last name are blank in the directory and in the record: fill in one of them";
        obstacle(Code::MissingName, message.to_owned())
    })
}

const fn obstacle(code: Code, message: String) -> Obstacle {
    Obstacle { code, message, candidates: Vec::new() }
}
