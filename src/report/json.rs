//! A plan as JSON, `formatVersion` "1": what `plan -o json` prints, what `--out` saves, and what other programs read.
//!
//! The same plan and time give the same bytes. Serialised straight from the plan, without a tree in between.

use std::io::{self, Write as _};

use jiff::Timestamp;
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use crate::model::{Field, Id, Kind, RecordKey, Text};
use crate::plan::{
    Action, Basis, Blocked, Change, FieldChange, Plan, Preserved, PreservedField, Provenance, Slot, Summary,
    TenantHead, TenantState, UserRef,
};

use super::layout::Shallow;

/// The version of the format. Fields are only ever added to it.
pub const FORMAT_VERSION: &str = "1";

/// Writes the plan, one line per entry of its lists, and a line feed at the end.
///
/// # Errors
/// Those of the writer.
pub fn write(plan: &Plan, created_at: Timestamp, out: &mut dyn io::Write) -> io::Result<()> {
    // A buffer of a known type: the many small pieces of JSON are copied into it and not called out one by one.
    let mut out = io::BufWriter::with_capacity(1 << 16, out);
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, Shallow::default());
    let written = document(plan, created_at).serialize(&mut serializer).map_err(io::Error::from);
    let written = written.and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    // What is left after a failure must not be tried again when the buffer is dropped.
    let _ = out.into_parts();
    written
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
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, Shallow::default());
    document_of(plan, created_at, Caused { changes: &plan.changes, causes }).serialize(&mut serializer)?;
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

/// Changes with what causes each.
struct Caused<'a> {
    changes: &'a [Change],
    causes: &'a [Option<&'static str>],
}

impl Serialize for Caused<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.changes.len()))?;
        for (at, change) in self.changes.iter().enumerate() {
            let cause = self.causes.get(at).copied().flatten();
            list.serialize_element(&CausedJson { change: ChangeJson::of(change), cause })?;
        }
        list.end()
    }
}

#[derive(Serialize)]
struct CausedJson<'a> {
    #[serde(flatten)]
    change: ChangeJson<'a>,
    cause: Option<&'static str>,
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
    reason: &'a str,
    held: Option<&'static str>,
    fields: List<'a, FieldChange, FieldJson<'a>>,
}

impl<'a> ChangeJson<'a> {
    pub(super) fn of(change: &'a Change) -> Self {
        let Change { action, kind, id, user, rule, reason, held, fields, link: _ } = change;
        Self {
            action: *action,
            kind: *kind,
            id: *id,
            user: UserJson::of(user),
            rule: rule.as_deref(),
            reason,
            held: held.map(crate::plan::Hold::word),
            fields: List(fields, FieldJson::of),
        }
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
    fn of(change: &'a FieldChange) -> Self {
        let FieldChange { slot, before, after, from } = change;
        Self {
            name: slot.word(),
            before: ValueJson::of(*slot, before.as_ref()),
            after: ValueJson::of(*slot, after.as_ref()),
            from: *from,
        }
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
    pub(super) fn of(slot: Slot, value: Option<&'a Text>) -> Self {
        match (slot, value) {
            (Slot::Field(Field::PortalAccess), Some(value)) => Self::Flag(value == "true"),
            (Slot::Field(_) | Slot::Status, value) => Self::Text(value.map(Text::as_str)),
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
            actual: ValueJson::of(*slot, actual.as_ref()),
            desired: ValueJson::of(*slot, desired.as_ref()),
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
