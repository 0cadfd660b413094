//! The floors of the ledger: writing what a first apply commits in the best way known, and opening and reading that.
//!
//! What is written are the events of the commit, encoded as the ledger encodes them, about 64 to a value, in at most
//! 16,384 values, compressed, in one tree, 256 keys a batch; then `flush`, and the file synced. There are no checksums,
//! no order and no way to find anything, and what is read is not decoded: no ledger that keeps all of it can do less.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;

use bmsync::ledger::Ledger as _;
use bmsync::ledger::sled::SledLedger;
use sled::{Batch, Config, Db};

use crate::Failure;

const EVENTS: &str = "events";
const DATABASE: &str = "floor";
/// Events in a value, unless there are too many for that.
const TOGETHER: usize = 64;
const VALUES: usize = 16_384;
/// More in one batch cost memory out of proportion.
const BATCH: usize = 256;
const LEVEL: i32 = 1;
/// How many events are held at once while they are copied.
const PORTION: usize = 10_000;

/// Copies the events of a state into a file beside it, each after its length.
pub fn prepare(state: &Path) -> Result<(), Failure> {
    let folder = state.parent().ok_or("the state stands in no folder")?;
    let copied = tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(copy(state, folder));
    copied.map_err(|error| format!("cannot copy the events of {}: {error}", state.display()).into())
}

async fn copy(state: &Path, folder: &Path) -> Result<(), Failure> {
    let ledger = SledLedger::open(state)?;
    let mut out = BufWriter::new(File::create(folder.join(EVENTS))?);
    let mut after = 0;
    loop {
        let events = ledger.events(after, PORTION).await?;
        let Some(last) = events.last() else { return Ok(out.flush()?) };
        after = last.id;
        for event in &events {
            let bytes = postcard::to_stdvec(event)?;
            out.write_all(&u32::try_from(bytes.len())?.to_le_bytes())?;
            out.write_all(&bytes)?;
        }
    }
}

/// Writes them to a new database.
pub fn write(folder: &Path) -> Result<(), Failure> {
    let database = folder.join(DATABASE);
    if database.exists() {
        fs::remove_dir_all(&database)?;
    }
    let bytes = fs::read(folder.join(EVENTS))?;
    let events = split(&bytes)?;
    let db = Config::new().path(&database).open()?;
    let together = TOGETHER.max(events.len().div_ceil(VALUES));
    let values: Vec<&[&[u8]]> = events.chunks(together).collect();
    for (number, chunk) in values.chunks(BATCH).enumerate() {
        db.apply_batch(batch(number * BATCH, chunk)?)?;
    }
    db.flush()?;
    File::open(database.join("db"))?.sync_data()?;
    leave(db);
    Ok(())
}

fn split(mut bytes: &[u8]) -> Result<Vec<&[u8]>, Failure> {
    let mut events = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_le_bytes(*length))?;
        let (event, rest) = rest.split_at_checked(length).ok_or("the file of events is cut short")?;
        events.push(event);
        bytes = rest;
    }
    Ok(events)
}

fn batch(first: usize, values: &[&[&[u8]]]) -> Result<Batch, Failure> {
    let mut batch = Batch::default();
    for (number, events) in values.iter().enumerate() {
        let key = u32::try_from(first + number)?.to_be_bytes();
        let plain = events.concat();
        let length = u32::try_from(plain.len())?.to_le_bytes();
        batch.insert(&key, [&length, zstd::bulk::compress(&plain, LEVEL)?.as_slice()].concat());
    }
    Ok(batch)
}

/// Everything is durable: what sled does when it is closed is not part of the floor.
fn leave(db: Db) {
    std::mem::forget(db);
}

/// Opens that database and unpacks everything in it.
pub fn open(folder: &Path) -> Result<(), Failure> {
    let db = Config::new().path(folder.join(DATABASE)).open()?;
    let mut sum = 0;
    for pair in db.iter() {
        let (_, value) = pair?;
        let (length, packed) = value.split_first_chunk::<4>().ok_or("a value is cut short")?;
        sum += zstd::bulk::decompress(packed, usize::try_from(u32::from_le_bytes(*length))?)?.len();
    }
    leave(db);
    if sum == 0 { Err("the database of the floor is empty".into()) } else { Ok(()) }
}
