//! What a check found, and how findings are told: as text for people and as JSON. It knows nothing of how one looks.

use std::error::Error as StdError;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::display::safe;
use crate::report::palette::{Palette, Tone};
use crate::source::{Job, SourceError};

/// What a check found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The name of the check.
    pub check: &'static str,
    /// The tenant, where it is about one.
    pub tenant: Option<String>,
    /// What came of it.
    pub verdict: Verdict,
}

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is as it should be.
    Good(String),
    /// It works, and somebody should look.
    Worth(Remedy),
    /// It does not work.
    Bad(Remedy),
    /// It could not be judged, and why.
    Unknown(String),
}

/// What is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// What is wrong.
    pub message: String,
    /// The next step.
    pub hint: Option<String>,
    /// Whose job it is.
    pub job: Job,
}

impl Remedy {
    /// A job for whoever runs bmsync.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: Some(hint.into()), job: Job::Operator }
    }
}

impl From<&SourceError> for Verdict {
    fn from(error: &SourceError) -> Self {
        let mut message = error.message.clone();
        let mut cause = error.source();
        while let Some(error) = cause {
            let _ = write!(message, ": {error}");
            cause = error.source();
        }
        Self::Bad(Remedy { message, hint: error.hint.clone(), job: error.job })
    }
}

impl Finding {
    /// About the machine, not a tenant.
    pub fn of_machine(check: &'static str, verdict: Verdict) -> Self {
        Self { check, tenant: None, verdict }
    }

    /// Whether something does not work.
    pub const fn is_bad(&self) -> bool {
        matches!(self.verdict, Verdict::Bad(_))
    }
}

impl Verdict {
    const fn word(&self) -> &'static str {
        match self {
            Self::Good(_) => "ok",
            Self::Worth(_) => "warning",
            Self::Bad(_) => "failed",
            Self::Unknown(_) => "skipped",
        }
    }

    const fn mark(&self) -> (&'static str, Tone) {
        match self {
            Self::Good(_) => ("✓", Tone::Good),
            Self::Worth(_) => ("!", Tone::Change),
            Self::Bad(_) => ("✗", Tone::Bad),
            Self::Unknown(_) => ("–", Tone::Dim),
        }
    }

    const fn message(&self) -> &String {
        match self {
            Self::Good(message) | Self::Unknown(message) => message,
            Self::Worth(remedy) | Self::Bad(remedy) => &remedy.message,
        }
    }

    const fn remedy(&self) -> Option<&Remedy> {
        match self {
            Self::Worth(remedy) | Self::Bad(remedy) => Some(remedy),
            Self::Good(_) | Self::Unknown(_) => None,
        }
    }
}

/// `{"checks":[…],"summary":{…}}`.
pub fn json(findings: &[Finding]) -> Value {
    let checks = findings.iter().map(|Finding { check, tenant, verdict }| {
        let remedy = verdict.remedy();
        json!({
            "tenant": tenant,
            "check": check,
            "status": verdict.word(),
            "message": verdict.message(),
            "hint": remedy.and_then(|remedy| remedy.hint.as_deref()),
            "job": remedy.map(|remedy| remedy.job.word()),
        })
    });
    let count = |word| findings.iter().filter(|finding| finding.verdict.word() == word).count();
    let summary = json!({
        "ok": count("ok"), "warning": count("warning"), "failed": count("failed"), "skipped": count("skipped"),
    });
    json!({ "checks": checks.collect::<Vec<_>>(), "summary": summary })
}

/// A table below the name of each tenant, the next step under what needs one.
pub fn text(findings: &[Finding], palette: Palette) -> String {
    let width = findings.iter().map(|finding| finding.check.len()).max().unwrap_or(0);
    let mut out = String::new();
    let mut last: Option<&Option<String>> = None;
    for Finding { check, tenant, verdict } in findings {
        if last != Some(tenant) {
            let title = tenant.as_deref().unwrap_or("this machine");
            let gap = if last.is_some() { "\n" } else { "" };
            let _ = writeln!(out, "{gap}{}", palette.paint(Tone::Strong, safe(title)));
            last = Some(tenant);
        }
        let (mark, tone) = verdict.mark();
        let _ = writeln!(out, "  {} {check:width$}  {}", palette.paint(tone, mark), safe(verdict.message()));
        if let Some(Remedy { message: _, hint: Some(hint), job }) = verdict.remedy() {
            let _ = writeln!(out, "    {:width$}  → {}: {}", "", palette.paint(Tone::Strong, job.text()), safe(hint));
        }
    }
    let count = |word| findings.iter().filter(|finding| finding.verdict.word() == word).count();
    let (good, worth, bad, unknown) = (count("ok"), count("warning"), count("failed"), count("skipped"));
    let _ = writeln!(out, "\n{good} in order, {worth} worth a look, {bad} wrong, {unknown} not judged.");
    out
}
