//! A company's BMS in this process, in a time that passes as the test wants; a directory; and processes that come and go.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use bmsync::actual::Actual;
use bmsync::applied::Event;
use bmsync::approved::Consent;
use bmsync::directory::{
    Attribute, Changes, Coverage, DeltaLinks, Directory, GroupPatch, Listed, News, Patch, Said, TenantDirectory, Told,
};
use bmsync::engine::{self, Report};
use bmsync::http::{Fate as LostFate, Lost, Reply, Request, Wire};
use bmsync::ledger::memory::MemoryLedger;
use bmsync::ledger::{Commit, Keep, Ledger, LedgerError, Stashed};
use bmsync::manifest::config::Config;
use bmsync::manifest::{ManifestFile, load};
use bmsync::model::{Id, Kind, Record, Revision, UserKey};
use bmsync::plan::{Observed, Plan, Scope, plan};
use bmsync::simulator::{BmsRequest, Company, Options, Simulator, World};
use bmsync::store::kaseya::api::{ApiUser, Bms, Secrets, Settings};
use bmsync::store::kaseya::{Habits, KaseyaStore};
use bmsync::store::{Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use serde_json::Value;

pub const TENANT: &str = "84841066-274d-4ec0-a5c1-276be684bdd3";
/// Becomes contacts without portal access.
pub const PLAIN: u8 = 0;
/// Becomes client portal users.
pub const PORTAL: u8 = 1;
/// Becomes employees.
pub const STAFF: u8 = 2;

/// A BMS with two accounts, and whatever else is written.
pub async fn company(more: &str) -> Company {
    let text = format!(
        "tenants: []\nbms:\n  company: Harbor IT\n  accounts:\n    \
         - {{ id: 301, name: Northwind, locations: [Main, Warehouse] }}\n    \
         - {{ id: 302, name: Tailwind, locations: [Pier] }}\n{more}"
    );
    let world = World::from_yaml(&text).expect("a directory file");
    let running = Simulator::start(world, Options::default()).await.expect("a simulator");
    running.control().bms(|company| company.clone()).expect("a BMS")
}

pub fn config(policy: &str) -> Config {
    let rule = |number: u8, order: u8, rest: &str| {
        format!(
            "---\napiVersion: bmsync/v1\nkind: MappingRule\nmetadata: {{ name: r{number} }}\nspec:\n  tenantId: {TENANT}\n  \
             groupId: {}\n  order: {order}\n  {rest}\n",
            group(number)
        )
    };
    let text = format!(
        "apiVersion: bmsync/v1\nkind: Tenant\nmetadata: {{ name: contoso }}\nspec:\n  domain: {TENANT}\n  \
         applicationId: 1f3c5d7e-0000-4000-8000-000000000001\n  applicationKey: {{ env: KEY }}\n  signIn: application\n\
         {}{}{}---\napiVersion: bmsync/v1\nkind: EmployeeDefaults\nmetadata: {{ name: defaults }}\nspec: {{ department: \
         Operations, location: HQ, manager: jsmith, jobTitle: Technician, employmentType: Full Time, employeeRole: \
         Engineer, securityRole: User }}\n---\napiVersion: bmsync/v1\nkind: KaseyaBms\nmetadata: {{ name: bms }}\nspec: {{ \
         server: us, company: Harbor IT, username: api, password: {{ env: BMS }} }}\n---\napiVersion: bmsync/v1\nkind: \
         SyncPolicy\nmetadata: {{ name: policy }}\nspec: {{ guards: {{ maxArchives: 100%, maxDeactivations: 100% }}{policy} }}\n",
        rule(PLAIN, 30, "record: contact\n  contact: { account: Northwind, clientPortal: { enabled: false } }"),
        rule(PORTAL, 20, "record: contact\n  contact: { account: Tailwind }"),
        rule(STAFF, 10, "record: employee\n  employee: { department: Service Desk }"),
    );
    let loaded = load(&[ManifestFile::new("m.yaml", text.into_bytes())]);
    loaded.config.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))
}

pub fn group(number: u8) -> Id {
    Id::new(&format!("45b7d2e7-b882-4a80-ba97-{number:012}"))
}

pub fn user(number: u32) -> UserKey {
    UserKey { tenant: Id::new(TENANT), user: Id::new(&format!("a1c00000-0000-4000-8000-{number:012}")) }
}

/// A person in the directory.
#[derive(Clone, Debug)]
pub struct Person {
    pub number: u32,
    pub name: String,
    pub title: Option<String>,
    pub phone: Option<String>,
    pub group: Option<u8>,
}

impl Person {
    pub fn new(number: u32, name: &str, group: u8) -> Self {
        let (title, phone) = (Some("Engineer".into()), Some(format!("+1 425 555 {number:04}")));
        Self { number, name: name.into(), title, phone, group: Some(group) }
    }

    pub fn email(&self) -> String {
        format!("{}@contoso.com", self.name)
    }

    fn told(&self) -> Vec<Told> {
        let mut said = Said::default();
        let first = format!("{}{}", self.name[..1].to_uppercase(), &self.name[1..]);
        said.text(Attribute::UserPrincipalName, Some(self.email().into()));
        said.text(Attribute::GivenName, Some(first.into()));
        said.text(Attribute::Surname, Some("Vance".into()));
        said.text(Attribute::JobTitle, self.title.clone().map(Into::into));
        said.list(Listed::BusinessPhones, &self.phone.iter().map(|phone| phone.as_str().into()).collect::<Vec<_>>());
        let who = user(self.number).user;
        let joined = self.group.map(|number| Told::Joined { group: group(number), member: who.clone() });
        std::iter::once(Told::User(who, Box::new(said.into()))).chain(joined).collect()
    }
}

pub fn directory(people: &[Person]) -> Directory {
    let groups = [PLAIN, PORTAL, STAFF].map(|number| {
        Told::Group(group(number), GroupPatch { security_enabled: Patch::Set(true), ..GroupPatch::default() })
    });
    let told = groups.into_iter().chain(people.iter().flat_map(Person::told)).collect();
    let links = DeltaLinks { users: String::new(), groups: String::new() };
    let mut tenant = TenantDirectory::default();
    tenant.take(News::Changes(Changes { told, read_at: Timestamp::UNIX_EPOCH, links }));
    tenant.coverage = Coverage::Complete;
    let mut directory = Directory::default();
    directory.insert(Id::new(TENANT), tenant);
    directory
}

/// What happens at a step: a request to BMS, or a write to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It does not happen, and the process hears nothing good.
    Lost,
    /// It happens, and the process hears nothing good.
    AnswerLost,
    /// The process dies before it happens.
    DeathBefore,
    /// The process dies after it happened.
    DeathAfter,
}

impl Fate {
    pub const ALL: [Self; 4] = [Self::Lost, Self::AnswerLost, Self::DeathBefore, Self::DeathAfter];
}

/// Everything outside the process.
pub struct Stage {
    company: Mutex<Company>,
    now: Mutex<Timestamp>,
    platters: Arc<MemoryLedger>,
    pub config: Config,
    pub people: Mutex<Vec<Person>>,
    pub per_hour: u32,
    steps: AtomicUsize,
    trap: Mutex<Option<(usize, Fate)>>,
}

impl Stage {
    pub async fn new(more: &str, people: &[Person]) -> Arc<Self> {
        Self::of(company(more).await, config(""), people, 1500)
    }

    pub fn of(company: Company, config: Config, people: &[Person], per_hour: u32) -> Arc<Self> {
        Arc::new(Self {
            company: Mutex::new(company),
            now: Mutex::new("2036-03-03T08:00:00Z".parse().unwrap()),
            platters: Arc::new(MemoryLedger::new()),
            config,
            people: Mutex::new(people.to_vec()),
            per_hour,
            steps: AtomicUsize::new(0),
            trap: Mutex::new(None),
        })
    }

    pub fn company(&self) -> MutexGuard<'_, Company> {
        let mut company = self.company.lock().unwrap();
        company.at(self.now());
        company
    }

    pub fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    pub fn pass(&self, time: SignedDuration) {
        *self.now.lock().unwrap() += time;
    }

    pub fn person(&self, number: u32, change: impl FnOnce(&mut Person)) {
        change(self.people.lock().unwrap().iter_mut().find(|person| person.number == number).expect("that person"));
    }

    pub fn steps(&self) -> usize {
        self.steps.load(Ordering::Relaxed)
    }

    /// Something goes wrong at a step from now on.
    pub fn trap(&self, step: usize, fate: Fate) {
        *self.trap.lock().unwrap() = Some((self.steps() + step, fate));
    }

    /// Takes a step of the outside world.
    async fn step<T>(&self, lost: impl FnOnce(LostFate) -> T, work: impl AsyncFnOnce() -> T) -> T {
        let number = self.steps.fetch_add(1, Ordering::Relaxed);
        let fate = self.trap.lock().unwrap().filter(|(step, _)| *step == number).map(|(_, fate)| fate);
        match fate {
            None => work().await,
            Some(Fate::Lost) => lost(LostFate::Unknown),
            Some(Fate::AnswerLost) => {
                work().await;
                lost(LostFate::Unknown)
            }
            Some(Fate::DeathBefore) => pending().await,
            Some(Fate::DeathAfter) => {
                work().await;
                pending().await
            }
        }
    }

    /// A process opens its store.
    pub async fn open(self: &Arc<Self>) -> KaseyaStore {
        self.try_open().await.unwrap()
    }

    /// What is on the disk.
    pub fn platters(&self) -> Arc<dyn Ledger> {
        Arc::clone(&self.platters) as Arc<dyn Ledger>
    }

    pub async fn try_open(self: &Arc<Self>) -> Result<KaseyaStore, StoreError> {
        let ledger: Arc<dyn Ledger> = Arc::new(Disk::over(self, self.platters()));
        let clock = {
            let stage = Arc::clone(self);
            Arc::new(move || stage.now())
        };
        let memory = KaseyaStore::memory(&*ledger).await?;
        let user = ApiUser { company: "Harbor IT".into(), username: "api".into() };
        let secrets = Arc::new(Secrets { password: "secret".to_owned().into(), totp: None });
        let settings = Settings { calls_per_hour: self.per_hour.try_into().unwrap(), ..Settings::default() };
        let api = Bms::new(Arc::new(Inside(Arc::clone(self))), user, secrets, settings, clock.clone(), memory);
        let habits = Habits {
            home: "here".into(),
            phone_type: Some("Office".into()),
            email_type: Some("Work".into()),
            full_read_interval: Duration::from_hours(24),
            patience: None,
        };
        KaseyaStore::open(ledger, clock, Arc::new(api), habits).await
    }

    /// What a round would do.
    pub async fn plan(&self, store: &dyn Store) -> Result<Plan, StoreError> {
        store.refresh().await?;
        let directory = directory(&self.people.lock().unwrap());
        let mut observed = Observed { directory, means: store.means(), ..Observed::default() };
        store.read(&mut observed.actual).await?;
        Ok(plan(&self.config, &observed, &Scope::All))
    }

    /// A round of a process.
    pub async fn round(&self, store: &dyn Store) -> Result<Report, StoreError> {
        let made = self.plan(store).await?;
        engine::apply(store, made.approve(Consent::Withheld)).await
    }

    /// A round of a process that may die in it.
    pub async fn mortal_round(self: &Arc<Self>) -> Option<Result<Report, StoreError>> {
        let life = async {
            let store = self.try_open().await?;
            self.round(&store).await
        };
        tokio::time::timeout(Duration::from_hours(1), life).await.ok()
    }

    pub fn contact(&self, id: u32) -> Value {
        self.company().get("contacts", id).unwrap()
    }

    /// The contacts that have an email.
    pub fn having(&self, email: &str) -> Vec<Value> {
        let all = 1..=u32::try_from(self.company().contacts()).unwrap() + 100;
        let contacts: Vec<Value> = all.filter_map(|id| self.company().get("contacts", id).ok()).collect();
        let has = |contact: &Value| contact["emails"].as_array().unwrap().iter().any(|held| held["value"] == email);
        contacts.into_iter().filter(has).collect()
    }
}

pub async fn actual(store: &dyn Store) -> Actual {
    let mut actual = Actual::default();
    store.read(&mut actual).await.unwrap();
    actual
}

pub async fn record(store: &dyn Store, kind: Kind, id: u64) -> Record {
    actual(store).await.record(bmsync::model::RecordKey { kind, id }).expect("that record").clone()
}

/// The network between the process and BMS.
struct Inside(Arc<Stage>);

impl std::fmt::Debug for Inside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inside")
    }
}

#[async_trait]
impl Wire for Inside {
    async fn exchange(&self, request: Request) -> Result<Reply, Lost> {
        let Request { method, path, query, credentials, content } = request;
        let asked = BmsRequest {
            method: method.name().to_owned(),
            path,
            query,
            authorization: credentials.map(|(_, secret)| secret.expose_secret().to_owned()),
            body: content.map(|content| content.bytes.expose_secret().to_vec()).unwrap_or_default(),
        };
        let lost = |fate| Err(Lost { fate, what: "the line was cut".to_owned(), cause: None });
        let answer = async || {
            let answer = self.0.company().answer(self.0.now(), &asked);
            if answer.lost {
                return Err(Lost { fate: LostFate::Unknown, what: "the answer broke off".to_owned(), cause: None });
            }
            let retry_after = answer.retry_after.map(|seconds| seconds.to_string());
            Ok(Reply { status: answer.status, retry_after, body: answer.body })
        };
        self.0.step(lost, answer).await
    }
}

/// The way of a process to its disk.
pub struct Disk {
    stage: Arc<Stage>,
    platters: Arc<dyn Ledger>,
}

impl Disk {
    pub fn over(stage: &Arc<Stage>, platters: Arc<dyn Ledger>) -> Self {
        Self { stage: Arc::clone(stage), platters }
    }
}

fn full() -> LedgerError {
    let source = Box::new(std::io::Error::from(std::io::ErrorKind::StorageFull));
    LedgerError::Io { path: "disk".into(), attempt: "write to", source }
}

#[async_trait]
impl Ledger for Disk {
    async fn load(&self) -> Result<Actual, LedgerError> {
        self.platters.load().await
    }

    async fn commit(&self, expected: Revision, commit: Commit) -> Result<Revision, LedgerError> {
        self.stage.step(|_| Err(full()), async || self.platters.commit(expected, commit).await).await
    }

    async fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>, LedgerError> {
        self.platters.events(after, limit).await
    }

    async fn last_event(&self) -> Result<u64, LedgerError> {
        self.platters.last_event().await
    }

    async fn stash(&self, entries: Vec<Stashed>) -> Result<(), LedgerError> {
        self.platters.stash(entries).await
    }

    async fn stashed(&self, key: &str) -> Result<Option<Vec<u8>>, LedgerError> {
        self.platters.stashed(key).await
    }

    async fn keep(&self, changes: Vec<Keep>) -> Result<(), LedgerError> {
        self.stage.step(|_| Err(full()), async || self.platters.keep(changes).await).await
    }

    async fn kept(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, LedgerError> {
        self.platters.kept(prefix).await
    }
}
