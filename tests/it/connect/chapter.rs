//! The README's chapter on a real tenant, walked through as it stands there: its manifests, its commands, in its order, with
//! the simulator in place of Microsoft.

use std::path::Path;

use serde_json::Value;

use super::place::{Place, in_a_browser};
use super::program::command;
use super::world::{ADMIN, APPLICATION, DIRECTORY, HOME, KEY};

const GROUP: &str = "45b7d2e7-b882-4a80-ba97-10b7a63b8fa4";
/// The IDs that stand in for a reader's own.
const NAMES: [(&str, &str); 3] = [
    ("00000000-0000-4000-8000-000000000001", HOME),
    ("00000000-0000-4000-8000-000000000002", APPLICATION),
    ("00000000-0000-4000-8000-000000000010", GROUP),
];

/// A block of code of the chapter: its language and its lines.
struct Block {
    language: String,
    text: String,
}

fn chapter() -> String {
    let readme = include_str!("../../../README.md");
    let chapter = readme.split("\n## ").find(|part| part.starts_with("Connect a real tenant")).expect("the chapter");
    chapter.to_owned()
}

fn blocks(chapter: &str) -> Vec<Block> {
    let inside = chapter.split("```").skip(1).step_by(2);
    let block = |text: &str| {
        let (language, text) = text.split_once('\n').expect("a language");
        Block { language: language.to_owned(), text: text.to_owned() }
    };
    inside.map(block).collect()
}

/// The commands of a block, without comments and without where their output goes.
fn commands(block: &Block) -> Vec<Vec<String>> {
    let lines = block.text.lines().filter_map(|line| line.split('#').next()?.trim().strip_prefix("bmsync "));
    let words =
        |line: &str| line.split(['>', '&']).next().unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    lines.map(words).collect()
}

/// As a reader fills it in.
fn own(text: &str) -> String {
    let text = NAMES.iter().fold(text.to_owned(), |text, (theirs, ours)| text.replace(theirs, ours));
    text.replace("contoso.onmicrosoft.com", "harbor.onmicrosoft.com").replace("adele@contoso.com", ADMIN)
}

/// Does what a command says, as the reader it is written for.
async fn follow(place: &Place, folder: &Path, words: &[String]) -> (i32, String) {
    let mut args: Vec<&str> = words.iter().map(String::as_str).collect();
    let with_a_code = args.contains(&"--device-code");
    match args.first().copied() {
        Some("connect") if !with_a_code => args.push("--no-browser"),
        Some("apply") => args.push("--yes"),
        _ => {}
    }
    let mut command = command(folder, &args);
    command.env("CONTOSO_APPLICATION_KEY", KEY);
    match args.first().copied() {
        Some("connect") if with_a_code => place.with_a_code(command.spawn().unwrap(), Some(ADMIN)).await,
        Some("connect") => in_a_browser(command.spawn().unwrap()).await,
        _ => {
            let output = command.output().await.unwrap();
            let text = [output.stdout, output.stderr].concat();
            (output.status.code().unwrap(), String::from_utf8(text).unwrap())
        }
    }
}

/// What is not in order yet, by the names of the checks.
fn wrong(told: &str) -> Vec<String> {
    let json = &told[told.find('{').unwrap()..=told.rfind('}').unwrap()];
    let told: Value = serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {told}"));
    let failed = told["checks"].as_array().unwrap().iter().filter(|one| one["status"] == "failed");
    failed.map(|one| one["check"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_reader_gets_from_the_registration_to_the_first_sync() {
    let directory = DIRECTORY
        .replace("id: g1", &format!("id: {GROUP}"))
        .replace("displayName: Marta", "displayName: Marta, givenName: Marta, surname: Lind")
        .replace("displayName: Omar", "displayName: Omar, givenName: Omar, surname: Haddad");
    let place = Place::of(&directory).await;
    let (root, folder) = (place.path().to_owned(), place.path().join("people"));
    std::fs::remove_dir_all(root.join("manifests")).unwrap();
    let url = place.sim.url();
    let chapter = chapter();
    let mut done = Vec::new();
    for block in blocks(&chapter) {
        if block.language == "yaml" {
            let file = block.text.lines().next().unwrap().trim_start_matches("# ").to_owned();
            let mut text = own(&block.text);
            if file.ends_with("tenant.yaml") {
                // The simulator is not where Microsoft is; and as the text says, the ID goes into the rules too.
                text = format!("{text}  endpoints: {{ login: \"{url}\", graph: \"{url}\" }}\n");
                let rules = std::fs::read_to_string(folder.join("manifests/rules.yaml")).unwrap();
                std::fs::write(folder.join("manifests/rules.yaml"), rules.replace(NAMES[0].0, HOME)).unwrap();
            }
            assert!(folder.join(&file).exists(), "init has begun {file}");
            std::fs::write(folder.join(&file), text).unwrap();
            continue;
        }
        for mut words in commands(&block) {
            let at = if words[0] == "init" { &root } else { &folder };
            match (words[0].as_str(), words.last().map(String::as_str)) {
                ("import", Some("accounts.csv")) => std::fs::write(at.join("accounts.csv"), ACCOUNTS).unwrap(),
                ("import", Some("employees.csv")) => std::fs::write(at.join("employees.csv"), EMPLOYEES).unwrap(),
                ("import", Some("contacts.csv")) => std::fs::write(at.join("contacts.csv"), CONTACTS).unwrap(),
                ("doctor", _) => words.extend(["-o".to_owned(), "json".to_owned()]),
                _ => {}
            }
            let words: Vec<String> = words.iter().map(|word| own(word)).collect();
            let (exit, said) = follow(&place, at, &words).await;
            let early = words[0] == "doctor" && !done.contains(&"import".to_owned());
            if early {
                let wrong = wrong(&said);
                assert!(exit == 1 && wrong.iter().all(|one| one == "groups" || one == "accounts"), "{wrong:?}: {said}");
            } else {
                assert_eq!(exit, 0, "{words:?}: {said}");
            }
            done.push(words[0].clone());
        }
    }
    let order = ["init", "connect", "connect", "connect", "doctor", "validate", "import", "import", "import", "doctor"];
    let rest = ["plan", "explain", "plan", "apply", "export"];
    assert_eq!(done, [&order[..], &rest].concat());
    let (exit, bms) = follow(&place, &folder, &["get".into(), "employees".into()]).await;
    assert!(exit == 0 && bms.contains(ADMIN) && bms.contains("omar"), "{bms}");
    let (exit, said) = follow(&place, &folder, &["plan".into(), "--detailed-exitcode".into()]).await;
    assert_eq!(exit, 0, "nothing is left to do: {said}");
}

/// The steps of the help page of the BMS integration, in its order, each with its counterpart.
#[test]
fn the_steps_are_those_of_the_help_page() {
    let chapter = chapter();
    let mut from = 0;
    for step in ["1. Registration", "2. Permissions", "3. Credentials", "4. Connection", "5. Mapping rules", "7. Sync"]
    {
        let at = chapter[from..].find(&format!("**{step}")).unwrap_or_else(|| panic!("{step} comes in its turn"));
        from += at;
    }
    for permission in ["User.Read", "User.Read.All", "Group.Read.All", "Directory.Read.All", "offline_access"] {
        assert!(chapter.contains(&format!("| `{permission}` |")), "{permission}");
    }
}

const ACCOUNTS: &str = "id,name,locations\n1,Northwind Traders,Main;Warehouse\n";
const EMPLOYEES: &str = "id,status,username,email,firstName,lastName,references.tickets\n\
    1,active,marta,marta@harbor.example,Marta,Lind,3\n";
const CONTACTS: &str = "id,status,account,location,email,firstName,lastName,portalAccess\n\
    1,active,Northwind Traders,Main,nina@northwind.example,Nina,Holm,false\n";
