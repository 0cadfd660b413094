//! Another key: everything is sealed with it, or nothing; broken off at any step, everything is still readable.

use bmsync::ledger::Keep;
use bmsync::source::grant::Grants;
use bmsync::vault::{Key, KeyFlaw, Keys, NewKey, VaultError};

use super::stage::{CONTOSO, FABRIKAM, Stage, grant, id, token};

async fn furnished() -> Stage {
    let stage = Stage::new();
    for tenant in [CONTOSO, FABRIKAM] {
        stage.vault().of(&id(tenant)).keep(&grant(tenant)).await.unwrap();
    }
    stage
}

async fn assert_whole(stage: &Stage) {
    stage.vault().check().await.unwrap();
    assert_eq!(stage.token(CONTOSO).await, CONTOSO);
    assert_eq!(stage.token(FABRIKAM).await, FABRIKAM);
}

fn waiting(stage: &Stage) -> std::path::PathBuf {
    stage.folder().join("state.key.new")
}

#[tokio::test]
async fn a_new_key_takes_the_place_of_the_old_one() {
    let stage = furnished().await;
    let old = std::fs::read_to_string(stage.key()).unwrap();
    let vault = stage.vault();
    let done = vault.rekey(&NewKey::InPlace).await.unwrap();
    assert_eq!((done.grants, &done.path), (2, &stage.key()));
    let new = std::fs::read_to_string(stage.key()).unwrap();
    assert_ne!(old, new);
    assert_eq!(Key::parse(&new).unwrap().id(), done.key);
    assert!(!waiting(&stage).exists());
    assert!(stage.vault().list().await.unwrap().iter().all(|kept| kept.key == done.key));
    assert_whole(&stage).await;
    vault.of(&id(CONTOSO)).keep(&grant("later")).await.unwrap();
    assert_eq!(stage.token(CONTOSO).await, "later");
}

#[tokio::test]
async fn with_a_file_for_the_new_key_the_old_one_stays_and_opens_nothing() {
    let stage = furnished().await;
    let file = stage.folder().join("new/key-2027");
    let done = stage.vault().rekey(&NewKey::File(file.clone())).await.unwrap();
    assert_eq!((done.grants, &done.path), (2, &file));
    let vault = stage.vault_with(Keys::File(file.clone()));
    assert_eq!(token(&vault, FABRIKAM).await, FABRIKAM);
    let error = stage.vault().of(&id(CONTOSO)).grant().await.unwrap_err();
    assert!(error.hint.unwrap().contains(&format!("give key {}", done.key)));
    assert!(matches!(vault.rekey(&NewKey::File(file.clone())).await, Err(VaultError::SameKey)));
    // The same command once more, as after a kill: it is done already.
    assert_eq!(stage.vault().rekey(&NewKey::File(file)).await.unwrap().key, done.key);
    assert_eq!(token(&vault, CONTOSO).await, CONTOSO);
}

#[tokio::test]
async fn a_key_from_a_variable_is_replaced_by_one_in_a_file() {
    let stage = Stage::new();
    let vault = stage.vault_with(Keys::given("BMSYNC_KEY", &Key::random().unwrap().written()).unwrap());
    vault.of(&id(CONTOSO)).keep(&grant("one")).await.unwrap();
    assert!(matches!(vault.rekey(&NewKey::InPlace).await, Err(VaultError::NotAFile { .. })));
    vault.rekey(&NewKey::File(stage.key())).await.unwrap();
    assert_eq!(stage.token(CONTOSO).await, "one");
}

/// Each line of the table in `src/vault/rekey.rs`, as a kill would leave it.
#[tokio::test]
async fn broken_off_before_the_commit_it_goes_on_with_the_key_that_waits() {
    let stage = furnished().await;
    let new = Key::random().unwrap();
    write_key(&waiting(&stage), &new);
    assert_whole(&stage).await;
    assert!(waiting(&stage).exists(), "it waits for the next rekey");
    let done = stage.vault().rekey(&NewKey::InPlace).await.unwrap();
    assert_eq!((done.grants, done.key), (2, new.id()));
    assert!(!waiting(&stage).exists());
    assert_whole(&stage).await;
}

#[tokio::test]
async fn broken_off_after_the_commit_the_next_look_puts_the_new_key_in_place() {
    let stage = furnished().await;
    let old = std::fs::read(stage.key()).unwrap();
    stage.vault().rekey(&NewKey::InPlace).await.unwrap();
    std::fs::rename(stage.key(), waiting(&stage)).unwrap();
    write_private(&stage.key(), &old);
    assert_whole(&stage).await;
    assert!(!waiting(&stage).exists());
    std::fs::rename(stage.key(), waiting(&stage)).unwrap();
    stage.reopen();
    assert_whole(&stage).await;
}

#[tokio::test]
async fn what_the_old_key_does_not_open_stops_it_before_anything_is_written() {
    let stage = furnished().await;
    let stranger = stage.folder().join("stranger");
    write_key(&stranger, &Key::random().unwrap());
    let before = stage.ledger().kept("").await.unwrap();
    let unmade = NewKey::File(stage.folder().join("unmade"));
    let refused = stage.vault_with(Keys::File(stranger.clone())).rekey(&unmade).await;
    assert!(matches!(refused, Err(VaultError::OtherKey { .. })), "{refused:?}");
    assert!(!stage.folder().join("unmade").exists());
    let refused = stage.vault_with(Keys::File(stranger)).rekey(&NewKey::InPlace).await;
    assert!(matches!(refused, Err(VaultError::OtherKey { .. })), "{refused:?}");
    assert_eq!(stage.ledger().kept("").await.unwrap(), before);
    let (place, value) = before[1].clone();
    let torn = value[..value.len() - 1].to_vec();
    stage.ledger().keep(vec![Keep { key: place, before: Some(value), after: Some(torn) }]).await.unwrap();
    let before = stage.ledger().kept("").await.unwrap();
    assert!(matches!(stage.vault().rekey(&NewKey::InPlace).await, Err(VaultError::Damaged { .. })));
    assert_eq!(stage.ledger().kept("").await.unwrap(), before);
    assert_eq!(stage.token(CONTOSO).await, CONTOSO);
}

#[cfg(unix)]
#[tokio::test]
async fn where_no_new_key_can_be_made_nothing_is_changed() {
    let stage = furnished().await;
    let before = stage.ledger().kept("").await.unwrap();
    let nowhere = NewKey::File("/proc/nowhere/key".into());
    let refused = stage.vault().rekey(&nowhere).await;
    assert!(matches!(refused, Err(VaultError::KeyFile { flaw: KeyFlaw::Unmakeable, .. })), "{refused:?}");
    assert_eq!(stage.ledger().kept("").await.unwrap(), before);
    assert_whole(&stage).await;
}

fn write_key(path: &std::path::Path, key: &Key) {
    write_private(path, secrecy::ExposeSecret::expose_secret(&key.written()).as_bytes());
}

fn write_private(path: &std::path::Path, content: &[u8]) {
    std::fs::write(path, content).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}
