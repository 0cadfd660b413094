//! Showing a person where to go: the address always, a browser if one is wanted and there is one.

use std::process::{Command, Stdio};

use url::Url;

use crate::cli::args::ConnectArgs;
use crate::cli::output::Output;

/// Environment variable with the browser that a person wants.
const BROWSER_VARIABLE: &str = "BROWSER";

/// Prints the address, and opens it unless that is not wanted. An address is not printed by the log: whoever has it can
/// take part in the sign-in.
pub fn show(url: &Url, args: &ConnectArgs, output: &Output) {
    let opened = !args.no_browser && open(url);
    let lead = if opened { "A browser opens; if it does not, open" } else { "Open in a browser" };
    output.aside(format!("{lead}:\n\n  {url}\n\nWaiting for somebody to sign in; Ctrl-C ends it.\n"));
}

/// Starts a browser and does not wait for it; says whether one could be started.
fn open(url: &Url) -> bool {
    let wanted = std::env::var_os(BROWSER_VARIABLE).filter(|name| !name.is_empty());
    let opened = match wanted {
        Some(browser) => {
            let mut command = Command::new(browser);
            command.arg(url.as_str()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().map(drop)
        }
        None => open::that_detached(url.as_str()),
    };
    opened.inspect_err(|error| tracing::debug!(%error, "no browser can be started")).is_ok()
}
