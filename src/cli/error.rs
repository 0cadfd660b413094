//! What went wrong, as it is told: what, why, what to do, and the exit code. Only here do errors get hints.

use std::error::Error as StdError;
use std::fmt::Write as _;

use crate::display::safe;
use crate::ledger::LedgerError;
use crate::report::palette::{Palette, Tone};
use crate::source::SourceError;
use crate::store::StoreError;
use crate::vault::VaultError;

/// How a run ends (spec section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exit {
    /// Done, or nothing to do.
    Done,
    /// Failed: a bad manifest, something unreachable, something refused.
    Failed,
    /// `plan --detailed-exitcode` found changes.
    Changes,
    /// A guard held something back, or a user is blocked.
    Attention,
    /// Wrong usage.
    Usage,
}

impl Exit {
    /// The process exit code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Changes => 2,
            Self::Attention => 3,
            Self::Usage => 64,
        }
    }

    /// The graver of two: wrong usage, then 1 before 3 before 2 before 0.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        if self.gravity() >= other.gravity() { self } else { other }
    }

    const fn gravity(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Changes => 1,
            Self::Attention => 2,
            Self::Failed => 3,
            Self::Usage => 4,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// An error as the command line tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What could not be done, on what.
    pub what: String,
    /// Why, from the nearest cause to the farthest.
    pub causes: Vec<String>,
    /// What a person can do about it.
    pub hint: Option<String>,
    /// How the run ends.
    pub exit: Exit,
}

impl Error {
    /// A failure.
    #[must_use]
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), causes: Vec::new(), hint: None, exit: Exit::Failed }
    }

    /// Wrong usage.
    #[must_use]
    pub fn usage(what: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, ..Self::new(what) }
    }

    /// Adds an error and everything that caused it.
    #[must_use]
    pub fn because(mut self, cause: &(dyn StdError + 'static)) -> Self {
        let mut next = Some(cause);
        while let Some(cause) = next {
            let text = cause.to_string();
            if self.causes.last() != Some(&text) {
                self.causes.push(text);
            }
            next = cause.source();
        }
        self
    }

    /// Says what a person can do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The lines that are printed, safe, each ended by a line feed.
    #[must_use]
    pub fn text(&self, palette: Palette) -> String {
        let Self { what, causes, hint, exit: _ } = self;
        let mut out = format!("{} {}\n", palette.paint(Tone::Bad, "error:"), safe(what));
        for cause in causes {
            let _ = writeln!(out, "  {} {}", palette.paint(Tone::Strong, "cause:"), safe(cause));
        }
        if let Some(hint) = hint {
            let _ = writeln!(out, "  {} {}", palette.paint(Tone::Good, "hint:"), safe(hint));
        }
        out
    }
}

impl From<LedgerError> for Error {
    fn from(error: LedgerError) -> Self {
        let hint = ledger_hint(&error);
        let told = Self::new("cannot use the BMS state").because(&error);
        match hint {
            Some(hint) => told.hint(hint),
            None => told,
        }
    }
}

fn ledger_hint(error: &LedgerError) -> Option<&'static str> {
    match error {
        LedgerError::InUse { holder, .. } if holder.contains(", serving http") => {
            Some("ask it: give --server the URL that it serves, and BMSYNC_TOKEN a token if it wants one")
        }
        LedgerError::InUse { .. } => Some(
            "if that is `bmsync run`, ask it with --server URL; else wait until it has ended, or give --state another path",
        ),
        LedgerError::Foreign { .. } => {
            Some("--state names the directory that bmsync keeps for itself; choose a new one")
        }
        LedgerError::Newer { .. } => Some("use the bmsync that wrote it, or a newer one"),
        LedgerError::Damaged { .. } => {
            Some("nothing was changed; restore the directory from a backup, or import an export")
        }
        LedgerError::Stale { .. } => Some("somebody else wrote in between; plan again"),
        LedgerError::Moved { .. } => Some("somebody else wrote in between; try again"),
        LedgerError::Io { .. } => error.disk_hint(),
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Stale { .. } => {
                Self::new("cannot apply the plan").because(&error).hint("nothing was written; plan again")
            }
            StoreError::Ledger(error) => error.into(),
            StoreError::Foreign { .. } => Self::new("cannot use the state")
                .because(&error)
                .hint("give --state the path of the state that belongs to this BMS, or of a new one"),
            StoreError::Bms { attempt, cause } => Self::new(format!("cannot {attempt}"))
                .because(&cause)
                .hint("`bmsync doctor` looks at the connection to BMS"),
        }
    }
}

impl From<VaultError> for Error {
    fn from(error: VaultError) -> Self {
        let hint = error.hint();
        let exit = match error {
            VaultError::Ledger(error) => return error.into(),
            VaultError::NotAKey { .. } | VaultError::NotAFile { .. } => Exit::Usage,
            VaultError::KeyFile { .. }
            | VaultError::Lost { .. }
            | VaultError::OtherKey { .. }
            | VaultError::Damaged { .. }
            | VaultError::Newer { .. }
            | VaultError::Superseded { .. }
            | VaultError::SameKey
            | VaultError::Cipher { .. }
            | VaultError::Random(_) => Exit::Failed,
        };
        let told = Self { exit, ..Self::new("cannot use the sign-ins that are kept").because(&error) };
        match hint {
            Some(hint) => told.hint(hint),
            None => told,
        }
    }
}

impl From<SourceError> for Error {
    fn from(error: SourceError) -> Self {
        let told = Self::new("cannot read the directory").because(&error);
        match error.hint {
            Some(hint) => told.hint(hint),
            None => told,
        }
    }
}
