//! A person at a browser, without the browser: forms are sent, redirects are looked at and not followed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use ring::digest::{SHA256, digest};
use serde_json::Value;
use std::collections::BTreeMap;

use super::client::{Answer, Sim};
use bmsync::simulator::{Options, World};

/// An application that is registered, with everything that there is to register.
pub const APP: &str = "2e7d0000-0000-4000-8000-00000000000a";
/// One of a single tenant.
pub const SINGLE: &str = "2e7d0000-0000-4000-8000-00000000000b";
/// One that cannot keep a secret.
pub const PUBLIC: &str = "2e7d0000-0000-4000-8000-00000000000c";
/// The tenant that let it in.
pub const HOME: &str = "84841066-274d-4ec0-a5c1-276be684bdd3";
/// A tenant that did not yet.
pub const CHILD: &str = "9a1f6f0e-52c4-4d3b-8f57-0c2b6d1e7a10";
pub const SECRET: &str = "s&cret=1";
pub const REDIRECT: &str = "http://localhost/callback";
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const SCOPE: &str = "openid profile offline_access User.Read User.Read.All";

const WORLD: &str = r#"
applications:
  - id: 2e7d0000-0000-4000-8000-00000000000a
    name: "Sync <b>&"
    secrets: [{ value: "s&cret=1" }, { value: old, expires: "2020-01-01T00:00:00Z" }]
    redirectUris: ["http://localhost/callback", "https://sync.example/OAuth/IntegrationCallback.aspx"]
    permissions: { delegated: [User.Read, User.Read.All], application: [User.Read.All] }
  - { id: 2e7d0000-0000-4000-8000-00000000000b, name: Single, signInAudience: AzureADMyOrg, secrets: [one] }
  - { id: 2e7d0000-0000-4000-8000-00000000000c, name: Public, publicClient: true, secrets: [two] }
tenants:
  - id: 84841066-274d-4ec0-a5c1-276be684bdd3
    domain: harbor.onmicrosoft.com
    domains: [harbor.example]
    name: Harbor Works
    admins: [marta@harbor.example]
    applications:
      - { id: 2e7d0000-0000-4000-8000-00000000000a, roles: [User.Read.All], scopes: [] }
      - { id: 2e7d0000-0000-4000-8000-00000000000b }
      - { id: 2e7d0000-0000-4000-8000-00000000000c }
      - { id: 2e7d0000-0000-4000-8000-00000000000d, disabled: true }
    users:
      - { id: u1, userPrincipalName: marta@harbor.example, displayName: Marta, mail: marta@harbor.example }
      - { id: u2, userPrincipalName: omar@harbor.example, displayName: Omar }
      - { id: u3, userPrincipalName: off@harbor.example, accountEnabled: false }
    groups:
      - { id: g1, displayName: Dispatchers, securityEnabled: true, members: [u1, u2] }
  - id: 9a1f6f0e-52c4-4d3b-8f57-0c2b6d1e7a10
    domain: pier.onmicrosoft.com
    applications: []
    users: [{ id: p1, userPrincipalName: ines@pier.example }]
"#;

pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

pub fn encoded(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// The claims of a JWT, its signature not looked at.
pub fn claims(token: &Value) -> Value {
    let part = token.as_str().expect("a token").split('.').nth(1).expect("claims");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON")
}

/// A redirect's parameters; those of the fragment, when it has one.
pub fn parameters(answer: &Answer) -> BTreeMap<String, String> {
    assert_eq!(answer.status, 302, "{}", answer.text);
    let url = url::Url::parse(&answer.headers["location"]).expect("an address");
    let text = url.fragment().or(url.query()).unwrap_or_default();
    url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

impl Sim {
    pub async fn sign_in_world() -> Self {
        Self::of(World::from_yaml(WORLD).unwrap(), Options::default()).await
    }

    /// The path of an authorization request: the usual parameters, with these in their place. Empty ones are left out.
    pub fn authorization(tenant: &str, changes: &[(&str, &str)]) -> String {
        let challenge = challenge(VERIFIER);
        let usual = [
            ("client_id", APP),
            ("response_type", "code"),
            ("redirect_uri", REDIRECT),
            ("scope", SCOPE),
            ("state", "st&te 1"),
            ("nonce", "n-1"),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        let mut all: Vec<_> =
            usual.into_iter().filter(|(name, _)| !changes.iter().any(|(other, _)| other == name)).collect();
        all.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
        format!("/{tenant}/oauth2/v2.0/authorize?{}", encoded(&all))
    }

    pub async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        self.send(Method::POST, path, &headers, encoded(fields)).await
    }

    /// All the pages at once.
    pub async fn agree(&self, path: &str, user: &str) -> Answer {
        self.form(path, &[("username", user), ("decision", "accept")]).await
    }

    /// A code of the admin, for the usual request.
    pub async fn code(&self) -> String {
        parameters(&self.agree(&Self::authorization(HOME, &[]), "marta@harbor.example").await)["code"].clone()
    }

    /// Redeems a code with the usual fields, with these in their place. Empty ones are left out.
    pub async fn redeem(&self, code: &str, changes: &[(&str, &str)]) -> Answer {
        self.ask_login(
            HOME,
            &[
                ("grant_type", "authorization_code"),
                ("code", code),
                ("redirect_uri", REDIRECT),
                ("code_verifier", VERIFIER),
            ],
            changes,
        )
        .await
    }

    pub async fn refresh(&self, token: &str, changes: &[(&str, &str)]) -> Answer {
        self.ask_login(HOME, &[("grant_type", "refresh_token"), ("refresh_token", token)], changes).await
    }

    pub async fn ask_login(&self, tenant: &str, usual: &[(&str, &str)], changes: &[(&str, &str)]) -> Answer {
        let usual = usual.iter().chain(&[("client_id", APP), ("client_secret", SECRET)]);
        let mut all: Vec<_> =
            usual.copied().filter(|(name, _)| !changes.iter().any(|(other, _)| other == name)).collect();
        all.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
        self.form(&format!("/{tenant}/oauth2/v2.0/token"), &all).await
    }
}

/// Status, `error` and AADSTS number of a refusal.
pub fn refusal(answer: &Answer) -> (u16, String, u64) {
    let body = answer.json();
    (answer.status, body["error"].as_str().unwrap().to_owned(), body["error_codes"][0].as_u64().unwrap())
}

pub fn refused(status: u16, error: &str, code: u64) -> (u16, String, u64) {
    (status, error.to_owned(), code)
}
