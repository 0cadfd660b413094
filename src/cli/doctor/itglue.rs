//! Checks of IT Glue: its address and key, the organizations of the accounts that contacts have, the contact type, and
//! whether BMS writes there too. They change nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::actual::Actual;
use crate::display::counted;
use crate::http::Http;
use crate::manifest::config::{Delivery, ItGlue};
use crate::model::{Field, Kind};
use crate::outbox::itglue::{ItGlueSink, web};
use crate::outbox::{SinkError, SinkErrorClass};
use crate::source::Job;

use super::finding::{Finding, Remedy, Verdict};

/// Accounts that are looked up at the most, those with the most contacts first: each costs requests.
const MOST: usize = 50;

/// Looks at a declared IT Glue.
pub async fn examine(it_glue: &ItGlue, actual: Option<&Actual>) -> Vec<Finding> {
    let sink = match web(it_glue, Http::new()) {
        Ok(wire) => ItGlueSink::new(it_glue, wire, Arc::new(()), Arc::new(Timestamp::now)),
        Err(error) => return vec![Finding::of_machine("itglue", told(&error))],
    };
    let mut findings = Vec::new();
    // The first question also shows whether the key is good.
    let (reached, kind) = match sink.reach().await {
        Ok(()) => (
            Verdict::Good(format!(
                "{} takes the key, mode {}; a key that is not used for 90 days is revoked",
                it_glue.root,
                it_glue.mode.word()
            )),
            contact_type(&sink, it_glue).await,
        ),
        Err(error) => (told(&error), Verdict::Unknown("IT Glue could not be asked".to_owned())),
    };
    let is_reached = matches!(reached, Verdict::Good(_));
    findings.push(Finding::of_machine("itglue-key", reached));
    findings.push(Finding::of_machine("itglue-contact-type", kind));
    let accounts = actual.map(accounts).unwrap_or_default();
    if is_reached {
        findings.extend(organizations(&sink, it_glue, &accounts).await);
    }
    findings
}

async fn contact_type(sink: &ItGlueSink, it_glue: &ItGlue) -> Verdict {
    match (sink.inactive_type().await, it_glue.mode) {
        (Ok(Some(id)), _) => Verdict::Good(format!("who is not active gets the contact type {id}")),
        (Ok(None), Delivery::Verify) => Verdict::Good("none is declared".to_owned()),
        (Ok(None), Delivery::Write) => Verdict::Worth(Remedy::new(
            "IT Glue does not show that a contact was deactivated",
            "name a contact type in `inactiveContactType` of the ItGlue manifest",
        )),
        (Err(error), _) => told(&error),
    }
}

/// The accounts that contacts have, with how many.
fn accounts(actual: &Actual) -> Vec<(String, u64)> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for record in actual.records().filter(|record| record.key.kind == Kind::Contact) {
        if let Some(account) = record.fields.get(Field::Account) {
            *counts.entry(account).or_default() += 1;
        }
    }
    let mut counts: Vec<(String, u64)> = counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts
}

/// Whether the accounts have organizations, and whether BMS writes there.
async fn organizations(sink: &ItGlueSink, it_glue: &ItGlue, accounts: &[(String, u64)]) -> Vec<Finding> {
    let (mut found, mut missing, mut shared) = (0, Vec::new(), Vec::new());
    for (account, _) in accounts.iter().take(MOST) {
        let organization = match sink.organization(account).await {
            Ok(Ok(organization)) => organization,
            Ok(Err(finding)) => {
                missing.push(format!("{account}: {}", finding.message));
                continue;
            }
            Err(error) => return vec![Finding::of_machine("itglue-organizations", told(&error))],
        };
        found += 1;
        match sink.has_second_writer(organization).await {
            Ok(true) => shared.push(account.clone()),
            Ok(false) => {}
            Err(error) => return vec![Finding::of_machine("itglue-writers", told(&error))],
        }
    }
    let rest = match accounts.len().saturating_sub(MOST) {
        0 => String::new(),
        rest => format!("; {} not looked at", counted(rest as u64, "account")),
    };
    let organizations = match missing.as_slice() {
        [] => Verdict::Good(format!("{} with an organization{rest}", counted(found, "account"))),
        [first, ..] => Verdict::Worth(Remedy::new(
            format!("{} without an organization{rest}; {first}", counted(missing.len() as u64, "account")),
            "name them in `organizations` of the ItGlue manifest",
        )),
    };
    let writers = match (shared.as_slice(), it_glue.mode) {
        ([], _) => Verdict::Good("BMS synchronizes no contacts of these organizations".to_owned()),
        ([..], Delivery::Verify) => {
            Verdict::Good(format!("BMS synchronizes contacts of {}; bmsync only compares", shared.join(", ")))
        }
        ([..], Delivery::Write) => Verdict::Worth(Remedy::new(
            format!("BMS synchronizes contacts of {} too: there bmsync writes nothing", shared.join(", ")),
            "keep `mode: verify` and let BMS do it, or switch contact sync off in IT Glue (Account > Integrations)",
        )),
    };
    vec![Finding::of_machine("itglue-organizations", organizations), Finding::of_machine("itglue-writers", writers)]
}

fn told(error: &SinkError) -> Verdict {
    let message = match &error.source {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    };
    let job = match error.class {
        SinkErrorClass::Transient => Job::Wait,
        SinkErrorClass::Person | SinkErrorClass::Protocol => Job::Operator,
    };
    Verdict::Bad(Remedy { message, hint: error.hint.clone(), job })
}
