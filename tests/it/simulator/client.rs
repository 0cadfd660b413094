//! A client that only knows HTTP and JSON: it shares nothing with bmsync's own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Once;

use bmsync::simulator::{Options, Running, Simulator, World};
use reqwest::redirect::Policy;
use reqwest::{Client, Method};
use serde_json::Value;

pub const TENANT: &str = "84841066-274d-4ec0-a5c1-276be684bdd3";
pub const OTHER_TENANT: &str = "9a1f6f0e-52c4-4d3b-8f57-0c2b6d1e7a10";
pub const APP: &str = "1f3c5d7e-0000-4000-8000-000000000001";

/// Two tenants: one with people and groups of every sort, one that is nearly empty.
pub const SMALL: &str = r#"
tenants:
  - id: 84841066-274d-4ec0-a5c1-276be684bdd3
    domain: contoso.onmicrosoft.com
    applications:
      - { id: 1f3c5d7e-0000-4000-8000-000000000001, key: demo-key }
      - { id: 1f3c5d7e-0000-4000-8000-000000000009, key: "k&y=%", roles: [GroupMember.Read.All] }
    users:
      - { id: u1, userPrincipalName: adele@contoso.com, givenName: Adele, jobTitle: Engineer, mail: null }
      - { id: u2, userPrincipalName: ben@contoso.com, givenName: Ben, department: Sales }
      - { id: u3, userPrincipalName: "ida_mail.example#EXT#@contoso.onmicrosoft.com", givenName: Ida, userType: Guest }
      - { id: u4, userPrincipalName: gone@contoso.com, deleted: soft }
      - { id: u5, userPrincipalName: eva@contoso.com }
    groups:
      - { id: g1, displayName: technicians, createdDateTime: "2023-02-14T07:30:11Z", securityEnabled: true,
          mailEnabled: false, groupTypes: [], members: [u1, u2, u4, g2, { id: d1, type: device }] }
      - { id: g2, displayName: night shift, securityEnabled: true, members: [g1, u3] }
      - { id: g3, displayName: empty, securityEnabled: true }
      - { id: g4, displayName: list, securityEnabled: false, mailEnabled: true, groupTypes: [], members: [u1] }
  - id: 9a1f6f0e-52c4-4d3b-8f57-0c2b6d1e7a10
    domain: northwind.onmicrosoft.com
    users: [ { id: n1, userPrincipalName: nora@northwind.com } ]
"#;

/// An answer: status, headers and text.
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// Graph's error code.
    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn link(&self, name: &str) -> Option<String> {
        self.json()[format!("@odata.{name}Link")].as_str().map(str::to_owned)
    }

    pub fn objects(&self) -> Vec<Value> {
        self.json()["value"].as_array().expect("value is a list").clone()
    }

    pub fn ids(&self) -> Vec<String> {
        self.objects().iter().map(|object| object["id"].as_str().unwrap().to_owned()).collect()
    }
}

/// A running simulator and a token of the first tenant.
pub struct Sim {
    pub running: Running,
    pub http: Client,
    pub token: String,
}

pub fn http() -> Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    Client::builder().no_proxy().redirect(Policy::none()).build().unwrap()
}

impl Sim {
    pub async fn small() -> Self {
        Self::of(World::from_yaml(SMALL).unwrap(), Options { page_size: 2, ..Options::default() }).await
    }

    /// The small world with a fault.
    pub async fn with(fault: &str) -> Self {
        let sim = Self::small().await;
        sim.running.control().set_fault(fault).unwrap();
        sim
    }

    pub async fn of(world: World, options: Options) -> Self {
        let running = Simulator::start(world, options).await.unwrap();
        let mut sim = Self { running, http: http(), token: String::new() };
        sim.token = sim.sign_in(TENANT, APP, "demo-key").await;
        sim
    }

    /// An access token.
    pub async fn sign_in(&self, tenant: &str, app: &str, key: &str) -> String {
        let answer = self.ask_token(tenant, &[("client_id", app), ("client_secret", key)]).await;
        answer.json()["access_token"].as_str().unwrap_or_default().to_owned()
    }

    /// Asks for a token with the usual fields and these.
    pub async fn ask_token(&self, tenant: &str, fields: &[(&str, &str)]) -> Answer {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        let usual = [("grant_type", "client_credentials"), ("scope", "https://graph.microsoft.com/.default")];
        for (name, value) in usual.iter().filter(|(name, _)| !fields.iter().any(|(other, _)| other == name)) {
            form.append_pair(name, value);
        }
        for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
            form.append_pair(name, value);
        }
        let path = format!("/{tenant}/oauth2/v2.0/token");
        self.send(Method::POST, &path, &[("content-type", "application/x-www-form-urlencoded")], form.finish()).await
    }

    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: String) -> Answer {
        self.try_send(method, path, headers, body).await.unwrap()
    }

    /// A path, or a whole link.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> reqwest::Result<Answer> {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.running.url()) };
        let mut request = self.http.request(method, url).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let shown = |value: &reqwest::header::HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let headers = response.headers().iter().map(|(name, value)| (name.to_string(), shown(value))).collect();
        Ok(Answer { status, headers, text: response.text().await? })
    }

    /// Reads from Graph.
    pub async fn get(&self, path: &str) -> Answer {
        self.try_get(path).await.unwrap()
    }

    pub async fn try_get(&self, path: &str) -> reqwest::Result<Answer> {
        let bearer = format!("Bearer {}", self.token);
        self.try_send(Method::GET, path, &[("authorization", &bearer)], String::new()).await
    }

    pub async fn control(&self, method: Method, path: &str, body: &str) -> Answer {
        self.send(method, &format!("/control{path}"), &[], body.to_owned()).await
    }

    /// Reads a round to its end.
    pub async fn round(&self, start: &str) -> Round {
        let (mut pages, mut link) = (Vec::new(), start.to_owned());
        loop {
            let page = self.get(&link).await;
            assert_eq!(page.status, 200, "{}", page.text);
            let (next, delta) = (page.link("next"), page.link("delta"));
            assert!(next.is_some() != delta.is_some(), "exactly one link: {}", page.text);
            pages.push(page.objects());
            assert!(pages.len() < 1000, "no end of pages");
            match (next, delta) {
                (Some(next), _) => link = next,
                (None, delta) => return Round { pages, delta: delta.unwrap() },
            }
        }
    }

    pub async fn users(&self) -> Round {
        self.round("/v1.0/users/delta?$select=userPrincipalName,givenName,jobTitle,mail").await
    }

    pub async fn groups(&self) -> Round {
        self.round("/v1.0/groups/delta?$select=displayName,members").await
    }
}

/// A round that was read to its end.
pub struct Round {
    pub pages: Vec<Vec<Value>>,
    pub delta: String,
}

impl Round {
    pub fn objects(&self) -> Vec<&Value> {
        self.pages.iter().flatten().collect()
    }

    pub fn ids(&self) -> Vec<&str> {
        self.objects().into_iter().map(|object| object["id"].as_str().unwrap()).collect()
    }

    /// The last that was told of an object.
    pub fn object(&self, id: &str) -> &Value {
        self.objects().into_iter().rfind(|object| object["id"] == id).unwrap_or(&Value::Null)
    }

    /// The members of a group over all pages: those who are in and those who left.
    pub fn members(&self, group: &str) -> (BTreeSet<String>, BTreeSet<String>) {
        let slices = self.objects().into_iter().filter(|object| object["id"] == group);
        let edges = slices.flat_map(|object| object["members@delta"].as_array().cloned().unwrap_or_default());
        let (gone, here): (Vec<_>, Vec<_>) = edges.partition(|edge| edge["@removed"]["reason"] == "deleted");
        let ids = |edges: Vec<Value>| edges.iter().map(|edge| edge["id"].as_str().unwrap().to_owned()).collect();
        (ids(here), ids(gone))
    }
}

pub fn set<const N: usize>(ids: [&str; N]) -> BTreeSet<String> {
    ids.into_iter().map(str::to_owned).collect()
}
