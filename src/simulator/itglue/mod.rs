//! A simulated IT Glue: organizations, contact types, locations and contacts behind the JSON:API that its documentation
//! describes, with its limits and oddities as switches. A function of a state, a time and a request: HTTP stands in front
//! of it in `http`, a test may drive it in virtual time. Knows nothing of Graph and nothing of any client.

mod contact;
mod query;
mod seed;
mod trouble;
mod write;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};

use contact::Contact;
pub use trouble::{Trouble, TroubleError, Troubles};

/// The window of the request limit.
const WINDOW: Duration = Duration::from_mins(5);

/// What a client asks.
#[derive(Clone, Debug, Default)]
pub struct ItGlueRequest {
    /// `GET`, `POST`, `PATCH` or `DELETE`.
    pub method: String,
    /// The parts of the path below the root, decoded.
    pub path: Vec<String>,
    /// The query, decoded.
    pub query: Vec<(String, String)>,
    /// `x-api-key`.
    pub key: Option<String>,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// What it is answered.
#[derive(Clone, Debug)]
pub struct ItGlueAnswer {
    /// The HTTP status.
    pub status: u16,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// The body.
    pub body: Vec<u8>,
    /// How long it takes.
    pub delay: Duration,
    /// Whether the connection ends in place of an answer.
    pub lost: bool,
}

/// What two ways a list that is sent may be taken; nobody says which one IT Glue has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Lists {
    /// It takes the place of the one that was there.
    #[default]
    Replace,
    /// It is added to the one that was there; equal values count once.
    Merge,
}

#[derive(Clone, Debug)]
struct Organization {
    name: String,
    /// Locations by ID.
    locations: BTreeMap<u64, String>,
}

/// The whole memory of a simulated IT Glue.
#[derive(Clone, Debug)]
pub struct ItGlue {
    organizations: BTreeMap<u64, Organization>,
    types: BTreeMap<u64, String>,
    contacts: BTreeMap<u64, Contact>,
    /// The only key that is good; any is when there is none.
    key: Option<String>,
    lists: Lists,
    limit: usize,
    next: u64,
    troubles: Troubles,
    rng: fastrand::Rng,
    /// When requests came, those of the last window.
    came: VecDeque<Duration>,
    counts: BTreeMap<String, u64>,
}

impl Default for ItGlue {
    fn default() -> Self {
        Self {
            organizations: BTreeMap::new(),
            types: BTreeMap::new(),
            contacts: BTreeMap::new(),
            key: None,
            lists: Lists::default(),
            limit: 3_000,
            next: 1_000,
            troubles: Troubles::default(),
            rng: fastrand::Rng::with_seed(0),
            came: VecDeque::new(),
            counts: BTreeMap::new(),
        }
    }
}

/// Why there is no ordinary answer.
struct Refused(u16, String);

type Answered = Result<(u16, Value), Refused>;

fn refuse<T>(status: u16, detail: impl Into<String>) -> Result<T, Refused> {
    Err(Refused(status, detail.into()))
}

impl ItGlue {
    /// Answers a request that comes at that time after some beginning.
    pub fn answer(&mut self, now: Duration, request: &ItGlueRequest) -> ItGlueAnswer {
        let what = format!("{} {}", request.method, request.path.first().map_or("", String::as_str));
        *self.counts.entry(what).or_default() += 1;
        let mut answer = self.limited(now).unwrap_or_else(|| self.troubled(now, request));
        if let Some(milliseconds) = self.struck(Trouble::Slow) {
            answer.delay = Duration::from_millis(milliseconds);
        }
        *self.counts.entry(format!("status {}", answer.status)).or_default() += 1;
        answer
    }

    fn limited(&mut self, now: Duration) -> Option<ItGlueAnswer> {
        while self.came.front().is_some_and(|came| now.saturating_sub(*came) >= WINDOW) {
            self.came.pop_front();
        }
        if self.came.len() >= self.limit {
            let until = self.came.front().map_or(WINDOW, |came| (*came + WINDOW).saturating_sub(now));
            return Some(ItGlueAnswer { retry_after: Some(until.as_secs() + 1), ..failed(429, "Rate limit exceeded") });
        }
        self.came.push_back(now);
        None
    }

    fn troubled(&mut self, now: Duration, request: &ItGlueRequest) -> ItGlueAnswer {
        if self.struck(Trouble::CutBefore).is_some() {
            return ItGlueAnswer { lost: true, ..failed(500, "") };
        }
        if let Some(seconds) = self.struck(Trouble::Throttle) {
            return ItGlueAnswer { retry_after: Some(seconds), ..failed(429, "Rate limit exceeded") };
        }
        for (trouble, status) in [(Trouble::Unauthorized, 401), (Trouble::Forbidden, 403), (Trouble::Error, 500)] {
            if self.struck(trouble).is_some() {
                return failed(status, "Something is wrong");
            }
        }
        if self.struck(Trouble::NotJson).is_some() {
            return ItGlueAnswer { body: b"<html>Down for maintenance</html>".to_vec(), ..failed(200, "") };
        }
        let answer = match self.served(now, request) {
            Ok((status, body)) => ItGlueAnswer { body: body.to_string().into_bytes(), ..failed(status, "") },
            Err(Refused(status, detail)) => failed(status, &detail),
        };
        let lost = request.method != "GET" && self.struck(Trouble::CutAfter).is_some();
        ItGlueAnswer { lost, ..answer }
    }

    fn struck(&mut self, trouble: Trouble) -> Option<u64> {
        self.troubles.strikes(trouble, &mut self.rng)
    }

    fn served(&mut self, now: Duration, request: &ItGlueRequest) -> Answered {
        if self.key.as_ref().is_some_and(|key| request.key.as_ref() != Some(key)) {
            return refuse(401, "Unauthorized");
        }
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        match (request.method.as_str(), path.as_slice()) {
            ("GET", ["organizations"]) => self.list_organizations(request),
            ("GET", ["organizations", id]) => self.one_organization(id),
            ("GET", ["organizations", id, "relationships", "contacts"]) => {
                let organization = self.known(id)?;
                self.list_contacts(Some(organization), request)
            }
            ("GET", ["organizations", id, "relationships", "locations"]) => self.list_locations(id, request),
            ("GET", ["contact_types"]) => self.list_types(request),
            ("GET", ["contacts"]) => self.list_contacts(None, request),
            ("GET", ["contacts", id]) => self.one_contact(id),
            ("POST", ["contacts"]) => self.create(now, None, request),
            ("POST", ["organizations", id, "relationships", "contacts"]) => {
                let organization = self.known(id)?;
                self.create(now, Some(organization), request)
            }
            ("PATCH", ["contacts"]) => self.update_many(now, request),
            ("PATCH", ["contacts", id] | ["organizations", _, "relationships", "contacts", id]) => {
                self.update_one(now, id, request)
            }
            ("GET" | "POST" | "PATCH", _) => refuse(404, "Resource not found"),
            _ => refuse(405, "Method not allowed"),
        }
    }

    /// The ID of an organization that there is.
    fn known(&self, id: &str) -> Result<u64, Refused> {
        let found = id.parse().ok().filter(|id| self.organizations.contains_key(id));
        found.ok_or_else(|| Refused(404, "Organization not found".to_owned()))
    }

    fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

/// The control API.
impl ItGlue {
    /// Sets a trouble from text like `cut-after=next1`, `throttle=0.05:30` or `forbidden=always`.
    ///
    /// # Errors
    /// When there is no such trouble, or it is not said when it strikes.
    pub fn set_trouble(&mut self, text: &str) -> Result<(), TroubleError> {
        self.troubles.set(text)
    }

    /// Ends every trouble.
    pub fn clear_troubles(&mut self) {
        self.troubles = Troubles::default();
    }

    /// What chance depends on.
    pub fn seed(&mut self, seed: u64) {
        self.rng = fastrand::Rng::with_seed(seed);
    }

    /// Lets so many requests through in 5 minutes.
    pub fn limit_to(&mut self, requests: usize) {
        self.limit = requests;
    }

    /// From now on only this key is good; any is with none.
    pub fn expect_key(&mut self, key: Option<&str>) {
        self.key = key.map(str::to_owned);
    }

    /// How often was asked, by method with the first part of the path, and by status.
    pub fn counts(&self) -> &BTreeMap<String, u64> {
        &self.counts
    }

    /// Everything as it is now.
    pub fn to_json(&self) -> Value {
        let named = |(id, name): (&u64, &String)| json!({ "id": id, "name": name });
        let organizations = self.organizations.iter().map(|(id, organization)| {
            let locations: Vec<Value> = organization.locations.iter().map(named).collect();
            json!({ "id": id, "name": organization.name, "locations": locations })
        });
        json!({
            "organizations": organizations.collect::<Vec<_>>(),
            "contactTypes": self.types.iter().map(named).collect::<Vec<_>>(),
            "contacts": self.contacts.values().map(Contact::told).collect::<Vec<_>>(),
        })
    }
}

/// An answer without data.
fn failed(status: u16, detail: &str) -> ItGlueAnswer {
    let body = json!({ "errors": [{ "status": status.to_string(), "title": "Error", "detail": detail }] });
    let body = body.to_string().into_bytes();
    ItGlueAnswer { status, retry_after: None, body, delay: Duration::ZERO, lost: false }
}
