//! A change as a line of a plan's JSON, written straight: a plan of a million users is mostly this.
//!
//! The same bytes as the serialiser's, which a test below compares.

use std::io::{self, Write as _};

use crate::model::{Field, Id};
use crate::plan::{Change, EMAIL_IS_FREE, FieldChange, Hand, Hold, Reason, Slot, UserRef};

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
        lines.put(if number == 0 { "\n    " } else { ",\n    " });
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
    /// What stands before the old value of each slot, by its number.
    changed: [String; Slot::ALL.len()],
    /// What stands before the new value of each slot where there is no old one.
    set: [String; Slot::ALL.len()],
}

impl Lines {
    fn new() -> Self {
        let changed = Slot::ALL.map(|slot| format!(r#"{{"name":"{}","before":"#, slot.word()));
        let set = changed.each_ref().map(|changed| format!(r#"{changed}null,"after":"#));
        Self { json: Vec::with_capacity(CHUNK + CHUNK / 4), changed, set }
    }

    #[inline]
    fn put(&mut self, json: &str) {
        self.json.extend_from_slice(json.as_bytes());
    }

    fn change(&mut self, change: &Change, told: Told) {
        let Change { action, kind, id, user, rule, reason, held, fields, link: _, hand } = change;
        self.put(r#"{"action":""#);
        self.put(action.word());
        self.put(r#"","kind":""#);
        self.put(kind.word());
        self.put(r#"","id":"#);
        match id {
            Some(id) => self.number(*id),
            None => self.put("null"),
        }
        self.put(r#","user":"#);
        self.user(user);
        self.put(r#","rule":"#);
        self.value(rule.as_deref());
        self.put(r#","reason":"#);
        match (reason, fields.after(Slot::Field(Field::Email))) {
            (Reason::EmailIsFree, Some(email)) => self.text(EMAIL_IS_FREE, email),
            (Reason::EmailIsFree, None) | (Reason::Fixed(_) | Reason::Own(_), _) => self.text("", &change.reason()),
        }
        self.put(r#","held":"#);
        self.value(held.map(Hold::word));
        self.put(r#","fields":["#);
        for (number, field) in fields.iter().enumerate() {
            self.put(if number == 0 { "" } else { "," });
            self.field(field);
        }
        self.put("]");
        if *hand != Hand::Nothing {
            self.by_hand(*hand, &change.steps());
        }
        if let Told::Cause(cause) = told {
            self.put(r#","cause":"#);
            self.value(cause);
        }
        self.put("}");
    }

    fn by_hand(&mut self, hand: Hand, steps: &[String]) {
        self.put(r#","byHand":{"what":""#);
        self.put(hand.word());
        self.put(r#"","steps":["#);
        for (number, step) in steps.iter().enumerate() {
            self.put(if number == 0 { "" } else { "," });
            self.text("", step);
        }
        self.put("]}");
    }

    fn user(&mut self, UserRef { key, user_principal_name }: &UserRef) {
        self.put(r#"{"tenantId":"#);
        self.id(&key.tenant);
        self.put(r#","id":"#);
        self.id(&key.user);
        self.put(r#","userPrincipalName":"#);
        self.value(user_principal_name.as_deref());
        self.put("}");
    }

    fn field(&mut self, FieldChange { slot, before, after, from }: FieldChange<'_>) {
        let value = match slot {
            Slot::Field(Field::PortalAccess) => Self::flag,
            Slot::Field(_) | Slot::Status => Self::value,
        };
        if before.is_none() {
            self.json.extend_from_slice(self.set[slot.number()].as_bytes());
        } else {
            self.json.extend_from_slice(self.changed[slot.number()].as_bytes());
            value(self, before);
            self.put(r#","after":"#);
        }
        value(self, after);
        self.put(r#","from":""#);
        self.put(from.word());
        self.put(r#""}"#);
    }

    fn flag(&mut self, value: Option<&str>) {
        self.put(value.map_or("null", |value| if value == "true" { "true" } else { "false" }));
    }

    fn value(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.text("", value),
            None => self.put("null"),
        }
    }

    fn id(&mut self, id: &Id) {
        id.with_text(|text| self.text("", text));
    }

    fn number(&mut self, number: u64) {
        // A list of bytes takes all that is written to it.
        let _ = write!(self.json, "{number}");
    }

    /// A text in quotes, after words that need no care.
    fn text(&mut self, words: &str, text: &str) {
        self.json.push(b'"');
        self.put(words);
        if is_plain(text.as_bytes()) {
            self.put(text);
        } else {
            self.careful(text);
        }
        self.json.push(b'"');
    }

    fn careful(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                b'"' => self.put("\\\""),
                b'\\' => self.put("\\\\"),
                0x08 => self.put("\\b"),
                b'\t' => self.put("\\t"),
                b'\n' => self.put("\\n"),
                0x0c => self.put("\\f"),
                b'\r' => self.put("\\r"),
                control if needs_care(control) => {
                    let _ = write!(self.json, "\\u{control:04x}");
                }
                plain => self.json.push(plain),
            }
        }
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
    use crate::plan::{Action, FieldChanges, LinkChange, Provenance};

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
