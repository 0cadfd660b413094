//! `bmsync deliver`: brings contacts to IT Glue once. Beside it, how IT Glue is reached for whoever delivers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::controller::OpenSink;
use crate::display::counted;
use crate::http::Http;
use crate::manifest::config::Config;
use crate::outbox::itglue::{ItGlueSink, web};
use crate::outbox::{Did, Outbox, OutboxError, Pace, Sink, SinkError, SinkErrorClass, Step, Target};
use crate::store::Store;

use super::args::{Format, Global};
use super::error::{Error, Exit};
use super::manifests;
use super::output::Output;
use super::state::State;

/// Failures in a row after which it is given up.
const FAILURES: u32 = 5;

/// For longer than this nobody at a terminal waits.
const PATIENCE: Duration = Duration::from_mins(3);

/// Opens the connection to a declared IT Glue.
pub fn open_sink(http: Http) -> OpenSink {
    Arc::new(move |it_glue, meter| {
        let wire = web(it_glue, http.clone())?;
        Ok(Arc::new(ItGlueSink::new(it_glue, wire, meter, Arc::new(Timestamp::now))) as Arc<dyn Sink>)
    })
}

/// What was delivered.
pub struct Told {
    done: BTreeMap<Did, u64>,
    found: u64,
    waiting: usize,
}

/// Delivers, and tells what came of it.
pub async fn run(global: &Global, output: &Output) -> Result<Exit, Error> {
    let config = manifests::load(global, output)?;
    let told = once(&config, global, output).await?;
    match global.output {
        Format::Json => output.data(format!("{:#}\n", told.json()))?,
        Format::Text | Format::Markdown | Format::Yaml | Format::Csv => output.data(told.text())?,
    }
    Ok(Exit::Done)
}

/// Delivers until nothing is due that need not be waited for.
pub async fn once(config: &Config, global: &Global, output: &Output) -> Result<Told, Error> {
    let Some(it_glue) = &config.it_glue else {
        return Err(Error::new("the manifests declare no ItGlue").hint("docs/itglue.md shows how to declare one"));
    };
    let ledger = State::Create.open(global, output)?;
    let store = crate::store::local::LocalStore::open(Arc::clone(&ledger), Arc::new(Timestamp::now)).await?;
    let sink = open_sink(Http::new())(it_glue, Arc::new(())).map_err(unusable)?;
    let pace = Pace::new(config.policy.full_sync_interval);
    let store = Arc::new(store) as Arc<dyn Store>;
    let mut outbox = Outbox::open(ledger, store, sink, &Target::of(it_glue), pace).await?;
    let (mut done, mut failures) = (BTreeMap::new(), 0);
    loop {
        let wait = match outbox.step(Timestamp::now()).await? {
            Step::Worked(some) => {
                failures = 0;
                for (did, count) in some {
                    *done.entry(did).or_default() += count;
                }
                continue;
            }
            Step::Idle(next) => {
                let until = next.and_then(|next| Duration::try_from(next.duration_since(Timestamp::now())).ok());
                match until.filter(|until| outbox.waiting().0 > 0 && *until <= PATIENCE) {
                    Some(until) => until,
                    None => break,
                }
            }
            Step::Failed(error, wait) => {
                failures += 1;
                if error.class != SinkErrorClass::Transient || failures >= FAILURES || wait > PATIENCE {
                    return Err(unusable(error));
                }
                wait
            }
        };
        tokio::time::sleep(wait).await;
    }
    Ok(Told { done, found: outbox.found().values().sum(), waiting: outbox.waiting().0 })
}

impl Told {
    /// How many findings stand.
    pub const fn findings(&self) -> u64 {
        self.found
    }

    /// Contacts that were created or updated.
    pub fn written(&self) -> u64 {
        [Did::Created, Did::Updated].iter().filter_map(|did| self.done.get(did)).sum()
    }

    fn json(&self) -> Value {
        let Self { done, found, waiting } = self;
        let count = |did| done.get(&did).copied().unwrap_or(0);
        let mut told = json!({ "findings": found, "waiting": waiting });
        for did in Did::ALL {
            told[did.word()] = count(did).into();
        }
        told
    }

    /// For people.
    pub fn text(&self) -> String {
        let Self { done, found, waiting } = self;
        let count = |did| done.get(&did).copied().unwrap_or(0);
        let mut text = format!(
            "IT Glue: {} created, {} updated, {} in step, {} left as they are.\n",
            count(Did::Created),
            count(Did::Updated),
            count(Did::Matched),
            count(Did::Left)
        );
        if *found > 0 {
            let _ = writeln!(text, "{} in all: `bmsync get itglue` lists what was found.", counted(*found, "finding"));
        }
        if *waiting > 0 {
            let _ = writeln!(text, "{} still to be brought.", counted(*waiting as u64, "contact"));
        }
        text
    }
}

/// IT Glue cannot be used.
pub fn unusable(error: SinkError) -> Error {
    let told = Error::new("cannot bring contacts to IT Glue").because(&error);
    match error.hint {
        Some(hint) => told.hint(hint),
        None => told,
    }
}

impl From<OutboxError> for Error {
    fn from(error: OutboxError) -> Self {
        match error {
            OutboxError::Ledger(error) => error.into(),
            OutboxError::Store(error) => error.into(),
        }
    }
}
