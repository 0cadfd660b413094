//! Asking Microsoft Graph for something that is no page of a delta round: any method, a small body, a small answer.
//! The same token, tries and refusals to go elsewhere as for a page. It knows nothing of what is asked.

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Method, Response, StatusCode};
use tokio::time::timeout_at;
use url::Url;

use super::client::{Graph, log, unauthorized};
use super::error::{Setback, Trouble};
use super::http::{busy, client, read_body, redirected, unanswered};
use super::retry::Tries;
use super::token::Token;
use crate::source::SourceError;

/// Largest answer.
const MAX_ANSWER: usize = 1 << 20;

/// A request. Not for printing: its body may hold a secret.
pub(super) struct Ask {
    /// How.
    pub method: Method,
    /// Where, on the origin of this Graph.
    pub url: Url,
    /// JSON.
    pub body: Option<Vec<u8>>,
    /// What is attempted, for people to read.
    pub what: String,
}

/// What Graph answers, once it answers neither "busy" nor "who are you".
pub(super) struct Heard {
    /// Not a redirect.
    pub status: StatusCode,
    /// Empty where it could not be read and the status says enough.
    pub body: Vec<u8>,
}

impl Graph {
    /// Asks until the judge is content or patience has run out. What the judge calls [`Trouble::Again`] is asked again,
    /// so the request must be one that may happen twice.
    pub async fn ask<T>(
        &self,
        ask: &Ask,
        judge: impl Fn(&Heard) -> Result<T, Trouble> + Sync,
    ) -> Result<T, SourceError> {
        let mut token = self.auth.token().await?;
        let mut tries = self.patience.start();
        let mut spurned = None;
        loop {
            let heard = self.hear(ask, &token, &mut tries).await;
            match heard.map(|heard| (heard.status != StatusCode::UNAUTHORIZED).then(|| judge(&heard))) {
                Ok(Some(Ok(answer))) => return Ok(answer),
                Ok(None) if spurned.is_some() => return Err(about(ask, unauthorized())),
                Ok(None) => self.auth.spurn(spurned.insert(token)).await,
                Ok(Some(Err(Trouble::Over(error)))) | Err(Trouble::Over(error)) => return Err(about(ask, error)),
                Ok(Some(Err(Trouble::Again(setback)))) | Err(Trouble::Again(setback)) => {
                    tries.pause(&ask.what, setback).await?;
                }
            }
            token = self.auth.token().await?;
        }
    }

    async fn hear(&self, ask: &Ask, token: &Token, tries: &mut Tries) -> Result<Heard, Trouble> {
        let (name, failed) = (tries.name(), tries.made());
        let exchange = async {
            let response = self.send_ask(ask, token, &name, failed).await?;
            if let Some(error) = redirected(&response, &self.origin) {
                return Err(Trouble::Over(error));
            }
            if let Some(setback) = busy(&response, &self.http, &self.origin) {
                return Err(Trouble::Again(setback));
            }
            heard(response).await
        };
        match timeout_at(tries.deadline(), exchange).await {
            Ok(heard) => heard,
            Err(_) => Err(Trouble::Again(Setback::transient(format!("{} did not answer in time", self.origin)))),
        }
    }

    async fn send_ask(&self, ask: &Ask, token: &Token, name: &str, failed: u32) -> Result<Response, Trouble> {
        let client = client(&self.http, &self.origin).map_err(Trouble::Over)?;
        let mut request = client
            .request(ask.method.clone(), ask.url.clone())
            .header(AUTHORIZATION, token.header())
            .header(ACCEPT, "application/json")
            .header("client-request-id", name);
        if let Some(body) = &ask.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        if failed > 0 {
            request = request.header("retry-attempt", failed);
        }
        request.send().await.map_err(|error| unanswered(error, &self.origin)).inspect(|response| log(response, name))
    }
}

/// A body that breaks off matters only where the status promises something in it.
async fn heard(response: Response) -> Result<Heard, Trouble> {
    let (status, mut body) = (response.status(), Vec::new());
    match read_body(response, MAX_ANSWER, &mut body).await {
        Err(trouble) if status.is_success() => Err(trouble),
        Err(_) => Ok(Heard { status, body: Vec::new() }),
        Ok(()) => Ok(Heard { status, body }),
    }
}

fn about(ask: &Ask, error: SourceError) -> SourceError {
    SourceError { message: format!("{}: {}", ask.what, error.message), ..error }
}
