//! `bmsync approve TENANT`: shows what a running bmsync holds back, asks, and approves exactly what it showed.

use jiff::Timestamp;
use serde_json::json;

use crate::display::{count, safe};
use crate::model::{Id, Revision, Text};
use crate::plan::{Basis, Change, TenantHead, TenantState};
use crate::remote::{HeldChanges, Remote, RemoteError};
use crate::report::decode;
use crate::report::palette::Palette;
use crate::report::text::{self, Detail, People, View};

use super::args::{ApproveArgs, Format, Global};
use super::asked::{cannot, misread};
use super::error::{Error, Exit};
use super::output::{self, Output};
use super::server;

/// Shows, asks, approves.
pub async fn run(args: &ApproveArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    let remote = server::required(global)?;
    let held = remote.held(&args.tenant).await.map_err(|error| cannot("see what is held back", &remote, &error))?;
    let changes = decode::changes(&held.changes).map_err(|error| misread(&remote, &error))?;
    let is_json = global.output == Format::Json;
    if changes.is_empty() {
        output.data(if is_json { document(&held) } else { nothing(&args.tenant) })?;
        return Ok(Exit::Done);
    }
    if is_json {
        output.aside(shown(&args.tenant, &held, &changes, output.aside_palette()));
    } else {
        output.data(shown(&args.tenant, &held, &changes, output.palette()))?;
    }
    confirm(args, &changes)?;
    let approved = remote.approve(&args.tenant, &held.digest).await.map_err(|error| refused(&remote, &error))?;
    output.data(if is_json { document(&approved) } else { done(&approved) })?;
    Ok(Exit::Done)
}

fn nothing(tenant: &str) -> String {
    format!("Nothing is held back of tenant {}.\n", safe(tenant))
}

/// Every change that is about to be approved, as a plan shows it.
fn shown(tenant: &str, held: &HeldChanges, changes: &[Change], palette: Palette) -> String {
    let planned = TenantHead {
        name: Some(Text::from(tenant)),
        tenant: Id::new(&held.tenant_id),
        state: TenantState::Complete,
        users: 0,
        groups: 0,
        read_at: None,
        digest: None,
        message: None,
    };
    let basis = Basis {
        config_digest: String::new(),
        config_commit: None,
        state_revision: Revision::default(),
        tenants: vec![planned],
    };
    let view = View {
        now: Timestamp::now(),
        palette,
        preserved: Detail::Counted,
        people: People::All,
        blocked: Detail::Counted,
    };
    let already = held.approved_until.as_deref().map_or_else(String::new, |until| {
        format!("These are approved until {} already, and not applied yet.\n", safe(until))
    });
    format!("Held back: {}\n{}{already}", count(changes.len() as u64), text::held(&basis, changes, view))
}

fn confirm(args: &ApproveArgs, changes: &[Change]) -> Result<(), Error> {
    if args.yes {
        return Ok(());
    }
    let what =
        if changes.len() == 1 { "this change".into() } else { format!("exactly these {} changes", changes.len()) };
    match output::ask(&format!("\nApprove {what}? Only `yes` goes on: ")) {
        Some(answer) if answer == "yes" => Ok(()),
        Some(_) => Err(Error::new("it was not confirmed, so nothing was approved")),
        None => Err(Error::new("nobody is there to confirm it, so nothing was approved")
            .hint("look at what is shown, then give --yes: that approves what is held by then, after showing it")),
    }
}

fn refused(remote: &Remote, error: &RemoteError) -> Error {
    let told = cannot("approve what is held back", remote, error);
    match error.status() {
        Some(409) => told.hint("nothing was approved; run it again, and look at what is held now"),
        Some(_) | None => told,
    }
}

fn done(approved: &HeldChanges) -> String {
    let until = approved.approved_until.as_deref().unwrap_or("they are applied");
    format!("Approved until {}: {}. They are applied now.\n", safe(until), count(approved.changes.len() as u64))
}

fn document(held: &HeldChanges) -> String {
    let HeldChanges { tenant_id, digest, approved_until, changes } = held;
    let document =
        json!({ "tenantId": tenant_id, "digest": digest, "approvedUntil": approved_until, "changes": changes });
    format!("{document:#}\n")
}
