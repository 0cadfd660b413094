//! `bmsync get KIND [ID]`: lists, or shows one.

use jiff::Timestamp;
use serde_json::Value;

use crate::actual::Actual;
use crate::applied::Event;
use crate::interchange::{csv, event::event, record::record, record::yaml};
use crate::ledger::Ledger;
use crate::manifest::config::{Config, Rule, Tenant};
use crate::model::{Id, Kind, Record, RecordKey};
use crate::outbox::findings;
use crate::plan::ToDo;

use super::args::{Format, GetArgs, Global, Listing};
use super::asked;
use super::error::{Error, Exit};
use super::manifests;
use super::output::Output;
use super::round::{Round, Wanted};
use super::server;
use super::state::State;

use self::signed_in::SignedIn;

pub(super) mod shape;
mod signed_in;
pub(super) mod table;

/// Events are read so many at a time.
const PAGE: usize = 1_000;

/// Lists, or shows one; asks a server if one is meant.
pub async fn run(args: &GetArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    match server::remote(global)? {
        Some(remote) => asked::get::run(&remote, args, global, output).await,
        None => here(args, global, output).await,
    }
}

async fn here(args: &GetArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    if args.follow {
        return Err(Error::usage("a state that is open here has no new events, so there is nothing to follow")
            .hint("follow those of a running bmsync: give --server URL"));
    }
    let id = args.id.as_deref();
    match args.kind {
        Listing::Employees => records(Kind::Employee, id, global, output).await?,
        Listing::Contacts => records(Kind::Contact, id, global, output).await?,
        Listing::Events => events(args, global, output).await?,
        Listing::Tenants => tenants(id, global, output).await?,
        Listing::Rules => rules(id, global, output)?,
        Listing::ItGlue => it_glue(id, global, output).await?,
        Listing::Worklist => worklist(id, global, output).await?,
    }
    Ok(Exit::Done)
}

async fn records(kind: Kind, id: Option<&str>, global: &Global, output: &Output) -> Result<(), Error> {
    let actual = State::Look.open(global, output)?.load().await?;
    let records = match id {
        None => actual.sorted_records().into_iter().filter(|record| record.key.kind == kind).collect(),
        Some(id) => vec![one_record(&actual, kind, id)?],
    };
    if global.output == Format::Csv {
        return output.stream(|out| csv::write(kind, records.iter().copied(), out));
    }
    let rows = || table::records(kind, &records);
    print(records.iter().map(|one| record(one)), id, global.output, rows, output)
}

fn one_record<'a>(actual: &'a Actual, kind: Kind, id: &str) -> Result<&'a Record, Error> {
    let number =
        id.parse().map_err(|_| Error::usage(format!("`{id}` is no ID of a record")).hint("IDs are numbers"))?;
    actual.record(RecordKey { kind, id: number }).ok_or_else(|| none(kind.word(), id))
}

async fn events(args: &GetArgs, global: &Global, output: &Output) -> Result<(), Error> {
    let id = args.id.as_deref();
    let ledger = State::Look.open(global, output)?;
    let events = match id {
        None => all_events(&*ledger, args).await?,
        Some(id) => {
            let wanted: u64 = id.parse().map_err(|_| Error::usage(format!("`{id}` is no ID of an event")))?;
            let found = ledger.events(wanted.saturating_sub(1), 1).await?;
            let found: Vec<_> = found.into_iter().filter(|event| event.id == wanted).collect();
            if found.is_empty() {
                return Err(none("event", id));
            }
            found
        }
    };
    print(events.iter().map(event), id, global.output, || table::events(&events), output)
}

/// The events after the one that is named, at most so many as are wanted.
async fn all_events(ledger: &dyn Ledger, args: &GetArgs) -> Result<Vec<Event>, Error> {
    let most = args.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let mut events: Vec<Event> = Vec::new();
    while events.len() < most {
        let after = events.last().map_or(args.after.unwrap_or(0), |event| event.id);
        let page = ledger.events(after, PAGE.min(most - events.len())).await?;
        if page.is_empty() {
            break;
        }
        events.extend(page);
    }
    Ok(events)
}

async fn tenants(id: Option<&str>, global: &Global, output: &Output) -> Result<(), Error> {
    let config = manifests::load(global, output)?;
    let tenants: Vec<&Tenant> = match id {
        None => config.tenants.iter().collect(),
        Some(name) => vec![manifests::tenant(&config, name)?],
    };
    let now = Timestamp::now();
    let signed_in = signed_in::of(&tenants, global, output).await?;
    let all = || tenants.iter().copied().zip(&signed_in);
    let document = |(tenant, signed_in): (&Tenant, &SignedIn)| {
        let mut value = shape::tenant(tenant);
        for (key, told) in signed_in.document(tenant, now) {
            value[key] = told;
        }
        value
    };
    let rows = || table::tenants(all().map(|(tenant, signed_in)| (tenant, signed_in.cells(tenant, now))));
    print(all().map(document), id, global.output, rows, output)
}

fn rules(id: Option<&str>, global: &Global, output: &Output) -> Result<(), Error> {
    let config = manifests::load(global, output)?;
    let rules: Vec<&Rule> = match id {
        None => config.rules.iter().collect(),
        Some(name) => vec![config.rules.iter().find(|rule| rule.name == name).ok_or_else(|| none("rule", name))?],
    };
    let tenant = |rule: &Rule| called(&config, &rule.tenant);
    print(rules.iter().map(|rule| shape::rule(rule)), id, global.output, || table::rules(&rules, tenant), output)
}

async fn it_glue(id: Option<&str>, global: &Global, output: &Output) -> Result<(), Error> {
    let ledger = State::Look.open(global, output)?;
    let actual = ledger.load().await?;
    let mut found = findings(&*ledger).await?;
    if let Some(id) = id {
        let wanted: u64 = id.parse().map_err(|_| Error::usage(format!("`{id}` is no ID of a contact")))?;
        found.retain(|found| found.contact == wanted);
        if found.is_empty() {
            return Err(none("finding of contact", id));
        }
    }
    let record = |id| actual.record(RecordKey { kind: Kind::Contact, id });
    let told: Vec<Value> = found.iter().map(|found| found.told(record(found.contact))).collect();
    print(told.iter().cloned(), id, global.output, || table::findings(&told), output)
}

/// What is to be done by hand, as of now: what a plan leaves to a person, and what is owed to records that were written.
async fn worklist(id: Option<&str>, global: &Global, output: &Output) -> Result<(), Error> {
    if id.is_some() {
        return Err(Error::usage("the work list has no IDs").hint("leave the ID out"));
    }
    let round = Round::make(global, &Wanted::All, State::Look, output).await?;
    round.tell_failures(output);
    let mut to_do: Vec<ToDo> = round.plan.changes.iter().filter_map(ToDo::of).collect();
    to_do.extend(round.store.to_do().await?);
    print(to_do.iter().map(shape::to_do), None, global.output, || table::to_do(&to_do), output)
}

fn called(config: &Config, tenant: &Id) -> String {
    config.tenant(tenant).map_or_else(|| tenant.to_string(), |tenant| tenant.name.to_string())
}

pub(super) fn none(noun: &str, id: &str) -> Error {
    Error::new(format!("there is no {noun} `{id}`"))
}

/// Prints values in the format that is wanted: a list, or the value itself when one was asked for.
pub(super) fn print(
    values: impl Iterator<Item = Value>,
    one: Option<&str>,
    format: Format,
    table: impl FnOnce() -> super::table::Table,
    output: &Output,
) -> Result<(), Error> {
    let failed = |error: &(dyn std::error::Error + 'static)| Error::new("cannot write the list").because(error);
    match format {
        Format::Json => {
            let value = whole(values.collect(), one);
            output.data(format!("{value:#}\n"))
        }
        Format::Yaml if one.is_none() => {
            output.data(yaml(&values.collect::<Vec<_>>()).map_err(|error| failed(&error))?)
        }
        Format::Yaml => {
            let value = whole(values.collect(), one);
            output.data(serde_yaml::to_string(&value).map_err(|error| failed(&error))?)
        }
        Format::Csv => output.data(shape::csv(&values.collect::<Vec<_>>()).map_err(|error| failed(&error))?),
        Format::Text | Format::Markdown => match one {
            Some(_) => {
                values.map(|value| shape::lines(&value, output.palette())).try_for_each(|lines| output.data(lines))
            }
            None => output.data(table().text(output.palette())),
        },
    }
}

fn whole(mut values: Vec<Value>, one: Option<&str>) -> Value {
    if one.is_some() && values.len() == 1 { values.swap_remove(0) } else { Value::Array(values) }
}
