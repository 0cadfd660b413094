//! The query of a request: only what a route knows, each once. A word that is not known is refused, for a filter that is
//! overlooked silently widens the answer.

use std::ops::RangeInclusive;

use serde_json::{Value, json};
use url::form_urlencoded;

use super::problem::Problem;

/// Longer values are refused.
const MAX_VALUE_BYTES: usize = 4096;

/// Largest page of a list.
pub const MAX_LIMIT: u64 = 1000;

/// Page of a list when nothing is said.
pub const DEFAULT_LIMIT: u64 = 100;

/// A parameter of a query, as a route declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// Size of a page.
    Limit,
    /// Where a page starts: the `next` of the page before.
    After,
    /// A tenant: name or ID.
    Tenant,
    /// A user: principal name, email or object ID.
    User,
    /// Whether a person consents to what guards hold back.
    ApproveHeld,
    /// Whether a code is entered elsewhere.
    DeviceCode,
    /// Whether an administrator consents first.
    AdminConsent,
    /// What Microsoft Graph wants to see again.
    ValidationToken,
}

impl Parameter {
    /// The word in the query.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::After => "after",
            Self::Tenant => "tenant",
            Self::User => "user",
            Self::ApproveHeld => "approveHeld",
            Self::DeviceCode => "deviceCode",
            Self::AdminConsent => "adminConsent",
            Self::ValidationToken => "validationToken",
        }
    }

    /// As `OpenAPI` describes it.
    #[must_use]
    pub fn describe(self) -> Value {
        let (schema, about) = match self {
            Self::Limit => (
                json!({ "type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT }),
                "How many items a page has at most.",
            ),
            Self::After => (json!({ "type": "string" }), "The `next` of the page before."),
            Self::Tenant => (json!({ "type": "string" }), "Name or ID of the tenant that alone is planned."),
            Self::User => (json!({ "type": "string" }), "User principal name, email or object ID."),
            Self::ApproveHeld => (
                json!({ "type": "boolean", "default": false }),
                "Whether what guards and broken rules hold back is applied too.",
            ),
            Self::DeviceCode => (
                json!({ "type": "boolean", "default": false }),
                "Whether the person enters a code in a browser anywhere, in place of following an address.",
            ),
            Self::AdminConsent => (
                json!({ "type": "boolean", "default": false }),
                "Whether an administrator of the tenant consents for everybody first.",
            ),
            Self::ValidationToken => {
                (json!({ "type": "string" }), "Sent by Microsoft Graph when a subscription is made; it is sent back.")
            }
        };
        json!({ "name": self.word(), "in": "query", "required": self == Self::User, "description": about, "schema": schema })
    }
}

/// Whether a route minds parameters that it does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// These, and nothing else.
    Only(&'static [Parameter]),
    /// These; the others belong to somebody else and are skipped.
    Among(&'static [Parameter]),
}

impl Asked {
    /// What the route knows.
    #[must_use]
    pub const fn known(self) -> &'static [Parameter] {
        match self {
            Self::Only(known) | Self::Among(known) => known,
        }
    }
}

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<(Parameter, String)>);

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// A problem that names the parameter: one that is not known, comes twice, or is too long.
    pub fn parse(raw: Option<&str>, asked: Asked) -> Result<Self, Problem> {
        let mut query = Self::default();
        for (word, value) in form_urlencoded::parse(raw.unwrap_or_default().as_bytes()) {
            match (asked.known().iter().find(|known| known.word() == word), asked) {
                (Some(known), _) => query.add(*known, value.into_owned())?,
                (None, Asked::Among(_)) => {}
                (None, Asked::Only(known)) => return Err(unknown(&word, known)),
            }
        }
        Ok(query)
    }

    fn add(&mut self, parameter: Parameter, value: String) -> Result<(), Problem> {
        let word = parameter.word();
        if self.get(parameter).is_some() {
            return Err(Problem::parameter(word, format!("`{word}` is given more than once")));
        }
        if value.len() > MAX_VALUE_BYTES {
            return Err(Problem::parameter(word, format!("`{word}` is longer than {MAX_VALUE_BYTES} bytes")));
        }
        self.0.push((parameter, value));
        Ok(())
    }

    /// The value, if it is given.
    #[must_use]
    pub fn get(&self, parameter: Parameter) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == parameter).map(|(_, value)| value.as_str())
    }

    /// How many items are asked for.
    ///
    /// # Errors
    /// When it is not a number from 1 to [`MAX_LIMIT`].
    pub fn limit(&self) -> Result<usize, Problem> {
        let limit = self.number(Parameter::Limit, 1..=MAX_LIMIT)?.unwrap_or(DEFAULT_LIMIT);
        Ok(usize::try_from(limit).unwrap_or(usize::MAX))
    }

    /// The number after which a page starts; 0 when nothing is said.
    ///
    /// # Errors
    /// When it is not a number.
    pub fn after_number(&self) -> Result<u64, Problem> {
        Ok(self.number(Parameter::After, 0..=u64::MAX)?.unwrap_or(0))
    }

    /// Whether it is `true`.
    ///
    /// # Errors
    /// When it is neither `true` nor `false`.
    pub fn flag(&self, parameter: Parameter) -> Result<bool, Problem> {
        match self.get(parameter) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => {
                let word = parameter.word();
                Err(Problem::parameter(word, format!("`{word}` is `true` or `false`")))
            }
        }
    }

    fn number(&self, parameter: Parameter, range: RangeInclusive<u64>) -> Result<Option<u64>, Problem> {
        let Some(text) = self.get(parameter) else { return Ok(None) };
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|number| digits && range.contains(number));
        number.map(Some).ok_or_else(|| {
            let (word, least, most) = (parameter.word(), range.start(), range.end());
            Problem::parameter(word, format!("`{word}` is a whole number from {least} to {most}"))
        })
    }
}

fn unknown(word: &str, known: &[Parameter]) -> Problem {
    let shown: String = word.chars().take(80).flat_map(char::escape_default).collect();
    let known: Vec<String> = known.iter().map(|known| format!("`{}`", known.word())).collect();
    let detail = if known.is_empty() {
        format!("there is no parameter `{shown}` here, nor any other")
    } else {
        format!("there is no parameter `{shown}` here; there are {}", known.join(", "))
    };
    Problem::parameter(&shown, detail)
}
