//! What of a source line must not be shown, because somebody may have written a secret there. Works on lines, not on
//! YAML, so that it also holds where the YAML is broken. When in doubt it hides.

use std::ops::Range;

use super::word::meant;

/// What stands in the place of something hidden.
pub(super) const HIDDEN: &str = "[hidden]";

/// Lines that are looked at, upwards, for the key that a line belongs to.
const LINES_UP: usize = 2_000;

/// Words that make a key one that may hold a secret.
const SECRET_WORDS: [&str; 9] =
    ["applicationkey", "apikey", "clientkey", "certificate", "secret", "password", "passwd", "token", "credential"];

/// Whether a key of that name may hold a secret, mistyped ones too.
pub(super) fn is_secret_key(key: &str) -> bool {
    let bare: String = key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).take(64).collect();
    SECRET_WORDS.iter().any(|word| bare.contains(word)) || meant(&bare, ["applicationKey", "certificate"]).is_some()
}

/// Whether the file can be trusted to be built as its lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    /// It is YAML.
    Sound,
    /// It is not: a quote may be open anywhere.
    Broken,
}

/// The part of line `at`, in characters, that must be hidden.
pub(super) fn hidden(line_of: impl Fn(usize) -> Option<String>, at: usize, syntax: Syntax) -> Option<Range<usize>> {
    let line = line_of(at)?;
    let end = line.chars().count();
    if is_inside_secret(&line_of, &line, at, syntax) {
        return Some(indent(&line)..end);
    }
    let bytes = first_secret(&line)?;
    let start = line[..bytes.start].chars().count();
    Some(start..start + line[bytes].chars().count())
}

fn is_inside_secret(line_of: &impl Fn(usize) -> Option<String>, line: &str, at: usize, syntax: Syntax) -> bool {
    if is_reference(line.trim()) {
        return false;
    }
    let mut inner = indent(line) + usize::from(line.trim_start().starts_with("- "));
    for above in (0..at).rev().take(LINES_UP).map_while(line_of) {
        if above.starts_with("---") {
            return false;
        }
        if above.trim().is_empty() {
            continue;
        }
        if syntax == Syntax::Broken && first_secret(&above).is_some() {
            return true;
        }
        if indent(&above) < inner {
            inner = indent(&above);
            if key_of(&above).is_some_and(is_secret_key) {
                return true;
            }
        }
    }
    false
}

fn indent(line: &str) -> usize {
    line.chars().take_while(|character| matches!(character, ' ' | '\t')).count()
}

/// The key that a line opens: `  key:`, `- key:`, `"key":`.
fn key_of(line: &str) -> Option<&str> {
    let line = line.trim_start().trim_start_matches(['-', '?', ' ']);
    line.split_once(':').map(|(key, _)| key.trim().trim_matches(['"', '\'']))
}

/// The bytes of a line from the first thing that may be a secret to the end, or to the end of an address's login.
fn first_secret(line: &str) -> Option<Range<usize>> {
    let of_key = secret_value(line).map(|start| start..line.len());
    let of_address = address_secret(line);
    match (of_key, of_address) {
        (Some(key), Some(address)) => Some(key.start.min(address.start)..line.len()),
        (key, address) => key.or(address),
    }
}

/// Where the value of the first key that may hold a secret starts, unless it is a proper reference.
fn secret_value(line: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(colon) = line[from..].find(':').map(|at| from + at) {
        let head = line[from..colon].trim_end_matches(['"', '\'', ' ']);
        let key_at = head.rfind(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-'))).map_or(0, |at| at + 1);
        let key = head.get(key_at..).unwrap_or(head);
        if is_secret_key(key) && !is_reference(after_reference_key(&line[colon + 1..])) {
            return Some(colon + 1);
        }
        from = colon + 1;
    }
    let lower = line[from..].to_ascii_lowercase();
    let word = SECRET_WORDS.iter().filter_map(|word| lower.find(word).map(|at| at + word.len())).min();
    word.map(|end| from + end).filter(|end| *end < line.len())
}

/// The value of a key up to the bracket that closes it, or up to a comment.
fn after_reference_key(value: &str) -> &str {
    let value = value.trim_start();
    match value.find('}') {
        Some(end) if value.starts_with('{') => &value[..=end],
        _ => value.split_once(" #").map_or(value, |(value, _)| value).trim_end(),
    }
}

/// Whether this says where a secret is, and is not one: nothing, `env: NAME` or `file: a/path`, braces or not.
fn is_reference(value: &str) -> bool {
    let value = value.trim();
    let inner = value.strip_prefix('{').and_then(|value| value.strip_suffix('}')).unwrap_or(value).trim();
    let value_of = |key: &str| inner.strip_prefix(key)?.trim_start().strip_prefix(':').map(str::trim);
    let is_name = |name: &str| name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    let is_path = |path: &str| path.contains('/') && !path.contains(char::is_whitespace);
    inner.is_empty() || value_of("env").is_some_and(is_name) || value_of("file").is_some_and(is_path)
}

/// The login or the query of an address.
fn address_secret(line: &str) -> Option<Range<usize>> {
    let start = line.find("://")? + 3;
    let rest = &line[start..];
    let end = rest.find([' ', '\t', '"', '\'']).unwrap_or(rest.len());
    let address = &rest[..end];
    let login = address.rfind('@').map(|at| start..start + at);
    let query = address.find(['?', '#']).map(|at| start + at + 1..start + end);
    match (login, query) {
        (Some(login), Some(query)) => Some(login.start..query.end),
        (login, query) => login.or(query),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, at: usize, syntax: Syntax) -> String {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let range = hidden(|line| lines.get(line).cloned(), at, syntax);
        let line: Vec<char> = lines[at].chars().collect();
        range.map_or_else(
            || lines[at].clone(),
            |range| {
                let (before, after) = (line[..range.start].iter(), line[range.end..].iter());
                format!("{}{HIDDEN}{}", before.collect::<String>(), after.collect::<String>())
            },
        )
    }

    #[test]
    fn literal_keys_are_hidden_wherever_they_hide() {
        for line in [
            "  applicationKey: s3cret",
            "  aplicationKey: s3cret",
            "  application_key: 's3cret'",
            "  \"applicationKey\": \"s3cret\"",
            "  spec: { domain: a, applicationKey: s3cret }",
            "  applicationKey: { value: s3cret }",
            "  applicationKey: { env: s3cret }",
            "  applicationKey: { env: NAME, s3cret: x }",
            "  applicationKey s3cret",
            "  clientSecret: s3cret",
            "  # password: s3cret",
            "  login: https://me:s3cret@example.com",
            "  login: https://example.com/?sig=s3cret",
        ] {
            let shown = shown(line, 0, Syntax::Sound);
            assert!(!shown.contains("s3cret") && shown.contains(HIDDEN), "{shown}");
        }
    }

    #[test]
    fn lines_inside_a_secret_are_hidden() {
        let block = "spec:\n  applicationKey: |\n    first\n    s3cret\n  domain: a\n";
        assert_eq!(shown(block, 3, Syntax::Sound), "    [hidden]");
        assert_eq!(shown(block, 4, Syntax::Sound), "  domain: a");
        let list = "spec:\n  applicationKey:\n  - s3cret\n";
        assert_eq!(shown(list, 2, Syntax::Sound), "  [hidden]");
        let open = "spec:\n  applicationKey: \"one\ns3cret\"\n";
        assert_eq!(shown(open, 2, Syntax::Broken), "[hidden]");
    }

    #[test]
    fn references_are_shown() {
        for line in [
            "  applicationKey: { env: CONTOSO_APPLICATION_KEY } # where it is",
            "  applicationKey: {file: /run/secrets/contoso}",
            "  applicationKey:",
            "  securityRole: Technician",
            "  applicationId: 1f3c5d7e-0000-4000-8000-000000000001",
            "  endpoints: { login: http://127.0.0.1:8400, graph: http://127.0.0.1:8400 }",
        ] {
            assert_eq!(shown(line, 0, Syntax::Sound), line);
        }
        let nested = "spec:\n  certificate:\n    file: /run/secrets/contoso.pem\n";
        assert_eq!(shown(nested, 2, Syntax::Sound), "    file: /run/secrets/contoso.pem");
    }
}
