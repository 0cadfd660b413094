//! The options that every verb has, as they are written, and what they mean.

use std::path::{Path, PathBuf};

use clap::{ArgAction, Args, ValueEnum};

use super::error::Error;
use super::output::Loudness;

/// Options of every verb.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Folder of manifests (*.yaml, *.yml, recursively).
    #[arg(short = 'f', long, global = true, value_name = "DIR", default_value = "manifests", value_hint = clap::ValueHint::DirPath)]
    pub manifests: PathBuf,
    /// Where the BMS state is kept: a directory that bmsync makes for itself.
    #[arg(long, global = true, value_name = "PATH", default_value = ".bmsync/state", env = "BMSYNC_STATE", hide_env_values = true, value_hint = clap::ValueHint::DirPath)]
    pub state: String,
    /// File of the key that sign-ins are sealed with; default: the name of the state with `.key` after it. The key itself may be in `BMSYNC_KEY` instead.
    #[arg(long, global = true, value_name = "FILE", env = "BMSYNC_KEY_FILE", hide_env_values = true, value_hint = clap::ValueHint::FilePath)]
    pub key_file: Option<PathBuf>,
    /// Ask a running bmsync instead of opening the state; the token comes from `BMSYNC_TOKEN` alone; environment `BMSYNC_SERVER`.
    #[arg(long, global = true, value_name = "URL", value_hint = clap::ValueHint::Url)]
    pub server: Option<String>,
    /// Format of the data on stdout; plan also has markdown, get also yaml and csv.
    #[arg(short, long, global = true, value_name = "FORMAT", default_value = "text", hide_possible_values = true)]
    pub output: Format,
    /// Say more; repeat for more.
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Say nothing but errors and warnings.
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Format of the log on stderr.
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// When to colour; auto is on a terminal, unless `NO_COLOR` is set.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,
}

impl Global {
    /// How much is said on stderr.
    #[must_use]
    pub const fn loudness(&self) -> Loudness {
        match (self.quiet, self.verbose) {
            (true, _) => Loudness::Quiet,
            (false, 0) => Loudness::Normal,
            (false, _) => Loudness::Verbose,
        }
    }

    /// The state directory.
    ///
    /// # Errors
    /// Wrong usage when it is not a path; the value is not repeated, for a URL may hold a password.
    pub fn state_path(&self) -> Result<&Path, Error> {
        let scheme = self.state.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        match scheme.as_deref() {
            None if self.state.trim().is_empty() => {
                Err(Error::usage("the state has no path").hint("give --state PATH, or unset BMSYNC_STATE"))
            }
            None => Ok(Path::new(&self.state)),
            Some("postgres" | "postgresql") => Err(Error::usage("a PostgreSQL state is not in this version of bmsync")
                .hint("give --state (or BMSYNC_STATE) the path of a directory")),
            Some(_) => Err(Error::usage("the state is a URL, but only a directory can hold it")
                .hint("give --state (or BMSYNC_STATE) the path of a directory")),
        }
    }
}

/// Format of data on stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "each is the format of that name")]
pub enum Format {
    Text,
    Json,
    Markdown,
    Yaml,
    Csv,
}

/// Format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal.
    Auto,
    /// Even into a pipe.
    Always,
    /// Not at all.
    Never,
}
