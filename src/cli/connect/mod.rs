//! `bmsync connect TENANT`: a person signs in once, in a browser or with a code, and bmsync goes on from there.

use crate::display::safe;
use crate::manifest::config::{SignIn, Tenant};
use crate::source::SourceError;
use crate::source::graph::connect::{Attempts, Consent, Loopback, Outcome, Reception, Welcome};
use crate::source::graph::{Http, Pace};

use super::args::{ConnectArgs, Global};
use super::asked;
use super::error::{Error, Exit};
use super::manifests;
use super::output::Output;
use super::server;
use super::sign_ins::sign_ins;
use super::state::State;

pub(super) mod browser;
pub(super) mod told;

/// Connects; has a server do it if one is meant.
pub async fn run(args: &ConnectArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    match server::remote(global)? {
        Some(remote) => asked::connect::run(&remote, args, global, output).await,
        None => here(args, global, output).await,
    }
}

async fn here(args: &ConnectArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    let config = manifests::load(global, output)?;
    let tenant = manifests::tenant(&config, &args.tenant)?;
    wants_a_person(tenant)?;
    let cannot = |error: SourceError| told::cannot(&tenant.name, &error);
    let sign_ins = sign_ins(State::Create.open(global, output)?, global)?;
    let pace = Pace::new(fastrand::u64(..));
    let reception = Reception::new(tenant, &Http::new(), pace, sign_ins.of(tenant)).map_err(cannot)?;
    reception.check().await.map_err(cannot)?;
    let welcome = if args.device_code {
        by_code(&reception, output).await.map_err(cannot)?
    } else {
        by_browser(reception, args, output).await?
    };
    told::welcome(&welcome.document(), global.output, output)
}

/// A tenant in which the application signs in by itself needs nobody.
pub(super) fn wants_a_person(tenant: &Tenant) -> Result<(), Error> {
    match tenant.sign_in {
        SignIn::Delegated => Ok(()),
        SignIn::Application => {
            Err(Error::new(format!("tenant `{}` says `signIn: application`, so nobody needs to sign in", tenant.name))
                .hint("`bmsync plan` reads it; to sign in as a person, let the manifest say `signIn: delegated`"))
        }
    }
}

async fn by_code(reception: &Reception, output: &Output) -> Result<Welcome, SourceError> {
    let device = reception.device().await?;
    output.aside(format!("{}\n", safe(&device.message())));
    let arrival = reception.wait(&device).await?;
    reception.admit(arrival).await
}

async fn by_browser(reception: Reception, args: &ConnectArgs, output: &Output) -> Result<Welcome, Error> {
    let name = reception.tenant().name.clone();
    let cannot = |error: SourceError| told::cannot(&name, &error);
    let loopback = Loopback::bind().await.map_err(cannot)?;
    let consent = if args.admin_consent { Consent::First } else { Consent::Given };
    let (attempts, redirect) = (Attempts::default(), loopback.redirect().map_err(cannot)?);
    let started = attempts.begin(reception, &redirect, consent).map_err(cannot)?;
    if let Some(url) = &started.url {
        browser::show(url, args, output);
    }
    match loopback.serve(&attempts, attempts.ended(&started.id)).await {
        Some(Outcome::Welcome(welcome)) => Ok(welcome),
        Some(Outcome::Failed { message, hint }) => Err(told::failed(&name, message, hint)),
        None => Err(told::failed(&name, "the sign-in was given up".to_owned(), None)),
    }
}
