//! An explanation read back from its JSON. Knows nothing of how it is shown.

use serde::Deserialize;
use serde_json::Value;

use super::DecodeError;
use super::parts::{BlockedJson, ChangeJson, PreservedJson, UserJson, kind, provenance, value, word_of};
use crate::interchange::record;
use crate::model::{Field, Id, Seen, Text};
use crate::plan::explain::{ExplainedField, Presence, RuleVerdict, Verdict};
use crate::plan::{Explanation, Slot, Touch};

const PRESENCES: [Presence; 4] = [Presence::Present, Presence::Disabled, Presence::Gone, Presence::Unknown];
const VERDICTS: [Verdict; 5] = [Verdict::Wins, Verdict::Loses, Verdict::Suspended, Verdict::NoMatch, Verdict::Broken];

/// Reads an explanation.
///
/// # Errors
/// When it is none of this format.
pub fn explanation(told: &Value) -> Result<Explanation, DecodeError> {
    let ExplanationJson {
        user,
        display_name,
        tenant,
        presence,
        rules,
        fields,
        record: owned,
        changes,
        blocked,
        preserved,
        touched,
    } = ExplanationJson::deserialize(told)?;
    let user = user.read();
    let not_a_record = || DecodeError::Word { what: "record", word: "none".to_owned() };
    let owned = owned.map(|owned| record::read(&owned).ok_or_else(not_a_record)).transpose()?;
    let seen = owned.as_ref().filter(|_| touched);
    let touched = seen.map(|owned| Touch { record: owned.key, user: user.clone(), seen: Seen::Unknown });
    Ok(Explanation {
        user,
        display_name,
        tenant,
        presence: word_of("user's presence", &PRESENCES, Presence::word, &presence)?,
        rules: rules.into_iter().map(RuleJson::read).collect::<Result<_, _>>()?,
        fields: fields.into_iter().map(FieldJson::read).collect::<Result<_, _>>()?,
        record: owned,
        changes: changes.into_iter().map(ChangeJson::read).collect::<Result<_, _>>()?,
        blocked: blocked.map(BlockedJson::read).transpose()?,
        preserved: preserved.map(PreservedJson::read).transpose()?,
        touched,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExplanationJson {
    user: UserJson,
    display_name: Option<Text>,
    tenant: Option<Text>,
    presence: String,
    rules: Vec<RuleJson>,
    fields: Vec<FieldJson>,
    record: Option<Value>,
    changes: Vec<ChangeJson>,
    blocked: Option<BlockedJson>,
    preserved: Option<PreservedJson>,
    touched: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuleJson {
    rule: Text,
    order: u64,
    group_id: Id,
    group_name: Option<Text>,
    record: String,
    verdict: String,
    why: String,
}

impl RuleJson {
    fn read(self) -> Result<RuleVerdict, DecodeError> {
        let Self { rule, order, group_id: group, group_name, record, verdict, why } = self;
        let verdict = word_of("rule's verdict", &VERDICTS, Verdict::word, &verdict)?;
        Ok(RuleVerdict { rule, order, group, group_name, kind: kind(&record)?, verdict, why })
    }
}

#[derive(Deserialize)]
struct FieldJson {
    name: String,
    actual: Value,
    desired: Value,
    from: String,
}

impl FieldJson {
    fn read(self) -> Result<ExplainedField, DecodeError> {
        let Self { name, actual, desired, from } = self;
        let unknown = || DecodeError::Word { what: "field", word: name.clone() };
        let field = Field::from_word(&name).ok_or_else(unknown)?;
        let slot = Slot::Field(field);
        Ok(ExplainedField {
            field,
            actual: value(slot, actual)?,
            desired: value(slot, desired)?,
            from: provenance(&from)?,
        })
    }
}
