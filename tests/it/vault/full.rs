//! `rekey` and `disconnect` where files may not grow: an error with the next step, every sign-in still readable with the
//! keys that are there, and the same command goes on once there is room.

use std::process::{Command, Stdio};

use bmsync::source::grant::Grants;

use super::stage::{CONTOSO, FABRIKAM, Stage, grant, id};
use crate::e2e::Told;

/// Runs the binary where no file may be longer than so many blocks of 512 bytes; a full disk sends no signal either.
fn limited(stage: &Stage, blocks: &str, args: &[&str]) -> Told {
    stage.reopen();
    let mut command = Command::new("sh");
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_bmsync")]).args(args);
    command.current_dir(stage.folder()).stdin(Stdio::null()).env("BMSYNC_STATE", "state");
    for name in ["BMSYNC_KEY", "BMSYNC_KEY_FILE", "BMSYNC_SERVER", "RUST_LOG"] {
        command.env_remove(name);
    }
    Told::of(command.output().expect("the shell starts"))
}

async fn furnished() -> Stage {
    let stage = Stage::new();
    for tenant in [CONTOSO, FABRIKAM] {
        stage.vault().of(&id(tenant)).keep(&grant(tenant)).await.unwrap();
    }
    stage
}

/// Whether the command was refused; then it says why and what to do, and reports nothing.
fn is_refused(told: &Told) -> bool {
    if told.code == 0 {
        return false;
    }
    assert_eq!(told.code, 1, "{told:#?}");
    for part in ["ile too large", "hint: raise the limit", "nothing that was reported as written is lost"] {
        assert!(told.err.contains(part), "`{part}` is missing in {told:#?}");
    }
    assert!(told.out.is_empty() && !told.err.contains("panicked"), "{told:#?}");
    true
}

async fn assert_readable(stage: &Stage, blocks: &str) {
    stage.vault().check().await.unwrap_or_else(|error| panic!("{blocks} blocks: {error}"));
    for tenant in [CONTOSO, FABRIKAM] {
        assert_eq!(stage.token(tenant).await, tenant, "{blocks} blocks");
    }
}

#[tokio::test]
async fn a_rekey_without_room_leaves_everything_readable_and_goes_on() {
    let mut refused = 0;
    for blocks in ["0", "1", "2", "3", "4", "5", "6", "8", "12", "unlimited"] {
        let stage = furnished().await;
        let before = stage.vault().list().await.unwrap()[0].key;
        let told = limited(&stage, blocks, &["rekey"]);
        let was_refused = is_refused(&told);
        refused += u32::from(was_refused);
        assert_readable(&stage, blocks).await;
        let keys: Vec<_> = stage.vault().list().await.unwrap().into_iter().map(|kept| kept.key).collect();
        assert!(
            keys[0] == keys[1] && (was_refused || keys[0] != before),
            "{blocks} blocks: all or nothing, as reported"
        );
        limited(&stage, "unlimited", &["rekey"]).ends(0);
        assert_readable(&stage, blocks).await;
        assert!(!stage.folder().join("state.key.new").exists(), "{blocks} blocks: nothing waits");
    }
    assert!((2..10).contains(&refused), "{refused} were refused");
}

#[tokio::test]
async fn what_cannot_be_forgotten_is_still_there() {
    let stage = furnished().await;
    assert!(is_refused(&limited(&stage, "1", &["disconnect", CONTOSO])));
    assert_readable(&stage, "1").await;
    limited(&stage, "unlimited", &["disconnect", CONTOSO]).ends(0);
    assert_eq!(stage.vault().list().await.unwrap().len(), 1);
    assert_eq!(stage.token(FABRIKAM).await, FABRIKAM);
}
