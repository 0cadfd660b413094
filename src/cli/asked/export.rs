//! `bmsync export --server`: the whole state of a running bmsync, as a whole or not at all.

use std::io::{self, Seek as _};

use crate::remote::Remote;

use super::super::args::ExportArgs;
use super::super::error::{Error, Exit};
use super::super::output::{self, Output};
use super::cannot;

/// Fetches it into a file without a name first, so that an answer that breaks off is not taken for a state.
pub async fn run(remote: &Remote, args: &ExportArgs, output: &Output) -> Result<Exit, Error> {
    let kept = |error: io::Error| Error::new("cannot keep the export while it comes").because(&error);
    let mut file = tempfile::tempfile().map_err(kept)?;
    {
        let mut out = io::BufWriter::new(&mut file);
        remote.export(&mut out).await.map_err(|error| cannot("export", remote, &error))?;
    }
    file.rewind().map_err(kept)?;
    match &args.out {
        Some(path) => output::save(path, |out| io::copy(&mut file, out).map(|_| ()))?,
        None => output.stream(|out| io::copy(&mut file, out).map(|_| ()))?,
    }
    Ok(Exit::Done)
}
