//! `bmsync run`: reconcile continuously, and serve HTTP meanwhile.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;

use crate::controller::{Controller, Operations};
use crate::ledger::sled::announce;
use crate::server::{Access, AccessOptions, OPERATOR_VARIABLE, Options, Server, TlsFiles, VIEWER_VARIABLE};
use crate::source::Source;
use crate::source::graph::{GraphSource, Http, Pace};
use crate::store::local::LocalStore;

use super::args::{Global, RunArgs};
use super::error::{Error, Exit};
use super::manifests;
use super::output::Output;
use super::state::State;
use super::stop::{told_to_look, told_to_stop};

/// How long tasks may take to end once they are told to.
const GRACE: Duration = Duration::from_secs(8);

/// Runs until it is told to stop.
pub async fn run(args: &RunArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    let config = Arc::new(manifests::load(global, output)?);
    let options = Options { access: access(args)?, tls: tls(args), ..Options::default() };
    let ledger = State::Create.open(global, output)?;
    let store = Arc::new(LocalStore::open(Arc::clone(&ledger), Arc::new(Timestamp::now)).await?);
    let cannot = |error: &crate::server::ServeError| Error::new("cannot serve HTTP").because(error);
    let server = Server::bind(args.listen, options).await.map_err(|error| cannot(&error))?;
    announce(global.state_path()?, &server.url())?;
    greet(&server, output);

    let controller = Arc::new(Controller::start(config, ledger, store, connect()).await);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let serving = tokio::spawn(server.serve(Arc::clone(&controller) as Arc<dyn Operations>, until(stopped)));
    loop {
        tokio::select! {
            () = told_to_stop() => break,
            () = told_to_look() => match manifests::load(global, output) {
                Ok(config) => controller.configure(Arc::new(config)).await,
                Err(error) => output.error(&error),
            },
        }
    }
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

/// Every tenant over Microsoft Graph, sharing what connections need.
fn connect() -> crate::controller::Connect {
    let http = Http::new();
    Arc::new(move |tenant| {
        let source = GraphSource::new(tenant, &http, Pace::new(fastrand::u64(..)))?;
        Ok(Box::new(source) as Box<dyn Source>)
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
