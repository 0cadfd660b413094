//! Calling webhooks: validations while a subscription is created, notifications in the background. The only file of the
//! simulator that is an HTTP client; it calls loopback and nothing else.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, ClientBuilder, Response, redirect};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};
use url::Url;

use super::control::Control;
use super::outbox::Post;
use super::subscribe::Verdict;
use super::subscription::Candidate;

/// How long a webhook may take over a notification.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(3);
/// The longest answer to a validation that is looked at.
const LONGEST_ANSWER: usize = 4096;

/// Calls webhooks.
#[derive(Clone)]
pub(super) struct Webhooks {
    client: Client,
    validation_timeout: Duration,
}

impl Webhooks {
    pub(super) fn new(validation_timeout: Duration) -> Result<Self, reqwest::Error> {
        // An error only says that a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = ClientBuilder::new().no_proxy().http1_only().tls_certs_only([]);
        let client = builder.redirect(redirect::Policy::none()).referer(false).build()?;
        Ok(Self { client, validation_timeout })
    }

    /// Asks the webhook, and the one for lifecycle events even where it is the same, to repeat a token.
    pub(super) async fn validate(&self, candidate: &Candidate) -> Verdict {
        for url in [Some(&candidate.notification_url), candidate.lifecycle_url.as_ref()].into_iter().flatten() {
            match timeout(self.validation_timeout, self.repeats(url, &candidate.token)).await {
                Err(_) => return Verdict::TimedOut,
                Ok(false) => return Verdict::Wrong,
                Ok(true) => {}
            }
        }
        Verdict::Valid
    }

    async fn repeats(&self, url: &str, token: &str) -> bool {
        let Ok(mut url) = Url::parse(url) else { return false };
        url.query_pairs_mut().append_pair("validationToken", token);
        let request = self.client.post(url).header(CONTENT_TYPE, "text/plain; charset=utf-8");
        let Ok(response) = request.send().await else { return false };
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let plain = kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/plain");
        response.status().as_u16() == 200 && plain && answer(response).await.as_deref() == Some(token.as_bytes())
    }

    /// Whether the webhook took a notification.
    async fn deliver(&self, post: &Post) -> bool {
        let request = self.client.post(&post.url).header(CONTENT_TYPE, "application/json; charset=utf-8");
        let response = timeout(DELIVERY_TIMEOUT, request.body(post.body()).send()).await;
        matches!(response, Ok(Ok(response)) if response.status().is_success())
    }
}

async fn answer(mut response: Response) -> Option<Vec<u8>> {
    let mut answer = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        answer.extend_from_slice(&chunk);
        if answer.len() > LONGEST_ANSWER {
            return None;
        }
    }
    Some(answer)
}

/// The delivery of notifications in the background. It ends when this is dropped.
pub(super) struct Delivering(JoinHandle<()>);

impl Delivering {
    pub(super) fn start(control: Control, webhooks: Webhooks) -> Self {
        Self(tokio::spawn(deliver_all(control, webhooks)))
    }
}

impl Drop for Delivering {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Sends what is due, each request on its own: a slow webhook holds nobody up.
async fn deliver_all(control: Control, webhooks: Webhooks) {
    let bell = control.state().notices.bell.clone();
    let mut under_way = JoinSet::new();
    loop {
        let (due, next) = {
            let mut state = control.state();
            (state.notices.outbox.take_due(Instant::now()), state.notices.outbox.next())
        };
        for post in due {
            let webhooks = webhooks.clone();
            under_way.spawn(async move { (webhooks.deliver(&post).await, post) });
        }
        tokio::select! {
            () = bell.notified() => {}
            () = until(next) => {}
            Some(Ok((delivered, post))) = under_way.join_next() => settle(&control, delivered, post),
        }
    }
}

async fn until(next: Option<Instant>) {
    match next {
        Some(next) => sleep_until(next).await,
        None => std::future::pending().await,
    }
}

/// Counts what was delivered, and puts back what was not.
fn settle(control: &Control, delivered: bool, post: Post) {
    let notices = &mut control.state().notices;
    let again = if delivered { None } else { post.clone().again(Instant::now(), notices.pace) };
    if let Some(again) = again {
        return notices.outbox.put(again);
    }
    for item in post.items {
        if let Some(subscription) = notices.list.iter_mut().find(|known| known.id == item.subscription) {
            *(if delivered { &mut subscription.delivered } else { &mut subscription.failed }) += 1;
        }
    }
}
