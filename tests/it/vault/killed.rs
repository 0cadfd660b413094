//! Killed at any moment: the newest token that was reported as kept is there, or the one after it; after a rekey that was
//! killed, everything opens with the keys that are on the disk.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bmsync::ledger::sled::SledLedger;
use bmsync::source::grant::Grants;
use bmsync::vault::{Keys, NewKey, Vault};
use secrecy::ExposeSecret;

use super::stage::{CONTOSO, FABRIKAM, grant, id, token};

const KEEPER: &str = "BMSYNC_TEST_KEEP_IN";
const REKEYER: &str = "BMSYNC_TEST_REKEY_IN";

fn open(state: &Path) -> Vault {
    Vault::open(Arc::new(SledLedger::open(state).unwrap()), Keys::beside(state))
}

/// Not a test of its own: the process that [`the_newest_token_survives`] kills. Exchanges tokens, each for the next number.
#[tokio::test]
async fn refreshes_until_killed() {
    let Ok(state) = std::env::var(KEEPER) else { return };
    let vault = open(Path::new(&state));
    let grants = vault.of(&id(CONTOSO));
    loop {
        let _turn = grants.turn().await;
        let before = grants.grant().await.unwrap();
        let number = before.map_or(0, |grant| grant.refresh_token.expose_secret().parse::<u64>().unwrap()) + 1;
        grants.keep(&grant(&number.to_string())).await.unwrap();
        println!("ack {number}");
    }
}

/// Not a test of its own: the process that [`a_rekey_that_was_killed_leaves_everything_readable`] kills.
#[tokio::test]
async fn rekeys_until_killed() {
    let Ok(state) = std::env::var(REKEYER) else { return };
    let vault = open(Path::new(&state));
    for number in 1_u64.. {
        vault.rekey(&NewKey::InPlace).await.unwrap();
        println!("ack {number}");
    }
}

/// Runs a process until it has reported so much and a moment more; gives the last number that it reported.
fn run_and_kill(test: &str, variable: &str, state: &Path, random: &mut fastrand::Rng) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(variable, state)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acks = lines
        .map_while(Result::ok)
        .filter_map(|line| line.split_once("ack ").and_then(|(_, number)| number.trim().parse::<u64>().ok()));
    let wanted = random.usize(1..6);
    let reported = acks.by_ref().take(wanted).last().expect("it reports");
    std::thread::sleep(Duration::from_micros(random.u64(0..6000)));
    child.kill().unwrap();
    let last = acks.last().unwrap_or(reported);
    child.wait().unwrap();
    last
}

#[tokio::test]
async fn the_newest_token_survives() {
    let mut random = fastrand::Rng::with_seed(41);
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    for kill in 0..12 {
        let reported = run_and_kill("vault::killed::refreshes_until_killed", KEEPER, &state, &mut random);
        let found: u64 = token(&open(&state), CONTOSO).await.parse().unwrap();
        assert!((reported..=reported + 1).contains(&found), "kill {kill}: reported {reported}, found {found}");
    }
}

#[tokio::test]
async fn a_rekey_that_was_killed_leaves_everything_readable() {
    let mut random = fastrand::Rng::with_seed(42);
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    for tenant in [CONTOSO, FABRIKAM] {
        open(&state).of(&id(tenant)).keep(&grant(tenant)).await.unwrap();
    }
    let mut waiting = 0;
    for kill in 0..20 {
        run_and_kill("vault::killed::rekeys_until_killed", REKEYER, &state, &mut random);
        waiting += u32::from(folder.path().join("state.key.new").exists());
        let vault = open(&state);
        for tenant in [CONTOSO, FABRIKAM] {
            assert_eq!(token(&vault, tenant).await, tenant, "kill {kill}");
        }
        let keys: Vec<_> = vault.list().await.unwrap().into_iter().map(|kept| kept.key).collect();
        assert_eq!(keys[0], keys[1], "all or nothing, kill {kill}");
    }
    assert!(waiting > 0, "no kill fell between the new key and its place");
}
