//! Changes to JSON that leave it JSON: another value, a key that goes, comes or is called otherwise, parts that move.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::mutate::{NUMBERS, TEXTS, pick};

/// Changes the whole, if it is JSON, or one line of it that is.
pub fn change(bytes: &mut Vec<u8>, words: &[&str], rng: &mut Rng) {
    if let Ok(mut value) = serde_json::from_slice::<Value>(bytes) {
        edit(&mut value, words, rng);
        *bytes = value.to_string().into_bytes();
        return;
    }
    let mut lines: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let at = rng.usize(..lines.len());
    if let Ok(mut value) = serde_json::from_slice::<Value>(&lines[at]) {
        edit(&mut value, words, rng);
        lines[at] = value.to_string().into_bytes();
        *bytes = lines.join(&b'\n');
    }
}

fn edit(value: &mut Value, words: &[&str], rng: &mut Rng) {
    let count = count(value);
    let other = nth(value, &mut rng.usize(..count)).cloned().unwrap_or_default();
    let at = rng.usize(..count);
    let Some(node) = nth(value, &mut at.clone()) else { return };
    match rng.u8(..6) {
        0 => *node = other,
        1 => rename(node, words, rng),
        2 => shorten(node, rng),
        3 => lengthen(node, &other, rng),
        _ => *node = anything(words, rng),
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum::<usize>(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// The nth value, counted from the outside.
fn nth<'a>(value: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, left)),
        Value::Object(members) => members.values_mut().find_map(|member| nth(member, left)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn word(words: &[&str], rng: &mut Rng) -> String {
    let all = if words.is_empty() || rng.bool() { TEXTS } else { words };
    (*pick(all, rng)).to_owned()
}

fn anything(words: &[&str], rng: &mut Rng) -> Value {
    match rng.u8(..9) {
        0 => Value::Null,
        1 => Value::Bool(rng.bool()),
        2 => serde_json::from_str(pick::<&str>(NUMBERS, rng)).unwrap_or_default(),
        3 => json!([]),
        4 => json!({}),
        5 => json!([word(words, rng), word(words, rng)]),
        _ => Value::String(word(words, rng)),
    }
}

fn rename(node: &mut Value, words: &[&str], rng: &mut Rng) {
    if let Value::Object(members) = node
        && !members.is_empty()
    {
        let at = rng.usize(..members.len());
        let new = word(words, rng);
        let old = std::mem::take(members);
        let renamed = old.into_iter().enumerate();
        *members =
            renamed.map(|(n, (key, value))| (if n == at { new.clone() } else { key }, value)).collect::<Map<_, _>>();
    }
}

fn shorten(node: &mut Value, rng: &mut Rng) {
    match node {
        Value::Array(items) if !items.is_empty() => drop(items.remove(rng.usize(..items.len()))),
        Value::Object(members) if !members.is_empty() => {
            let key = members.keys().nth(rng.usize(..members.len())).cloned().unwrap_or_default();
            members.shift_remove(&key);
        }
        Value::String(text) => drop(text.pop()),
        Value::Array(_) | Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn lengthen(node: &mut Value, other: &Value, rng: &mut Rng) {
    match node {
        Value::Array(items) => {
            let again = if rng.bool() { items.first().cloned() } else { None };
            items.insert(rng.usize(..=items.len()), again.unwrap_or_else(|| other.clone()));
        }
        Value::String(text) => {
            let mut at = rng.usize(..=text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            text.insert_str(at, pick::<&str>(TEXTS, rng));
        }
        Value::Object(members) => drop(members.insert((*pick(TEXTS, rng)).to_owned(), other.clone())),
        Value::Null | Value::Bool(_) | Value::Number(_) => *node = json!([other]),
    }
}
