//! What of a source line must not be shown, because somebody may have written a secret there. Works on lines, not on
//! YAML, so that it also holds where the YAML is broken. When in doubt it hides.

use std::ops::Range;

use super::word::{bare, meant};

/// What stands in the place of something hidden.
pub(super) const HIDDEN: &str = "[hidden]";

/// Lines that are looked at, upwards, for the key that a line belongs to. Beyond that a line counts as secret.
const LINES_UP: usize = 300;

/// How many letters and digits of a key are looked at.
const LOOKED_AT: usize = 64;

/// Words that make a key one that may hold a secret.
const SECRET_WORDS: [&str; 10] = [
    "applicationkey",
    "apikey",
    "clientkey",
    "certificate",
    "secret",
    "password",
    "passwd",
    "token",
    "credential",
    "totp",
];

/// The keys that manifests are made of: they hold no secret, as a test below proves, and need no closer look.
const FAMILIAR: [&str; 20] = [
    "apiVersion",
    "kind",
    "metadata",
    "name",
    "spec",
    "tenantId",
    "groupId",
    "order",
    "record",
    "email",
    "employee",
    "contact",
    "account",
    "location",
    "suspend",
    "department",
    "securityRole",
    "clientPortal",
    "enabled",
    "domain",
];

/// Whether a key of that name may hold a secret, mistyped ones too.
pub(super) fn is_secret_key(key: &str) -> bool {
    !FAMILIAR.contains(&key) && may_hold_secret(key)
}

fn may_hold_secret(key: &str) -> bool {
    let bare: String = if key.len() <= LOOKED_AT {
        bare(key)
    } else {
        let letters = key.chars().filter(|character| character.is_alphanumeric());
        letters.flat_map(char::to_lowercase).take(LOOKED_AT).collect()
    };
    SECRET_WORDS.iter().any(|word| bare.contains(word)) || bare.ends_with("key") || is_near_secret(&bare)
}

/// Whether a mistyped word is nearer to a key that may hold a secret than to one that looks like it.
fn is_near_secret(word: &str) -> bool {
    meant(word, ["applicationKey", "certificate", "federatedToken", "applicationId"])
        .is_some_and(|near| near != "applicationId")
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
    let before = at.checked_sub(1).and_then(line_of).unwrap_or_default();
    let start = first_secret(&line).or_else(|| continued_secret(&before, &line, syntax))?;
    Some(line[..start].chars().count()..end)
}

/// The value of a key that was broken in two, so that one half is in the line before.
fn continued_secret(before: &str, line: &str, syntax: Syntax) -> Option<usize> {
    let joined = || value_secret(&format!("{before}{}", line.trim_start()));
    let start = (syntax == Syntax::Broken).then(joined)??;
    (start + indent(line)).checked_sub(before.len())
}

fn is_inside_secret(line_of: &impl Fn(usize) -> Option<String>, line: &str, at: usize, syntax: Syntax) -> bool {
    let mut inner = indent(line) + usize::from(line.trim_start().starts_with("- "));
    let is_sound = syntax == Syntax::Sound;
    if is_sound && (inner == 0 || is_reference(line.trim())) {
        return false;
    }
    let mut below = String::new();
    for (count, above) in (0..at).rev().map_while(line_of).enumerate() {
        if above.starts_with("---") {
            return false;
        }
        let is_secret = || first_secret(&above).is_some() || continued_secret(&above, &below, syntax).is_some();
        if count >= LINES_UP || (!is_sound && is_secret()) {
            return true;
        }
        if indent(&above) < inner && !above.trim().is_empty() {
            inner = indent(&above);
            if key_of(&above).is_some_and(is_secret_key) {
                return true;
            }
            if is_sound && inner == 0 {
                return false;
            }
        }
        below = above;
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

/// Whether a line holds something that may be a secret.
pub(super) fn holds_secret(line: &str) -> bool {
    first_secret(line).is_some()
}

/// Where in a line, in bytes, the first thing starts that may be a secret. What follows it is hidden with it.
fn first_secret(line: &str) -> Option<usize> {
    [value_secret(line), word_secret(line), address_secret(line)].into_iter().flatten().min()
}

/// The value of a key that may hold a secret, unless it is a proper reference.
fn value_secret(line: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(colon) = line[from..].find([':', '=']).map(|at| from + at) {
        from = colon + 1;
        if ends_in_secret_key(&line[..colon]) {
            let value = first_value(&line[from..]);
            if !is_reference(value) {
                return Some(from + indent(value));
            }
            from += value.len();
        }
    }
    None
}

/// Whether the last thing before a colon is a key that may hold a secret, also when it is broken in two.
fn ends_in_secret_key(head: &str) -> bool {
    let head = head.trim_end_matches(['"', '\'', ' ']);
    let key = head.rsplit(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-'))).next().unwrap_or(head);
    let mut letters: Vec<char> = head.chars().rev().filter(|c| c.is_alphanumeric()).take(14).collect();
    letters.reverse();
    let end: String = letters.into_iter().flat_map(char::to_lowercase).collect();
    is_secret_key(key) || is_near_secret(&end) || SECRET_WORDS.iter().any(|word| end.ends_with(word))
}

/// What follows a key that may hold a secret, where the colon was forgotten.
fn word_secret(line: &str) -> Option<usize> {
    let start = indent(line);
    let end = line[start..].find([' ', '\t', '=']).map(|at| start + at)?;
    (!line[start..end].contains(':') && is_secret_key(&line[start..end]) && !line[end..].trim_start().starts_with(':'))
        .then_some(end)
}

/// The value after a colon: up to the bracket that closes it, or up to a comment.
fn first_value(rest: &str) -> &str {
    match rest.find('}') {
        Some(end) if rest.trim_start().starts_with('{') => &rest[..=end],
        _ => rest.find(" #").map_or(rest, |comment| &rest[..comment]),
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
fn address_secret(line: &str) -> Option<usize> {
    line.match_indices("://").find_map(|(at, slashes)| {
        let start = at + slashes.len();
        let rest = &line[start..];
        let address = &rest[..rest.find([' ', '\t', '"', '\'']).unwrap_or(rest.len())];
        if address.contains('@') { Some(start) } else { address.find(['?', '#']).map(|query| start + query + 1) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn familiar_keys_hold_no_secret() {
        assert!(FAMILIAR.iter().all(|key| !may_hold_secret(key)));
        assert!(is_secret_key("applicationKey") && is_secret_key("aplicationkey") && is_secret_key("api_key"));
    }

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
            "  endpoints: { login: \"https://example.com\", graph: \"https://example.com/?sig=s3cret\" }",
            "  endpoints: { login: \"https://a@example.com\", graph: \"https://example.com/?sig=s3cret\" }",
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
            "  certificate: { file: /run/secrets/contoso.pem }, domain: a",
            "  domain: contoso.onmicrosoft.com # the secret is elsewhere",
            "  applicationID: 1f3c5d7e",
            "  applicationId: 1f3c5d7e-0000-4000-8000-000000000001",
            "  endpoints: { login: http://127.0.0.1:8400, graph: http://127.0.0.1:8400 }",
        ] {
            assert_eq!(shown(line, 0, Syntax::Sound), line);
        }
        let nested = "spec:\n  certificate:\n    file: /run/secrets/contoso.pem\n";
        assert_eq!(shown(nested, 2, Syntax::Sound), "    file: /run/secrets/contoso.pem");
    }
}
