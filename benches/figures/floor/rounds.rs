//! The floor of a round: a process that has read everything once, and then asks what is new whenever it is told to.
//! What came is parsed, compressed and written durably as one value; where nothing came, nothing is written.

use std::fs::File;
use std::io::{self, BufRead as _, Write as _};

use sled::{Config, Db};
use tempfile::tempdir;

use super::pages::{Fields, Parse, Read, Reader};
use crate::Failure;

/// Says how many objects it read, and the same after each line that it is given, until there are no more.
pub fn run(url: &str) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let folder = tempdir()?;
    let db = Config::new().path(folder.path()).open()?;
    let file = File::open(folder.path().join("db"))?;
    let reader = runtime.block_on(Reader::sign_in(url))?;
    let [users, groups] = runtime.block_on(reader.everything(url, Fields::Borrowed))?;
    say(users.objects + groups.objects)?;
    let (person, group) = Fields::Borrowed.parsers();
    let mut asks = [Ask::after(users, person), Ask::after(groups, group)];
    for (number, line) in (0_u64..).zip(io::stdin().lock().lines()) {
        line?;
        let [users, groups] = &mut asks;
        let (one, other) = runtime.block_on(async { tokio::try_join!(users.go(&reader), groups.go(&reader)) })?;
        if one + other > 0 {
            write(&db, &file, number, &asks)?;
        }
        say(one + other)?;
    }
    Ok(())
}

fn say(objects: usize) -> Result<(), Failure> {
    let mut out = io::stdout();
    writeln!(out, "{objects}")?;
    Ok(out.flush()?)
}

/// One of the two things that are asked for.
struct Ask {
    onward: String,
    parse: Parse,
    page: Vec<u8>,
}

impl Ask {
    fn after(read: Read, parse: Parse) -> Self {
        Self { onward: read.onward, parse, page: Vec::new() }
    }

    /// How many objects are new.
    async fn go(&mut self, reader: &Reader) -> Result<usize, Failure> {
        let read = reader.pages(std::mem::take(&mut self.onward), self.parse, &mut self.page).await?;
        self.onward = read.onward;
        Ok(read.objects)
    }
}

/// The last page of each stands for what a round commits.
fn write(db: &Db, file: &File, number: u64, asks: &[Ask; 2]) -> Result<(), Failure> {
    let plain = [asks[0].page.as_slice(), &asks[1].page].concat();
    db.insert(number.to_be_bytes(), zstd::bulk::compress(&plain, 1)?)?;
    db.flush()?;
    Ok(file.sync_data()?)
}
