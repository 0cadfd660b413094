//! The BMS that the manifests mean: the state itself, or the live one.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::http::origin::Origin;
use crate::http::{Http, Web, Wire};
use crate::ledger::Ledger;
use crate::manifest::config::{Bms, Config};
use crate::store::book::Clock;
use crate::store::kaseya::api::{self, ApiUser, MAX_ANSWER, Settings};
use crate::store::kaseya::{Habits, KaseyaStore, Referenced, home};
use crate::store::local::LocalStore;
use crate::store::{Store, StoreError};

use super::error::Error;
use super::output::Output;
use super::state::State;

/// The BMS on a state.
///
/// # Errors
/// When the state cannot be used, or belongs to another BMS.
pub async fn store(
    config: &Config,
    ledger: Arc<dyn Ledger>,
    patience: Option<Duration>,
) -> Result<Arc<dyn Store>, Error> {
    if let Some(bms) = &config.bms {
        return Ok(Arc::new(live(bms, ledger, patience).await?));
    }
    if let Some(home) = home(&*ledger).await? {
        let detail = format!("this state belongs to {home}, and the manifests declare no `KaseyaBms`");
        return Err(StoreError::Foreign { detail }.into());
    }
    Ok(Arc::new(LocalStore::open(ledger, clock()).await?))
}

/// The live BMS.
///
/// # Errors
/// As [`store`].
pub async fn live(bms: &Bms, ledger: Arc<dyn Ledger>, patience: Option<Duration>) -> Result<KaseyaStore, Error> {
    let memory = KaseyaStore::memory(&*ledger).await?;
    let habits = Habits {
        home: format!("the BMS of {} at {}", bms.company, bms.root),
        phone_type: bms.phone_type.clone(),
        email_type: bms.email_type.clone(),
        full_read_interval: bms.full_read_interval,
        patience,
    };
    Ok(KaseyaStore::open(ledger, clock(), Arc::new(client(bms, memory)?), habits).await?)
}

/// A client of the live BMS.
///
/// # Errors
/// When its address is none that is safe to speak to.
pub fn client(bms: &Bms, memory: api::Memory) -> Result<api::Bms, Error> {
    let user = ApiUser { company: bms.company.to_string(), username: bms.username.to_string() };
    let credentials = Referenced { password: bms.password.clone(), totp: bms.totp.clone() };
    let per_hour = std::num::NonZeroU32::new(bms.calls_per_hour).unwrap_or(api::DOCUMENTED_PER_HOUR);
    let settings = Settings { calls_per_hour: per_hour, ..Settings::default() };
    Ok(api::Bms::new(wire(bms)?, user, Arc::new(credentials), settings, clock(), memory))
}

fn wire(bms: &Bms) -> Result<Arc<dyn Wire>, Error> {
    let origin = Origin::new(&bms.root);
    let origin =
        origin.map_err(|error| Error::new("cannot speak to the BMS that the manifests name").because(&error))?;
    Ok(Arc::new(Web::new(origin, Http::new(), MAX_ANSWER)))
}

fn clock() -> Clock {
    Arc::new(Timestamp::now)
}

/// Brings the book up to what BMS shows. For a look alone, what was last read is good enough, and that is said.
///
/// # Errors
/// When BMS does not answer, and something is to be written or nothing was ever read.
pub async fn refresh(store: &dyn Store, state: State, output: &Output) -> Result<(), Error> {
    match (store.refresh().await, state) {
        (Ok(()), _) => Ok(()),
        (Err(error @ StoreError::Bms { .. }), State::Look) if store.is_ready() => {
            let read_at = store.standing().and_then(|standing| standing.read_at);
            let when = read_at.map_or_else(String::new, |read_at| format!(", at {read_at}"));
            output.warn(format!("BMS cannot be read, so this is made from what it was when it was last read{when}"));
            output.error(&error.into());
            Ok(())
        }
        (Err(error), _) => Err(error.into()),
    }
}
