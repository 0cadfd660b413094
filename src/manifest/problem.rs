//! What can be wrong with a manifest, by name, and the list in which it is collected. Knows no text of files.

use std::cell::RefCell;
use std::fmt;

use serde::Serialize;

use super::written::Span;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The manifests are not used.
    Error,
    /// The manifests are used; somebody should look.
    Warning,
}

/// The name of a problem; the word in text and JSON is that of the variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[expect(missing_docs, reason = "docs/reference/manifests.md explains each by its name")]
pub enum Code {
    FolderNotFound,
    NoDocuments,
    Unreadable,
    TooLarge,
    NotUtf8,
    ControlCharacter,
    InvalidYaml,
    TooDeep,
    TooManyValues,
    TooManyDocuments,
    TooManyProblems,
    DuplicateKey,
    ComplexKey,
    UnsupportedTag,
    UnknownKind,
    UnknownKey,
    MissingKey,
    WrongType,
    UnknownWord,
    InvalidValue,
    LiteralSecret,
    CredentialConflict,
    TenantIdIsDomain,
    UndeclaredTenant,
    ForeignTenant,
    DuplicateTenant,
    DuplicateName,
    DuplicateGroup,
    DuplicateDefaults,
    DuplicatePolicy,
    DuplicateItGlue,
    DuplicateBms,
    MissingDefaults,
    WrongBlock,
    RuleSuspended,
    RuleCannotWin,
    EqualOrder,
    TenantWithoutRules,
    SharedDomain,
    UnusedDefaults,
    UnusedSecurityRole,
    PercentFloor,
    FixedToken,
    CloudMismatch,
    UnusedCloud,
    HiddenDeactivations,
}

impl Code {
    /// All codes: errors first.
    pub const ALL: [Self; 46] = [
        Self::FolderNotFound,
        Self::NoDocuments,
        Self::Unreadable,
        Self::TooLarge,
        Self::NotUtf8,
        Self::ControlCharacter,
        Self::InvalidYaml,
        Self::TooDeep,
        Self::TooManyValues,
        Self::TooManyDocuments,
        Self::TooManyProblems,
        Self::DuplicateKey,
        Self::ComplexKey,
        Self::UnsupportedTag,
        Self::UnknownKind,
        Self::UnknownKey,
        Self::MissingKey,
        Self::WrongType,
        Self::UnknownWord,
        Self::InvalidValue,
        Self::LiteralSecret,
        Self::CredentialConflict,
        Self::TenantIdIsDomain,
        Self::UndeclaredTenant,
        Self::ForeignTenant,
        Self::DuplicateTenant,
        Self::DuplicateName,
        Self::DuplicateGroup,
        Self::DuplicateDefaults,
        Self::DuplicatePolicy,
        Self::DuplicateItGlue,
        Self::DuplicateBms,
        Self::MissingDefaults,
        Self::WrongBlock,
        Self::RuleSuspended,
        Self::RuleCannotWin,
        Self::EqualOrder,
        Self::TenantWithoutRules,
        Self::SharedDomain,
        Self::UnusedDefaults,
        Self::UnusedSecurityRole,
        Self::PercentFloor,
        Self::FixedToken,
        Self::CloudMismatch,
        Self::UnusedCloud,
        Self::HiddenDeactivations,
    ];

    /// Warnings come after the last error.
    #[must_use]
    pub fn severity(self) -> Severity {
        if self < Self::RuleSuspended { Severity::Error } else { Severity::Warning }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Something wrong at a place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Problem {
    pub span: Span,
    pub code: Code,
    pub message: String,
    pub hint: Option<String>,
}

impl Problem {
    pub fn new(span: Span, code: Code, message: impl Into<String>) -> Self {
        Self { span, code, message: message.into(), hint: None }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Where problems are collected while values are read. What comes when it is full is dropped.
#[derive(Debug)]
pub(super) struct Sink {
    problems: RefCell<Vec<Problem>>,
    limit: usize,
}

impl Sink {
    /// For at most so many.
    pub const fn new(limit: usize) -> Self {
        Self { problems: RefCell::new(Vec::new()), limit }
    }

    pub fn report(&self, problem: Problem) {
        if !self.is_full() {
            self.problems.borrow_mut().push(problem);
        }
    }

    pub fn is_full(&self) -> bool {
        self.problems.borrow().len() >= self.limit
    }

    pub fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }
}
