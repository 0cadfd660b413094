//! `rekey` and `disconnect` through the binary.

use std::process::{Command, Stdio};

use bmsync::source::grant::Grants;
use bmsync::vault::{Key, Keys};
use secrecy::ExposeSecret;

use super::stage::{CONTOSO, Stage, grant, id, token};
use crate::e2e::Told;

fn bmsync(stage: &Stage, args: &[&str]) -> Told {
    run(command(stage, args))
}

fn command(stage: &Stage, args: &[&str]) -> Command {
    stage.reopen();
    let mut command = Command::new(env!("CARGO_BIN_EXE_bmsync"));
    command.args(args).current_dir(stage.folder()).stdin(Stdio::null()).env("BMSYNC_STATE", "state");
    for name in ["BMSYNC_KEY", "BMSYNC_KEY_FILE", "BMSYNC_SERVER", "RUST_LOG"] {
        command.env_remove(name);
    }
    command
}

fn run(mut command: Command) -> Told {
    Told::of(command.output().expect("the binary starts"))
}

async fn furnished() -> Stage {
    let stage = Stage::new();
    stage.vault().of(&id(CONTOSO)).keep(&grant("precious")).await.unwrap();
    stage
}

#[tokio::test]
async fn rekey_seals_anew_and_says_where_the_key_is() {
    let stage = furnished().await;
    let before = std::fs::read_to_string(stage.key()).unwrap();
    let told = bmsync(&stage, &["rekey"]).ends(0).says(&["state.key", "backups"]);
    assert!(told.out.starts_with("Sealed 1 sign-in with the new key "), "{told:?}");
    assert_ne!(std::fs::read_to_string(stage.key()).unwrap(), before);
    assert_eq!(stage.token(CONTOSO).await, "precious");
    let told = bmsync(&stage, &["rekey", "--new-key-file", "k2", "-o", "json"]).ends(0).says(&["give --key-file k2"]);
    assert_eq!(told.json()["signIns"], 1);
    let told = bmsync(&stage, &["rekey"]).ends(1).says(&["sealed with key", "hint: give key"]);
    assert_eq!(told.out, "");
    bmsync(&stage, &["rekey", "--key-file", "k2"]).ends(0);
    assert_eq!(token(&stage.vault_with(Keys::File(stage.folder().join("k2"))), CONTOSO).await, "precious");
}

#[tokio::test]
async fn the_key_of_the_environment_counts_and_is_not_told() {
    let stage = Stage::new();
    let key = Key::random().unwrap().written();
    stage.vault_with(Keys::given("x", &key).unwrap()).of(&id(CONTOSO)).keep(&grant("one")).await.unwrap();
    let with = |value: &str, args: &[&str]| {
        let mut command = command(&stage, args);
        run({
            command.env("BMSYNC_KEY", value);
            command
        })
    };
    let key = key.expose_secret();
    with(key, &["rekey"]).ends(64).says(&["the key comes from BMSYNC_KEY", "--new-key-file"]);
    with(key, &["rekey", "--key-file", "f"]).ends(64).says(&["a key file is named too"]);
    let told = with(&key[1..], &["rekey"]).ends(64).says(&["BMSYNC_KEY holds no key"]);
    assert!(!told.err.contains(&key[1..]), "{told:?}");
    with(key, &["rekey", "--new-key-file", "state.key"]).ends(0);
    assert_eq!(stage.token(CONTOSO).await, "one");
}

#[tokio::test]
async fn disconnect_forgets_and_says_what_is_left_to_do() {
    let stage = furnished().await;
    std::fs::remove_file(stage.key()).unwrap();
    let told = bmsync(&stage, &["disconnect", &CONTOSO.to_uppercase()]).ends(0);
    let told = told.says(&["still exists in Entra ID", "Revoke sessions"]);
    assert!(told.out.contains("ada@contoso.com"), "{told:?}");
    let told = bmsync(&stage, &["disconnect", CONTOSO, "-o", "json"]).ends(0);
    assert_eq!((&told.json()["forgotten"], told.err.as_str()), (&serde_json::Value::Bool(false), ""));
    assert!(stage.vault().list().await.unwrap().is_empty());
    bmsync(&stage, &["disconnect", "contoso"]).ends(1);
}

#[tokio::test]
async fn a_state_that_is_in_use_is_left_alone() {
    let stage = furnished().await;
    let mut rekey = command(&stage, &["rekey"]);
    let mut disconnect = command(&stage, &["disconnect", CONTOSO]);
    let held = stage.ledger();
    for command in [&mut rekey, &mut disconnect] {
        let told = Told::of(command.output().unwrap());
        told.ends(1).says(&["in use by another bmsync", "stop that bmsync"]);
    }
    drop(held);
    assert_eq!(stage.token(CONTOSO).await, "precious");
}

#[test]
fn without_a_state_there_is_nothing_to_seal() {
    let stage = Stage::new();
    bmsync(&stage, &["rekey"]).ends(1).says(&["there is no state at state"]);
    bmsync(&stage, &["disconnect", CONTOSO]).ends(0);
    assert!(!stage.state().exists() && !stage.key().exists());
}
