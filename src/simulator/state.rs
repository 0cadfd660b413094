//! Everything that a running simulator remembers, and the way of a request through it. Knows no HTTP library.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::bms::{BmsAnswer, BmsRequest};
use super::faults::Fault;
use super::itglue::ItGlue;
use super::login::{Login, SigningKey};
use super::notice::Notices;
use super::object::random_guid;
use super::outbox::Pace;
use super::reply::{Call, Delivery, Reply};
use super::rounds::Rounds;
use super::settings::{Faults, Strike};
use super::stats::{Class, Stats};
use super::subscribe::{Step, Verdict};
use super::subscription::Candidate;
use super::world::World;
use super::{Options, graph, login, requests, trouble};

/// The whole memory of a simulator.
pub(super) struct State {
    pub(super) world: World,
    pub(super) pristine: World,
    pub(super) it_glue: ItGlue,
    pub(super) login: Login,
    pub(super) tokens: HashMap<String, Grant>,
    pub(super) rounds: Rounds,
    pub(super) notices: Notices,
    pub(super) faults: Faults,
    first_faults: Faults,
    pub(super) stats: Stats,
    /// When it began to serve.
    pub(super) began: Instant,
    pub(super) page_size: usize,
    pub(super) token_lifetime: Duration,
    pub(super) device_interval: Duration,
    /// Decides faults and orders: the same seed, the same troubles.
    pub(super) rng: fastrand::Rng,
    /// Makes tokens and links, which no seed may foretell.
    pub(super) secrets: fastrand::Rng,
}

/// What an access token allows.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) tenant: usize,
    pub(super) application: String,
    /// The number of the person in whose name; `None`: the application itself.
    pub(super) user: Option<u32>,
    /// Permissions of Graph; `None`: all that are needed.
    pub(super) permissions: Option<Vec<String>>,
    pub(super) expires: Timestamp,
}

/// How many tokens are remembered; beyond it the expired ones go first, then all.
const TOKENS_KEPT: usize = 100_000;

impl State {
    pub(super) fn new(world: World, options: Options, key: SigningKey) -> Self {
        let pace = Pace { after: options.notify_after, retry: options.notify_retry };
        let Options { listen: _, page_size, token_lifetime, device_interval, seed, faults, .. } = options;
        Self {
            notices: Notices::new(&world, pace),
            pristine: world.clone(),
            it_glue: world.it_glue.clone().unwrap_or_default(),
            world,
            login: Login::new(key),
            tokens: HashMap::new(),
            rounds: Rounds::default(),
            first_faults: faults.clone(),
            faults,
            stats: Stats::default(),
            began: Instant::now(),
            page_size: page_size.max(1),
            token_lifetime,
            device_interval,
            rng: fastrand::Rng::with_seed(seed),
            secrets: fastrand::Rng::new(),
        }
    }

    /// Back to the world and the faults of the start; tokens, links and counts are forgotten.
    pub(super) fn reset(&mut self) {
        self.world = self.pristine.clone();
        self.it_glue = self.world.it_glue.clone().unwrap_or_default();
        self.faults = self.first_faults.clone();
        self.tokens.clear();
        self.login.reset();
        self.rounds = Rounds::default();
        self.stats = Stats::default();
        self.notices.reset(&self.world);
    }

    /// Answers a request, or says which webhook must be asked first.
    pub(super) fn respond(&mut self, call: &Call) -> Step {
        if call.segments.first().is_some_and(|first| first == "control") {
            return Step::Answered(requests::respond(self, call));
        }
        if call.segments.first().is_some_and(|first| first == "bms") {
            return Step::Answered(self.bms(call));
        }
        let class = classify(call);
        match self.served(class, call) {
            Step::Answered(reply) => Step::Answered(self.finished(reply, class, call)),
            Step::Validating(candidate) => Step::Validating(candidate),
        }
    }

    /// Answers as BMS, where the directory file has one.
    fn bms(&mut self, call: &Call) -> Reply {
        let now = self.login.now();
        let Some(company) = &mut self.world.bms else {
            return Reply::new(404, "text/plain; charset=utf-8", "The directory file has no `bms`.");
        };
        let request = BmsRequest {
            method: call.method.clone(),
            path: call.segments[1..].to_vec(),
            query: call.query.clone(),
            authorization: call.authorization.clone(),
            body: call.body.clone(),
        };
        let BmsAnswer { status, retry_after, body, delay, lost } = company.answer(now, &request);
        let mut reply = Reply { delay, ..Reply::new(status, "application/json; charset=utf-8", body) };
        if let Some(seconds) = retry_after {
            reply = reply.with("retry-after", seconds.to_string());
        }
        if lost {
            reply.delivery = Delivery::Cut;
        }
        reply
    }

    /// Answers a request for a subscription, once its webhook was asked.
    pub(super) fn validated(&mut self, candidate: Candidate, verdict: Verdict, call: &Call) -> Reply {
        let class = classify(call);
        let reply = self.conclude(candidate, verdict, call).unwrap_or_else(|refusal| refusal);
        let reply = trouble::spoil(self, class, call, reply);
        self.finished(reply, class, call)
    }

    fn finished(&mut self, mut reply: Reply, class: Class, call: &Call) -> Reply {
        if let Some(strike) = self.strikes(Fault::Slow, class, call) {
            reply.delay = strike.milliseconds();
        }
        if let Some(strike) = self.strikes(Fault::ClockSkew, class, call) {
            reply = reply.with("date", skewed(strike.number()));
        }
        self.stats.count(class, reply.status, reply.body.len());
        self.signed(reply, class, call)
    }

    fn served(&mut self, class: Class, call: &Call) -> Step {
        if let Some(reply) = trouble::instead(self, class, call) {
            return Step::Answered(reply);
        }
        let reply = match class {
            Class::Token => login::token(self, call),
            Class::OpenId => login::configuration(self, call),
            Class::Keys => login::keys(self, call),
            Class::Authorize => login::authorize(self, call),
            Class::AdminConsent => login::admin_consent(self, call),
            Class::DeviceCode => login::device_code(self, call),
            Class::DeviceLogin => login::device_login(self, call),
            Class::UsersDelta
            | Class::GroupsDelta
            | Class::Users
            | Class::Groups
            | Class::Members
            | Class::Me
            | Class::Organization
            | Class::Applications => graph::respond(self, class, call),
            Class::Subscriptions => match self.subscriptions(call) {
                Step::Answered(reply) => reply,
                Step::Validating(candidate) => return Step::Validating(candidate),
            },
            Class::Other => Reply::error(404, "Request_ResourceNotFound", "No such resource.", &mut self.secrets),
        };
        Step::Answered(trouble::spoil(self, class, call, reply))
    }

    pub(super) fn strikes(&mut self, fault: Fault, class: Class, call: &Call) -> Option<Strike> {
        self.faults.strikes(fault, class, &call.path, &mut self.rng)
    }

    /// Adds the headers that every reply of Graph has.
    fn signed(&mut self, reply: Reply, class: Class, call: &Call) -> Reply {
        let id = random_guid(&mut self.secrets);
        let client = call.client_request_id.clone().unwrap_or_else(|| id.clone());
        let reply = reply.with("cache-control", "no-store");
        if !class.is_graph() {
            return reply.with("x-ms-request-id", id);
        }
        let diagnostic = r#"{"ServerInfo":{"DataCenter":"Loopback","Slice":"S","Ring":"0","ScaleUnit":"000"}}"#;
        (reply.with("request-id", id).with("client-request-id", client))
            .with("x-ms-ags-diagnostic", diagnostic)
            .with("x-ms-resource-unit", graph::cost(class, call).to_string())
    }

    /// Remembers what a token allows.
    pub(super) fn remember(&mut self, token: &str, grant: Grant) {
        if self.tokens.len() >= TOKENS_KEPT {
            let now = self.login.now();
            self.tokens.retain(|_, grant| grant.expires > now);
        }
        if self.tokens.len() >= TOKENS_KEPT {
            self.tokens.clear();
        }
        self.tokens.insert(token.to_owned(), grant);
    }
}

/// The time so many seconds ahead, as a `Date`.
fn skewed(seconds: f64) -> String {
    let skew = SignedDuration::try_from_secs_f64(seconds).unwrap_or_default();
    let time = Timestamp::now().saturating_add(skew).unwrap_or(Timestamp::MAX);
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn classify(call: &Call) -> Class {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        [_, "oauth2", "v2.0", "token"] => Class::Token,
        [_, "v2.0", ".well-known", "openid-configuration"] => Class::OpenId,
        ["v1.0", "users", delta] if is_delta(delta) => Class::UsersDelta,
        ["v1.0", "groups", delta] if is_delta(delta) => Class::GroupsDelta,
        [_, "discovery", "v2.0", "keys"] => Class::Keys,
        [_, "oauth2", "v2.0", "authorize"] => Class::Authorize,
        [_, "v2.0", "adminconsent"] | [_, "adminconsent"] => Class::AdminConsent,
        [_, "oauth2", "v2.0", "devicecode"] => Class::DeviceCode,
        ["devicelogin"] => Class::DeviceLogin,
        ["v1.0", "me"] => Class::Me,
        ["v1.0", "organization"] | ["v1.0", "organization", _] => Class::Organization,
        ["v1.0", one] if one.starts_with("applications(") => Class::Applications,
        ["v1.0", "users"] | ["v1.0", "users", _] => Class::Users,
        ["v1.0", "groups"] | ["v1.0", "groups", _] => Class::Groups,
        ["v1.0", "groups", _, "members"] => Class::Members,
        ["v1.0", "subscriptions", ..] => Class::Subscriptions,
        _ => Class::Other,
    }
}

fn is_delta(segment: &str) -> bool {
    matches!(segment.trim_end_matches("()"), "delta" | "microsoft.graph.delta")
}
