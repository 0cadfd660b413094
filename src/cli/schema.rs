//! `bmsync schema [KIND]`: the JSON Schemas of the manifests.

use std::fs;
use std::path::Path;

use crate::display::safe;
use crate::manifest::{KINDS, schema, schemas};

use super::args::SchemaArgs;
use super::error::{Error, Exit};
use super::output::Output;

/// Prints one schema, or writes all.
pub fn run(args: &SchemaArgs, output: &Output) -> Result<Exit, Error> {
    match &args.write {
        Some(folder) => write(folder, output)?,
        None => output.data(wanted(args.kind.as_deref().unwrap_or("manifest"))?)?,
    }
    Ok(Exit::Done)
}

fn wanted(kind: &str) -> Result<String, Error> {
    schema(kind).ok_or_else(|| {
        Error::usage(format!("there is no kind of manifest `{kind}`")).hint(format!("there are {}", KINDS.join(", ")))
    })
}

fn write(folder: &Path, output: &Output) -> Result<(), Error> {
    let failed = |path: &Path| Error::new(format!("cannot write {}", path.display()));
    fs::create_dir_all(folder).map_err(|error| failed(folder).because(&error))?;
    for (name, text) in schemas() {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|error| failed(&path).because(&error))?;
        output.note(format!("wrote {}", safe(&path.display().to_string())));
    }
    Ok(())
}
