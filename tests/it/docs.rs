//! The documentation beside the code: links that lead somewhere, verbs, options, faults and codes that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bmsync::plan::{Action, Code, Hold};
use bmsync::report::json;
use bmsync::simulator::Fault;
use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A page, by its path from the root of the repository.
struct Page {
    path: PathBuf,
    text: String,
}

/// Every page that people read: at the root, in `docs`, and the one that `init` writes.
fn pages() -> Vec<Page> {
    let mut waiting = vec![PathBuf::from("docs")];
    let mut paths = ["README.md", "CHANGELOG.md", "src/cli/init/scaffold/README.md"].map(PathBuf::from).to_vec();
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(Path::new(ROOT).join(&folder)).expect("a folder") {
            let entry = entry.expect("an entry");
            let path = folder.join(entry.file_name());
            match path.extension() {
                Some(end) if end == "md" => paths.push(path),
                _ if entry.path().is_dir() => waiting.push(path),
                _ => {}
            }
        }
    }
    paths.sort();
    paths.into_iter().map(|path| Page { text: read(&path), path }).collect()
}

fn read(path: impl AsRef<Path>) -> String {
    let path = Path::new(ROOT).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The text without its fenced blocks, which hold output and code.
fn prose(text: &str) -> String {
    text.split("```").step_by(2).collect()
}

/// What `[…](…)` leads to.
fn links(text: &str) -> Vec<String> {
    let prose = prose(text);
    prose.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())).collect()
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
            kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
        })
        .collect()
}

/// The words after `bmsync` where a command is shown: on lines of code, and in spans of prose.
fn commands(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (place, part) in text.split("```").enumerate() {
        let is_code = |line: &&str| place % 2 == 1 || line.starts_with("    ");
        found.extend(part.lines().filter(is_code).filter_map(|line| line.trim_start().strip_prefix("bmsync ")));
        if place % 2 == 0 {
            found.extend(part.split("`bmsync ").skip(1));
        }
    }
    let ends = ['`', '\n', '#', '|', '&', ';'];
    let words = found.into_iter().map(|rest| rest.split(ends).next().unwrap_or_default().split_whitespace());
    words.map(|words| words.map(str::to_owned).collect()).collect()
}

/// The verbs that the generated reference has, each with its part of the page.
fn verbs(reference: &str) -> Vec<(&str, &str)> {
    let parts = reference.split("\n## bmsync ").skip(1);
    parts.filter_map(|part| Some((part.lines().next()?, part))).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut dead = Vec::new();
    for Page { path, text } in pages() {
        for link in links(&text).into_iter().filter(|link| !link.starts_with("https://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() { path.clone() } else { path.with_file_name(file) };
            let absolute = Path::new(ROOT).join(&target);
            let leads = absolute.exists() && (anchor.is_empty() || anchors(&read(&target)).contains(anchor));
            if !leads {
                dead.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}

#[test]
fn every_file_that_is_named_exists() {
    let mut missing = Vec::new();
    for Page { path, text } in pages().into_iter().filter(|page| !page.path.ends_with("init/scaffold/README.md")) {
        for span in prose(&text).split('`').skip(1).step_by(2) {
            let is_ours = ["src/", "tests/", "docs/", ".ci/"].iter().any(|room| span.starts_with(room));
            if is_ours && !span.contains(['<', '*', ' ', '{']) && !Path::new(ROOT).join(span).exists() {
                missing.push(format!("{}: {span}", path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_command_that_is_shown_exists() {
    let reference = read("docs/reference/cli.md");
    let verbs = verbs(&reference);
    let general = reference.split("\n## bmsync ").nth(1).expect("the general part").to_owned()
        + reference.split("\n## ").nth(1).expect("the options of every verb");
    let mut unknown = Vec::new();
    let mut seen = 0;
    for Page { path, text } in pages() {
        for words in commands(&text) {
            let Some(verb) = words.iter().find(|word| !word.starts_with('-')) else { continue };
            seen += 1;
            let part = verbs.iter().find(|(known, _)| known == verb).map(|(_, part)| *part);
            // The verb that makes the reference is not in it; `[OPTIONS]` stands for any.
            let hidden = verb == "reference" || verb.starts_with('[');
            let options = words.iter().filter(|word| word.starts_with("--") && word.len() > 2);
            let strange: Vec<_> = options
                .filter(|option| !part.is_some_and(|part| part.contains(option.as_str())) && !general.contains(*option))
                .collect();
            if !hidden && (part.is_none() || !strange.is_empty()) {
                unknown.push(format!("{}: bmsync {}", path.display(), words.join(" ")));
            }
        }
    }
    assert!(seen > 60, "only {seen} commands were found");
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

#[test]
fn every_fault_that_is_set_exists() {
    let known: BTreeSet<&str> = Fault::all().map(Fault::name).collect();
    let mut unknown = Vec::new();
    let mut seen = 0;
    for Page { path, text } in pages() {
        let options = text.split("--fault ").skip(1).filter_map(|rest| Some(rest.split_once('=')?.0.to_owned()));
        let bodies = text.split("/control/faults -d '{").skip(1).filter_map(|rest| {
            let name = rest.split_once('}')?.0.split_once(':')?.0;
            Some(name.trim_matches('"').to_owned())
        });
        // NAME and FAULT stand for any of them.
        for name in options.chain(bodies).filter(|name| !name.starts_with(char::is_uppercase)) {
            seen += 1;
            if !known.contains(name.as_str()) {
                unknown.push(format!("{}: {name}", path.display()));
            }
        }
    }
    assert!(seen > 4, "only {seen} faults were found");
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
    let simulator = read("docs/simulator.md");
    let rows = simulator.split("| fault | value |").nth(1).expect("the table of faults").lines().skip(2);
    let told: BTreeSet<&str> =
        rows.take_while(|line| line.starts_with("| `")).filter_map(|line| line.split('`').nth(1)).collect();
    assert_eq!(told, known);
}

/// The words in the first column of the tables of a page.
fn first_column(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect()
}

#[test]
fn every_code_and_every_hold_is_explained_in_its_order() {
    let source = read("src/plan/mod.rs");
    let holds =
        source.split("impl Hold {").nth(1).and_then(|rest| rest.split("\n}").next()).expect("the words of holds");
    let holds = holds.split("=> \"").skip(1).filter_map(|rest| rest.split('"').next());
    let mut words: Vec<&str> = Code::ALL.iter().map(|code| code.word()).collect();
    words.extend(holds);
    assert!(words.contains(&Hold::RuleBroken.word()) && words.contains(&Hold::MaxCreates.word()), "{words:?}");
    let page = read("docs/reference/blocked.md");
    let told: Vec<&str> = first_column(&page).into_iter().filter(|word| *word != "held").collect();
    assert_eq!(told, words);
}

#[test]
fn every_condition_and_every_reason_is_explained() {
    let source = read("src/controller/status.rs");
    let words = |after: &'static str| source.split(after).skip(1).filter_map(|rest| rest.split('"').next());
    let reasons = ["Truth::True, \"", "Truth::False, \"", "Truth::Unknown, \""].map(words).into_iter().flatten();
    let told: BTreeSet<&str> = reasons.chain(words("kind: \"")).chain(words("Job::Operator => \"")).collect();
    assert!(told.len() > 20, "only {told:?} were found");
    let page = read("docs/server.md");
    let untold: Vec<&str> = told.into_iter().filter(|word| !page.contains(&format!("`{word}`"))).collect();
    assert!(untold.is_empty(), "{untold:?}");
}

#[test]
fn the_page_of_plans_has_every_action_and_every_key() {
    let page = read("docs/reference/plan.md");
    let actions: Vec<&str> = Action::ALL.into_iter().map(Action::word).collect();
    let told: Vec<&str> = first_column(&page).into_iter().filter(|word| actions.contains(word)).collect();
    assert_eq!(told, actions);
    let plan = json::value(&super::cli_report::rich(), jiff::Timestamp::UNIX_EPOCH).expect("a plan is JSON");
    let mut keys = BTreeSet::new();
    gather(&plan, &mut keys);
    assert!(keys.len() > 40, "only {} keys were found", keys.len());
    let untold: Vec<&String> = keys.iter().filter(|key| !page.contains(&format!("`{key}`"))).collect();
    assert!(untold.is_empty(), "docs/reference/plan.md does not tell of {untold:?}");
}

/// Every key in a JSON value.
fn gather(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => object.iter().for_each(|(key, value)| {
            keys.insert(key.clone());
            gather(value, keys);
        }),
        Value::Array(items) => items.iter().for_each(|item| gather(item, keys)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_front_page_begins_with_the_two_commands() {
    let readme = read("README.md");
    let screen: Vec<&str> = readme.lines().take(20).collect();
    for command in ["cargo run --release -- demo", "cargo test"] {
        assert!(screen.iter().any(|line| line.starts_with(command)), "{command}");
    }
    let ci = read(".ci/run");
    assert!(ci.contains("-- demo") && ci.contains("cargo test"), ".ci/run runs what the README gives");
}

#[test]
fn the_index_lists_every_page() {
    let index = read("docs/README.md");
    let listed = links(&index);
    for Page { path, .. } in pages() {
        if let Ok(name) = path.strip_prefix("docs") {
            let name = name.display().to_string();
            assert!(name == "README.md" || listed.contains(&name), "docs/README.md does not list {name}");
        }
    }
}

#[test]
fn every_dependency_has_its_line() {
    let manifest = read("Cargo.toml");
    let sections = manifest.split("\n[").filter(|part| part.contains("dependencies]\n"));
    let names = sections.flat_map(|part| part.lines().skip(1)).filter_map(|line| line.split_once(" = "));
    let declared: BTreeSet<&str> = names.map(|(name, _)| name).collect();
    let page = read("docs/dependencies.md");
    let rows = page.lines().filter(|line| line.starts_with("| ")).skip(1).filter_map(|line| line.split('|').nth(1));
    let words = rows.flat_map(|names| names.split([',', ' ', '(', ')'])).map(str::trim);
    let told: BTreeSet<&str> = words.filter(|word| declared.contains(word)).collect();
    assert_eq!(told, declared);
}

/// The tests of the binary, as `room::file::name`, from the sources: a function after `#[test]` or `#[tokio::test]`.
fn tests() -> BTreeSet<String> {
    let mut waiting = vec![PathBuf::from("tests/it")];
    let mut names = BTreeSet::new();
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(Path::new(ROOT).join(&folder)).expect("a folder") {
            let path = folder.join(entry.expect("an entry").file_name());
            match path.extension() {
                Some(end) if end == "rs" => names.extend(tests_of(&path)),
                Some(_) => {}
                None => waiting.push(path),
            }
        }
    }
    names
}

fn tests_of(path: &Path) -> Vec<String> {
    let place = path.strip_prefix("tests/it").expect("it is there").with_extension("");
    let place = place.to_string_lossy().replace(['/', '\\'], "::");
    let text = read(path);
    let marked = text.split("#[test]\n").skip(1).chain(text.split("#[tokio::test").skip(1));
    let heads = marked.filter_map(|rest| rest.split("fn ").nth(1)?.split('(').next());
    heads.map(|name| format!("{}::{name}", place.trim_end_matches("::mod"))).collect()
}

/// A claim of the threat model without a test is only a wish.
#[test]
fn every_test_that_the_threat_model_names_exists() {
    let known = tests();
    let page = read("docs/threat-model.md");
    let named: Vec<&str> = page.split('`').skip(1).step_by(2).filter(|span| span.contains("::")).collect();
    let missing: Vec<&&str> = named.iter().filter(|name| !known.contains(**name)).collect();
    assert!(named.len() > 40, "only {} tests are named", named.len());
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn the_front_page_shows_what_the_demo_shows() {
    let readme = read("README.md");
    let block = readme.split("```text\n").find(|part| part.starts_with("Made from")).expect("the plan");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_bmsync")).arg("demo").output().expect("it starts");
    let demo = String::from_utf8(output.stdout).expect("text");
    let shown = block.split("```").next().unwrap_or_default().lines();
    // The digest of the configuration is of temporary addresses and files.
    for line in shown.filter(|line| !matches!(line.trim(), "" | "…") && !line.starts_with("Made from")) {
        assert!(demo.lines().any(|told| told == line), "the demo does not say: {line}");
    }
}
