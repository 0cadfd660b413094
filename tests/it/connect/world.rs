//! A simulator with people in two tenants, a manifest that says `signIn: delegated`, and a person at a browser.

use bmsync::manifest::config::{Credential, SecretRef, SignIn, Tenant};
use bmsync::model::Id;
use bmsync::simulator::{Options, Running, Simulator};
use bmsync::source::graph::connect::{Attempts, Consent, Outcome, Reception, Reply, Started};
use bmsync::source::graph::{Http, Pace};
use reqwest::{Client, Response, redirect};
use url::Url;

use crate::graph::grants::Memory;

pub const APPLICATION: &str = "2e7d0000-0000-4000-8000-00000000000a";
pub const HOME: &str = "84841066-274d-4ec0-a5c1-276be684bdd3";
pub const ADMIN: &str = "marta@harbor.example";
pub const KEY: &str = "s&cret=1";

pub const DIRECTORY: &str = r#"
applications:
  - id: 2e7d0000-0000-4000-8000-00000000000a
    name: Sync
    secrets: [{ value: "s&cret=1" }]
    redirectUris: ["http://localhost/OAuth/IntegrationCallback.aspx"]
    permissions: { delegated: [User.Read, User.Read.All, Group.Read.All, Directory.Read.All] }
tenants:
  - id: 84841066-274d-4ec0-a5c1-276be684bdd3
    domain: harbor.onmicrosoft.com
    domains: [harbor.example]
    name: Harbor Works
    admins: [marta@harbor.example]
    applications: [{ id: 2e7d0000-0000-4000-8000-00000000000a, scopes: [] }]
    users:
      - { id: u1, userPrincipalName: marta@harbor.example, displayName: Marta, mail: marta@harbor.example }
      - { id: u2, userPrincipalName: omar@harbor.example, displayName: Omar }
    groups: [{ id: g1, displayName: Dispatchers, securityEnabled: true, members: [u1, u2] }]
  - id: 9a1f6f0e-52c4-4d3b-8f57-0c2b6d1e7a10
    domain: pier.onmicrosoft.com
    domains: [pier.example]
    admins: [ines@pier.example]
    applications: [{ id: 2e7d0000-0000-4000-8000-00000000000a, scopes: [] }]
    users: [{ id: p1, userPrincipalName: ines@pier.example }]
"#;

/// The simulator of that directory.
pub async fn simulator() -> Running {
    let world = bmsync::simulator::World::from_yaml(DIRECTORY).unwrap();
    Simulator::start(world, Options::default()).await.unwrap()
}

/// Everything that a sign-in meets.
pub struct World {
    pub sim: Running,
    pub tenant: Tenant,
    pub memory: Memory,
    pub attempts: Attempts,
    _folder: tempfile::TempDir,
}

impl World {
    pub async fn new() -> Self {
        let sim = simulator().await;
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        std::fs::write(&key, KEY).unwrap();
        let tenant = Tenant {
            name: "harbor".into(),
            id: Id::new(HOME),
            domain: "harbor.onmicrosoft.com".into(),
            application_id: APPLICATION.into(),
            credential: Credential::Key(SecretRef::File(key)),
            sign_in: SignIn::Delegated,
            login_root: sim.url().into(),
            graph_root: sim.url().into(),
            nested_groups: false,
            suspend: false,
        };
        Self { sim, tenant, memory: Memory::default(), attempts: Attempts::default(), _folder: folder }
    }

    pub fn reception(&self) -> Reception {
        let pace = Pace { tries: 2, ..Pace::new(7) };
        Reception::new(&self.tenant, &Http::new(), pace, self.memory.delegation(&self.tenant.id)).unwrap()
    }

    /// Begins an attempt that comes back to some port of this machine.
    pub fn begin(&self, consent: Consent) -> Started {
        let redirect = Url::parse("http://localhost:4711/OAuth/IntegrationCallback.aspx").unwrap();
        self.attempts.begin(self.reception(), &redirect, consent).unwrap()
    }

    /// What a person's browser brings back who signs in and agrees to everything.
    pub async fn query(&self, started: &Started, person: &str) -> String {
        let back = agree(started.url.as_ref().unwrap(), person).await;
        back.query().unwrap().to_owned()
    }

    pub async fn outcome(&self, started: &Started) -> Outcome {
        self.attempts.ended(&started.id).await.unwrap()
    }

    /// Why an attempt failed, with the next step.
    pub async fn failure(&self, started: &Started) -> (String, String) {
        match self.outcome(started).await {
            Outcome::Failed { message, hint } => (message, hint.unwrap_or_default()),
            Outcome::Welcome(welcome) => panic!("{welcome:?}"),
        }
    }

    pub fn kept(&self) -> Vec<String> {
        self.memory.tokens(&self.tenant.id)
    }
}

/// A client that follows nothing.
pub fn browser() -> Client {
    Client::builder().redirect(redirect::Policy::none()).no_proxy().build().unwrap()
}

/// A person signs in there and decides.
pub async fn decide(url: &Url, person: &str, decision: &str) -> Url {
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("username", person), ("decision", decision)])
        .finish();
    let media = "application/x-www-form-urlencoded";
    let sent = browser().post(url.clone()).header("content-type", media).body(form).send().await.unwrap();
    let status = sent.status().as_u16();
    let Some(back) = location(&sent) else { panic!("{status}: {}", sent.text().await.unwrap()) };
    back
}

pub async fn agree(url: &Url, person: &str) -> Url {
    decide(url, person, "accept").await
}

pub fn location(answer: &Response) -> Option<Url> {
    Url::parse(answer.headers().get("location")?.to_str().ok()?).ok()
}

/// A page, with its status.
pub fn page(reply: Reply) -> (u16, String) {
    match reply {
        Reply::Page { status, html } => (status, html),
        Reply::Onward(url) => panic!("{url}"),
    }
}
