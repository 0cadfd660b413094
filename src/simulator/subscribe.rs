//! `/v1.0/subscriptions`: creating, listing, renewing, reauthorizing and deleting. The webhook is asked elsewhere,
//! between the request and its reply. Knows no HTTP library.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use url::Url;

use super::faults::Fault;
use super::object::random_guid;
use super::properties::Resource;
use super::reply::{Call, Reply};
use super::state::{Grant, State};
use super::stats::Class;
use super::subscription::{Candidate, Subscription, Watch};

/// What comes of a request at first.
pub(super) enum Step {
    Answered(Reply),
    /// The webhook must be asked before there is an answer.
    Validating(Box<Candidate>),
}

/// What a webhook made of its validation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Valid,
    TimedOut,
    /// It answered something else, or could not be reached.
    Wrong,
}

/// The longest life, in minutes.
const LONGEST_LIFE: i64 = 41_760;
/// Subscriptions of an application in a tenant, and of a tenant.
const QUOTAS: (usize, usize) = (100, 1000);
const LONGEST_CLIENT_STATE: usize = 128;

const CLASS: Class = Class::Subscriptions;

impl State {
    /// Answers a request for subscriptions, or says that a webhook must be asked.
    pub(super) fn subscriptions(&mut self, call: &Call) -> Step {
        self.notices.prune();
        let segments: Vec<&str> = call.segments.iter().skip(2).map(String::as_str).collect();
        let reply = match (call.method.as_str(), segments.as_slice()) {
            ("POST", []) => match self.candidate(call) {
                Ok(candidate) => return Step::Validating(Box::new(candidate)),
                Err(refusal) => Err(refusal),
            },
            ("GET", []) => self.listed(call),
            ("GET", [id]) => self.shown(call, id),
            ("PATCH", [id]) => self.renewed(call, id),
            ("POST", [id, "reauthorize"]) => self.reauthorized(call, id),
            ("DELETE", [id]) => self.deleted(call, id),
            _ => Err(self.refuse(405, "Request_BadRequest", "That is not known here.")),
        };
        Step::Answered(reply.unwrap_or_else(|refusal| refusal))
    }

    /// What is asked for, if it can be had and the webhook agrees.
    fn candidate(&mut self, call: &Call) -> Result<Candidate, Reply> {
        let grant = self.bearer(CLASS, call)?;
        let candidate = self.wish(&grant, call)?;
        self.permitted(&grant, &[permission(candidate.watch.resource())], CLASS, call)?;
        self.check_conflict(&candidate)?;
        self.check_quota(&grant, call)?;
        if self.strikes(Fault::ValidationTimeout, CLASS, call).is_some() {
            return Err(self.timed_out());
        }
        Ok(candidate)
    }

    fn wish(&mut self, grant: &Grant, call: &Call) -> Result<Candidate, Reply> {
        let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
        let token = self.token();
        let read = wish(&body, grant, token).and_then(|wish| check_known(&body).map(|()| wish));
        read.map_err(|message| self.refuse(400, "InvalidRequest", &message)).and_then(|wish| {
            match bad_url(&wish.notification_url).or_else(|| wish.lifecycle_url.as_deref().and_then(bad_url)) {
                Some(message) => Err(self.refuse(400, "ValidationError", message)),
                None => Ok(wish),
            }
        })
    }

    /// Text with everything in it that must be escaped on its way.
    fn token(&mut self) -> String {
        let mut token = "Check: harbor/41=&%25+".to_owned();
        // Writing to text cannot fail.
        let _ = write!(token, "{:016x}", self.secrets.u64(..));
        token
    }

    fn check_conflict(&mut self, wish: &Candidate) -> Result<(), Reply> {
        let known = self.notices.list.iter().find(|known| known.conflicts(wish)).map(|known| known.id.clone());
        known.map_or(Ok(()), |id| {
            let message = format!("There is a subscription for this change type and resource already: {id}");
            Err(self.refuse(409, "Conflict", &message))
        })
    }

    fn check_quota(&mut self, grant: &Grant, call: &Call) -> Result<(), Reply> {
        let (per_application, per_tenant) = QUOTAS;
        let of_tenant = self.notices.list.iter().filter(|known| known.wish.tenant == grant.tenant);
        let ours = of_tenant.clone().filter(|known| known.wish.application == grant.application).count();
        let all = of_tenant.count();
        let refused = self.strikes(Fault::SubscriptionQuota, CLASS, call).is_some();
        let message = if refused || ours >= per_application {
            format!("The limit of {per_application} subscriptions of an application in a tenant has been reached.")
        } else if all >= per_tenant {
            format!("The limit of {per_tenant} subscriptions of a tenant has been reached.")
        } else {
            return Ok(());
        };
        Err(self.refuse(403, "Forbidden", &message))
    }

    fn timed_out(&mut self) -> Reply {
        self.refuse(400, "InvalidRequest", "The validation of the notification URL timed out.")
    }

    /// Creates what was asked for, if the webhook agreed.
    pub(super) fn conclude(&mut self, wish: Candidate, verdict: Verdict, call: &Call) -> Result<Reply, Reply> {
        match verdict {
            Verdict::Valid => self.check_conflict(&wish)?,
            Verdict::TimedOut => return Err(self.timed_out()),
            Verdict::Wrong => {
                let message = "The notification URL did not answer its validation with 200 and the token.";
                return Err(self.refuse(400, "ValidationError", message));
            }
        }
        let (id, creator) = (random_guid(&mut self.secrets), random_guid(&mut self.secrets));
        let subscription = Subscription::of(wish, id, creator);
        let shown = entity(call, subscription.to_json(subscription.wish.client_state.as_deref()));
        self.notices.list.push(subscription);
        Ok(Reply::graph(201, shown.to_string()))
    }

    fn listed(&mut self, call: &Call) -> Result<Reply, Reply> {
        let grant = self.bearer(CLASS, call)?;
        let start: usize = call.option("$skiptoken").and_then(|token| token.parse().ok()).unwrap_or(0);
        let ours = self.notices.list.iter().filter(|known| known.is_of(grant.tenant, &grant.application));
        let mut rest = ours.skip(start);
        let page: Vec<Value> = rest.by_ref().take(self.page_size).map(|known| known.to_json(None)).collect();
        let address = format!("{}/v1.0/subscriptions", call.origin);
        let mut body =
            json!({ "@odata.context": format!("{}/v1.0/$metadata#subscriptions", call.origin), "value": page });
        if rest.next().is_some() {
            body["@odata.nextLink"] = json!(format!("{address}?$skiptoken={}", start + self.page_size));
        }
        Ok(Reply::graph(200, body.to_string()))
    }

    fn shown(&mut self, call: &Call, id: &str) -> Result<Reply, Reply> {
        let place = self.owned(call, id)?;
        Ok(Reply::graph(200, entity(call, self.notices.list[place].to_json(None)).to_string()))
    }

    /// The place of a subscription that the asking application holds.
    fn owned(&mut self, call: &Call, id: &str) -> Result<usize, Reply> {
        let grant = self.bearer(CLASS, call)?;
        let ours = |known: &Subscription| known.id == id && known.is_of(grant.tenant, &grant.application);
        let place = self.notices.list.iter().position(ours);
        place.ok_or_else(|| self.refuse(404, "ResourceNotFound", "The object was not found."))
    }

    /// The same, where the subscription is to live on: the faults may end it, or have its webhook asked in vain.
    fn living(&mut self, call: &Call, id: &str) -> Result<usize, Reply> {
        let grant = self.bearer(CLASS, call)?;
        let place = self.owned(call, id)?;
        let wanted = permission(self.notices.list[place].wish.watch.resource());
        self.permitted(&grant, &[wanted], CLASS, call)?;
        if self.strikes(Fault::SubscriptionGone, CLASS, call).is_some() {
            self.notices.list.remove(place);
            return Err(self.refuse(404, "ResourceNotFound", "The object was not found."));
        }
        if self.strikes(Fault::ValidationTimeout, CLASS, call).is_some() {
            return Err(self.timed_out());
        }
        Ok(place)
    }

    fn renewed(&mut self, call: &Call, id: &str) -> Result<Reply, Reply> {
        let place = self.living(call, id)?;
        let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
        let alone = body.as_object().is_some_and(|body| body.keys().all(|key| key == "expirationDateTime"));
        let until = if alone { expiration(&body) } else { Err("Only expirationDateTime can be changed.".to_owned()) };
        let until = until.map_err(|message| self.refuse(400, "InvalidRequest", &message))?;
        self.notices.list[place].wish.until = until;
        self.authorize(place);
        Ok(Reply::graph(200, entity(call, self.notices.list[place].to_json(None)).to_string()))
    }

    fn reauthorized(&mut self, call: &Call, id: &str) -> Result<Reply, Reply> {
        let place = self.living(call, id)?;
        self.authorize(place);
        Ok(Reply::empty(204))
    }

    fn deleted(&mut self, call: &Call, id: &str) -> Result<Reply, Reply> {
        let place = self.owned(call, id)?;
        self.notices.list.remove(place);
        Ok(Reply::empty(204))
    }
}

/// The one permission that will do; one that may write, or read memberships only, will not.
fn permission(resource: Resource) -> &'static str {
    match resource {
        Resource::Users => "User.Read.All",
        Resource::Groups => "Group.Read.All",
    }
}

fn entity(call: &Call, subscription: Value) -> Value {
    let mut entity = json!({ "@odata.context": format!("{}/v1.0/$metadata#subscriptions/$entity", call.origin) });
    if let (Value::Object(entity), Value::Object(properties)) = (&mut entity, subscription) {
        entity.extend(properties);
    }
    entity
}

const KNOWN: &[&str] = &[
    "changeType",
    "resource",
    "notificationUrl",
    "expirationDateTime",
    "clientState",
    "lifecycleNotificationUrl",
    "latestSupportedTlsVersion",
];

fn check_known(body: &Value) -> Result<(), String> {
    let set = body.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    let unknown = set.map(|(key, _)| key).find(|key| !KNOWN.contains(&key.as_str()));
    unknown.map_or(Ok(()), |key| Err(format!("The property {key} is not supported for this resource.")))
}

fn wish(body: &Value, grant: &Grant, token: String) -> Result<Candidate, String> {
    let optional = |name: &str| match &body[name] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Err(format!("{name} must be text.")),
    };
    let wanted = |name: &str| optional(name)?.ok_or_else(|| format!("{name} is missing."));
    let resource = wanted("resource")?;
    let wish = Candidate {
        tenant: grant.tenant,
        application: grant.application.clone(),
        change_type: wanted("changeType")?,
        watch: Watch::parse(&resource).ok_or_else(|| format!("The resource {resource} cannot be subscribed to."))?,
        resource,
        notification_url: wanted("notificationUrl")?,
        lifecycle_url: optional("lifecycleNotificationUrl")?,
        client_state: optional("clientState")?,
        tls: optional("latestSupportedTlsVersion")?.or_else(|| Some("v1_2".to_owned())),
        until: expiration(body)?,
        token,
    };
    if let Some(odd) = wish.kinds().iter().find(|kind| !["created", "updated", "deleted"].contains(&kind.as_str())) {
        return Err(format!("The change type {odd} is not known."));
    }
    if wish.client_state.as_ref().is_some_and(|state| state.chars().count() > LONGEST_CLIENT_STATE) {
        return Err(format!("clientState is longer than {LONGEST_CLIENT_STATE} characters."));
    }
    let tls = wish.tls.as_deref().unwrap_or_default();
    if !["v1_0", "v1_1", "v1_2", "v1_3"].contains(&tls) {
        return Err(format!("The TLS version {tls} is not known."));
    }
    Ok(wish)
}

fn expiration(body: &Value) -> Result<Timestamp, String> {
    let text = body["expirationDateTime"].as_str().unwrap_or_default();
    let until: Timestamp = text.parse().map_err(|_| "expirationDateTime must be a date and time.".to_owned())?;
    let life = until.duration_since(Timestamp::now());
    if life <= SignedDuration::ZERO {
        return Err("expirationDateTime is over.".to_owned());
    }
    if life > SignedDuration::from_mins(LONGEST_LIFE) {
        return Err(format!("expirationDateTime can only be {LONGEST_LIFE} minutes in the future."));
    }
    Ok(until)
}

/// Why a webhook is not called.
fn bad_url(url: &str) -> Option<&'static str> {
    match Url::parse(url) {
        Ok(url) if url.scheme() == "http" && url.host_str().is_some_and(super::is_loopback_host) => None,
        Ok(_) => Some("The simulator calls webhooks over http on loopback only."),
        Err(_) => Some("The notification URL is not an address."),
    }
}
