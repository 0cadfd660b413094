//! A desk for controllers in tests at which nobody signs in: it answers, and has nobody's grant.

use std::path::Path;
use std::sync::Arc;

use bmsync::controller::connecting::Desk;
use bmsync::ledger::Ledger;
use bmsync::source::graph::connect::Attempts;
use bmsync::source::graph::{Delegations, Http};
use bmsync::vault::{Keys, Vault};

/// The grants of a ledger; no key is read or made before one is needed.
pub fn desk(ledger: Arc<dyn Ledger>) -> Desk {
    let vault = Vault::open(ledger, Keys::beside(Path::new("no-state-has-this-name")));
    desk_of(Arc::new(Delegations::new(Arc::new(vault))))
}

/// Where people sign in of whom these are the sign-ins.
pub fn desk_of(sign_ins: Arc<Delegations>) -> Desk {
    Desk {
        http: Http::new(),
        sign_ins,
        callback: "http://localhost/OAuth/IntegrationCallback.aspx".parse().unwrap(),
        attempts: Attempts::default(),
    }
}
