//! The names that a record will have after a change, with what is needed to compare them with those of others.

use std::borrow::Cow;

use crate::actual::{Actual, Namespace};
use crate::model::{Field, Kind, Mark, Marks};

use super::values::Sourced;

/// The names that a record will have.
#[derive(Debug)]
pub(super) struct Wishes<'a> {
    pub email: Option<Cow<'a, str>>,
    pub username: Option<Cow<'a, str>>,
    pub login: Login,
    /// Stand for email and username in the contest.
    pub marks: [Mark; 2],
    /// Whether any record has one of them.
    pub rivals: Rivals,
}

/// Whether a record has a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Login {
    Some,
    None,
}

/// Whether any record holds a name that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rivals {
    Possible,
    None,
}

impl<'a> Wishes<'a> {
    pub fn new(kind: Kind, values: &Sourced<'a>, marks: &Marks, actual: &Actual) -> Self {
        let login = if values.login(kind) { Login::Some } else { Login::None };
        let (email, username) = (values.kept(Field::Email), values.kept(Field::Username));
        let mark = |field, name: &Option<Cow<'_, str>>| marks.of(field, name.as_deref().unwrap_or_default());
        let marks = [mark(Field::Email, &email), mark(Field::Username, &username)];
        let held = email.as_deref().is_some_and(|email| actual.has_email(email))
            || username.as_deref().is_some_and(|username| actual.has_username(username));
        Self { email, username, login, marks, rivals: if held { Rivals::Possible } else { Rivals::None } }
    }

    /// The name wanted in a namespace, as it is spelled.
    pub fn get(&self, space: Namespace) -> Option<&str> {
        match space {
            Namespace::LoginUsername => self.username.as_deref(),
            Namespace::LoginEmail | Namespace::Email(_) => self.email.as_deref(),
        }
    }

    /// Stands for the name of a namespace in the contest.
    pub const fn mark(&self, space: Namespace) -> Mark {
        match space {
            Namespace::LoginUsername => self.marks[1],
            Namespace::LoginEmail | Namespace::Email(_) => self.marks[0],
        }
    }
}
