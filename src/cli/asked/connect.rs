//! `bmsync connect TENANT --server`: a running bmsync receives the person and keeps the sign-in.

use std::time::Duration;

use url::Url;

use crate::cli::args::{ConnectArgs, Global};
use crate::cli::connect::{browser, told};
use crate::cli::error::{Error, Exit};
use crate::cli::output::Output;
use crate::display::safe;
use crate::remote::{Connecting, Remote, SignInWay};
use crate::source::graph::connect::CALLBACK_PATH;

use super::cannot;

/// Between two questions how far it is.
const INTERVAL: Duration = Duration::from_secs(1);

/// A server that was given no public address has browsers come back to the machine that it runs on: from another one
/// they never arrive, and a person would wait in vain.
fn comes_back_there(url: &Url, remote: &Remote) -> Result<(), Error> {
    let redirect = url.query_pairs().find(|(name, _)| name == "redirect_uri").and_then(|(_, to)| Url::parse(&to).ok());
    if remote.is_here() || redirect.is_none_or(|to| to.host_str() != Some("localhost")) {
        return Ok(());
    }
    let what = format!("{} has no address for a browser to come back to from here", remote.address());
    Err(Error::new(what).hint(format!(
        "start it with --public-url {}, and register that address with {CALLBACK_PATH} in the app registration; or give \
         --device-code, with which no browser comes back",
        remote.address()
    )))
}

/// Has the server begin, shows the person where to go, and waits for the end.
pub async fn run(remote: &Remote, args: &ConnectArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    let way = match (args.device_code, args.admin_consent) {
        (true, _) => SignInWay::DeviceCode,
        (false, true) => SignInWay::AdminConsent,
        (false, false) => SignInWay::Browser,
    };
    let begun = remote.connect(&args.tenant, way).await;
    let begun = begun.map_err(|error| cannot("begin the sign-in", remote, &error))?;
    match (&begun.message, begun.url.as_deref().map(Url::parse)) {
        (Some(message), _) => output.aside(format!("{}\n", safe(message))),
        (None, Some(Ok(url))) if matches!(url.scheme(), "https" | "http") => {
            comes_back_there(&url, remote)?;
            browser::show(&url, args, output);
        }
        (None, _) => return Err(Error::new(format!("{} does not say where to sign in", remote.address()))),
    }
    loop {
        tokio::time::sleep(INTERVAL).await;
        let progress = remote.connecting(&begun.attempt).await;
        let Connecting { state, welcome, message, hint } =
            progress.map_err(|error| cannot("hear of the sign-in", remote, &error))?;
        match state.as_str() {
            "waiting" => {}
            "signedIn" => return told::welcome(&welcome, global.output, output),
            _ => {
                let message = message.unwrap_or_else(|| format!("the server says `{state}`"));
                return Err(told::failed(&args.tenant, message, hint));
            }
        }
    }
}
