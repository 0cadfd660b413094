//! The vault: what is kept is sealed, survives kills, is lost to nobody's race, and a wrong key changes nothing.

mod ahead;
mod cli;
#[cfg(unix)]
mod full;
mod killed;
mod rekey;
mod stage;
mod wrong_key;

use bmsync::ledger::Ledger;
use bmsync::ledger::memory::MemoryLedger;
use bmsync::source::grant::Grants;
use bmsync::vault::{Forgotten, Keys, Vault, VaultError};
use secrecy::ExposeSecret;
use std::sync::Arc;

use stage::{CONTOSO, FABRIKAM, Stage, grant, id};

#[tokio::test]
async fn what_is_kept_is_read_again_and_again() {
    let stage = Stage::new();
    let vault = stage.vault().of(&id(CONTOSO));
    assert!(vault.grant().await.unwrap().is_none());
    assert!(!stage.key().exists(), "who keeps nothing needs no key");
    vault.keep(&grant("one")).await.unwrap();
    vault.keep(&grant("two")).await.unwrap();
    let found = vault.grant().await.unwrap().unwrap();
    assert_eq!(found.refresh_token.expose_secret(), "two");
    assert_eq!(found.scopes, grant("two").scopes);
    assert!(stage.vault().of(&id(FABRIKAM)).grant().await.unwrap().is_none());
    drop(vault);
    stage.reopen();
    assert_eq!(stage.token(CONTOSO).await, "two");
}

#[tokio::test]
async fn the_list_tells_everything_but_tokens_and_needs_no_key() {
    let stage = Stage::new();
    for tenant in [FABRIKAM, CONTOSO] {
        stage.vault().of(&id(tenant)).keep(&grant("secret")).await.unwrap();
    }
    std::fs::remove_file(stage.key()).unwrap();
    let listed = stage.vault().list().await.unwrap();
    assert_eq!(listed.iter().map(|kept| kept.tenant.to_string()).collect::<Vec<_>>(), [CONTOSO, FABRIKAM]);
    let expected = grant("");
    assert_eq!(listed[0].account, expected.account);
    assert_eq!(listed[0].scopes, expected.scopes);
    assert_eq!((listed[0].signed_in_at, listed[0].refreshed_at), (expected.signed_in_at, expected.refreshed_at));
    assert!(!format!("{listed:?}").contains("secret"));
}

#[tokio::test]
async fn what_is_forgotten_is_gone_for_every_handle() {
    let stage = Stage::new();
    let vault = stage.vault();
    let refreshing = vault.of(&id(CONTOSO));
    refreshing.keep(&grant("one")).await.unwrap();
    assert!(matches!(vault.forget(&id(CONTOSO)).await.unwrap(), Forgotten::Gone(Some(kept)) if kept.account.is_some()));
    assert_eq!(vault.forget(&id(CONTOSO)).await.unwrap(), Forgotten::Nothing);
    // A refresh that was under way does not bring it back.
    let refused = refreshing.keep(&grant("two")).await.unwrap_err();
    assert!(refused.message.contains("replaced or forgotten meanwhile"), "{refused:?}");
    assert!(vault.of(&id(CONTOSO)).grant().await.unwrap().is_none());
}

/// Two handles read one token; both exchange it. The one that comes second is told, and reads the newest.
#[tokio::test]
async fn of_two_refreshes_neither_overwrites_what_it_has_not_seen() {
    let stage = Stage::new();
    let vault = stage.vault();
    vault.of(&id(CONTOSO)).keep(&grant("zero")).await.unwrap();
    let (first, second) = (vault.of(&id(CONTOSO)), vault.of(&id(CONTOSO)));
    first.grant().await.unwrap();
    second.grant().await.unwrap();
    second.keep(&grant("newest")).await.unwrap();
    assert!(first.keep(&grant("older")).await.is_err());
    assert_eq!(first.grant().await.unwrap().unwrap().refresh_token.expose_secret(), "newest");
    first.keep(&grant("after")).await.unwrap();
    assert_eq!(stage.token(CONTOSO).await, "after");
}

/// With their turns, tasks exchange one after the other: each token is exchanged once.
#[tokio::test(flavor = "multi_thread")]
async fn tasks_that_take_turns_exchange_every_token_once() {
    let stage = Stage::new();
    let vault = stage.vault();
    vault.of(&id(CONTOSO)).keep(&grant("0")).await.unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let grants = vault.of(&id(CONTOSO));
            tokio::spawn(async move {
                let _turn = grants.turn().await;
                let before = grants.grant().await.unwrap().unwrap();
                let number: u32 = before.refresh_token.expose_secret().parse().unwrap();
                tokio::task::yield_now().await;
                grants.keep(&grant(&(number + 1).to_string())).await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(stage.token(CONTOSO).await, "8");
}

/// What lies in one tenant's place opens for that tenant alone.
#[tokio::test]
async fn sealed_values_cannot_be_swapped_between_tenants() {
    let ledger = Arc::new(MemoryLedger::new());
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::open(ledger.clone(), Keys::beside(&folder.path().join("state")));
    vault.of(&id(CONTOSO)).keep(&grant("contoso's")).await.unwrap();
    vault.of(&id(FABRIKAM)).keep(&grant("fabrikam's")).await.unwrap();
    let kept = ledger.kept("grant/").await.unwrap();
    let [(first, one), (second, two)] = &kept[..] else { panic!("{kept:?}") };
    let swap = |key: &String, before: &Vec<u8>, after: &Vec<u8>| bmsync::ledger::Keep {
        key: key.clone(),
        before: Some(before.clone()),
        after: Some(after.clone()),
    };
    ledger.keep(vec![swap(first, one, two), swap(second, two, one)]).await.unwrap();
    for tenant in [CONTOSO, FABRIKAM] {
        let error = vault.of(&id(tenant)).grant().await.unwrap_err();
        assert!(error.message.contains("damaged"), "{error:?}");
    }
    assert!(matches!(vault.check().await, Err(VaultError::Damaged { .. })));
}

#[tokio::test]
async fn nothing_that_holds_a_token_or_a_key_prints_it() {
    let stage = Stage::new();
    let vault = stage.vault();
    let of = vault.of(&id(CONTOSO));
    of.keep(&grant("secret-token")).await.unwrap();
    let key = std::fs::read_to_string(stage.key()).unwrap();
    let shown = format!("{vault:?} {of:?} {:?} {:?}", of.grant().await, Keys::File(stage.key()));
    assert!(!shown.contains("secret-token") && !shown.contains(key.trim()), "{shown}");
}

#[cfg(unix)]
#[tokio::test]
async fn the_key_is_made_for_its_owner_alone_beside_the_state() {
    use std::os::unix::fs::PermissionsExt as _;
    let stage = Stage::new();
    stage.vault().of(&id(CONTOSO)).keep(&grant("one")).await.unwrap();
    let mode = std::fs::metadata(stage.key()).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    assert_eq!(stage.key().file_name().unwrap(), "state.key");
    let names: Vec<_> = std::fs::read_dir(stage.folder()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "the state and its key, and nothing left over: {names:?}");
}
