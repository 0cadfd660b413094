//! Why a change is made, kept short: what most changes of a first plan say is told by a word and put together when
//! somebody reads it.

use std::borrow::Cow;

use crate::model::Field;

use super::{FieldChanges, Slot};

/// Why a change is made.
#[derive(Clone, Debug)]
pub enum Reason {
    /// In a fixed sentence.
    Fixed(&'static str),
    /// In a sentence of its own.
    Own(Box<str>),
    /// No record has the email that the change sets.
    EmailIsFree,
}

impl Reason {
    /// The sentence; `fields` are those of the change.
    #[must_use]
    pub fn text(&self, fields: &FieldChanges) -> Cow<'_, str> {
        match self {
            Self::Fixed(text) => Cow::Borrowed(text),
            Self::Own(text) => Cow::Borrowed(text),
            Self::EmailIsFree => {
                let email = fields.after(Slot::Field(Field::Email)).unwrap_or("…");
                Cow::Owned(format!("{EMAIL_IS_FREE}{email}"))
            }
        }
    }
}

/// What stands before the email in [`Reason::EmailIsFree`].
pub const EMAIL_IS_FREE: &str = "no record has the email ";

impl From<String> for Reason {
    fn from(text: String) -> Self {
        Self::Own(text.into())
    }
}

impl From<&'static str> for Reason {
    fn from(text: &'static str) -> Self {
        Self::Fixed(text)
    }
}
