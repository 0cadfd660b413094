//! Who signed in to a tenant, until when that holds, and whether a person is needed: as the state tells it without a key.
//! It knows nothing of tokens, and asks no login service.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cli::args::Global;
use crate::cli::error::Error;
use crate::cli::output::Output;
use crate::display::safe;
use crate::ledger::sled::SledLedger;
use crate::ledger::{Ledger, LedgerError};
use crate::manifest::config::{SignIn, Tenant};
use crate::source::expiry::{Expiring, Outlook};
use crate::vault::{self, Kept};

/// Who signed in to a tenant.
#[derive(Clone, Debug)]
pub enum SignedIn {
    /// Nobody needs to: the application signs in.
    Application,
    /// The state cannot be looked into.
    Unknown,
    /// Nobody has.
    Nobody,
    /// A person has.
    Somebody(Kept),
    /// Something is kept that cannot be read, and the next step.
    Unreadable(String),
}

/// Where sign-ins are kept, as far as one can look.
enum Shelf {
    Open(Arc<dyn Ledger>),
    /// There is no state yet, so nobody has signed in.
    Empty,
    Closed,
}

impl Shelf {
    fn open(global: &Global, output: &Output) -> Result<Self, Error> {
        let path = global.state_path()?;
        if !path.exists() {
            return Ok(Self::Empty);
        }
        match SledLedger::open(path) {
            Ok(ledger) => Ok(Self::Open(Arc::new(ledger))),
            Err(error @ LedgerError::InUse { .. }) => {
                let told = error.to_string();
                output.note(format!("who signed in cannot be told: {}; ask that one with --server", safe(&told)));
                Ok(Self::Closed)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// What the state tells of each tenant, in their order; it is opened only where somebody signs in.
///
/// # Errors
/// When the state is there and cannot be opened, though nobody has it.
pub async fn of(tenants: &[&Tenant], global: &Global, output: &Output) -> Result<Vec<SignedIn>, Error> {
    if tenants.iter().all(|tenant| tenant.sign_in == SignIn::Application) {
        return Ok(vec![SignedIn::Application; tenants.len()]);
    }
    let shelf = Shelf::open(global, output)?;
    let mut all = Vec::with_capacity(tenants.len());
    for tenant in tenants {
        all.push(match (tenant.sign_in, &shelf) {
            (SignIn::Application, _) => SignedIn::Application,
            (SignIn::Delegated, Shelf::Closed) => SignedIn::Unknown,
            (SignIn::Delegated, Shelf::Empty) => SignedIn::Nobody,
            (SignIn::Delegated, Shelf::Open(ledger)) => match vault::of(&**ledger, &tenant.id).await {
                Ok(Some(kept)) => SignedIn::Somebody(kept),
                Ok(None) => SignedIn::Nobody,
                Err(error) => {
                    let hint = error.hint().map_or_else(String::new, |hint| format!(" ({hint})"));
                    SignedIn::Unreadable(format!("{error}{hint}"))
                }
            },
        });
    }
    Ok(all)
}

impl SignedIn {
    /// As JSON has it: who and since when; whether a person is needed; and what that one does.
    pub fn document(&self, tenant: &Tenant, now: Timestamp) -> [(&'static str, Value); 3] {
        let who = match self {
            Self::Application | Self::Unknown | Self::Nobody | Self::Unreadable(_) => Value::Null,
            Self::Somebody(Kept { tenant: _, account, scopes, signed_in_at, refreshed_at, key: _ }) => json!({
                "account": account, "scopes": scopes, "at": signed_in_at, "lastUsedAt": refreshed_at,
                "goodUntil": Expiring::grant(*refreshed_at).at,
            }),
        };
        let needed = match self {
            Self::Unknown => Value::Null,
            Self::Application | Self::Nobody | Self::Somebody(_) | Self::Unreadable(_) => {
                Value::Bool(self.next(tenant, now).is_some())
            }
        };
        [("signedIn", who), ("personNeeded", needed), ("nextStep", json!(self.next(tenant, now)))]
    }

    /// What a person must do; nothing where nobody is needed, or soon.
    fn next(&self, tenant: &Tenant, now: Timestamp) -> Option<String> {
        let connect = format!("run `bmsync connect {}`", tenant.name);
        match self {
            Self::Application | Self::Unknown => None,
            Self::Nobody => Some(connect),
            Self::Unreadable(why) => Some(why.clone()),
            Self::Somebody(kept) => match Expiring::grant(kept.refreshed_at).outlook(now) {
                Outlook::Good => None,
                Outlook::Near | Outlook::Over => Some(connect),
            },
        }
    }

    /// As cells: who, until when, and what is to be done.
    pub fn cells(&self, tenant: &Tenant, now: Timestamp) -> [String; 3] {
        let who = match self {
            Self::Application => "–".to_owned(),
            Self::Unknown => "?".to_owned(),
            Self::Nobody => "nobody".to_owned(),
            Self::Unreadable(_) => "unreadable".to_owned(),
            Self::Somebody(kept) => kept.account.as_deref().unwrap_or("somebody").to_owned(),
        };
        let until = match self {
            Self::Application | Self::Unknown | Self::Nobody | Self::Unreadable(_) => String::new(),
            Self::Somebody(kept) => Expiring::grant(kept.refreshed_at).at.strftime("%Y-%m-%d").to_string(),
        };
        [who, until, self.next(tenant, now).unwrap_or_default()]
    }
}
