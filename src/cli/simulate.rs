//! `bmsync simulate [FILE]`: a simulated Graph and login service on loopback, of a file or of a made-up world.

use crate::simulator::{Faults, Options, Running, Serve, serve};

use super::args::{SimulateArgs, Sizes};
use super::error::{Error, Exit};
use super::output::Output;
use super::stop::told_to_stop;

/// Serves until Ctrl-C.
pub async fn run(args: &SimulateArgs, output: &Output) -> Result<Exit, Error> {
    let mut faults = Faults::default();
    for fault in &args.fault {
        faults
            .set(fault)
            .map_err(|error| Error::usage(format!("cannot switch on the fault `{fault}`")).because(&error))?;
    }
    let page_size = usize::try_from(args.page_size).unwrap_or(usize::MAX);
    let options = Options { listen: args.listen, page_size, faults, seed: args.seed, ..Options::default() };
    let world = world(args);
    serve(&world, options, |running| greet(running, output), told_to_stop())
        .await
        .map_err(|error| Error::new("cannot simulate").because(&error))?;
    Ok(Exit::Done)
}

fn world(args: &SimulateArgs) -> Serve {
    let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    match (&args.generate, &args.file) {
        (Some(Sizes { users, groups }), _) => {
            Serve::Generated { seed: args.seed, users: count(*users), groups: count(*groups) }
        }
        (None, Some(file)) => Serve::File(file.clone()),
        (None, None) => Serve::Example,
    }
}

/// The address alone on stdout, for scripts; what to do with it on stderr.
fn greet(running: &Running, output: &Output) {
    let url = running.url();
    // A reader that does not take the address does not stop the service.
    let _ = output.data(format!("{url}\n"));
    output.note(format!(
        "serving Microsoft Graph and the login service; in a Tenant: endpoints: {{ login: {url}, graph: {url} }}"
    ));
    output.note(format!("serving IT Glue; in an ItGlue: region: {url}/itglue"));
    if running.control().bms(|_| ()).is_some() {
        output.note(format!("serving Kaseya BMS; in a KaseyaBms: server: {url}/bms"));
    }
    output.note("Ctrl-C ends it");
}
