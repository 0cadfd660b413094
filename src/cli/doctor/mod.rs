//! `bmsync doctor [TENANT]`: looks at everything that a synchronization needs, and says what to do about what is wrong.
//! It changes nothing.

mod bms;
mod finding;
mod itglue;
mod machine;
mod tenant;

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::manifest::config::{Config, Tenant};
use crate::source::graph::Http;

use self::finding::Finding;
use self::machine::Opened;
use self::tenant::{Kept, Known, Patient};
use super::args::{DoctorArgs, Format, Global};
use super::error::{Error, Exit};
use super::manifests;
use super::output::Output;
use super::sign_ins::sign_ins;

/// Looks, and tells; fails when something is wrong.
pub async fn run(args: &DoctorArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    let (config, mut findings) = machine::manifests(global);
    let (opened, of_state) = machine::state(global).await;
    findings.extend(of_state);
    if let Some(url) = &args.public_url {
        findings.push(machine::public_url(url).await);
    }
    if let Some(config) = config {
        let tenants = chosen(&config, args.tenant.as_deref())?;
        let config = Arc::new(config);
        let kept = if opened.is_some() { Kept::Here } else { Kept::Elsewhere };
        let Opened { actual, ledger } = opened.unwrap_or_else(Opened::nothing);
        let of_it_glue = match (&config.it_glue, args.tenant.is_none()) {
            (Some(it_glue), true) => itglue::examine(it_glue, actual.as_ref()).await,
            (Some(_) | None, _) => Vec::new(),
        };
        findings.extend(of_it_glue);
        if let (Some(declared), None) = (&config.bms, &args.tenant) {
            findings.extend(bms::examine(&config, declared, &*ledger).await);
        }
        let sign_ins = sign_ins(ledger, global)?;
        let known = Known { config, actual: actual.map(Arc::new), sign_ins, kept, http: Http::new() };
        findings.extend(side_by_side(tenants.into_iter().map(|tenant| Patient::new(tenant, &known))).await);
    }
    tell(&findings, global, output)?;
    Ok(if findings.iter().any(Finding::is_bad) { Exit::Failed } else { Exit::Done })
}

/// The tenants to look at: the one that is named, or all.
fn chosen(config: &Config, wanted: Option<&str>) -> Result<Vec<Tenant>, Error> {
    match wanted {
        Some(wanted) => Ok(vec![manifests::tenant(config, wanted)?.clone()]),
        None => Ok(config.tenants.clone()),
    }
}

/// Every tenant at once; their findings in the tenants' order.
async fn side_by_side(patients: impl Iterator<Item = Patient>) -> Vec<Finding> {
    let mut running = JoinSet::new();
    for (number, patient) in patients.enumerate() {
        running.spawn(async move { (number, patient.examine().await) });
    }
    let mut all = running.join_all().await;
    all.sort_by_key(|(number, _)| *number);
    all.into_iter().flat_map(|(_, findings)| findings).collect()
}

fn tell(findings: &[Finding], global: &Global, output: &Output) -> Result<(), Error> {
    match global.output {
        Format::Json => output.data(format!("{:#}\n", finding::json(findings))),
        Format::Text | Format::Markdown | Format::Yaml | Format::Csv => {
            output.data(finding::text(findings, output.palette()))
        }
    }
}
