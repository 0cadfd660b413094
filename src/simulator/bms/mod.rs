//! A simulated BMS: accounts, employees and contacts of one company behind the REST API V2, as its documentation and its
//! clients describe it, with its limits and oddities as faults. A function of a state, a time and a request: HTTP stands in
//! front of it in `http`, a test may drive it in virtual time. Knows nothing of Graph and nothing of any client.

mod control;
mod faults;
mod held;
mod patch;
mod read;
mod render;
mod routes;
mod rows;
mod sign_in;
mod write;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

pub use control::BmsControlError;
pub use faults::{BmsFault, BmsFaultError, BmsFaults};
use held::Held;
use sign_in::Token;

/// The window of the limit of calls.
const WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// Not there, as far as anybody knows.
const EMPLOYEES: &str = "PATCH /v2/hr/employees/{id}";

/// What a client asks.
#[derive(Clone, Debug, Default)]
pub struct BmsRequest {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: String,
    /// The parts of the path below the root, decoded; the first one is `v2`.
    pub path: Vec<String>,
    /// The query, decoded.
    pub query: Vec<(String, String)>,
    /// `Authorization`.
    pub authorization: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl BmsRequest {
    /// The value of a query option; its name is compared without case.
    fn option(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// All values of a query option.
    fn options<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.query.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    fn shown_path(&self) -> String {
        self.path.iter().fold(String::new(), |path, part| path + "/" + part)
    }
}

/// What it is answered.
#[derive(Clone, Debug)]
pub struct BmsAnswer {
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

/// The BMS of a company. A clone is another one that has come as far.
#[derive(Clone, Debug)]
pub struct Company {
    held: Held,
    faults: BmsFaults,
    rng: fastrand::Rng,
    now: Timestamp,
    tokens: HashMap<String, Token>,
    /// When each operation was called, those of the last hour.
    calls: BTreeMap<&'static str, VecDeque<Timestamp>>,
    counts: BTreeMap<(&'static str, u16), u64>,
}

/// What a request comes to, before it is written down.
enum Outcome {
    /// One thing, or nothing.
    One(Value),
    /// A page of a list, and how many items there are on all pages where that is told.
    Page(Vec<Value>, Option<usize>),
}

/// Why a request is refused: the number and the text in the envelope.
struct Refusal {
    code: u16,
    message: String,
}

type Answered = Result<Outcome, Refusal>;

fn refuse<T>(code: u16, message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { code, message: message.into() })
}

impl Company {
    fn of(held: Held) -> Self {
        Self {
            held,
            faults: BmsFaults::default(),
            rng: fastrand::Rng::with_seed(0),
            now: Timestamp::UNIX_EPOCH,
            tokens: HashMap::new(),
            calls: BTreeMap::new(),
            counts: BTreeMap::new(),
        }
    }

    /// The same seed and the same requests at the same times: the same troubles.
    pub fn seed(&mut self, seed: u64) {
        self.rng.seed(seed);
    }

    /// Lets it be that time. Time does not go back.
    pub fn at(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    /// Answers a request that comes at that time.
    pub fn answer(&mut self, now: Timestamp, request: &BmsRequest) -> BmsAnswer {
        self.at(now);
        let (name, handler) = routes::find(request);
        let path = request.shown_path();
        let mut answer = self.guarded(name, &path, |company| match handler {
            Ok(_) if name == EMPLOYEES && company.struck(BmsFault::WritableEmployees, &path).is_none() => missing(405),
            Ok(handler) => company.handled(name, handler, &path, request),
            Err(status) => missing(status),
        });
        if let Some(milliseconds) = self.struck(BmsFault::Slow, &path) {
            answer.delay = Duration::from_millis(milliseconds);
        }
        *self.counts.entry((name, answer.status)).or_default() += 1;
        answer
    }

    /// What keeps a request from being looked at, and what spoils its answer.
    fn guarded(&mut self, name: &'static str, path: &str, work: impl FnOnce(&mut Self) -> BmsAnswer) -> BmsAnswer {
        if self.struck(BmsFault::CutBefore, path).is_some() {
            return BmsAnswer { lost: true, ..plain(200, "{\"success\":true}") };
        }
        if let Some(answer) = self.throttled(name, path).or_else(|| self.out_of_order(path)) {
            return answer;
        }
        if let Some(status) = self.struck(BmsFault::NotOffered, path) {
            return missing(u16::try_from(status).unwrap_or(404));
        }
        let mut answer = work(self);
        if self.struck(BmsFault::NotJson, path).is_some() {
            answer = BmsAnswer { delay: answer.delay, ..plain(200, "<html><body>Please sign in.</body></html>") };
        }
        if let Some(mebibytes) = self.struck(BmsFault::Huge, path) {
            let blanks = vec![b' '; usize::try_from(mebibytes << 20).unwrap_or_default()];
            answer.body.splice(0..0, blanks);
        }
        answer.lost = self.struck(BmsFault::CutAfter, path).is_some();
        answer
    }

    fn throttled(&mut self, name: &'static str, path: &str) -> Option<BmsAnswer> {
        for (fault, status) in [(BmsFault::Throttle, 429), (BmsFault::ThrottleAs403, 403)] {
            if let Some(seconds) = self.struck(fault, path) {
                return Some(over_limit(status, Some(seconds).filter(|seconds| *seconds > 0)));
            }
        }
        let (now, limit) = (self.now, self.held.calls_per_hour);
        let calls = self.calls.entry(name).or_default();
        while calls.front().is_some_and(|came| now.duration_since(*came) >= WINDOW) {
            calls.pop_front();
        }
        if calls.len() >= limit {
            let free = calls.front().map_or(WINDOW, |came| WINDOW - now.duration_since(*came));
            return Some(over_limit(429, u64::try_from(free.as_secs() + 1).ok()));
        }
        calls.push_back(now);
        None
    }

    fn out_of_order(&mut self, path: &str) -> Option<BmsAnswer> {
        let page = "<html><body><h2>Service Unavailable</h2></body></html>";
        let faults = [(BmsFault::ServerError, 500), (BmsFault::Unavailable, 503)];
        let struck = faults.into_iter().find(|(fault, _)| self.struck(*fault, path).is_some());
        struck.map(|(_, status)| plain(status, page))
    }

    fn handled(&mut self, name: &'static str, handler: routes::Handler, path: &str, request: &BmsRequest) -> BmsAnswer {
        if !name.starts_with("POST /v2/security/") && !self.is_signed_in(request, path) {
            let refusal = Refusal { code: 401, message: "Authorization has been denied for this request.".to_owned() };
            return written(401, &envelope(Err(refusal)));
        }
        let refused = self.struck(BmsFault::Refuse, path).map(|_| Refusal { code: 400, message: "No.".to_owned() });
        let answered = match refused {
            Some(refusal) => Err(refusal),
            None => handler(self, request),
        };
        let status = match &answered {
            Err(Refusal { code: 401, .. }) => 401,
            Err(Refusal { code, .. }) if self.struck(BmsFault::StatusErrors, path).is_some() => *code,
            Ok(_) | Err(_) => 200,
        };
        let mut value = match answered {
            Ok(Outcome::One(value)) if self.struck(BmsFault::Bare, path).is_some() => value,
            answered => envelope(answered),
        };
        if self.struck(BmsFault::NoTotal, path).is_some() {
            value.as_object_mut().map(|map| map.shift_remove("totalRecords"));
        }
        if self.struck(BmsFault::PascalCase, path).is_some() {
            value = render::pascal(value);
        }
        written(status, &value)
    }

    fn struck(&mut self, fault: BmsFault, path: &str) -> Option<u64> {
        self.faults.strikes(fault, path, &mut self.rng)
    }
}

fn written(status: u16, value: &Value) -> BmsAnswer {
    plain(status, &value.to_string())
}

fn over_limit(status: u16, retry_after: Option<u64>) -> BmsAnswer {
    let refusal = Refusal { code: status, message: "API calls quota exceeded.".to_owned() };
    BmsAnswer { retry_after, ..written(status, &envelope(Err(refusal))) }
}

/// Nothing behind that address: the words of the web server, and no envelope.
fn missing(status: u16) -> BmsAnswer {
    let message = "No HTTP resource was found that matches the request URI.";
    written(status, &json!({ "message": message }))
}

fn plain(status: u16, body: &str) -> BmsAnswer {
    BmsAnswer { status, retry_after: None, body: body.as_bytes().to_vec(), delay: Duration::ZERO, lost: false }
}

fn envelope(answered: Answered) -> Value {
    match answered {
        Ok(Outcome::One(result)) => json!({ "success": true, "error": null, "result": result }),
        Ok(Outcome::Page(result, None)) => json!({ "success": true, "error": null, "result": result }),
        Ok(Outcome::Page(result, Some(total))) => {
            json!({ "success": true, "error": null, "result": result, "totalRecords": total })
        }
        Err(Refusal { code, message }) => {
            let error =
                json!({ "code": code, "message": message, "details": null, "stackStrace": null, "subErrors": [] });
            json!({ "success": false, "error": error, "result": null })
        }
    }
}
