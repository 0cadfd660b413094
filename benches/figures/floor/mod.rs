//! The floors: the least that each work cannot do without, and nothing else. This program calls itself to be one.

mod owned;
mod pages;
mod rounds;
mod written;

use std::path::Path;

use crate::Failure;

/// A floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Floor {
    /// Downloading and parsing the pages, borrowing from each.
    Pages,
    /// The same into values of their own, as an ordinary typed client does.
    Owned,
    /// Writing what a first apply commits.
    Write,
    /// Opening and reading that.
    Open,
    /// No floor: copying the events that those two work on. The kernel counts a process's memory from before it was
    /// itself, so whoever starts floors must not have done this.
    Events,
    /// Asking what is new, on two warm connections, and writing it down.
    Rounds,
}

impl Floor {
    /// As it stands on the command line and in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pages => "pages",
            Self::Owned => "owned",
            Self::Write => "write",
            Self::Open => "open",
            Self::Events => "events",
            Self::Rounds => "rounds",
        }
    }

    /// Is it. `at` is the address of the simulator, or a folder.
    pub fn be(self, at: &str) -> Result<(), Failure> {
        match self {
            Self::Pages => pages::run(at, pages::Fields::Borrowed),
            Self::Owned => pages::run(at, pages::Fields::Owned),
            Self::Write => written::write(Path::new(at)),
            Self::Open => written::open(Path::new(at)),
            Self::Events => written::prepare(Path::new(at)),
            Self::Rounds => rounds::run(at),
        }
    }
}
