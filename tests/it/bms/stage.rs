//! A BMS to ask and a client that asks it: over HTTP by the clock of the machine, or in process by a clock of the test.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bmsync::http::origin::Origin;
use bmsync::http::{Fate, Http, Lost, Reply, Request, Web, Wire};
use bmsync::simulator::{BmsRequest, Company, Options, Running, Simulator, World};
use bmsync::store::kaseya::api::{
    Anchor, ApiUser, Bms, BmsId, Credentials, MAX_ANSWER, Memory, NewAddress, NewContact, Secrets, Settings,
};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::time::Instant;

/// A company with contacts of every sort. Ten of them, so that pages of three end in the middle.
pub const HARBOR: &str = r#"
bms:
  company: Harbor IT
  users:
    - { username: bmsync-api, password: "example & 1", administrator: false, rights: [CRM, HR] }
    - { username: careful, password: example-2, totp: GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ }
  itGlue: true
  customFields: [{ module: 12, field: 14, name: Entra object ID, values: { 5120: "5c0a7e14" } }]
  accounts:
    - { id: 301, name: Harbor Ferries, locations: [{ id: 77, name: Pier 4 }, { id: 78, name: Yard }] }
    - { id: 302, name: Old Lighthouse, active: false, locations: [Rock] }
  employees:
    - { id: 11, username: jo, email: jo@harborit.example, firstName: Jo, lastName: Berg, jobTitle: Dispatcher }
    - { id: 12, username: sam, email: sam@harborit.example, active: false }
  contacts:
    - { id: 5120, account: Harbor Ferries, location: Pier 4, firstName: Marta, lastName: Lindqvist, jobTitle: Field Engineer,
        emails: [marta@harbor.example, { value: m.l@harbor.example, type: 2 }],
        phones: [{ value: "+46 8 555 01 42", type: 2, default: true }], tickets: 3, itGlueId: 730155000000,
        modifiedOn: "2026-03-02T14:40:31Z" }
    - { id: 5121, account: Harbor Ferries, firstName: Nils, emails: [nils@harbor.example], portalAccess: true, username: nils,
        modifiedOn: "2026-03-05T08:00:00Z" }
    - { id: 5122, account: Harbor Ferries, location: Yard, lastName: "  ", active: false }
    - { id: 5123, account: Old Lighthouse, location: Rock, emails: [ada@light.example] }
    - { id: 5124, account: Harbor Ferries, location: Yard, emails: [c4@harbor.example] }
    - { id: 5125, account: Harbor Ferries, location: Yard, emails: [c5@harbor.example] }
    - { id: 5126, account: Harbor Ferries, location: Yard, emails: [c6@harbor.example] }
    - { id: 5127, account: Harbor Ferries, location: Yard, emails: [c7@harbor.example] }
    - { id: 5128, account: Harbor Ferries, location: Yard, emails: [c8@harbor.example] }
    - { id: 5129, account: Harbor Ferries, location: Yard, emails: [c9@harbor.example] }
"#;

pub const PASSWORD: &str = "example & 1";

pub fn id(number: u64) -> BmsId {
    BmsId::new(number).expect("an ID")
}

pub fn user(username: &str) -> ApiUser {
    ApiUser { company: "Harbor IT".to_owned(), username: username.to_owned() }
}

pub fn secrets(password: &str, totp: Option<&str>) -> Secrets {
    Secrets { password: password.into(), totp: totp.map(Into::into) }
}

pub fn settings() -> Settings {
    let anchor = Some(Anchor { module_id: id(12), field_id: id(14) });
    Settings { anchor, page_size: 3.try_into().expect("a size"), ..Settings::default() }
}

/// A contact that is to be.
pub fn new_contact(email: &str) -> NewContact {
    NewContact {
        first_name: Some("Olof".to_owned()),
        last_name: Some("Dahl".to_owned()),
        account_id: id(301),
        location_id: id(78),
        email: Some(NewAddress { value: email.to_owned(), type_id: id(1) }),
        phone: Some(NewAddress { value: "+46 8 555 01 77".to_owned(), type_id: id(2) }),
        anchor: Some("a1c00000-0000-4000-8000-000000000001".to_owned()),
    }
}

/// BMS over HTTP.
pub struct Served {
    pub running: Running,
    pub bms: Bms,
}

impl Served {
    pub async fn start() -> Self {
        Self::as_user(user("bmsync-api"), Arc::new(secrets(PASSWORD, None))).await
    }

    pub async fn with(faults: &[&str]) -> Self {
        let served = Self::start().await;
        for fault in faults {
            served.fault(fault);
        }
        served
    }

    pub async fn as_user(user: ApiUser, credentials: Arc<dyn Credentials>) -> Self {
        let world = World::from_yaml(HARBOR).expect("a world");
        let running = Simulator::start(world, Options::default()).await.expect("it serves");
        let bms = Bms::new(wire(&running), user, credentials, settings(), Arc::new(Timestamp::now), Memory::default());
        Self { running, bms }
    }

    pub fn fault(&self, text: &str) {
        self.company(|company| company.set_fault(text)).expect("a fault");
    }

    pub fn company<T>(&self, work: impl FnOnce(&mut Company) -> T) -> T {
        self.running.control().bms(work).expect("the world has a BMS")
    }

    pub fn calls(&self, name: &str) -> u64 {
        self.company(|company| company.calls(name))
    }
}

pub fn wire(running: &Running) -> Arc<dyn Wire> {
    let origin = Origin::new(&format!("{}/bms", running.url())).expect("loopback");
    Arc::new(Web::new(origin, Http::new(), MAX_ANSWER).with_patience(Duration::from_secs(20)))
}

/// BMS in process, under the clock of a paused runtime.
#[derive(Clone)]
pub struct Near {
    pub company: Arc<Mutex<Company>>,
    began: Instant,
}

impl std::fmt::Debug for Near {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Near")
    }
}

impl Near {
    pub fn new(company: Company) -> Self {
        Self { company: Arc::new(Mutex::new(company)), began: Instant::now() }
    }

    pub fn now(&self) -> Timestamp {
        let base: Timestamp = "2026-03-10T08:00:00Z".parse().expect("an instant");
        base + SignedDuration::try_from(self.began.elapsed()).expect("a time")
    }

    pub fn client(&self, settings: Settings, memory: Memory) -> Bms {
        let clock = self.clone();
        let credentials = Arc::new(secrets(PASSWORD, None));
        let clock = Arc::new(move || clock.now());
        Bms::new(Arc::new(self.clone()), user("bmsync-api"), credentials, settings, clock, memory)
    }

    pub fn look<T>(&self, work: impl FnOnce(&mut Company) -> T) -> T {
        work(&mut self.company.lock().expect("nobody panics with it"))
    }

    pub fn calls(&self, name: &str) -> u64 {
        self.look(|company| company.calls(name))
    }
}

#[async_trait]
impl Wire for Near {
    async fn exchange(&self, request: Request) -> Result<Reply, Lost> {
        let Request { method, path, query, credentials, content } = request;
        let request = BmsRequest {
            method: method.name().to_owned(),
            path,
            query,
            authorization: credentials.map(|(_, secret)| secret.expose_secret().to_owned()),
            body: content.map(|content| content.bytes.expose_secret().to_vec()).unwrap_or_default(),
        };
        let answer = self.look(|company| company.answer(self.now(), &request));
        tokio::time::sleep(answer.delay).await;
        if answer.lost {
            return Err(Lost { fate: Fate::Unknown, what: "the connection broke".to_owned(), cause: None });
        }
        let retry_after = answer.retry_after.map(|seconds| seconds.to_string());
        Ok(Reply { status: answer.status, retry_after, body: answer.body })
    }
}

/// A company whose BMS has so many contacts, and nothing else.
pub fn crowd(contacts: u32) -> Company {
    let contact =
        |id| json!({ "id": id, "account": "Big", "location": "Main", "emails": [format!("c{id}@big.example")] });
    let contacts: Vec<Value> = (1..=contacts).map(contact).collect();
    let accounts = json!([{ "id": 1, "name": "Big", "locations": ["Main"] }]);
    let text = json!({ "bms": { "company": "Harbor IT", "accounts": accounts, "contacts": contacts } }).to_string();
    World::from_yaml(&text).expect("a world").bms().expect("a BMS").clone()
}
