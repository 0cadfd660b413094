//! Hostile manifests are diagnostics, soon, in bounded space.

use std::time::{Duration, Instant};

use bmsync::manifest::Code;

use super::{codes, load_text, text_of};

/// A second, where the code is optimized; time enough on a busy machine where it is not.
const SOON: Duration = Duration::from_secs(if cfg!(debug_assertions) { 30 } else { 1 });

fn hostile() -> Vec<(&'static str, Vec<u8>, Code)> {
    let bomb: String = std::iter::once("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned())
        .chain((1..9).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", "))))
        .collect();
    vec![
        ("anchor bomb", bomb.into_bytes(), Code::TooManyValues),
        ("10 MB scalar", format!("kind: {}\n", "x".repeat(10_000_000)).into_bytes(), Code::TooLarge),
        ("7 MB scalar", format!("kind: {}\n", "x".repeat(7_000_000)).into_bytes(), Code::UnknownKind),
        ("2 MB key", format!("kind: Tenant\n{}: x\n", "x".repeat(2_000_000)).into_bytes(), Code::InvalidYaml),
        (
            "2 MB quoted key",
            format!("kind: Tenant\n? \"{}\"\n: x\n", "x".repeat(2_000_000)).into_bytes(),
            Code::UnknownKey,
        ),
        ("2 MB block", format!("kind: |\n  {}\n", "x\n  ".repeat(500_000)).into_bytes(), Code::UnknownKind),
        ("2 MB comment", format!("#{}\nkind: X", "x".repeat(2_000_000)).into_bytes(), Code::UnknownKind),
        ("tab", b"kind: Tenant\nspec:\n\tdomain: x\n".to_vec(), Code::InvalidYaml),
        ("not UTF-8", b"kind: Tenant\nmetadata: { name: \xff }\n".to_vec(), Code::NotUtf8),
        ("UTF-16", "kind: Tenant".encode_utf16().flat_map(u16::to_le_bytes).collect(), Code::ControlCharacter),
        ("UTF-16 with mark", "\u{feff}kind".encode_utf16().flat_map(u16::to_le_bytes).collect(), Code::NotUtf8),
        ("NUL", b"kind: Tenant\0\n".to_vec(), Code::ControlCharacter),
        ("escape", b"kind: \x1b[31mTenant\n".to_vec(), Code::ControlCharacter),
        ("flow lists", "[".repeat(20_000).into_bytes(), Code::TooDeep),
        ("flow mappings", "{a: ".repeat(20_000).into_bytes(), Code::TooDeep),
        ("flow lists without end", "[".repeat(2_000_000).into_bytes(), Code::TooDeep),
        ("block lists", "- ".repeat(20_000).into_bytes(), Code::TooDeep),
        ("block lists without end", "- ".repeat(1_000_000).into_bytes(), Code::TooDeep),
        ("keys of keys", "? ".repeat(20_000).into_bytes(), Code::TooDeep),
        ("keys of keys without end", "? ".repeat(1_000_000).into_bytes(), Code::TooDeep),
        (
            "deep mappings",
            (0..2_000).fold(String::new(), |text, depth| text + &" ".repeat(depth) + "a:\n").into_bytes(),
            Code::TooDeep,
        ),
        ("very many empty documents", "---\n".repeat(500_000).into_bytes(), Code::TooManyDocuments),
        ("very many documents", "--- a\n".repeat(300_000).into_bytes(), Code::TooManyProblems),
        ("hundreds of thousands of broken documents", "--- [\n".repeat(300_000).into_bytes(), Code::TooManyProblems),
        (
            "very many values",
            "a: [".to_owned().into_bytes().into_iter().chain("1,".repeat(900_000).into_bytes()).collect(),
            Code::TooManyValues,
        ),
        (
            "very many keys",
            (0..200_000).fold(String::new(), |text, n| text + "k" + &n.to_string() + ": \n").into_bytes(),
            Code::TooManyValues,
        ),
        ("very many colons", ":".repeat(2_000_000).into_bytes(), Code::InvalidYaml),
        ("very many spaced colons", ": ".repeat(1_000_000).into_bytes(), Code::TooDeep),
        ("very many quotes", "\"".repeat(2_000_000).into_bytes(), Code::InvalidYaml),
        ("very many stars", "*".repeat(2_000_000).into_bytes(), Code::InvalidYaml),
        ("very many exclamation marks", "!".repeat(2_000_000).into_bytes(), Code::InvalidYaml),
        ("very many ampersands", "&a ".repeat(700_000).into_bytes(), Code::InvalidYaml),
        ("very many blanks", " ".repeat(2_000_000).into_bytes(), Code::NoDocuments),
        ("very many lines", "\n".repeat(2_000_000).into_bytes(), Code::NoDocuments),
        ("very many tabs", "\t".repeat(2_000_000).into_bytes(), Code::NoDocuments),
        ("directives", "%TAG ! !a\n".repeat(200_000).into_bytes(), Code::InvalidYaml),
    ]
}

/// Each is a diagnostic, soon, and with text that a terminal can be given.
#[test]
fn hostile_text_is_only_a_diagnostic() {
    for (name, bytes, code) in hostile() {
        let start = Instant::now();
        let loaded = load_text(bytes);
        let took = start.elapsed();
        let text = text_of(&loaded);
        assert!(codes(&loaded).contains(&code), "{name}: {text}");
        assert!(loaded.config.is_none());
        assert!(took < SOON, "{name} took {took:?}");
        assert!(text.len() < 100_000, "{name}: {}", text.len());
        assert!(loaded.diagnostics.iter().all(|diagnostic| diagnostic.message.len() < 1_000), "{name}");
        assert!(!text.chars().any(|character| character.is_control() && character != '\n'), "{name}: {text:?}");
    }
}
