//! What the services say to anybody, without a token: whether they can be reached, what time they have, which tenant a
//! domain belongs to, and whether a webhook answers. One try each. It knows nothing of sign-in.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, DATE};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio::time::timeout;
use url::Url;

use super::error::{Setback, Trouble, person, plain, protocol};
use super::http::{Http, client, origin, read_body, redirected, unanswered};
use super::refusal::Refused;
use crate::http::origin::Origin;
use crate::model::Id;
use crate::source::{Job, SourceError, SourceErrorClass};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest answer.
const MAX_ANSWER: usize = 1 << 20;
/// No such tenant, as the login service says it.
const NO_TENANT: u32 = 90_002;

/// A service that answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// How much its clock is ahead of ours, in seconds; a part of it may be the way. Nothing where it tells no time.
    pub ahead_s: Option<i64>,
}

/// Asks a service whether it is there: the login service or Graph, by its root; `key` is how the manifest calls it.
///
/// # Errors
/// When it does not answer, cannot be trusted, or sends elsewhere.
pub async fn reach(http: &Http, root: &str, key: &str) -> Result<Reached, SourceError> {
    let origin = origin(root, key)?;
    let path = if key == "endpoints.graph" { &["v1.0", "organization"][..] } else { &CONFIGURATION[..] };
    let answer = exchange(http, &origin, Method::GET, origin.path(path)).await?;
    Ok(Reached { ahead_s: answer.date.map(|date| date.as_second() - Timestamp::now().as_second()) })
}

/// Where every login service tells about itself.
const CONFIGURATION: [&str; 4] = ["common", "v2.0", ".well-known", "openid-configuration"];

/// The ID of the tenant that a domain belongs to, in the cloud of that login service.
///
/// # Errors
/// When no tenant has the domain, or the service cannot be reached or believed.
pub async fn tenant_id(http: &Http, login_root: &str, domain: &str) -> Result<Id, SourceError> {
    let origin = origin(login_root, "endpoints.login")?;
    let path = origin.path(&[domain, CONFIGURATION[1], CONFIGURATION[2], CONFIGURATION[3]]);
    let answer = exchange(http, &origin, Method::GET, path).await?;
    let shown = plain(domain, 100);
    if !answer.status.is_success() {
        return Err(match Refused::read(&answer.body) {
            Some(refused) if refused.is(NO_TENANT) => person(
                format!("no tenant has the domain {shown} in the cloud of {origin}"),
                "check the spelling; a tenant of another cloud is found with --cloud usGov, usGovDod or china",
            ),
            Some(_) | None => protocol(format!("{origin} answered {} to the question for {shown}", answer.status)),
        });
    }
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let issuer = body["issuer"].as_str().and_then(|issuer| Url::parse(issuer).ok());
    let id = issuer.and_then(|issuer| Some(Id::new(issuer.path_segments()?.next()?)));
    id.filter(Id::is_guid).ok_or_else(|| protocol(format!("{origin} names no tenant for {shown}")))
}

/// Asks a webhook what Microsoft Graph asks it before it tells it anything: to give a token back.
///
/// # Errors
/// When it does not do so in time.
pub async fn handshake(http: &Http, notification_url: &str) -> Result<(), SourceError> {
    let origin = origin(notification_url, "--public-url")?;
    let token = format!("bmsync doctor: {:016x} & more", fastrand::u64(..));
    let mut url = origin.path(&[]);
    url.query_pairs_mut().append_pair("validationToken", &token);
    let answer = exchange(http, &origin, Method::POST, url).await?;
    let is_echo = answer.status == StatusCode::OK && answer.body == token.as_bytes() && answer.is_plain_text;
    if is_echo {
        return Ok(());
    }
    let hint = "let the address lead to a running bmsync (`run --public-url`), with its path and query unchanged";
    Err(person(format!("{origin} answered {}, which is not what Microsoft Graph wants", answer.status), hint))
}

/// An answer, whatever its status.
struct Answer {
    status: StatusCode,
    date: Option<Timestamp>,
    is_plain_text: bool,
    body: Vec<u8>,
}

async fn exchange(http: &Http, origin: &Origin, method: Method, url: Url) -> Result<Answer, SourceError> {
    let asking = async {
        let request = client(http, origin).map_err(Trouble::Over)?.request(method, url);
        let response = request.send().await.map_err(|error| unanswered(error, origin))?;
        if let Some(error) = redirected(&response, origin) {
            return Err(Trouble::Over(error));
        }
        let header =
            |name| response.headers().get(name).and_then(|value: &reqwest::header::HeaderValue| value.to_str().ok());
        let date = header(DATE).and_then(|date| Some(jiff::fmt::rfc2822::parse(date).ok()?.timestamp()));
        let is_plain_text = header(CONTENT_TYPE).is_some_and(|kind| kind.starts_with("text/plain"));
        let mut answer = Answer { status: response.status(), date, is_plain_text, body: Vec::new() };
        read_body(response, MAX_ANSWER, &mut answer.body).await?;
        Ok(answer)
    };
    let late = || Trouble::Again(Setback::transient(format!("{origin} did not answer in time")));
    timeout(PATIENCE, asking).await.unwrap_or_else(|_| Err(late())).map_err(|trouble| match trouble {
        Trouble::Over(error) => error,
        Trouble::Again(Setback { class: _, what, wait: _, pressure: _, hint, cause }) => SourceError {
            class: SourceErrorClass::Transient,
            job: Job::Operator,
            code: None,
            message: what,
            hint,
            source: cause,
        },
    })
}
