//! One look at everything: manifests, state, directories, and the plan that follows.

use std::sync::Arc;

use jiff::Timestamp;

use crate::engine::{self, Scope, Sources};
use crate::manifest::config::{Config, Tenant};
use crate::model::Id;
use crate::plan::{Observed, Plan, TenantState, plan};
use crate::report::palette::Palette;
use crate::report::text::{Detail, People, View};
use crate::source::graph::{Delegations, GraphSource, Http, Pace};
use crate::source::{self, Source, SourceError};
use crate::store::Store;

use super::args::Global;
use super::bms;
use super::error::Error;
use super::manifests;
use super::output::Output;
use super::progress::Progress;
use super::sign_ins::sign_ins;
use super::state::State;

/// What was seen and what follows from it.
pub struct Round {
    /// The manifests.
    pub config: Config,
    /// The BMS.
    pub store: Arc<dyn Store>,
    /// What the plan was made from.
    pub observed: Observed,
    /// What would be done.
    pub plan: Plan,
    /// When the plan was made.
    pub created_at: Timestamp,
}

/// Whom a round is about.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// Everybody.
    All,
    /// The users of one tenant, as a person names it.
    Tenant(String),
    /// The users of one tenant, if it is still declared; else everybody.
    TenantOnce(Id),
}

impl From<Option<&str>> for Wanted {
    fn from(name: Option<&str>) -> Self {
        name.map_or(Self::All, |name| Self::Tenant(name.to_owned()))
    }
}

impl Wanted {
    fn scope(&self, config: &Config) -> Result<Scope, Error> {
        match self {
            Self::All => Ok(Scope::All),
            Self::Tenant(name) => Ok(Scope::Tenant(manifests::tenant(config, name)?.id.clone())),
            Self::TenantOnce(id) => Ok(config.tenant(id).map_or(Scope::All, |tenant| Scope::Tenant(tenant.id.clone()))),
        }
    }
}

impl Round {
    /// Looks and plans. Writes nothing.
    ///
    /// # Errors
    /// When the manifests or the state cannot be used. A tenant that cannot be read is in the plan's head.
    pub async fn make(global: &Global, wanted: &Wanted, state: State, output: &Output) -> Result<Self, Error> {
        let config = manifests::load(global, output)?;
        let scope = wanted.scope(&config)?;
        // Of a live BMS nothing is taken to be so because there is no state yet: it is read.
        let ledger = if config.bms.is_some() { state.open_untold(global)?.0 } else { state.open(global, output)? };
        let directories = Directories::new(sign_ins(Arc::clone(&ledger), global)?, output);
        let store = bms::store(&config, ledger, None).await?;
        bms::refresh(&*store, state, output).await?;
        let observed = engine::observe(&config, &*store, &directories, &scope).await?;
        let plan = plan(&config, &observed, &scope);
        Ok(Self { config, store, observed, plan, created_at: Timestamp::now() })
    }

    /// Closes the state and ends with the process: taking apart what is known of a million users, one by one, only to
    /// give the memory back a moment earlier would be a tenth of the work.
    pub fn end(self) {
        let Self { config, store, observed, plan, created_at: _ } = self;
        drop(store);
        std::mem::forget((config, observed, plan));
    }

    /// How the plan is shown on stdout.
    pub fn view(&self, output: &Output) -> View {
        self.view_in(output.palette())
    }

    /// How the plan is shown on stderr.
    pub fn aside_view(&self, output: &Output) -> View {
        self.view_in(output.aside_palette())
    }

    fn view_in(&self, palette: Palette) -> View {
        View { now: self.created_at, palette, preserved: Detail::Listed, people: People::All, blocked: Detail::Listed }
    }

    /// Tells of every tenant that could not be read.
    pub fn tell_failures(&self, output: &Output) {
        for head in self.plan.basis.tenants.iter().filter(|head| head.state == TenantState::Failed) {
            let name = head.name.as_ref().map_or_else(|| head.tenant.to_string(), ToString::to_string);
            let causes = head.message.iter().cloned().collect();
            output
                .error(&Error { causes, ..Error::new(format!("cannot read tenant `{name}`; nothing of it changes")) });
        }
    }
}

/// The tenants' directories, over Microsoft Graph.
struct Directories {
    progress: Progress,
    http: Http,
    sign_ins: Arc<Delegations>,
}

impl Directories {
    fn new(sign_ins: Arc<Delegations>, output: &Output) -> Self {
        Self { progress: Progress::new(output), http: Http::new(), sign_ins }
    }
}

impl Sources for Directories {
    fn source(&self, tenant: &Tenant) -> Result<Box<dyn Source>, SourceError> {
        let pace = Pace::new(fastrand::u64(..));
        Ok(Box::new(GraphSource::new(tenant, &self.http, pace, self.sign_ins.of(tenant))?))
    }

    fn progress(&self, tenant: &Tenant) -> Box<dyn source::Progress> {
        Box::new(self.progress.tenant(&tenant.name))
    }
}
