//! Checks of a live BMS: who signs in and what they may do, whether what the manifests name is there, what is left of the
//! hour's calls, and whether somebody else writes too. They change nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::timeout;

use crate::cli::bms;
use crate::display::counted;
use crate::ledger::Ledger;
use crate::manifest::config::{Bms, Config};
use crate::model::{Field, Kind, same_name};
use crate::store::kaseya::KaseyaStore;
use crate::store::kaseya::api::{self, Administrator, BmsError, Bridge, Endpoint, Lookup, Named};

use super::finding::{Finding, Remedy, Verdict};

/// How long one check may take.
const LIMIT: Duration = Duration::from_secs(40);

/// Looks at the BMS that the manifests declare.
pub async fn examine(config: &Config, declared: &Bms, ledger: &dyn Ledger) -> Vec<Finding> {
    let memory = KaseyaStore::memory(ledger).await.unwrap_or_default();
    let client = match bms::client(declared, memory) {
        Ok(client) => client,
        Err(error) => {
            return vec![Finding::of_machine("bms", Verdict::Bad(Remedy::new(error.what, "correct `server`")))];
        }
    };
    let signed_in = asked(client.user_info()).await;
    let reachable = signed_in.is_ok();
    let mut findings =
        vec![Finding::of_machine("bms sign-in", signed_in.map_or_else(Verdict::Bad, |info| user(&info)))];
    if reachable {
        findings.push(Finding::of_machine("bms accounts", accounts(config, &client).await));
        findings.push(Finding::of_machine("bms types", types(declared, &client).await));
        findings.push(Finding::of_machine("bms by hand", by_hand(config, &client).await));
        findings.push(Finding::of_machine("bms writers", writers(&client).await));
        // Not asked of BMS, and told last: what looking has cost is in it.
        findings.push(Finding::of_machine("bms calls", calls(&client)));
    }
    findings
}

async fn asked<T>(question: impl Future<Output = Result<T, BmsError>>) -> Result<T, Remedy> {
    match timeout(LIMIT, question).await {
        Ok(answer) => answer.map_err(|error| remedy(&error)),
        Err(_) => Err(Remedy::new("BMS did not answer in time", "try again; look at the network between here and BMS")),
    }
}

fn remedy(error: &BmsError) -> Remedy {
    let hint = match error {
        BmsError::Unauthorized { .. } => {
            "look at company, username, password and totp; a user that must sign in with KaseyaOne needs an exception"
        }
        BmsError::Forbidden { .. } => "give the user's role the right, and the special feature Has API Access",
        BmsError::Credentials { .. } => "put the secret where the manifest points to",
        BmsError::Throttled { .. } => "wait: the calls of this hour are used up",
        BmsError::NotOffered { .. } => "look at `server`: is that a BMS with the REST API V2?",
        BmsError::Refused { .. }
        | BmsError::Clash { .. }
        | BmsError::NotFound { .. }
        | BmsError::Unreachable { .. }
        | BmsError::Unknown { .. }
        | BmsError::Unexpected { .. }
        | BmsError::TooLarge { .. } => "look at `server`, the proxy and the certificate, and try again",
    };
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    Remedy::new(format!("{error}{cause}"), hint)
}

fn user(info: &api::UserInfo) -> Verdict {
    let name = info.username.as_deref().unwrap_or("the API user");
    let company = info.company.as_deref().map(|company| format!(" of {company}")).unwrap_or_default();
    match info.administrator {
        Administrator::Yes => Verdict::Worth(Remedy::new(
            format!("{name}{company} is an administrator"),
            "give it a role of its own: Has API Access, View and Modify of CRM contacts, View of accounts and employees",
        )),
        Administrator::No => {
            let rights = counted(info.rights.len() as u64, "right");
            Verdict::Good(format!("{name}{company}, with {rights}"))
        }
    }
}

/// Whether the accounts and locations of the rules are there.
async fn accounts(config: &Config, client: &api::Bms) -> Verdict {
    let accounts = match asked(client.accounts()).await {
        Ok(accounts) => accounts.items,
        Err(remedy) => return Verdict::Bad(remedy),
    };
    let mut missing = BTreeSet::new();
    for rule in config.rules.iter().filter(|rule| rule.kind == Kind::Contact) {
        let Some(wanted) = rule.account() else { continue };
        let location = rule.values.get(Field::Location);
        match accounts.iter().find(|account| account.name == wanted) {
            None => drop(missing.insert(format!("rule `{}`: no account `{wanted}`", rule.name))),
            Some(account) => {
                let known = |wanted: &&str| account.locations.iter().any(|known| known.name == **wanted);
                if let Some(location) = location.filter(|location| !known(location)) {
                    missing.insert(format!("rule `{}`: `{wanted}` has no location `{location}`", rule.name));
                }
            }
        }
    }
    if missing.is_empty() {
        return Verdict::Good(counted(accounts.len() as u64, "account"));
    }
    let missing: Vec<String> = missing.into_iter().collect();
    Verdict::Bad(Remedy::new(missing.join("; "), "spell them as BMS does, or make them in BMS"))
}

/// Whether the types of phone and email are there that the manifest names.
async fn types(declared: &Bms, client: &api::Bms) -> Verdict {
    let wanted = [
        ("phoneType", &declared.phone_type, Lookup::PhoneTypes),
        ("emailType", &declared.email_type, Lookup::EmailTypes),
    ];
    let mut shown = Vec::new();
    for (key, name, table) in wanted {
        let known = match asked(client.lookup(&table)).await {
            Ok(known) => known,
            Err(remedy) => return Verdict::Unknown(format!("{key}: {}", remedy.message)),
        };
        let names = |known: &[Named]| known.iter().map(|one| one.name.clone()).collect::<Vec<_>>().join(", ");
        match name {
            Some(name) if !known.iter().any(|one| same_name(&one.name, name)) => {
                let hint = format!("BMS has {}", names(&known));
                return Verdict::Bad(Remedy::new(format!("{key}: BMS has no `{name}`"), hint));
            }
            Some(name) => shown.push(format!("{key} {name}")),
            None => shown.push(format!("{key}: the default one")),
        }
    }
    Verdict::Good(shown.join(", "))
}

/// What this BMS leaves to people.
async fn by_hand(config: &Config, client: &api::Bms) -> Verdict {
    let employees = config.rules.iter().any(|rule| rule.kind == Kind::Employee);
    let first = asked(client.employees()).await.ok().and_then(|found| found.items.first().map(|one| one.id));
    let offers = client.probe(None, first).await.ok();
    let writable = offers.is_some_and(|offers| offers.of(Endpoint::PatchEmployee) == Some(api::Offer::There));
    match (employees, writable) {
        (_, true) => Verdict::Good("this BMS lets employees be changed; logins are set by hand".to_owned()),
        (true, false) => {
            Verdict::Good("employees and client portal logins are made by hand: `bmsync get worklist`".to_owned())
        }
        (false, false) => Verdict::Good("client portal logins are set by hand: `bmsync get worklist`".to_owned()),
    }
}

/// Whether somebody else may write to the same contacts.
async fn writers(client: &api::Bms) -> Verdict {
    let own =
        "BMS does not show whether its own Azure AD sync is on (Admin > My Company > Auth & Provision): it must be off";
    match asked(client.itglue()).await {
        Ok(Bridge::On) => Verdict::Worth(Remedy::new(
            "the IT Glue integration is on: with two-way contact sync, IT Glue writes to contacts too",
            format!("switch two-way contact sync off in IT Glue, or see to it that nobody edits there; {own}"),
        )),
        Ok(Bridge::Off) | Err(_) => Verdict::Good(own.to_owned()),
    }
}

fn calls(client: &api::Bms) -> Verdict {
    let (budget, now) = (client.budget(), client.now());
    let least = Endpoint::ALL.into_iter().min_by_key(|endpoint| budget.room(*endpoint, now));
    let Some(least) = least else { return Verdict::Unknown("nothing was called".to_owned()) };
    let (left, all) = (budget.room(least, now), budget.per_hour());
    if left == 0 {
        let until = budget.free_at(least, now);
        return Verdict::Worth(Remedy::new(
            format!("no call of {least} is left until {until}"),
            "what waits goes on by itself",
        ));
    }
    Verdict::Good(format!("{left} of {all} calls of {least} are left, more of all others"))
}
