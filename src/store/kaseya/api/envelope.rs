//! The envelope in which BMS answers: `{success, error, result}`, in any case of letters, or nothing around the result at
//! all. It knows nothing of what is in it.

use serde_json::{Map, Value};

use crate::http::plain::plain;

/// Longest text of BMS that is passed on.
const MAX_TEXT: usize = 300;

/// What BMS says.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// It did what it was asked.
    Done(Answer),
    /// It did not.
    No(Complaint),
}

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// Null where BMS has nothing to say.
    pub result: Value,
    /// How many items there are on all pages together.
    pub total: Option<u64>,
    /// Whether it came in an envelope.
    pub wrap: Wrap,
}

/// Whether an answer came in an envelope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub enum Wrap {
    Enveloped,
    #[default]
    Bare,
}

/// Why BMS did not do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Its number for it, often an HTTP status.
    pub code: Option<i64>,
    /// In its words, on one line.
    pub message: String,
}

/// An answer that is not what it must be: what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Garbled(pub String);

/// Opens an answer. No body at all is an answer without a result.
///
/// # Errors
/// When it is not JSON, or an envelope that contradicts itself.
pub fn open(body: &[u8]) -> Result<Said, Garbled> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Said::Done(Answer::default()));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(map)) => opened(map),
        Ok(result) => Ok(Said::Done(Answer { result, ..Answer::default() })),
        Err(_) => Err(Garbled("it is not JSON".to_owned())),
    }
}

fn opened(mut map: Map<String, Value>) -> Result<Said, Garbled> {
    let error = find(&map, "error").filter(|error| !error.is_null());
    let success = match find(&map, "success") {
        Some(Value::Bool(success)) => Some(*success),
        None | Some(Value::Null) => None,
        Some(_) => return Err(Garbled("`success` is neither true nor false".to_owned())),
    };
    let is_wrapped = success.is_some() || error.is_some() || (has(&map, "result") && has(&map, "error"));
    match (is_wrapped, success, error) {
        (false, _, _) => Ok(Said::Done(Answer { result: Value::Object(map), ..Answer::default() })),
        (true, Some(true), _) | (true, None, None) => {
            let total = find(&map, "totalRecords").and_then(Value::as_u64);
            let result = take(&mut map, "result").unwrap_or_default();
            Ok(Said::Done(Answer { result, total, wrap: Wrap::Enveloped }))
        }
        (true, Some(false) | None, error) => Ok(Said::No(error.map_or_else(Complaint::silent, Complaint::read))),
    }
}

impl Complaint {
    fn silent() -> Self {
        Self { code: None, message: "it gives no reason".to_owned() }
    }

    fn read(error: &Value) -> Self {
        let Value::Object(map) = error else {
            return error
                .as_str()
                .map_or_else(Self::silent, |text| Self { code: None, message: plain(text, MAX_TEXT) });
        };
        let text = |name| find(map, name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let further = find(map, "subErrors").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let mut parts: Vec<&str> = text("message").into_iter().chain(text("details")).chain(further).take(10).collect();
        parts.dedup();
        let message = plain(&parts.join("; "), MAX_TEXT);
        let code = find(map, "code").and_then(Value::as_i64);
        if message.is_empty() { Self { code, ..Self::silent() } } else { Self { code, message } }
    }

    /// Whether another record has that value already.
    #[must_use]
    pub fn is_clash(&self) -> bool {
        let said = self.message.to_lowercase();
        ["in use", "unique", "already exist", "already used", "already taken", "duplicate"]
            .iter()
            .any(|word| said.contains(word))
    }

    /// Whether it is about the number of calls.
    #[must_use]
    pub fn is_about_limits(&self) -> bool {
        let said = self.message.to_lowercase();
        ["limit", "quota", "throttl", "too many", "rate exceeded"].iter().any(|word| said.contains(word))
    }
}

/// A member by its name, whatever the case of its letters; the exact spelling goes first.
pub(super) fn find<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    map.get(name).or_else(|| map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

fn has(map: &Map<String, Value>, name: &str) -> bool {
    find(map, name).is_some()
}

fn take(map: &mut Map<String, Value>, name: &str) -> Option<Value> {
    map.get_mut(name).map(Value::take).or_else(|| {
        let found = map.iter_mut().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.take())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn done(body: &str) -> (Value, Option<u64>) {
        match open(body.as_bytes()) {
            Ok(Said::Done(answer)) => (answer.result, answer.total),
            other => panic!("{other:?}"),
        }
    }

    fn no(body: &str) -> Complaint {
        match open(body.as_bytes()) {
            Ok(Said::No(complaint)) => complaint,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn both_spellings_and_bare_answers_are_opened() {
        let list = json!([{ "id": 1 }]);
        for body in [
            r#"{"success":true,"error":null,"totalRecords":7,"result":[{"id":1}]}"#,
            r#"{"Success":true,"Error":null,"TotalRecords":7,"Result":[{"id":1}]}"#,
        ] {
            assert_eq!(done(body), (list.clone(), Some(7)), "{body}");
        }
        assert_eq!(done(r#"[{"id":1}]"#), (list, None));
        assert_eq!(done(r#"{"id":5,"firstName":"A"}"#), (json!({ "id": 5, "firstName": "A" }), None));
        assert_eq!(done(r#"{"id":5,"result":"won"}"#).0["id"], 5, "a record that has a result of its own");
        assert_eq!(done(" \n"), (Value::Null, None));
        assert_eq!(done(r#"{"error":null,"result":{"id":2}}"#).0["id"], 2);
    }

    #[test]
    fn a_refusal_inside_a_200_is_a_refusal() {
        let said = no(
            r#"{"success":false,"error":{"code":400,"message":"Email is in use","subErrors":["Email"]},"result":null}"#,
        );
        assert_eq!(said, Complaint { code: Some(400), message: "Email is in use; Email".into() });
        assert!(said.is_clash());
        assert_eq!(no(r#"{"Success":false,"Error":{"Message":"No"}}"#).message, "No");
        assert_eq!(no(r#"{"success":false}"#).message, "it gives no reason");
        assert_eq!(no(r#"{"success":false,"error":"bad\u0007 day"}"#).message, "bad day");
        assert!(no(r#"{"error":{"message":"API calls quota exceeded"}}"#).is_about_limits());
    }

    #[test]
    fn nonsense_is_told_from_an_empty_answer() {
        for body in ["<html>", "{", r#"{"success":"yes","result":[]}"#, r#"{"success":1}"#, "\u{0}"] {
            assert!(open(body.as_bytes()).is_err(), "{body}");
        }
    }
}
