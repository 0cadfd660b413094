//! A key that is wrong, lost, unreadable or open to others: a clear message, a next step, and nothing overwritten.

use std::path::Path;

use bmsync::source::grant::{GrantError, Grants};
use bmsync::vault::{Key, Keys, Vault};
use secrecy::{ExposeSecret, SecretString};

use super::stage::{CONTOSO, FABRIKAM, Stage, grant, id, token};

fn given() -> Keys {
    Keys::given("BMSYNC_KEY", &Key::random().unwrap().written()).unwrap()
}

/// What reading and keeping say with a vault that has no right key; neither changes anything.
async fn refused(vault: &Vault, stage: &Stage) -> GrantError {
    let before = stage.ledger().kept("").await.unwrap();
    let grants = vault.of(&id(CONTOSO));
    let read = grants.grant().await.unwrap_err();
    let kept = grants.keep(&grant("intruder")).await.unwrap_err();
    let unread = vault.of(&id(CONTOSO)).keep(&grant("intruder")).await.unwrap_err();
    let other = vault.of(&id(FABRIKAM)).keep(&grant("intruder")).await.unwrap_err();
    assert_eq!([&kept.message, &unread.message, &other.message], [&read.message; 3]);
    assert_eq!(stage.ledger().kept("").await.unwrap(), before, "nothing is overwritten");
    assert!(read.hint.is_some(), "{read:?}");
    read
}

async fn furnished() -> Stage {
    let stage = Stage::new();
    stage.vault().of(&id(CONTOSO)).keep(&grant("precious")).await.unwrap();
    stage
}

#[tokio::test]
async fn a_lost_key_is_not_made_anew() {
    let stage = furnished().await;
    let aside = stage.folder().join("aside");
    std::fs::rename(stage.key(), &aside).unwrap();
    let error = refused(&stage.vault(), &stage).await;
    assert!(error.message.contains("the key is lost") && error.message.contains("state.key"), "{error:?}");
    assert!(error.hint.unwrap().contains("put the key back"));
    assert!(!stage.key().exists(), "no other key was made in its place");
    std::fs::rename(&aside, stage.key()).unwrap();
    assert_eq!(stage.token(CONTOSO).await, "precious");
}

#[tokio::test]
async fn another_key_is_told_by_its_id() {
    let stage = furnished().await;
    let right = stage.vault().list().await.unwrap()[0].key.to_string();
    let error = refused(&stage.vault_with(given()), &stage).await;
    assert!(error.message.contains(&right) && error.message.contains("BMSYNC_KEY holds key"), "{error:?}");
    assert!(error.hint.unwrap().contains(&format!("give key {right}")));
    assert_eq!(stage.token(CONTOSO).await, "precious");
}

#[tokio::test]
async fn a_key_file_that_was_put_right_is_used_without_a_restart() {
    let stage = furnished().await;
    let right = std::fs::read_to_string(stage.key()).unwrap();
    std::fs::remove_file(stage.key()).unwrap();
    let vault = stage.vault();
    refused(&vault, &stage).await;
    write(&stage.key(), &right, 0o600);
    assert_eq!(token(&vault, CONTOSO).await, "precious");
}

#[tokio::test]
async fn a_key_file_that_holds_no_key_is_refused_and_not_shown() {
    let stage = furnished().await;
    for content in ["", "hunter2hunter2", &"q".repeat(5000), "\u{fffd}\u{1}"] {
        write(&stage.key(), content, 0o600);
        let error = refused(&stage.vault(), &stage).await;
        assert!(error.message.contains("not 32 bytes written as"), "{error:?}");
        assert!(!format!("{error:?}").contains("hunter2"));
    }
    std::fs::remove_file(stage.key()).unwrap();
    std::fs::create_dir(stage.key()).unwrap();
    assert!(refused(&stage.vault(), &stage).await.message.contains("not a regular file"));
}

#[tokio::test]
async fn a_named_key_file_must_be_there() {
    let stage = Stage::new();
    let missing = stage.folder().join("elsewhere/key");
    let error = stage.vault_with(Keys::File(missing.clone())).of(&id(CONTOSO)).keep(&grant("x")).await.unwrap_err();
    assert!(error.message.contains("it is not there"), "{error:?}");
    assert!(!missing.exists(), "a typo makes no key");
}

#[cfg(unix)]
#[tokio::test]
async fn a_key_that_others_can_read_is_refused() {
    let stage = furnished().await;
    let right = std::fs::read_to_string(stage.key()).unwrap();
    for mode in [0o644, 0o640, 0o602, 0o660] {
        write(&stage.key(), &right, mode);
        let error = refused(&stage.vault(), &stage).await;
        assert!(error.message.contains("too open") && error.message.contains(&format!("{mode:04o}")), "{error:?}");
        assert!(error.hint.unwrap().contains("chmod 600"));
    }
    for mode in [0o600, 0o400] {
        write(&stage.key(), &right, mode);
        assert_eq!(stage.token(CONTOSO).await, "precious");
    }
}

/// A person who says so may replace what cannot be read; the other tenants' grants stay for the day the key turns up.
#[tokio::test]
async fn what_cannot_be_read_is_replaced_on_a_persons_word_alone() {
    let stage = furnished().await;
    stage.vault().of(&id(FABRIKAM)).keep(&grant("fabrikam's")).await.unwrap();
    let old = Keys::given("x", &SecretString::from(std::fs::read_to_string(stage.key()).unwrap())).unwrap();
    std::fs::remove_file(stage.key()).unwrap();
    let vault = stage.vault();
    refused(&vault, &stage).await;
    vault.of(&id(CONTOSO)).replace(&grant("anew")).await.unwrap();
    let grants = stage.vault().of(&id(CONTOSO));
    assert_eq!(grants.grant().await.unwrap().unwrap().refresh_token.expose_secret(), "anew");
    grants.keep(&grant("refreshed")).await.unwrap();
    assert_eq!(stage.token(CONTOSO).await, "refreshed");
    assert!(stage.vault().of(&id(FABRIKAM)).grant().await.unwrap_err().message.contains("sealed with key"));
    assert_eq!(token(&stage.vault_with(old), FABRIKAM).await, "fabrikam's");
}

/// Without the key, forgetting every sign-in is the way back.
#[tokio::test]
async fn after_everything_is_forgotten_a_new_key_is_made() {
    let stage = furnished().await;
    std::fs::remove_file(stage.key()).unwrap();
    stage.vault().forget(&id(CONTOSO)).await.unwrap();
    stage.vault().of(&id(CONTOSO)).keep(&grant("anew")).await.unwrap();
    assert_eq!(stage.token(CONTOSO).await, "anew");
}

fn write(path: &Path, content: &str, mode: u32) {
    let _ = std::fs::remove_file(path);
    std::fs::write(path, content).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
}
