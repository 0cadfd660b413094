//! IT Glue as a sink: contacts are compared with those of the account's organization, and in `mode: write` created and
//! updated there. Nothing is ever deleted: whom BMS does not have as active gets the declared contact type.
//!
//! A contact is known by the ID that is remembered, else by its primary email within the organization, never by its name
//! alone. Where BMS itself keeps contacts of an organization in step, nothing is written there.

mod client;
mod compare;
mod decide;
pub mod document;
mod limit;
mod view;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use self::client::Client;
use self::compare::Frame;
use self::decide::{Case, Decision, left};
use self::view::View;
use self::write::{Create, Update};
use super::{Delivered, Finding, FindingCode, Item, Notes, Parcel, Sink, SinkError, SinkErrorClass, Target};
use crate::http::origin::Origin;
use crate::http::{Fate, Http, Web, Wire};
use crate::manifest::config::{Delivery, ItGlue, NameOrId, SecretRef};
use crate::model::{Digest, Field, Status, Text};
use crate::source::Meter;
use crate::store::local::Clock;

/// Largest answer: a page of a thousand contacts has some megabytes.
const MAX_BODY: usize = 32 << 20;

/// IT Glue.
pub struct ItGlueSink {
    client: Client,
    mode: Delivery,
    organizations: BTreeMap<Text, NameOrId>,
    inactive: Option<NameOrId>,
    clock: Clock,
}

/// IT Glue over the network.
///
/// # Errors
/// When its address is not one that a key may go to.
pub fn web(it_glue: &ItGlue, http: Http) -> Result<Arc<dyn Wire>, SinkError> {
    let origin = Origin::new(&it_glue.root).map_err(|error| SinkError {
        class: SinkErrorClass::Person,
        message: error.to_string(),
        hint: Some("let `region` be us, eu, au, an https address, or http on loopback".to_owned()),
        wait: None,
        fate: Fate::Unsent,
        source: None,
    })?;
    Ok(Arc::new(Web::new(origin, http, MAX_BODY)))
}

impl Target {
    /// Where an `ItGlue` leads to, and under which settings.
    #[must_use]
    pub fn of(it_glue: &ItGlue) -> Self {
        let ItGlue { name: _, root, api_key: _, mode, organizations, inactive_type, requests: _ } = it_glue;
        let chosen = |one: &NameOrId| match one {
            NameOrId::Name(name) => format!("name {name}"),
            NameOrId::Id(id) => format!("id {id}"),
        };
        let mut parts = vec![mode.word().to_owned(), inactive_type.as_ref().map(chosen).unwrap_or_default()];
        for (account, organization) in organizations {
            parts.extend([account.to_string(), chosen(organization)]);
        }
        Self { place: root.to_string(), settings: Digest::of(parts.iter().map(String::as_bytes)) }
    }
}

impl ItGlueSink {
    /// The declared IT Glue, reached over that wire; requests are counted by the meter.
    #[must_use]
    pub fn new(it_glue: &ItGlue, wire: Arc<dyn Wire>, meter: Arc<dyn Meter>, clock: Clock) -> Self {
        let ItGlue { name: _, root: _, api_key, mode, organizations, inactive_type, requests } = it_glue;
        Self {
            client: Client::new(wire, SecretRef::clone(api_key), *requests, meter),
            mode: *mode,
            organizations: organizations.clone(),
            inactive: inactive_type.clone(),
            clock,
        }
    }

    /// Asks for as little as can be asked: it shows whether the key is good.
    ///
    /// # Errors
    /// When IT Glue cannot be asked.
    pub async fn reach(&self) -> Result<(), SinkError> {
        self.client.first(&["organizations"], Vec::new()).await.map(|_| ())
    }

    /// The ID of the organization of an account, or what is in the way.
    ///
    /// # Errors
    /// When IT Glue cannot be asked.
    pub async fn organization(&self, account: &str) -> Result<Result<u64, Finding>, SinkError> {
        view::organization(&self.client, account, self.organizations.get(account)).await
    }

    /// Whether BMS synchronizes contacts of an organization.
    ///
    /// # Errors
    /// When IT Glue cannot be asked.
    pub async fn has_second_writer(&self, organization: u64) -> Result<bool, SinkError> {
        Ok(View::read(&self.client, organization, &[]).await?.has_synced)
    }

    /// The contact type that is declared for contacts that are not active; none where none is declared.
    ///
    /// # Errors
    /// When IT Glue cannot be asked, or has no type of that name.
    pub async fn inactive_type(&self) -> Result<Option<u64>, SinkError> {
        let Some(wanted) = &self.inactive else { return Ok(None) };
        let found = view::contact_type(&self.client, wanted).await?;
        found.map(Some).ok_or_else(|| SinkError {
            class: SinkErrorClass::Person,
            message: "IT Glue has no contact type of the name that `inactiveContactType` gives".to_owned(),
            hint: Some("make it under Account > Settings > Contact Types, or correct the name".to_owned()),
            wait: None,
            fate: Fate::Unsent,
            source: None,
        })
    }

    async fn bring(&self, parcel: &Parcel<'_>, notes: &dyn Notes, done: &mut Delivered) -> Result<(), SinkError> {
        let Parcel { account, actual, items } = parcel;
        let organization = match self.organization(account).await? {
            Ok(organization) => organization,
            Err(finding) => {
                done.receipts.extend(items.iter().map(|item| left(item, item.memory.clone(), finding.clone())));
                return Ok(());
            }
        };
        let frame = self.frame(organization, items).await?;
        let view = View::read(&self.client, organization, items).await?;
        let owners = notes.owners(&view.candidates(items)).await?;
        let now = (self.clock)();
        let mut case = Case { mode: self.mode, actual, view: &view, frame: &frame, now, owners };
        let (mut updates, mut creates) = (Vec::new(), Vec::new());
        // Whom BMS has archived comes last: somebody else may have become that contact by then.
        let (archived, others): (Vec<&Item>, Vec<&Item>) =
            items.iter().partition(|item| item.record.status == Status::Archived);
        for item in others.into_iter().chain(archived) {
            match case.decide(item) {
                Decision::Settle(receipt) => done.receipts.push(receipt),
                Decision::Update { contact, difference } => updates.push(Update { item, contact, difference }),
                Decision::Create(attributes) => creates.push(Create { item, attributes }),
            }
        }
        let updates = told_apart(updates, done);
        self.update(&updates, &frame, done).await;
        self.create(organization, &creates, &frame, notes, done).await;
        Ok(())
    }

    async fn frame(&self, organization: u64, items: &[Item]) -> Result<Frame, SinkError> {
        let has_location = items.iter().any(|item| item.record.fields.get(Field::Location).is_some());
        let locations = if has_location { view::locations(&self.client, organization).await? } else { BTreeMap::new() };
        Ok(Frame { locations, inactive: self.inactive_type().await? })
    }
}

/// Two contacts of BMS that would both be one of IT Glue are left alone.
fn told_apart<'i>(updates: Vec<Update<'i>>, done: &mut Delivered) -> Vec<Update<'i>> {
    let mut count: BTreeMap<u64, u32> = BTreeMap::new();
    for update in &updates {
        *count.entry(update.contact.id).or_default() += 1;
    }
    let (single, shared): (Vec<_>, Vec<_>) =
        updates.into_iter().partition(|update| count.get(&update.contact.id) == Some(&1));
    done.receipts.extend(shared.into_iter().map(|update| {
        let message = "several contacts of BMS are this one of IT Glue: tell them apart by their emails";
        let finding = Finding::new(FindingCode::SharedEmail, message).of([update.contact.id]);
        left(update.item, update.item.memory.clone(), finding)
    }));
    single
}

#[async_trait]
impl Sink for ItGlueSink {
    async fn put(&self, parcel: Parcel<'_>, notes: &dyn Notes) -> Delivered {
        let mut done = Delivered::default();
        if let Err(error) = self.bring(&parcel, notes, &mut done).await {
            done.stopped = Some(error);
        }
        done
    }
}
