//! `bmsync connect TENANT --server` and `disconnect`: a running bmsync receives the person and keeps the sign-in.

use std::time::Duration;

use serde_json::json;
use url::Url;

use crate::cli::args::{ConnectArgs, DisconnectArgs, Format, Global};
use crate::cli::connect::{browser, told};
use crate::cli::error::{Error, Exit};
use crate::cli::output::Output;
use crate::display::safe;
use crate::remote::{Connecting, Remote, SignInWay};

use super::cannot;

/// Between two questions how far it is.
const INTERVAL: Duration = Duration::from_secs(1);

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
        (None, Some(Ok(url))) if matches!(url.scheme(), "https" | "http") => browser::show(&url, args, output),
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

/// Has the server forget.
pub async fn disconnect(
    remote: &Remote,
    args: &DisconnectArgs,
    global: &Global,
    output: &Output,
) -> Result<Exit, Error> {
    let forgotten = remote.disconnect(&args.tenant).await;
    let forgotten = forgotten.map_err(|error| cannot("have it forget the sign-in", remote, &error))?;
    let tenant = safe(&args.tenant);
    output.data(match (global.output, forgotten) {
        (Format::Json, forgotten) => {
            format!("{:#}\n", json!({ "tenant": args.tenant, "forgotten": forgotten }))
        }
        (Format::Text | Format::Markdown | Format::Yaml | Format::Csv, true) => {
            format!("Forgotten: the sign-in at tenant {tenant}.\n")
        }
        (Format::Text | Format::Markdown | Format::Yaml | Format::Csv, false) => {
            format!("No sign-in of tenant {tenant} is kept.\n")
        }
    })?;
    Ok(Exit::Done)
}
