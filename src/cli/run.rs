//! `bmsync run`: reconcile continuously, and serve HTTP meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;

use crate::controller::connecting::Desk;
use crate::controller::manifests::git::{Reference, Remote, Repository};
use crate::controller::manifests::{Cause, InForce, LiveManifests, OpenError, Origin, Problem, Timing};
use crate::controller::metrics::{FileErrors, Metrics};
use crate::controller::{Connect, Connected, Controller, Operations, Parts};
use crate::ledger::sled::announce;
use crate::manifest;
use crate::manifest::config::Bms;
use crate::model::Text;
use crate::server::{Access, AccessOptions, OPERATOR_VARIABLE, Options, Reread, Server, TlsFiles, VIEWER_VARIABLE};
use crate::source::graph::connect::{Attempts, CALLBACK_PATH};
use crate::source::graph::{Delegations, GraphSource, Http, Pace};
use crate::store::book::Clock;

use super::args::{Global, RunArgs};
use super::bms;
use super::error::{Error, Exit};
use super::manifests;
use super::output::Output;
use super::sign_ins::sign_ins;
use super::state::State;
use super::stop::{Hangups, told_to_stop};

/// How long tasks may take to end once they are told to.
const GRACE: Duration = Duration::from_secs(8);
/// How long a live BMS is written in one round, before other tenants have their turn.
const SLICE: Duration = Duration::from_secs(10);

/// Runs until it is told to stop.
pub async fn run(args: &RunArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    let hangups = Hangups::listen();
    let live = open_manifests(args, global, output).await?;
    let in_force = live.in_force();
    let (config, commit) = (Arc::clone(&in_force.config), in_force.commit.as_deref().map(Text::from));
    let metrics = Arc::new(Metrics::new(Timestamp::now()));
    count_manifests(&metrics, &in_force);
    let (access, tls, metered) = (access(args)?, tls(args), Some(Arc::clone(&metrics)));
    let options = Options { access, tls, metrics: metered, ..Options::default() };
    let ledger = State::Create.open(global, output)?;
    let clock: Clock = Arc::new(Timestamp::now);
    let (http, sign_ins) = (Http::new(), sign_ins(Arc::clone(&ledger), global)?);
    let store = bms::store(&config, Arc::clone(&ledger), Some(SLICE)).await?;
    let of_bms = config.bms.clone();
    let cannot = |error: &crate::server::ServeError| Error::new("cannot serve HTTP").because(error);
    let server = Server::bind(args.listen, options).await.map_err(|error| cannot(&error))?;
    announce(global.state_path()?, &server.url())?;
    metrics.measure(global.state_path()?);
    greet(&server, output);

    let notification_url = notification_url(args)?;
    if notification_url.is_none() {
        output.note("no --public-url: directories are polled, nothing tells of changes");
    }
    let reread = server.reread();
    let desk = desk(args, &server, http.clone(), Arc::clone(&sign_ins))?;
    let parts = Parts {
        config,
        commit,
        ledger,
        store,
        connect: connect(http.clone(), Arc::clone(&sign_ins)),
        notification_url,
        metrics: Arc::clone(&metrics),
        clock,
        desk,
    };
    let controller = Arc::new(Controller::start(parts).await);
    controller.deliver(super::deliver::open_sink(http.clone()));
    controller.note_problem(in_force.problem.as_ref().map(Problem::message));
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let serving = tokio::spawn(server.serve(Arc::clone(&controller) as Arc<dyn Operations>, until(stopped)));
    follow(&controller, &live, &metrics, &reread, hangups, of_bms.as_ref()).await;
    output.note("stopping");
    let _ = stop.send(true);
    controller.stop(GRACE).await;
    match serving.await {
        Ok(Ok(())) | Err(_) => Ok(Exit::Done),
        Ok(Err(error)) => Err(cannot(&error)),
    }
}

async fn until(mut stopped: tokio::sync::watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// Puts every new configuration in force until it is told to stop.
async fn follow(
    controller: &Controller,
    live: &LiveManifests,
    metrics: &Metrics,
    reread: &Reread,
    mut hangups: Hangups,
    bms: Option<&Bms>,
) {
    let mut news = live.subscribe();
    let stopping = told_to_stop();
    tokio::pin!(stopping);
    loop {
        tokio::select! {
            () = &mut stopping => return,
            () = hangups.heard() => {
                reread.look();
                controller.nudge_all();
            }
            changed = news.changed() => {
                if changed.is_err() {
                    return;
                }
                let in_force = news.borrow_and_update().clone();
                count_manifests(metrics, &in_force);
                controller.note_problem(in_force.problem.as_ref().map(Problem::message));
                if in_force.config.bms.as_ref() != bms {
                    tracing::warn!("KaseyaBms has changed: the BMS of the start is used until bmsync is started again");
                }
                let commit = in_force.commit.as_deref().map(Text::from);
                controller.configure(Arc::clone(&in_force.config), commit).await;
            }
        }
    }
}

/// The manifests, kept in force while they change.
async fn open_manifests(args: &RunArgs, global: &Global, output: &Output) -> Result<LiveManifests, Error> {
    let origin = match &args.git {
        None => Origin::Folder(global.manifests.clone()),
        Some(address) => Origin::Git(Box::new(repository(args, address, global)?)),
    };
    let opened = LiveManifests::open(origin, Timing::default(), Arc::new(Timestamp::now)).await;
    opened.map_err(|error| match error {
        OpenError::Invalid(diagnostics) => {
            output.aside(manifest::render_text(&diagnostics, manifests::color(output)));
            Error::new("cannot use the manifests").hint("what is wrong is listed above")
        }
        OpenError::Git(failure) => {
            let hint = failure.hint().to_owned();
            Error::new("cannot read the manifests from their repository").because(&failure).hint(hint)
        }
        OpenError::Restless => Error::new("cannot read the manifests").because(&error),
    })
}

/// The repository that `--git` names; its copy is kept beside the state.
fn repository(args: &RunArgs, address: &str, global: &Global) -> Result<Repository, Error> {
    let wrong = |error: &(dyn std::error::Error + 'static)| Error::usage("cannot use the repository").because(error);
    let remote = Remote::parse(address).map_err(|error| wrong(&error))?;
    let reference = Reference::parse(&args.reference).map_err(|error| wrong(&error))?;
    let cache = global.state_path()?.with_extension("git");
    let repository = Repository::new(remote, reference, &cache);
    let repository = repository.folder(&args.git_path).map_err(|error| wrong(&error))?;
    Ok(repository.interval(Duration::from_secs(args.git_interval)))
}

/// Where Graph tells of changes: the webhook below the public URL.
fn notification_url(args: &RunArgs) -> Result<Option<String>, Error> {
    let Some(public) = &args.public_url else { return Ok(None) };
    let wrong = || Error::usage(format!("cannot use the public URL `{}`", crate::display::safe(public)));
    let url = url::Url::parse(public).map_err(|error| wrong().because(&error))?;
    let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if !(url.scheme() == "https" || (url.scheme() == "http" && local)) || url.query().is_some() {
        return Err(wrong().hint("give an https URL under which Microsoft Graph reaches this server"));
    }
    Ok(Some(format!("{}/webhooks/graph", url.as_str().trim_end_matches('/'))))
}

/// Where people sign in: browsers come back below the public URL, or to this machine.
fn desk(args: &RunArgs, server: &Server, http: Http, sign_ins: Arc<Delegations>) -> Result<Desk, Error> {
    let port = server.address().port();
    let scheme = if args.tls_cert.is_some() { "https" } else { "http" };
    let here = || format!("{scheme}://localhost:{port}");
    let root = args.public_url.as_deref().map_or_else(here, |url| url.trim_end_matches('/').to_owned());
    let callback = url::Url::parse(&format!("{root}{CALLBACK_PATH}"));
    let callback = callback.map_err(|error| Error::usage("cannot use the public URL").because(&error))?;
    Ok(Desk { http, sign_ins, callback, attempts: Attempts::default() })
}

fn count_manifests(metrics: &Metrics, in_force: &InForce) {
    let InForce { config, loaded_at, noticed_at: _, commit, problem } = in_force;
    match problem.as_ref().map(|problem| &problem.cause) {
        None => metrics.manifests_valid(&config.digest, commit.as_deref(), *loaded_at),
        Some(Cause::Invalid { diagnostics, commit: _ }) => {
            let mut errors: BTreeMap<&str, u64> = BTreeMap::new();
            for one in diagnostics {
                *errors.entry(one.file.as_str()).or_default() += 1;
            }
            metrics.manifests_invalid(errors.into_iter().map(|(file, errors)| FileErrors { file, errors }));
        }
        Some(Cause::Unreachable { .. }) => {
            metrics.manifests_invalid([FileErrors { file: "the repository", errors: 1 }]);
        }
    }
}

/// Every tenant over Microsoft Graph, sharing what connections need.
fn connect(http: Http, sign_ins: Arc<Delegations>) -> Connect {
    Arc::new(move |tenant, meter| {
        let source = || GraphSource::new(tenant, &http, Pace::new(fastrand::u64(..)), sign_ins.of(tenant));
        let (source, subscriptions) = (source()?.with_meter(Arc::clone(&meter)), source()?.with_meter(meter));
        Ok(Connected { source: Box::new(source), subscriptions: Box::new(subscriptions) })
    })
}

fn access(args: &RunArgs) -> Result<Access, Error> {
    let token = |name| std::env::var(name).ok().map(SecretString::from);
    let options =
        AccessOptions { file: args.tokens.clone(), viewer: token(VIEWER_VARIABLE), operator: token(OPERATOR_VARIABLE) };
    Access::load(&options).map_err(|error| Error::new("cannot use the tokens").because(&error))
}

fn tls(args: &RunArgs) -> Option<TlsFiles> {
    let certificate = args.tls_cert.clone()?;
    let key = args.tls_key.clone()?;
    Some(TlsFiles { certificate, key })
}

/// The address alone on stdout, for scripts; the rest on stderr.
fn greet(server: &Server, output: &Output) {
    let _ = output.data(format!("{}\n", server.url()));
    if let Some(advice) = server.advice() {
        output.warn(advice);
    }
    output.note(format!("reconciling and serving {}; Ctrl-C ends it", server.url()));
}
