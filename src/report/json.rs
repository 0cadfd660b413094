//! A plan as JSON, `formatVersion` "1": what `plan -o json` prints, what `--out` saves, and what other programs read.
//!
//! The same plan and time give the same bytes. Serialised straight from the plan, without a tree in between.

use std::borrow::Cow;
use std::io;

use jiff::Timestamp;
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use crate::model::{Field, Id, Kind, RecordKey};
use crate::plan::{
    Action, Basis, Blocked, Change, FieldChange, FieldChanges, Hand, Plan, Preserved, PreservedField, Provenance, Slot,
    Summary, TenantHead, TenantState, UserRef,
};

use super::layout::Shallow;
use super::line::{self, Told};

/// The version of the format. Fields are only ever added to it.
pub const FORMAT_VERSION: &str = "1";

/// Writes the plan, one line per entry of its lists, and a line feed at the end.
///
/// # Errors
/// Those of the writer.
pub fn write(plan: &Plan, created_at: Timestamp, out: &mut dyn io::Write) -> io::Result<()> {
    write_lines(plan, created_at, plan.changes.iter().map(|change| (change, Told::Nothing)), out)
}

/// Writes the plan as [`write`] does, with `cause` in each change: one word, or null, per change of the plan, in its
/// order. Where causes are missing they are null.
///
/// # Errors
/// Those of the writer.
pub fn write_with_causes(
    plan: &Plan,
    created_at: Timestamp,
    causes: &[Option<&'static str>],
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let cause = |at: usize| Told::Cause(causes.get(at).copied().flatten());
    write_lines(plan, created_at, plan.changes.iter().enumerate().map(|(at, change)| (change, cause(at))), out)
}

/// The key of the list that is written line by line, as it stands without an item: a line break that is part of a text
/// is never written as one, so this is found nowhere else.
const CHANGES: &str = "\n  \"changes\": [";

fn write_lines<'a>(
    plan: &Plan,
    created_at: Timestamp,
    changes: impl Iterator<Item = (&'a Change, Told)>,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let mut rest = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut rest, Shallow::default());
    document_of(plan, created_at, [(); 0]).serialize(&mut serializer)?;
    let at = rest.windows(CHANGES.len()).position(|window| window == CHANGES.as_bytes());
    let (head, tail) = rest.split_at(at.map_or(rest.len(), |at| at + CHANGES.len()));
    out.write_all(head)?;
    line::write(changes, out)?;
    if !plan.changes.is_empty() {
        out.write_all(b"\n  ")?;
    }
    out.write_all(tail)?;
    out.write_all(b"\n")
}

/// Changes as a plan has them, to be put into another document.
#[must_use]
pub fn changes(changes: &[Change]) -> impl Serialize + '_ {
    List(changes, ChangeJson::of)
}

/// The plan as a tree, for comparing it with a saved one.
///
/// # Errors
/// None that a plan can cause; they are those of the serialiser.
pub fn value(plan: &Plan, created_at: Timestamp) -> serde_json::Result<serde_json::Value> {
    serde_json::to_value(document(plan, created_at))
}

/// The plan as something that serialises, to be put into a bigger document.
#[must_use]
pub fn document(plan: &Plan, created_at: Timestamp) -> impl Serialize + '_ {
    document_of(plan, created_at, List(&plan.changes, ChangeJson::of))
}

fn document_of<C: Serialize>(plan: &Plan, created_at: Timestamp, changes: C) -> Document<'_, C> {
    let Plan { basis, changes: _, touched: _, preserved, blocked, unchanged: _ } = plan;
    let Basis { config_digest, config_commit, state_revision, tenants } = basis;
    Document {
        format_version: FORMAT_VERSION,
        created_at: Seconds(created_at),
        config_digest,
        config_commit: config_commit.as_deref(),
        state_revision: state_revision.0,
        tenants: List(tenants, TenantJson::of),
        summary: plan.summary(),
        changes,
        preserved: List(preserved, PreservedJson::of),
        blocked: List(blocked, BlockedJson::of),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a, C> {
    format_version: &'static str,
    created_at: Seconds,
    config_digest: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    config_commit: Option<&'a str>,
    state_revision: u64,
    tenants: List<'a, TenantHead, TenantJson<'a>>,
    summary: Summary,
    changes: C,
    preserved: List<'a, Preserved, PreservedJson<'a>>,
    blocked: List<'a, Blocked, BlockedJson<'a>>,
}

/// A list whose items are converted one at a time, as they are written.
struct List<'a, T, J>(&'a [T], fn(&'a T) -> J);

impl<T, J: Serialize> Serialize for List<'_, T, J> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        self.0.iter().try_for_each(|item| list.serialize_element(&(self.1)(item)))?;
        list.end()
    }
}

/// A time in whole seconds: `2026-11-23T10:00:00Z`.
struct Seconds(Timestamp);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Timestamp::from_second(self.0.as_second()).unwrap_or(self.0))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TenantJson<'a> {
    name: Option<&'a str>,
    tenant_id: &'a Id,
    state: TenantState,
    users: u64,
    message: Option<&'a str>,
    groups: u64,
    read_at: Option<Seconds>,
    digest: Option<&'a str>,
}

impl<'a> TenantJson<'a> {
    fn of(head: &'a TenantHead) -> Self {
        let TenantHead { name, tenant, state, users, groups, read_at, digest, message } = head;
        Self {
            name: name.as_deref(),
            tenant_id: tenant,
            state: *state,
            users: *users,
            message: message.as_deref(),
            groups: *groups,
            read_at: read_at.map(Seconds),
            digest: digest.as_deref(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserJson<'a> {
    tenant_id: &'a Id,
    id: &'a Id,
    user_principal_name: Option<&'a str>,
}

impl<'a> UserJson<'a> {
    pub(super) fn of(user: &'a UserRef) -> Self {
        let UserRef { key, user_principal_name } = user;
        Self { tenant_id: &key.tenant, id: &key.user, user_principal_name: user_principal_name.as_deref() }
    }
}

#[derive(Serialize)]
pub(super) struct ChangeJson<'a> {
    action: Action,
    kind: Kind,
    id: Option<u64>,
    user: UserJson<'a>,
    rule: Option<&'a str>,
    reason: Cow<'a, str>,
    held: Option<&'static str>,
    fields: FieldsJson<'a>,
    #[serde(rename = "byHand", skip_serializing_if = "Option::is_none")]
    by_hand: Option<ByHandJson>,
}

/// What of a change is left to a person.
#[derive(Serialize)]
pub(super) struct ByHandJson {
    what: &'static str,
    steps: Vec<String>,
}

impl<'a> ChangeJson<'a> {
    pub(super) fn of(change: &'a Change) -> Self {
        let Change { action, kind, id, user, rule, reason: _, held, fields, link: _, hand } = change;
        Self {
            action: *action,
            kind: *kind,
            id: *id,
            user: UserJson::of(user),
            rule: rule.as_deref(),
            reason: change.reason(),
            held: held.map(crate::plan::Hold::word),
            fields: FieldsJson(fields),
            by_hand: (*hand != Hand::Nothing).then(|| ByHandJson { what: hand.word(), steps: change.steps() }),
        }
    }
}

struct FieldsJson<'a>(&'a FieldChanges);

impl Serialize for FieldsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(FieldJson::of))
    }
}

#[derive(Serialize)]
struct FieldJson<'a> {
    name: &'static str,
    before: ValueJson<'a>,
    after: ValueJson<'a>,
    from: Provenance,
}

impl<'a> FieldJson<'a> {
    fn of(FieldChange { slot, before, after, from }: FieldChange<'a>) -> Self {
        Self { name: slot.word(), before: ValueJson::of(slot, before), after: ValueJson::of(slot, after), from }
    }
}

/// A value as JSON has it: `portalAccess` is a boolean, everything else is text.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum ValueJson<'a> {
    Flag(bool),
    Text(Option<&'a str>),
}

impl<'a> ValueJson<'a> {
    pub(super) fn of(slot: Slot, value: Option<&'a str>) -> Self {
        match (slot, value) {
            (Slot::Field(Field::PortalAccess), Some(value)) => Self::Flag(value == "true"),
            (Slot::Field(_) | Slot::Status, value) => Self::Text(value),
        }
    }
}

#[derive(Serialize)]
pub(super) struct PreservedJson<'a> {
    kind: Kind,
    id: u64,
    user: UserJson<'a>,
    fields: List<'a, PreservedField, PreservedFieldJson<'a>>,
}

impl<'a> PreservedJson<'a> {
    pub(super) fn of(preserved: &'a Preserved) -> Self {
        let Preserved { record: RecordKey { kind, id }, user, fields } = preserved;
        Self { kind: *kind, id: *id, user: UserJson::of(user), fields: List(fields, PreservedFieldJson::of) }
    }
}

#[derive(Serialize)]
struct PreservedFieldJson<'a> {
    name: &'static str,
    actual: ValueJson<'a>,
    desired: ValueJson<'a>,
}

impl<'a> PreservedFieldJson<'a> {
    fn of(field: &'a PreservedField) -> Self {
        let PreservedField { slot, actual, desired } = field;
        Self {
            name: slot.word(),
            actual: ValueJson::of(*slot, actual.as_deref()),
            desired: ValueJson::of(*slot, desired.as_deref()),
        }
    }
}

#[derive(Serialize)]
pub(super) struct BlockedJson<'a> {
    user: UserJson<'a>,
    rule: &'a str,
    code: &'static str,
    message: &'a str,
    candidates: &'a [RecordKey],
}

impl<'a> BlockedJson<'a> {
    pub(super) fn of(blocked: &'a Blocked) -> Self {
        let Blocked { user, rule, code, message, candidates } = blocked;
        Self { user: UserJson::of(user), rule, code: code.word(), message, candidates }
    }
}
