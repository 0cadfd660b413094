//! `bmsync get KIND [ID] --server`: what a running bmsync holds, page after page.

use serde_json::Value;

use crate::interchange::{csv, event, record};
use crate::model::{Kind, Record};
use crate::plan::ToDo;
use crate::remote::{Collection, Remote, RemoteError};

use super::super::args::{Format, GetArgs, Global, Listing};
use super::super::error::{Error, Exit};
use super::super::get::{none, print, shape, table};
use super::super::output::Output;
use super::{cannot, follow};

/// As many as a server gives at a time.
pub const PAGE: usize = 1_000;

/// Lists, or shows one.
pub async fn run(remote: &Remote, args: &GetArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    if args.follow {
        return follow::run(remote, args, global, output).await;
    }
    let collection = collection(args.kind);
    let values = if let Some(id) = args.id.as_deref() {
        vec![one(remote, collection, args.kind, id).await?]
    } else {
        let after = args.after.map(|after| after.to_string());
        let listed = all(remote, collection, after, args.limit).await;
        listed.map_err(|error| cannot(&format!("list {}s", noun(args.kind)), remote, &error))?
    };
    show(remote, args, values, global, output)?;
    Ok(Exit::Done)
}

const fn collection(kind: Listing) -> Collection {
    match kind {
        Listing::Employees => Collection::Employees,
        Listing::Contacts => Collection::Contacts,
        Listing::Tenants => Collection::Tenants,
        Listing::Rules => Collection::Rules,
        Listing::Events => Collection::Events,
        Listing::ItGlue => Collection::ItGlue,
        Listing::Worklist => Collection::Worklist,
    }
}

const fn noun(kind: Listing) -> &'static str {
    match kind {
        Listing::Employees => "employee",
        Listing::Contacts => "contact",
        Listing::Tenants => "tenant",
        Listing::Rules => "rule",
        Listing::Events => "event",
        Listing::ItGlue => "finding",
        Listing::Worklist => "to-do",
    }
}

async fn one(remote: &Remote, collection: Collection, kind: Listing, id: &str) -> Result<Value, Error> {
    let is_number = id.parse::<u64>().is_ok();
    match kind {
        Listing::Employees | Listing::Contacts | Listing::Events | Listing::ItGlue if !is_number => {
            return Err(
                Error::usage(format!("`{id}` is no ID of {} {}", article(kind), noun(kind))).hint("IDs are numbers")
            );
        }
        Listing::ItGlue => return finding(remote, id).await,
        Listing::Worklist => return Err(Error::usage("the work list has no IDs").hint("leave the ID out")),
        Listing::Employees | Listing::Contacts | Listing::Events | Listing::Tenants | Listing::Rules => {}
    }
    match remote.one(collection, id).await {
        Err(error) if error.status() == Some(404) => Err(none(noun(kind), id)),
        answer => answer.map_err(|error| cannot(&format!("show the {}", noun(kind)), remote, &error)),
    }
}

/// The finding of a contact: the first after the one before it, if that is it.
async fn finding(remote: &Remote, id: &str) -> Result<Value, Error> {
    let before = id.parse::<u64>().unwrap_or(0).saturating_sub(1).to_string();
    let page = remote.page(Collection::ItGlue, Some(&before), 1).await;
    let page = page.map_err(|error| cannot("show the finding", remote, &error))?;
    let found = page.items.into_iter().find(|found| found["contact"].as_u64() == id.parse().ok());
    found.ok_or_else(|| none("finding of contact", id))
}

const fn article(kind: Listing) -> &'static str {
    match kind {
        Listing::Employees | Listing::Events => "an",
        Listing::Contacts | Listing::Tenants | Listing::Rules | Listing::ItGlue | Listing::Worklist => "a",
    }
}

/// Everything after an item, at most so many.
async fn all(
    remote: &Remote,
    collection: Collection,
    mut after: Option<String>,
    limit: Option<u64>,
) -> Result<Vec<Value>, RemoteError> {
    let most = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let mut values = Vec::new();
    while values.len() < most {
        let page = remote.page(collection, after.as_deref(), PAGE.min(most - values.len())).await?;
        let is_empty = page.items.is_empty();
        values.extend(page.items);
        // A page that leads to itself, or an empty one that leads on, would never end.
        match page.next {
            Some(next) if !is_empty && after.as_ref() != Some(&next) => after = Some(next),
            Some(_) | None => break,
        }
    }
    values.truncate(most);
    Ok(values)
}

fn show(remote: &Remote, args: &GetArgs, values: Vec<Value>, global: &Global, output: &Output) -> Result<(), Error> {
    let id = args.id.as_deref();
    let misread = || {
        Error::new(format!("cannot use what {} answered", remote.address()))
            .hint("check --server: is that a bmsync of this version?")
    };
    match args.kind {
        Listing::Employees | Listing::Contacts => {
            let kind = if args.kind == Listing::Employees { Kind::Employee } else { Kind::Contact };
            let records: Option<Vec<Record>> = values.iter().map(record::read).collect();
            let records = records.filter(|all| all.iter().all(|one| one.key.kind == kind)).ok_or_else(misread)?;
            if global.output == Format::Csv {
                return output.stream(|out| csv::write(kind, records.iter(), out));
            }
            let rows = || table::records(kind, &records.iter().collect::<Vec<_>>());
            print(values.into_iter(), id, global.output, rows, output)
        }
        Listing::Events => {
            let events: Option<Vec<_>> = values.iter().map(event::read).collect();
            let events = events.ok_or_else(misread)?;
            print(values.into_iter(), id, global.output, || table::events(&events), output)
        }
        Listing::Tenants => {
            let rows = || table::tenant_statuses(&values);
            print(unfolded(&values, global.output), id, global.output, rows, output)
        }
        Listing::ItGlue => print(values.iter().cloned(), id, global.output, || table::findings(&values), output),
        Listing::Worklist => {
            let list: Option<Vec<ToDo>> =
                values.iter().map(|value| serde_json::from_value(value.clone()).ok()).collect();
            let list = list.ok_or_else(misread)?;
            print(values.into_iter(), None, global.output, || table::to_do(&list), output)
        }
        Listing::Rules => {
            let rows = || table::rule_statuses(&values);
            print(unfolded(&values, global.output), id, global.output, rows, output)
        }
    }
}

/// Conditions by their type where a list of them has no place.
fn unfolded(values: &[Value], format: Format) -> impl Iterator<Item = Value> + '_ {
    values.iter().map(move |value| match format {
        Format::Json | Format::Yaml => value.clone(),
        Format::Text | Format::Markdown | Format::Csv => shape::unfolded(value),
    })
}
