//! The BMS state that a verb works on: the one on disk, or nothing yet.

use std::sync::Arc;

use jiff::Timestamp;

use crate::display::safe;
use crate::ledger::memory::MemoryLedger;
use crate::ledger::sled::SledLedger;
use crate::ledger::{Ledger, LedgerError};
use crate::store::local::LocalStore;

use super::args::Global;
use super::error::Error;
use super::output::Output;

/// What a verb wants of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// To look at it: where there is none, it is taken to be empty and none is made.
    Look,
    /// To write to it: where there is none, an empty one is made.
    Create,
}

impl State {
    /// The BMS on that state, where the state itself is the BMS.
    ///
    /// # Errors
    /// As [`State::open`].
    pub async fn store(self, global: &Global, output: &Output) -> Result<LocalStore, Error> {
        Ok(LocalStore::open(self.open(global, output)?, Arc::new(Timestamp::now)).await?)
    }

    /// Opens the state that the options name.
    ///
    /// # Errors
    /// When the options name none, or it cannot be opened.
    pub fn open(self, global: &Global, output: &Output) -> Result<Arc<dyn Ledger>, Error> {
        let (ledger, found) = self.open_untold(global)?;
        if found == Found::Nothing {
            let path = global.state_path()?.display().to_string();
            output.note(format!("there is no state at {} yet, so BMS is taken to be empty", safe(&path)));
        }
        Ok(ledger)
    }

    /// The same, without a word where there is no state.
    ///
    /// # Errors
    /// As [`State::open`].
    pub fn open_untold(self, global: &Global) -> Result<(Arc<dyn Ledger>, Found), Error> {
        let path = global.state_path()?;
        match (self, path.exists()) {
            (Self::Create, _) | (Self::Look, true) => Ok((Arc::new(SledLedger::open(path)?), Found::State)),
            (Self::Look, false) => Ok((Arc::new(MemoryLedger::new()), Found::Nothing)),
        }
    }
}

/// What was found where the state should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It, or a new one.
    State,
    /// Nothing: what was opened is forgotten.
    Nothing,
}

/// The state, to change what a running bmsync is not asked to change; none where there is no state.
///
/// # Errors
/// As [`State::open`]; a bmsync that uses it must end first.
pub fn alone(global: &Global) -> Result<Option<Arc<dyn Ledger>>, Error> {
    let path = global.state_path()?;
    if !path.exists() {
        return Ok(None);
    }
    match SledLedger::open(path) {
        Ok(ledger) => Ok(Some(Arc::new(ledger))),
        Err(error @ LedgerError::InUse { .. }) => {
            Err(Error::from(error).hint("stop that bmsync, and start it again afterwards"))
        }
        Err(error) => Err(error.into()),
    }
}
