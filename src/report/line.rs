//! A change as a line of a plan's JSON, written straight: a plan of a million users is mostly this.
//!
//! The same bytes as the serialiser's, which a test below compares.

use std::io::{self, Write as _};

use crate::model::Field;
use crate::plan::{Change, EMAIL_IS_FREE, FieldChange, Hand, Hold, Provenance, Reason, Slot, UserRef};

/// What is said of the cause of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// That it is this, or that it is not known.
    Cause(Option<&'static str>),
    /// Nothing.
    Nothing,
}

/// How much is put together before it is written.
const CHUNK: usize = 1 << 17;

/// Writes the items of a list of changes, as they stand in a plan: each in a line of its own.
pub(super) fn write<'a>(changes: impl Iterator<Item = (&'a Change, Told)>, out: &mut dyn io::Write) -> io::Result<()> {
    let mut lines = Lines::new();
    for (number, (change, told)) in changes.enumerate() {
        put(&mut lines.json, if number == 0 { "\n    " } else { ",\n    " });
        lines.change(change, told);
        if lines.json.len() >= CHUNK {
            out.write_all(&lines.json)?;
            lines.json.clear();
        }
    }
    out.write_all(&lines.json)
}

/// Lines of JSON in the making.
struct Lines {
    json: Vec<u8>,
    words: Words,
}

/// What stands around the values of fields, put together once.
struct Words {
    /// By the number of the slot.
    slots: [Opening; Slot::ALL.len()],
    /// What stands after a new value that is text, its closing quote included, by provenance.
    ends: [String; Provenance::ALL.len()],
}

/// What stands before the values of a slot.
struct Opening {
    /// Before the old value.
    changed: String,
    /// Before a new value that is text where there is no old one, its opening quote included.
    set: String,
}

impl Words {
    fn new() -> Self {
        let slots = Slot::ALL.map(|slot| {
            let changed = format!(r#"{{"name":"{}","before":"#, slot.word());
            Opening { set: format!(r#"{changed}null,"after":""#), changed }
        });
        Self { slots, ends: Provenance::ALL.map(|from| format!(r#"","from":"{}"}}"#, from.word())) }
    }
}

impl Lines {
    fn new() -> Self {
        Self { json: Vec::with_capacity(CHUNK + CHUNK / 4), words: Words::new() }
    }

    fn change(&mut self, change: &Change, told: Told) {
        let Change { action, kind, id, user, rule, reason, held, fields, link: _, hand } = change;
        let json = &mut self.json;
        put(json, r#"{"action":""#);
        put(json, action.word());
        put(json, r#"","kind":""#);
        put(json, kind.word());
        put(json, r#"","id":"#);
        match id {
            Some(id) => number(json, *id),
            None => put(json, "null"),
        }
        write_user(json, user);
        put(json, r#","rule":"#);
        value(json, rule.as_deref());
        match (reason, fields.after(Slot::Field(Field::Email))) {
            (Reason::EmailIsFree, Some(email)) => {
                put(json, r#","reason":""#);
                text(json, EMAIL_IS_FREE, email, "\"");
            }
            (Reason::EmailIsFree, None) | (Reason::Fixed(_) | Reason::Own(_), _) => {
                text(json, r#","reason":""#, &change.reason(), "\"");
            }
        }
        put(json, r#","held":"#);
        value(json, held.map(Hold::word));
        put(json, r#","fields":["#);
        for (number, change) in fields.iter().enumerate() {
            put(json, if number == 0 { "" } else { "," });
            field(json, &self.words, change);
        }
        put(json, "]");
        if *hand != Hand::Nothing {
            by_hand(json, *hand, &change.steps());
        }
        if let Told::Cause(cause) = told {
            put(json, r#","cause":"#);
            value(json, cause);
        }
        put(json, "}");
    }
}

#[inline]
fn put(json: &mut Vec<u8>, words: &str) {
    json.extend_from_slice(words.as_bytes());
}

fn by_hand(json: &mut Vec<u8>, hand: Hand, steps: &[String]) {
    put(json, r#","byHand":{"what":""#);
    put(json, hand.word());
    put(json, r#"","steps":["#);
    for (number, step) in steps.iter().enumerate() {
        text(json, if number == 0 { "\"" } else { ",\"" }, step, "\"");
    }
    put(json, "]}");
}

fn write_user(json: &mut Vec<u8>, UserRef { key, user_principal_name }: &UserRef) {
    put(json, r#","user":{"tenantId":""#);
    key.tenant.with_bytes(|id| write_bytes(json, id));
    put(json, r#"","id":""#);
    key.user.with_bytes(|id| write_bytes(json, id));
    put(json, r#"","userPrincipalName":"#);
    value(json, user_principal_name.as_deref());
    put(json, "}");
}

fn field(json: &mut Vec<u8>, words: &Words, FieldChange { slot, before, after, from }: FieldChange<'_>) {
    let Opening { changed, set } = &words.slots[slot.number()];
    let value = match (slot, before, after) {
        (Slot::Field(Field::PortalAccess), _, _) => flag,
        (Slot::Field(_) | Slot::Status, None, Some(after)) => {
            return text(json, set, after, &words.ends[from as usize]);
        }
        (Slot::Field(_) | Slot::Status, _, _) => value,
    };
    put(json, changed);
    value(json, before);
    put(json, r#","after":"#);
    value(json, after);
    put(json, r#","from":""#);
    put(json, from.word());
    put(json, r#""}"#);
}

fn flag(json: &mut Vec<u8>, value: Option<&str>) {
    put(json, value.map_or("null", |value| if value == "true" { "true" } else { "false" }));
}

fn value(json: &mut Vec<u8>, value: Option<&str>) {
    match value {
        Some(value) => text(json, "\"", value, "\""),
        None => put(json, "null"),
    }
}

fn number(json: &mut Vec<u8>, number: u64) {
    // A list of bytes takes all that is written to it.
    let _ = write!(json, "{number}");
}

/// A text with what stands before and after it, its quotes among that.
fn text(json: &mut Vec<u8>, before: &str, text: &str, after: &str) {
    put(json, before);
    write_bytes(json, text.as_bytes());
    put(json, after);
}

/// The bytes of a text.
fn write_bytes(json: &mut Vec<u8>, text: &[u8]) {
    if is_plain(text) {
        json.extend_from_slice(text);
    } else {
        for byte in text {
            careful(json, *byte);
        }
    }
}

/// A byte of a text that has bytes which JSON does not take as they are.
fn careful(json: &mut Vec<u8>, byte: u8) {
    match byte {
        b'"' => put(json, "\\\""),
        b'\\' => put(json, "\\\\"),
        0x08 => put(json, "\\b"),
        b'\t' => put(json, "\\t"),
        b'\n' => put(json, "\\n"),
        0x0c => put(json, "\\f"),
        b'\r' => put(json, "\\r"),
        control if needs_care(control) => {
            let _ = write!(json, "\\u{control:04x}");
        }
        plain => json.push(plain),
    }
}

const fn needs_care(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Whether a text is written as it is: looked at eight bytes at a time, the last eight perhaps twice.
fn is_plain(text: &[u8]) -> bool {
    match text.last_chunk::<8>() {
        None => !text.iter().any(|byte| needs_care(*byte)),
        Some(last) => text.as_chunks::<8>().0.iter().chain([last]).all(|bytes| are_plain(*bytes)),
    }
}

/// The same for eight bytes at once: a byte below a limit borrows from the highest bit when the limit is taken away.
fn are_plain(bytes: [u8; 8]) -> bool {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const HIGHEST: u64 = 0x80 * EACH;
    let bytes = u64::from_le_bytes(bytes);
    let below = |bytes: u64, limit: u64| bytes.wrapping_sub(limit * EACH) & !bytes;
    let is = |byte: u8| below(bytes ^ (u64::from(byte) * EACH), 1);
    (below(bytes, 0x20) | is(b'"') | is(b'\\')) & HIGHEST == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Kind, Text, UserKey};
    use crate::plan::{Action, FieldChanges, LinkChange};

    #[test]
    fn a_line_is_what_the_serialiser_writes() {
        let every: String = (0_u32..0x800).chain([0x2028, 0x1_f600]).filter_map(char::from_u32).collect();
        let texts = [None, Some(""), Some("plain"), Some("ü ß"), Some(every.as_str())];
        for (at, text) in texts.into_iter().enumerate() {
            for held in [None, Some(Hold::MaxCreates)] {
                let (own, change) = (text.map(Text::from), change(text, held, at));
                let expected = serde_json::to_string(&super::super::json::ChangeJson::of(&change)).unwrap();
                assert_eq!(line(&change, Told::Nothing), expected, "{own:?}");
                let cause = text.map(|_| "pending");
                let told = expected.strip_suffix('}').unwrap().to_owned();
                let told = told + if cause.is_some() { r#","cause":"pending"}"# } else { r#","cause":null}"# };
                assert_eq!(line(&change, Told::Cause(cause)), told);
            }
        }
    }

    #[test]
    fn eight_bytes_at_once_are_seen_as_each_alone() {
        for byte in 0..=u8::MAX {
            for (filler, at) in [(b'a', 0), (0xff, 3), (0x80, 7), (0x21, 5), (0x7f, 15), (b' ', 17), (b']', 8)] {
                for length in [at + 1, at + 2, at + 9] {
                    let mut text = vec![filler; length];
                    text[at] = byte;
                    assert_eq!(is_plain(&text), !needs_care(byte), "{byte} at {at} of {length} among {filler}");
                }
            }
        }
    }

    fn line(change: &Change, told: Told) -> String {
        let mut lines = Lines::new();
        lines.change(change, told);
        String::from_utf8(lines.json).unwrap()
    }

    fn change(text: Option<&str>, held: Option<Hold>, at: usize) -> Change {
        let key = UserKey { tenant: "84841066-274d-4ec0-a5c1-276be684bdd3".into(), user: text.unwrap_or("u").into() };
        let fields = Field::ALL.map(Slot::Field).into_iter().chain([Slot::Status]).map(|slot| FieldChange {
            slot,
            before: text.filter(|_| at.is_multiple_of(2)),
            after: if at == 2 { Some("true") } else { text },
            from: Provenance::ALL[at % Provenance::ALL.len()],
        });
        Change {
            action: Action::ALL[at % Action::ALL.len()],
            kind: Kind::ALL[at % 2],
            id: (at != 1).then_some(u64::MAX - at as u64),
            user: UserRef { key, user_principal_name: text.map(Text::from) },
            rule: text.map(Text::from),
            reason: [Reason::EmailIsFree, Reason::Fixed("why"), text.unwrap_or("x").to_owned().into()][at % 3].clone(),
            held,
            hand: Hand::ALL[at % Hand::ALL.len()],
            fields: if at == 0 { FieldChanges::default() } else { fields.collect() },
            link: LinkChange::Archived,
        }
    }
}
