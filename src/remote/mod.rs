//! The client of a running bmsync: what `--server URL` asks. It speaks HTTP and JSON, and decides nothing.

use std::io;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, Response, StatusCode, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

mod address;

mod error;

mod manifests;

pub use address::AddressError;
pub use error::{Refused, RemoteDiagnostic, RemoteError};
pub use manifests::Manifests;

use crate::approved::Consent;
use address::{Address, Reach};

/// Environment variable with the token.
pub const TOKEN_VARIABLE: &str = "BMSYNC_TOKEN";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Without a byte for so long, an answer is given up: a little more than a server takes for one.
const READ_TIMEOUT: Duration = Duration::from_secs(330);

/// Larger answers are refused, except exports, which are not kept.
const MAX_ANSWER_BYTES: usize = 1 << 30;

/// Larger errors are not read.
const MAX_ERROR_BYTES: usize = 16 << 20;

/// Larger requests are refused by every server.
const MAX_BODY_BYTES: usize = 16 << 20;

/// So often a server that asks for patience is asked again.
const PATIENCE: u32 = 3;

/// Longer than this nobody waits before asking again.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// The media type of an export.
const EXPORT: &str = "application/x-ndjson";

/// When a request that was refused for now may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeat {
    /// Whenever the server says so: asking twice does no harm.
    Harmless,
    /// Only when the server says that it did not begin.
    OnlyUnbegun,
}

impl Repeat {
    fn allows(self, refused: &Refused) -> bool {
        match self {
            Self::Harmless => refused.is_busy() || refused.kind.ends_with(":unavailable"),
            Self::OnlyUnbegun => refused.is_busy(),
        }
    }
}

/// A running bmsync.
#[derive(Clone, Debug)]
pub struct Remote {
    address: Address,
    client: Client,
}

/// What has a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the list of that name")]
pub enum Collection {
    Employees,
    Contacts,
    Tenants,
    Rules,
    Events,
    ItGlue,
    Worklist,
}

impl Collection {
    const fn word(self) -> &'static str {
        match self {
            Self::Employees => "employees",
            Self::Contacts => "contacts",
            Self::Tenants => "tenants",
            Self::Rules => "rules",
            Self::Events => "events",
            Self::ItGlue => "itglue",
            Self::Worklist => "worklist",
        }
    }
}

/// A page of a list.
#[derive(Clone, Debug, Deserialize)]
pub struct Page {
    /// In the order of the list, as `get -o json` has them.
    pub items: Vec<Value>,
    /// The `after` of the page that follows; `None` on the last.
    pub next: Option<String>,
}

/// What is held back of a tenant, or was approved.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldChanges {
    /// The tenant.
    pub tenant_id: String,
    /// Names exactly these changes.
    pub digest: String,
    /// Until when the approval holds; `None` while they are not approved.
    pub approved_until: Option<String>,
    /// As a plan has them.
    pub changes: Vec<Value>,
}

/// What came of applying a saved plan.
#[derive(Clone, Debug, Deserialize)]
pub struct AppliedPlan {
    /// The revision afterwards.
    pub revision: u64,
    /// Changes that were written.
    pub written: u64,
    /// Users whose changes were refused, with the reason.
    pub failures: Vec<String>,
}

/// How somebody signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInWay {
    /// In a browser.
    Browser,
    /// In a browser, after an administrator consented there.
    AdminConsent,
    /// With a code.
    DeviceCode,
}

/// A sign-in that a server began.
#[derive(Clone, Debug, Deserialize)]
pub struct Begun {
    /// By which it is followed.
    pub attempt: String,
    /// Where a browser goes.
    pub url: Option<String>,
    /// What a person must do where a code is entered.
    pub message: Option<String>,
}

/// How far a sign-in is.
#[derive(Clone, Debug, Deserialize)]
pub struct Connecting {
    /// `waiting`, `signedIn` or `failed`.
    pub state: String,
    /// Who was let in, and what can be read.
    #[serde(default)]
    pub welcome: Value,
    /// Why nobody was.
    pub message: Option<String>,
    /// The next step for a person.
    pub hint: Option<String>,
}

/// What came of forgetting a sign-in.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Disconnected {
    /// The tenant's ID.
    pub tenant_id: String,
    /// Whether there was one.
    pub forgotten: bool,
    /// Who had signed in, if that is known.
    pub account: Option<String>,
}

impl Remote {
    /// The server at an address: https, or http on loopback.
    ///
    /// # Errors
    /// When the address or the token cannot be used, or no TLS can be spoken from this machine.
    pub fn new(server: &str, token: Option<&SecretString>) -> Result<Self, RemoteError> {
        let address = Address::parse(server)?;
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            headers.insert(AUTHORIZATION, bearer(token)?);
        }
        let client = client(address.reach(), headers).map_err(RemoteError::Setup)?;
        Ok(Self { address, client })
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Whether it runs on this machine, as far as its address tells.
    #[must_use]
    pub fn is_here(&self) -> bool {
        self.address.reach() != Reach::Far
    }

    /// Plans the manifests, or with none those that are in force there: everybody, or one tenant (by name or ID). The
    /// answer is the plan's JSON with `cause`, as it came.
    ///
    /// # Errors
    /// When the server cannot be asked, or refuses; invalid manifests are [`RemoteError::Refused`] with diagnostics.
    pub async fn plan(&self, manifests: &Manifests, tenant: Option<&str>) -> Result<Vec<u8>, RemoteError> {
        let query: Vec<(&str, &str)> = tenant.map(|tenant| ("tenant", tenant)).into_iter().collect();
        let body = Some(("application/yaml", manifests.bytes().to_vec()));
        let response = self.send(Method::POST, &["v1", "plan"], &query, body, Repeat::Harmless).await?;
        self.read(response, MAX_ANSWER_BYTES).await
    }

    /// Applies a saved plan, given as its JSON.
    ///
    /// # Errors
    /// When the server cannot be asked, or refuses: the plan is stale.
    pub async fn apply(&self, saved: Vec<u8>, consent: Consent) -> Result<AppliedPlan, RemoteError> {
        let held = match consent {
            Consent::Withheld => "false",
            Consent::Given => "true",
        };
        let body = Some(("application/json", saved));
        let response =
            self.send(Method::POST, &["v1", "apply"], &[("approveHeld", held)], body, Repeat::OnlyUnbegun).await?;
        self.parse(response).await
    }

    /// A page of a list, after the `next` of the page before.
    ///
    /// # Errors
    /// When the server cannot be asked, or refuses.
    pub async fn page(&self, collection: Collection, after: Option<&str>, limit: usize) -> Result<Page, RemoteError> {
        let limit = limit.to_string();
        let mut query = vec![("limit", limit.as_str())];
        query.extend(after.map(|after| ("after", after)));
        self.ask(Method::GET, &["v1", collection.word()], &query, None).await
    }

    /// One thing of a list, by its ID or name.
    ///
    /// # Errors
    /// When the server cannot be asked, or has none.
    pub async fn one(&self, collection: Collection, id: &str) -> Result<Value, RemoteError> {
        self.ask(Method::GET, &["v1", collection.word(), id], &[], None).await
    }

    /// Explains the users of that name, email or object ID.
    ///
    /// # Errors
    /// When the server cannot be asked, or knows none.
    pub async fn explain(&self, user: &str) -> Result<Vec<Value>, RemoteError> {
        let page: Page = self.ask(Method::GET, &["v1", "explain"], &[("user", user)], None).await?;
        Ok(page.items)
    }

    /// Has it look again, at one tenant or at all.
    ///
    /// # Errors
    /// When the server cannot be asked, or has no such tenant.
    pub async fn sync(&self, tenant: Option<&str>) -> Result<(), RemoteError> {
        let path: Vec<&str> = ["v1", "sync"].into_iter().chain(tenant).collect();
        let _: Value = self.ask(Method::POST, &path, &[], None).await?;
        Ok(())
    }

    /// Begins a sign-in to a tenant, in a browser or with a code; an administrator may consent first.
    ///
    /// # Errors
    /// When the server cannot be asked, or refuses.
    pub async fn connect(&self, tenant: &str, way: SignInWay) -> Result<Begun, RemoteError> {
        let query: &[(&str, &str)] = match way {
            SignInWay::Browser => &[],
            SignInWay::AdminConsent => &[("adminConsent", "true")],
            SignInWay::DeviceCode => &[("deviceCode", "true")],
        };
        let response = self.send(Method::POST, &["v1", "connect", tenant], query, None, Repeat::OnlyUnbegun).await?;
        self.parse(response).await
    }

    /// How far a sign-in is that this client began.
    ///
    /// # Errors
    /// When the server cannot be asked, or does not know it any more.
    pub async fn connecting(&self, attempt: &str) -> Result<Connecting, RemoteError> {
        self.ask(Method::GET, &["v1", "connect", attempt], &[], None).await
    }

    /// Has it forget the sign-in of a tenant.
    ///
    /// # Errors
    /// When the server cannot be asked, or has no such tenant.
    pub async fn disconnect(&self, tenant: &str) -> Result<Disconnected, RemoteError> {
        self.ask(Method::POST, &["v1", "disconnect", tenant], &[], None).await
    }

    /// What is held back of a tenant.
    ///
    /// # Errors
    /// When the server cannot be asked, or has no such tenant.
    pub async fn held(&self, tenant: &str) -> Result<HeldChanges, RemoteError> {
        self.ask(Method::GET, &["v1", "approve", tenant], &[], None).await
    }

    /// Approves exactly the changes that this digest names.
    ///
    /// # Errors
    /// When the server cannot be asked, or holds back something else by now.
    pub async fn approve(&self, tenant: &str, digest: &str) -> Result<HeldChanges, RemoteError> {
        let body = Some(("application/json", json!({ "digest": digest }).to_string().into_bytes()));
        self.ask(Method::POST, &["v1", "approve", tenant], &[], body).await
    }

    /// Writes the whole state, as it comes.
    ///
    /// # Errors
    /// When the server cannot be asked, its answer breaks off, or it cannot be written; then a part may be written.
    pub async fn export(&self, out: &mut (dyn io::Write + Send)) -> Result<(), RemoteError> {
        let mut response = self.send(Method::GET, &["v1", "export"], &[], None, Repeat::Harmless).await?;
        if response.headers().get(CONTENT_TYPE).is_none_or(|media| media != EXPORT) {
            return Err(self.foreign("something else than an export"));
        }
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unanswered(error))? {
            out.write_all(&chunk).map_err(RemoteError::Write)?;
        }
        out.flush().map_err(RemoteError::Write)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<(&'static str, Vec<u8>)>,
    ) -> Result<T, RemoteError> {
        let response = self.send(method, path, query, body, Repeat::Harmless).await?;
        self.parse(response).await
    }

    async fn parse<T: DeserializeOwned>(&self, response: Response) -> Result<T, RemoteError> {
        let bytes = self.read(response, MAX_ANSWER_BYTES).await?;
        serde_json::from_slice(&bytes).map_err(|_| self.foreign("something else than the JSON expected"))
    }

    /// Sends a request, and again while the server asks for patience; turns everything but success into an error.
    async fn send(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<(&'static str, Vec<u8>)>,
        repeat: Repeat,
    ) -> Result<Response, RemoteError> {
        let mut request = self.client.request(method, self.address.url(path, query));
        if let Some((media, bytes)) = body {
            if bytes.len() > MAX_BODY_BYTES {
                return Err(RemoteError::TooLarge(bytes.len()));
            }
            request = request.header(CONTENT_TYPE, media).body(bytes);
        }
        for _ in 0..PATIENCE {
            let Some(again) = request.try_clone() else { break };
            let response = again.send().await.map_err(|error| self.unanswered(error))?;
            let wait = retry_after(&response);
            let refused = match self.judge(response).await {
                Err(RemoteError::Refused(refused)) => refused,
                judged => return judged,
            };
            match wait {
                Some(wait) if repeat.allows(&refused) => {
                    tracing::info!(wait_s = wait.as_secs(), "the server asks for patience");
                    tokio::time::sleep(wait).await;
                }
                Some(_) | None => return Err(RemoteError::Refused(refused)),
            }
        }
        let response = request.send().await.map_err(|error| self.unanswered(error))?;
        self.judge(response).await
    }

    /// Turns everything but success into an error.
    async fn judge(&self, response: Response) -> Result<Response, RemoteError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        if status.is_redirection() {
            return Err(RemoteError::Redirected { server: self.address.to_string() });
        }
        let is_problem = response.headers().get(CONTENT_TYPE).is_some_and(|media| media == error::PROBLEM);
        let bytes = self.read(response, MAX_ERROR_BYTES).await?;
        let refused = if is_problem { Refused::parse(status.as_u16(), &bytes) } else { None };
        match refused {
            Some(refused) => Err(RemoteError::Refused(Box::new(refused))),
            None => Err(self.foreign(&format!("{status}, and not as bmsync does"))),
        }
    }

    async fn read(&self, mut response: Response, limit: usize) -> Result<Vec<u8>, RemoteError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unanswered(error))? {
            if bytes.len() + chunk.len() > limit {
                return Err(self.foreign("more than can be taken"));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    fn foreign(&self, what: &str) -> RemoteError {
        RemoteError::Foreign { server: self.address.to_string(), what: what.to_owned() }
    }

    fn unanswered(&self, error: reqwest::Error) -> RemoteError {
        let (server, source) = (self.address.to_string(), error.without_url());
        if source.is_timeout() {
            RemoteError::Timeout { server, source }
        } else if is_tls(&source) {
            RemoteError::Tls { server, source }
        } else {
            RemoteError::Unreachable { server, source }
        }
    }
}

/// Whether TLS is what failed.
fn is_tls(error: &reqwest::Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = next {
        if cause.is::<rustls::Error>() {
            return true;
        }
        // What an I/O error holds is not its source.
        next = match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(held) => Some(held),
            None => cause.source(),
        };
    }
    false
}

/// How long to wait before asking again, if the server says that it may help.
fn retry_after(response: &Response) -> Option<Duration> {
    let header =
        response.headers().get(RETRY_AFTER).filter(|_| response.status() == StatusCode::SERVICE_UNAVAILABLE)?;
    let seconds = header.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_WAIT))
}

fn bearer(token: &SecretString) -> Result<HeaderValue, RemoteError> {
    let token = token.expose_secret();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(RemoteError::Token);
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| RemoteError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

fn client(reach: Reach, mut headers: HeaderMap) -> Result<Client, reqwest::Error> {
    // An error only says that a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json, application/problem+json, */*;q=0.1"));
    let builder = Client::builder()
        .user_agent(concat!("bmsync/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers)
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT);
    match reach {
        // Without TLS no root certificate is needed, so none is looked for: a bare machine has none.
        Reach::Plain => builder.no_proxy().http1_only().tls_certs_only([]).build(),
        Reach::Near => builder.no_proxy().build(),
        Reach::Far => builder.https_only(true).build(),
    }
}
