//! What a record takes from whom: R2, R3, R11.

use super::people::is_external;
use super::{Code, FieldChange};
use crate::oracle::world::{Account, EmailFrom, Kind, Record, Rule, Status, User, Values, World, fields_of};

pub(super) fn filled(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

pub(super) fn folded(text: &str) -> String {
    text.trim().chars().flat_map(char::to_lowercase).collect()
}

pub(super) fn same(a: &str, b: &str) -> bool {
    folded(a) == folded(b)
}

/// R2: "`userPrincipalName`, the part before the `@`, without `#EXT#`"; "A UPN without `@` is taken whole".
pub(super) fn username(user: &User) -> Option<String> {
    let local = user.upn.split('@').next().unwrap_or_default();
    let local = match local.to_uppercase().find("#EXT#") {
        Some(at) => format!("{}{}", &local[..at], &local[at + 5..]),
        None => local.to_owned(),
    };
    filled(&local).map(str::to_owned)
}

/// R3: "`#EXT#` (any case) is looked at first".
pub(super) fn email(user: &User, mode: EmailFrom) -> Option<String> {
    let mail = filled(&user.mail);
    let other = user.other_mails.first().and_then(|mail| filled(mail));
    let upn = filled(&user.upn);
    let email = match mode {
        EmailFrom::Mail => mail,
        EmailFrom::Auto if is_external(user) => mail.or(other),
        EmailFrom::Auto if user.microsoft => mail,
        EmailFrom::Upn | EmailFrom::Auto => upn,
    };
    email.map(str::to_owned)
}

/// R5: "employees, and contacts with portal access" have a login.
pub(super) fn login(kind: Kind, fields: &Values) -> bool {
    kind == Kind::Employee || fields.get("portalAccess").is_some_and(|access| access == "true")
}

pub(super) fn has_login(record: &Record) -> bool {
    record.status != Status::Archived && login(record.kind, &record.fields)
}

/// What the rule wants a record to hold, with where each value comes from: "first that is not blank: the directory's;
/// the rule's; what the record already holds; for employees, `EmployeeDefaults`".
pub(super) struct Desire<'a> {
    pub(super) world: &'a World,
    pub(super) user: &'a User,
    pub(super) rule: &'a Rule,
    pub(super) base: Option<&'a Record>,
    /// Section 9: "A change of kind without an email source uses the linked record's email."
    pub(super) left: Option<&'a Record>,
}

impl Desire<'_> {
    fn value(&self, field: &'static str) -> (Option<String>, &'static str) {
        let nothing_without_portal = matches!(field, "username" | "securityRole");
        // R2: "Portal access off makes a contact's username and securityRole null."
        if nothing_without_portal && !login(self.rule.kind, &self.rule.values) {
            return (None, "rule");
        }
        if let Some(value) = self.directory(field) {
            return (Some(value), "directory");
        }
        if let Some(value) = self.rule.values.get(field) {
            return (Some(value.clone()), "rule");
        }
        if let Some(value) = self.held(field) {
            return (Some(value), "record");
        }
        // Reading: where nobody has a value it is the record that says so.
        self.default(field).map_or((None, "record"), |value| (Some(value), "default"))
    }

    fn directory(&self, field: &str) -> Option<String> {
        let text = |text: &str| filled(text).map(str::to_owned);
        match field {
            "firstName" => text(&self.user.given),
            "lastName" => text(&self.user.surname),
            "jobTitle" => text(&self.user.job),
            "phone" => self.user.phones.first().and_then(|phone| text(phone)),
            "username" => username(self.user),
            "email" => email(self.user, self.rule.email),
            _ => None,
        }
    }

    fn held(&self, field: &str) -> Option<String> {
        let held = self.base.and_then(|record| record.get(field)).map(str::to_owned);
        // Reading: the names that archiving made up are no values to restore.
        let made_up = self.base.is_some_and(|record| record.status == Status::Archived);
        match field {
            "username" if made_up => None,
            "email" if made_up => self.left.and_then(|left| left.get(field)).map(str::to_owned),
            // Reading: what the record to take over holds (the same but for case) comes before the linked record's.
            "email" => held.or_else(|| self.left.and_then(|left| left.get(field)).map(str::to_owned)),
            // R2: "else the record's, if the account has it". Reading: an account that vanished says nothing, so the
            // record's location stays ("A blank … never erases").
            "location" if self.rule.kind == Kind::Contact => {
                held.filter(|location| self.account().is_none_or(|account| account.locations.contains(location)))
            }
            _ => held,
        }
    }

    fn default(&self, field: &str) -> Option<String> {
        match (self.rule.kind, field) {
            (Kind::Employee, _) => self.world.defaults.get(field).cloned(),
            // R2: "else the account's main one".
            (Kind::Contact, "location") => self.account()?.locations.first().cloned(),
            (Kind::Contact, _) => None,
        }
    }

    pub(super) fn account(&self) -> Option<&Account> {
        let name = self.rule.values.get("account")?;
        self.world.accounts.values().find(|account| account.name == *name)
    }

    /// All fields after, and those that differ from the base.
    pub(super) fn all(&self) -> (Values, Vec<FieldChange>) {
        let (mut after, mut changes) = (Values::new(), Vec::new());
        for &name in fields_of(self.rule.kind) {
            let (value, from) = self.value(name);
            let before = self.base.and_then(|base| base.get(name)).map(str::to_owned);
            if before != value {
                changes.push(FieldChange { name, before, after: value.clone(), from });
            }
            if let Some(value) = value {
                after.insert(name, value);
            }
        }
        (after, changes)
    }
}

/// R11 with section 9: "accounts are checked when they are newly set". Reading: newly set is what is listed as changed.
pub(super) fn account_code(desire: &Desire, after: &Values, fields: &[FieldChange]) -> Option<Code> {
    let sets = |name: &str| fields.iter().any(|field| field.name == name);
    if desire.rule.kind == Kind::Employee || !(sets("account") || sets("location")) {
        return None;
    }
    let account = desire.account();
    if sets("account") && account.is_none() {
        return Some(Code::AccountNotFound);
    }
    let location = after.get("location");
    let known = location.is_some_and(|location| account.is_some_and(|account| account.locations.contains(location)));
    (!known).then_some(Code::LocationNotFound)
}
