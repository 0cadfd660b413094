//! The entries of a plan's lists, read back. Knows nothing of whole plans.

use serde::Deserialize;
use serde_json::Value;

use super::DecodeError;
use crate::model::{Field, Id, Kind, RecordKey, Seen, Text, UserKey};
use crate::plan::{
    Action, Blocked, Cause, Change, Code, FieldChange, Hand, Hold, LinkChange, Preserved, PreservedField, Provenance,
    Slot, UserRef,
};

/// The one of a closed set that has this word.
pub(super) fn word_of<T: Copy>(
    what: &'static str,
    all: &[T],
    word: fn(T) -> &'static str,
    told: &str,
) -> Result<T, DecodeError> {
    let found = all.iter().copied().find(|one| word(*one) == told);
    found.ok_or_else(|| DecodeError::Word { what, word: told.to_owned() })
}

pub(super) fn kind(told: &str) -> Result<Kind, DecodeError> {
    word_of("kind", &Kind::ALL, Kind::word, told)
}

pub(super) fn provenance(told: &str) -> Result<Provenance, DecodeError> {
    word_of("value's source", &Provenance::ALL, Provenance::word, told)
}

fn slot(told: &str) -> Result<Slot, DecodeError> {
    Slot::from_word(told).ok_or_else(|| DecodeError::Word { what: "field", word: told.to_owned() })
}

/// A value as a plan has it: text, nothing, or `portalAccess`.
pub(super) fn value(slot: Slot, told: Value) -> Result<Option<Text>, DecodeError> {
    match (slot, told) {
        (_, Value::Null) => Ok(None),
        (Slot::Field(Field::PortalAccess), Value::Bool(flag)) => {
            Ok(Some(Text::const_new(if flag { "true" } else { "false" })))
        }
        (Slot::Field(_) | Slot::Status, Value::String(text)) => Ok(Some(text.into())),
        (Slot::Field(_) | Slot::Status, Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Err(DecodeError::Word { what: slot.word(), word: "something else than text".to_owned() })
        }
    }
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserJson {
    tenant_id: Id,
    id: Id,
    user_principal_name: Option<Text>,
}

impl UserJson {
    pub fn read(self) -> UserRef {
        let Self { tenant_id: tenant, id: user, user_principal_name } = self;
        UserRef { key: UserKey { tenant, user }, user_principal_name }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChangeJson {
    action: String,
    kind: String,
    id: Option<u64>,
    user: UserJson,
    rule: Option<Text>,
    reason: String,
    held: Option<String>,
    fields: Vec<FieldJson>,
    cause: Option<String>,
    by_hand: Option<ByHandJson>,
}

/// What of a change is left to a person; the steps follow from the change.
#[derive(Deserialize)]
struct ByHandJson {
    what: String,
}

impl ChangeJson {
    pub fn cause(&self) -> Result<Option<Cause>, DecodeError> {
        self.cause.as_deref().map(|cause| word_of("change's cause", &Cause::ALL, Cause::word, cause)).transpose()
    }

    pub fn read(self) -> Result<Change, DecodeError> {
        let Self { action, kind: of, id, user, rule, reason, held, fields, cause: _, by_hand } = self;
        let action = word_of("action", &Action::ALL, Action::word, &action)?;
        let held = held.map(|held| word_of("guard", &Hold::ALL, Hold::word, &held)).transpose()?;
        let fields = fields.into_iter().map(FieldJson::read).collect::<Result<Vec<_>, _>>()?;
        let fields = fields.iter().map(ReadField::change).collect();
        let word = |hand: ByHandJson| word_of("part by hand", &Hand::ALL, Hand::word, &hand.what);
        let hand = by_hand.map(word).transpose()?.unwrap_or_default();
        let (link, user, reason) = (link(action), user.read(), reason.into());
        Ok(Change { action, kind: kind(&of)?, id, user, rule, reason, held, fields, link, hand })
    }
}

/// The owner afterwards, as far as the JSON of a change tells: what was seen of it is not told.
const fn link(action: Action) -> LinkChange {
    match action {
        Action::Archive => LinkChange::Archived,
        Action::Create | Action::Merge | Action::Restore | Action::Update | Action::Deactivate | Action::Reactivate => {
            LinkChange::Set(Seen::Unknown)
        }
    }
}

#[derive(Deserialize)]
struct FieldJson {
    name: String,
    before: Value,
    after: Value,
    from: String,
}

impl FieldJson {
    fn read(self) -> Result<ReadField, DecodeError> {
        let Self { name, before, after, from } = self;
        let slot = slot(&name)?;
        Ok(ReadField { slot, before: value(slot, before)?, after: value(slot, after)?, from: provenance(&from)? })
    }
}

/// A field change, until it is packed with the others.
struct ReadField {
    slot: Slot,
    before: Option<Text>,
    after: Option<Text>,
    from: Provenance,
}

impl ReadField {
    fn change(&self) -> FieldChange<'_> {
        let Self { slot, before, after, from } = self;
        FieldChange { slot: *slot, before: before.as_deref(), after: after.as_deref(), from: *from }
    }
}

#[derive(Deserialize)]
pub(super) struct PreservedJson {
    kind: String,
    id: u64,
    user: UserJson,
    fields: Vec<PreservedFieldJson>,
}

impl PreservedJson {
    pub fn read(self) -> Result<Preserved, DecodeError> {
        let Self { kind: of, id, user, fields } = self;
        let fields = fields.into_iter().map(PreservedFieldJson::read).collect::<Result<_, _>>()?;
        Ok(Preserved { record: RecordKey { kind: kind(&of)?, id }, user: user.read(), fields })
    }
}

#[derive(Deserialize)]
struct PreservedFieldJson {
    name: String,
    actual: Value,
    desired: Value,
}

impl PreservedFieldJson {
    fn read(self) -> Result<PreservedField, DecodeError> {
        let Self { name, actual, desired } = self;
        let slot = slot(&name)?;
        Ok(PreservedField { slot, actual: value(slot, actual)?, desired: value(slot, desired)? })
    }
}

#[derive(Deserialize)]
pub(super) struct BlockedJson {
    user: UserJson,
    rule: Text,
    code: String,
    message: String,
    candidates: Vec<RecordKey>,
}

impl BlockedJson {
    pub fn read(self) -> Result<Blocked, DecodeError> {
        let Self { user, rule, code, message, candidates } = self;
        let code = word_of("code", &Code::ALL, Code::word, &code)?;
        Ok(Blocked { user: user.read(), rule, code, message, candidates })
    }
}
