//! Everything that bears on one user: rules, fields, record, and what the plan does about it.

use crate::actual::Actual;
use crate::desired::{Desired, Want, project};
use crate::directory::User;
use crate::manifest::config::{Config, Guests, Rule};
use crate::model::{Field, Fields, Id, Record, Text, UserKey, filled, folded};

use super::values::{Ground, values};
use super::{Action, Blocked, Change, Observed, Plan, Preserved, Provenance, Touch, UserRef};

/// Why a user's record is what it is, and what would happen to it.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// Who.
    pub user: UserRef,
    /// For people to read.
    pub display_name: Option<Text>,
    /// The tenant's name where it is declared.
    pub tenant: Option<Text>,
    /// What the directory knows of the user.
    pub presence: Presence,
    /// Every rule of the tenant: those that match first, in order of precedence.
    pub rules: Vec<RuleVerdict>,
    /// The fields that the record is to have, where a rule decides.
    pub fields: Vec<ExplainedField>,
    /// The record that the user owns.
    pub record: Option<Record>,
    /// What would happen.
    pub changes: Vec<Change>,
    /// What blocks it.
    pub blocked: Option<Blocked>,
    /// Local edits that stay.
    pub preserved: Option<Preserved>,
    /// That only the link is brought up to date.
    pub touched: Option<Touch>,
}

/// What the directory knows of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It exists.
    Present,
    /// It exists and its account is disabled.
    Disabled,
    /// It does not exist, or is in the recycle bin.
    Gone,
    /// Its tenant is suspended, failed, undeclared or not read: nothing is known.
    Unknown,
}

impl Presence {
    /// The word used in JSON and text.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Disabled => "disabled",
            Self::Gone => "gone",
            Self::Unknown => "unknown",
        }
    }
}

/// One rule and what it means for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleVerdict {
    /// The rule's name.
    pub rule: Text,
    /// Its order.
    pub order: u64,
    /// Its group.
    pub group: crate::model::Id,
    /// The group's name, where it is known.
    pub group_name: Option<Text>,
    /// What it makes of its members.
    pub kind: crate::model::Kind,
    /// What came of it.
    pub verdict: Verdict,
    /// Why, for a person to read.
    pub why: String,
}

/// What came of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It decides.
    Wins,
    /// It matches, another comes first.
    Loses,
    /// It wins, but is suspended: the user is left alone.
    Suspended,
    /// The user is not in its group.
    NoMatch,
    /// It cannot work.
    Broken,
}

impl Verdict {
    /// The word used in JSON and text.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Wins => "wins",
            Self::Loses => "loses",
            Self::Suspended => "suspended",
            Self::NoMatch => "noMatch",
            Self::Broken => "broken",
        }
    }
}

/// One field with its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedField {
    /// Which.
    pub field: Field,
    /// What BMS holds.
    pub actual: Option<Text>,
    /// What the rules say.
    pub desired: Option<Text>,
    /// Where that comes from.
    pub from: Provenance,
}

/// Finds users among directory users and owners of records: by object ID or user principal name, and only if nobody has
/// that, by email. A guest's mail is often the user principal name of somebody else, who is meant then.
#[must_use]
pub fn find(wanted: &str, observed: &Observed) -> Vec<UserKey> {
    let sought = Sought { id: Id::new(wanted), name: folded(wanted) };
    let called = sought.among(observed, Sought::is_called);
    if called.is_empty() { sought.among(observed, Sought::is_mailed) } else { called }
}

/// Whom somebody looks for.
struct Sought {
    id: Id,
    name: Text,
}

/// What may name a user: what the directory knows, and the record it owns.
type Named<'a> = (Option<&'a User>, Option<&'a Record>);

impl Sought {
    fn among(&self, observed: &Observed, fits: fn(&Self, &Id, Named<'_>) -> bool) -> Vec<UserKey> {
        let mut found: Vec<UserKey> = Vec::new();
        for (tenant, known) in observed.directory.tenants() {
            let named = known.users().filter(|(user, known)| fits(self, user, (Some(known), None)));
            found.extend(named.map(|(user, _)| UserKey { tenant: tenant.clone(), user: user.clone() }));
        }
        let owners = observed.actual.owners().filter(|(key, record)| fits(self, &key.user, (None, Some(record))));
        found.extend(owners.map(|(key, _)| key.clone()));
        found.sort_unstable();
        found.dedup();
        found
    }

    fn is_called(&self, id: &Id, (user, record): Named<'_>) -> bool {
        let current = user.and_then(User::user_principal_name);
        let last = record.and_then(|record| record.link.as_ref()?.user_principal_name.as_deref());
        *id == self.id || self.is(current) || self.is(last)
    }

    fn is_mailed(&self, _id: &Id, (user, record): Named<'_>) -> bool {
        let mails = user.is_some_and(|user| self.is(user.mail()) || self.is(user.other_mail()));
        mails || self.is(record.and_then(|record| record.fields.get(Field::Email)))
    }

    fn is(&self, value: Option<&str>) -> bool {
        value.and_then(filled).is_some_and(|value| folded(value) == self.name)
    }
}

/// Explains a user.
#[must_use]
pub fn explain(user: &UserKey, config: &Config, observed: &Observed, plan: &Plan) -> Explanation {
    let desired = project(config, &observed.directory);
    let want = desired.of(user);
    let record = observed.actual.owned_by(user);
    let known = known_user(&want);
    let last = record.and_then(|record| record.link.as_ref()?.user_principal_name.clone());
    let changes: Vec<Change> = plan.changes.iter().filter(|change| change.user.key == *user).cloned().collect();
    Explanation {
        user: UserRef {
            key: user.clone(),
            user_principal_name: known.and_then(User::user_principal_name).map(Text::from).or(last),
        },
        display_name: known.and_then(User::display_name).map(Text::from),
        tenant: config.tenant(&user.tenant).map(|tenant| tenant.name.clone()),
        presence: presence(&want),
        rules: verdicts(user, &desired, known),
        fields: fields(&want, &changes, record, &observed.actual, config),
        record: record.cloned(),
        changes,
        blocked: plan.blocked.iter().find(|blocked| blocked.user.key == *user).cloned(),
        preserved: plan.preserved.iter().find(|preserved| preserved.user.key == *user).cloned(),
        touched: plan.touched.iter().find(|touched| touched.user.key == *user).cloned(),
    }
}

const fn known_user<'a>(want: &Want<'a>) -> Option<&'a User> {
    match want {
        Want::Unplanned | Want::Gone => None,
        Want::Unmatched(user) | Want::Suspended(user, _) => Some(user),
        Want::Person(person) => Some(person.user),
    }
}

fn presence(want: &Want<'_>) -> Presence {
    match (want, known_user(want)) {
        (Want::Unplanned, _) => Presence::Unknown,
        (_, None) => Presence::Gone,
        (_, Some(user)) if user.account_enabled == Some(false) => Presence::Disabled,
        (_, Some(_)) => Presence::Present,
    }
}

fn verdicts(user: &UserKey, desired: &Desired<'_>, known: Option<&User>) -> Vec<RuleVerdict> {
    let Some(tenant) = desired.tenant(&user.tenant) else { return Vec::new() };
    let group_name = |rule: &Rule| tenant.known.group(&rule.group).and_then(|group| group.display_name.clone());
    let verdict = |rule: &Rule, verdict, why: String| RuleVerdict {
        rule: rule.name.clone(),
        order: rule.order,
        group: rule.group.clone(),
        group_name: group_name(rule),
        kind: rule.kind,
        verdict,
        why,
    };
    let excluded = desired.config().policy.guests == Guests::Exclude && known.is_some_and(User::is_guest);
    let groups = if excluded || known.is_none() { &[] } else { tenant.known.groups_of(&user.user) };
    let matches = tenant.reach.matches(groups);
    let mut verdicts = Vec::new();
    for (place, rule) in matches.iter().enumerate() {
        verdicts.push(match (place, rule.suspend) {
            (0, false) => verdict(
                rule,
                Verdict::Wins,
                format!("the user is in its group and its order {} comes first", rule.order),
            ),
            (0, true) => verdict(
                rule,
                Verdict::Suspended,
                String::from("it comes first and is suspended, so the user is left alone"),
            ),
            (_, _) => verdict(rule, Verdict::Loses, lost_text(rule, matches[0])),
        });
    }
    for (rule, _) in tenant.reach.rules().filter(|(rule, _)| !matches.iter().any(|matched| matched.name == rule.name)) {
        let why = match (excluded, known) {
            (true, _) => "the policy excludes guests",
            (false, None) => "the user does not exist in the directory",
            (false, Some(_)) => "the user is not in its group",
        };
        verdicts.push(verdict(rule, Verdict::NoMatch, why.to_owned()));
    }
    let broken = tenant.reach.broken().iter();
    verdicts.extend(broken.map(|broken| verdict(broken.rule, Verdict::Broken, broken.why.text().to_owned())));
    verdicts
}

fn lost_text(rule: &Rule, winner: &Rule) -> String {
    if rule.order == winner.order {
        format!("rule `{}` has the same order and its group is older", winner.name)
    } else {
        format!("rule `{}` has the lower order {}", winner.name, winner.order)
    }
}

/// The fields as the plan would have them, or as the rules say where nothing changes.
fn fields(
    want: &Want<'_>,
    changes: &[Change],
    record: Option<&Record>,
    actual: &Actual,
    config: &Config,
) -> Vec<ExplainedField> {
    let Want::Person(person) = want else { return Vec::new() };
    let kind = person.rule().kind;
    let own = record.filter(|record| record.key.kind == kind);
    let change = changes.iter().find(|change| change.kind == kind);
    let target = own.or_else(|| actual.record(change?.record()?));
    let ground = match (target, change.map(|change| change.action)) {
        (None, _) => Ground::blank(record),
        (Some(target), Some(Action::Restore)) => Ground::archived(target, record),
        (Some(target), _) => Ground::record(target, record),
    };
    let sourced = values(person, &ground, actual, &config.employee_defaults);
    let blank = Fields::default();
    let held = target.map_or(&blank, |target| &target.fields);
    let explained = |field: &Field| ExplainedField {
        field: *field,
        actual: held.get(*field).map(Text::from),
        desired: sourced.get(*field).map(Text::from),
        from: sourced.from(*field),
    };
    Field::of(kind).iter().map(explained).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{Attribute, Said, TenantDirectory};

    #[test]
    fn who_bears_the_name_is_meant_and_not_who_only_gets_mail_there() {
        let mut observed = Observed::default();
        for (tenant, name) in [("home", "adele@contoso.com"), ("host", "adele_contoso.com#EXT#@host.com")] {
            let mut said = Said::default();
            said.text(Attribute::UserPrincipalName, Some(name.into()));
            said.text(Attribute::Mail, Some("adele@contoso.com".into()));
            let mut known = TenantDirectory::default();
            known.upsert_user(Id::new("u"), said);
            observed.directory.insert(Id::new(tenant), known);
        }
        let tenants =
            |wanted| find(wanted, &observed).into_iter().map(|key| key.tenant.to_string()).collect::<Vec<_>>();
        assert_eq!(tenants("ADELE@contoso.com"), ["home"]);
        assert_eq!(tenants("u"), ["home", "host"]);
        assert!(tenants("nobody@contoso.com").is_empty());
    }
}
