//! What a person can do when the disk refuses. Knows nothing of what was to be written.

use std::error::Error;
use std::io::{self, ErrorKind};

use super::LedgerError;

/// Where there is no room, by the kinds of what the disk says.
const FULL: [(&[ErrorKind], &str); 2] = [
    (
        &[ErrorKind::StorageFull, ErrorKind::QuotaExceeded],
        "make room on that disk, then do the same again; nothing that was reported as written is lost",
    ),
    (
        &[ErrorKind::FileTooLarge],
        "raise the limit on the size of files, then do the same again; nothing that was reported as written is lost",
    ),
];

/// Where bmsync may not write into the state.
const FORBIDDEN: [(&[ErrorKind], &str); 2] = [
    (
        &[ErrorKind::ReadOnlyFilesystem],
        "bmsync writes there even to read; copy the directory to a disk that can be written, and give --state the copy",
    ),
    (
        &[ErrorKind::PermissionDenied],
        "run bmsync as the user that the directory and every file in it belong to, or give them to this one",
    ),
];

/// The next step where there is no room for a file.
#[must_use]
pub fn full(error: &io::Error) -> Option<&'static str> {
    FULL.iter().find(|(kinds, _)| kinds.contains(&error.kind())).map(|(_, hint)| *hint)
}

fn forbidden(error: &io::Error) -> Option<&'static str> {
    FORBIDDEN.iter().find(|(kinds, _)| kinds.contains(&error.kind())).map(|(_, hint)| *hint)
}

impl LedgerError {
    /// The next step where the disk is the trouble.
    #[must_use]
    pub fn disk_hint(&self) -> Option<&'static str> {
        match self {
            Self::Io { path: _, attempt: _, source } => {
                source.downcast_ref::<io::Error>().and_then(|error| full(error).or_else(|| forbidden(error)))
            }
            Self::InUse { .. }
            | Self::Foreign { .. }
            | Self::Newer { .. }
            | Self::Damaged { .. }
            | Self::Stale { .. }
            | Self::Moved { .. } => None,
        }
    }

    /// What failed, why, and the next step where there is one, in one line: for whoever cannot be shown more.
    #[must_use]
    pub fn in_full(&self) -> String {
        let cause = self.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        let hint = self.disk_hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{self}{cause}{hint}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(kind: ErrorKind) -> LedgerError {
        LedgerError::Io { path: "state".into(), attempt: "write", source: Box::new(io::Error::from(kind)) }
    }

    #[test]
    fn a_full_disk_is_told_with_its_cause_and_the_next_step() {
        let told = refused(ErrorKind::StorageFull).in_full();
        assert_eq!(
            told,
            "cannot write the state at state: no storage space (make room on that disk, then do the same again; nothing \
             that was reported as written is lost)"
        );
    }

    #[test]
    fn what_nobody_knows_a_remedy_for_is_told_without() {
        assert_eq!(refused(ErrorKind::BrokenPipe).in_full(), "cannot write the state at state: broken pipe");
        assert_eq!(LedgerError::Moved { key: "k".into() }.in_full(), "what is kept as k is no longer what it was");
    }
}
