//! The only place that prints: data to stdout, everything else to stderr.
//!
//! A reader that went away (`bmsync plan | head`) ends the printing quietly and changes no exit code; every other
//! failure to write is an error, so that a full disk is never taken for success.

use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::json;
use tracing::Level;

use crate::display::safe;
use crate::report::palette::{Palette, Tone};

use super::args::{ColorChoice, Global, LogFormat};
use super::error::Error;

/// Where the command line speaks.
#[derive(Clone, Debug)]
pub struct Output {
    stdout: Palette,
    stderr: Palette,
    loudness: Loudness,
    log: LogFormat,
}

/// How much is said on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loudness {
    /// Errors alone.
    Quiet,
    /// What a person waits for.
    Normal,
    /// More detail.
    Verbose,
}

/// Whether anybody reads what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// As far as is known.
    There,
    /// No longer.
    Gone,
}

impl Output {
    /// As the options and the environment say.
    #[must_use]
    pub fn new(global: &Global) -> Self {
        let palette = |terminal: bool| match global.color {
            ColorChoice::Always => Palette::Colour,
            ColorChoice::Auto if terminal && colour_is_welcome() => Palette::Colour,
            ColorChoice::Auto | ColorChoice::Never => Palette::Plain,
        };
        let stderr = match global.log_format {
            LogFormat::Text => palette(io::stderr().is_terminal()),
            LogFormat::Json => Palette::Plain,
        };
        let stdout = palette(io::stdout().is_terminal());
        Self { stdout, stderr, loudness: global.loudness(), log: global.log_format }
    }

    /// Colours of stdout.
    #[must_use]
    pub const fn palette(&self) -> Palette {
        self.stdout
    }

    /// How much is said.
    #[must_use]
    pub const fn loudness(&self) -> Loudness {
        self.loudness
    }

    /// Whether stderr is a terminal that may be redrawn.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.loudness > Loudness::Quiet && self.log == LogFormat::Text && io::stderr().is_terminal()
    }

    /// Writes data to stdout, as it is.
    pub fn data(&self, data: impl AsRef<[u8]>) -> Result<(), Error> {
        self.stream(|out| out.write_all(data.as_ref()))
    }

    /// Lets a writer stream data to stdout.
    pub fn stream(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Error> {
        let mut out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
        let written = write(&mut out).and_then(|()| out.flush());
        // What is left after a failure must not be tried again when the buffer is dropped.
        let _ = out.into_parts();
        forgive_a_closed_pipe(written)
    }

    /// Writes a line of data to stdout at once, and says whether anybody still reads. The text must be safe already.
    pub fn line(&self, text: &str) -> Result<Reader, Error> {
        let mut out = io::stdout().lock();
        let written = writeln!(out, "{text}").and_then(|()| out.flush());
        let gone = matches!(&written, Err(error) if error.kind() == io::ErrorKind::BrokenPipe);
        forgive_a_closed_pipe(written).map(|()| if gone { Reader::Gone } else { Reader::There })
    }

    /// Says something in a line on stderr, unless quiet. The text must be safe already.
    pub fn note(&self, text: impl AsRef<str>) {
        if self.loudness > Loudness::Quiet {
            self.say(Level::INFO, text.as_ref(), |text| format!("{text}\n"));
        }
    }

    /// Says something that needs attention, even when quiet. The text must be safe already.
    pub fn warn(&self, text: impl AsRef<str>) {
        let warning = self.stderr.paint(Tone::Change, "warning:");
        self.say(Level::WARN, text.as_ref(), |text| format!("{warning} {text}\n"));
    }

    /// Writes text to stderr even when quiet, and as text whatever the log's format: diagnostics, questions, addresses and
    /// codes for a person. The text must be safe already.
    pub fn aside(&self, text: impl AsRef<str>) {
        stderr(text.as_ref());
    }

    /// Tells an error.
    pub fn error(&self, error: &Error) {
        match self.log {
            LogFormat::Text => stderr(&error.text(self.stderr)),
            LogFormat::Json => stderr(&error_line(error)),
        }
    }

    /// Says something on stderr: as text, or as a line of the log where programs read that.
    fn say(&self, level: Level, message: &str, text: impl FnOnce(&str) -> String) {
        match self.log {
            LogFormat::Text => stderr(&text(message)),
            LogFormat::Json => {
                let (timestamp, level) = (Timestamp::now(), level.as_str());
                let message = message.trim_end();
                let line = json!({ "timestamp": timestamp, "level": level, "message": message, "target": TARGET });
                stderr(&format!("{line}\n"));
            }
        }
    }

    /// Colours of stderr.
    #[must_use]
    pub const fn aside_palette(&self) -> Palette {
        self.stderr
    }

    /// Whether stderr is coloured.
    #[must_use]
    pub fn aside_is_coloured(&self) -> bool {
        self.stderr == Palette::Colour
    }
}

/// Who speaks, in a log that programs read.
const TARGET: &str = "bmsync::cli";

fn error_line(error: &Error) -> String {
    let Error { what, causes, hint, exit: _ } = error;
    let line = json!({
        "timestamp": Timestamp::now(),
        "level": Level::ERROR.as_str(),
        "message": safe(what),
        "causes": causes.iter().map(|cause| safe(cause)).collect::<Vec<_>>(),
        "hint": hint.as_deref().map(safe),
        "target": TARGET,
    });
    format!("{line}\n")
}

/// What the parser has to say: help and version to stdout, wrong usage to stderr.
pub fn usage(error: &clap::Error) {
    let _ = error.print();
}

/// Asks on stderr and reads one line from stdin; `None` when nobody is there to answer.
#[must_use]
pub fn ask(question: &str) -> Option<String> {
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return None;
    }
    stderr(question);
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).ok().map(|_| answer.trim().to_owned())
}

/// Writes a file as a whole or not at all: beside it first, then renamed onto it. A link is followed. What is there and
/// is no regular file (a pipe, a device, `/dev/stdout`) is written straight, for a rename would put a file in its place.
pub fn save(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Error> {
    let save = || match target(path)? {
        Target::File(file) => replace(&file, write),
        Target::Stream => {
            let mut out = io::BufWriter::new(OpenOptions::new().append(true).open(path)?);
            write(&mut out)?;
            out.flush()
        }
    };
    save().map_err(|error: io::Error| Error::new(format!("cannot write {}", path.display())).because(&error))
}

/// What a path to be written stands for.
enum Target {
    /// A regular file that is there or is to be made; no link.
    File(PathBuf),
    /// Something that takes what is written as it comes.
    Stream,
}

/// How many links are followed one after the other, as Linux does.
const MAX_LINKS: u32 = 40;

fn target(path: &Path) -> io::Result<Target> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        if names_a_descriptor(&path) || fs::metadata(&path).is_ok_and(|found| !found.is_file()) {
            return Ok(Target::Stream);
        }
        match fs::read_link(&path) {
            Ok(next) => path = folder_of(&path).join(next),
            Err(_) => return Ok(Target::File(path)),
        }
    }
    Err(io::Error::other("too many links lead on from there"))
}

/// Whether the path means what this process already has open, whatever that is: even a regular file must go on there.
fn names_a_descriptor(path: &Path) -> bool {
    ["/dev/stdout", "/dev/stderr"].iter().any(|name| path == Path::new(name))
        || ["/dev/fd", "/proc/self/fd"].iter().any(|folder| path.parent() == Some(Path::new(folder)))
}

fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let file = tempfile::NamedTempFile::new_in(folder_of(path))?;
    let mut out = io::BufWriter::new(file);
    write(&mut out)?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|refused| refused.error)?;
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn stderr(text: &str) {
    // Nobody is left to be told when stderr is gone.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

fn forgive_a_closed_pipe(written: io::Result<()>) -> Result<(), Error> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::new("cannot write to the standard output").because(&error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// `NO_COLOR` (set and not empty) and a dumb terminal say no.
fn colour_is_welcome() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
