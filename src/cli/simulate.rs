//! `bmsync simulate [FILE]`: a simulated Graph and login service on loopback.

use crate::simulator::{Faults, Options, Running, Serve, serve};

use super::args::SimulateArgs;
use super::error::{Error, Exit};
use super::output::Output;

/// Serves until Ctrl-C.
pub async fn run(args: &SimulateArgs, output: &Output) -> Result<Exit, Error> {
    let mut faults = Faults::default();
    for fault in &args.fault {
        faults
            .set(fault)
            .map_err(|error| Error::usage(format!("cannot switch on the fault `{fault}`")).because(&error))?;
    }
    let page_size = usize::try_from(args.page_size).unwrap_or(usize::MAX);
    let options = Options { listen: args.listen, page_size, faults, ..Options::default() };
    let world = args.file.clone().map_or(Serve::Example, Serve::File);
    serve(&world, options, |running| greet(running, output), told_to_stop())
        .await
        .map_err(|error| Error::new("cannot simulate").because(&error))?;
    Ok(Exit::Done)
}

/// Ctrl-C, or on Unix the polite signal of whoever started it. Without a way to be told, it serves until it is killed.
async fn told_to_stop() {
    #[cfg(unix)]
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = terminated => {}
        () = interrupted => {}
    }
}

/// The address alone on stdout, for scripts; what to do with it on stderr.
fn greet(running: &Running, output: &Output) {
    let url = running.url();
    // A reader that does not take the address does not stop the service.
    let _ = output.data(format!("{url}\n"));
    output.note(format!(
        "serving Microsoft Graph and the login service; in a Tenant: endpoints: {{ login: {url}, graph: {url} }}\nCtrl-C ends it"
    ));
}
