//! Reading the buckets back: all of them, by as many threads as are of use, each bucket checked and prepared by one.

use std::sync::{Mutex, PoisonError};
use std::thread;

use ::sled::{IVec, Tree};

use super::fold::{FoldError, Mark, Shelf, name};
use super::frame;
use crate::actual::{Actual, Preparation, Prepared};
use crate::model::{Account, Record};

/// Buckets that a thread takes at a time.
const SOME: usize = 16;
/// More threads wait for each other.
const MOST_THREADS: usize = 4;

/// A bucket as sled has it.
type Pair = (Shelf, Result<(IVec, IVec), ::sled::Error>);

/// What a thread has read.
#[derive(Default)]
struct Read {
    found: Mark,
    accounts: Vec<Account>,
    records: Vec<Prepared>,
}

/// Puts all buckets into `actual`, and checks that they are all there.
pub fn load(tree: &Tree, mark: &Mark, actual: &mut Actual) -> Result<(), FoldError> {
    let preparation = actual.preparation();
    let shelves = Shelf::ALL.into_iter();
    let pairs = shelves.flat_map(|shelf| tree.scan_prefix([shelf.prefix()]).map(move |pair| (shelf, pair)));
    let pairs = Mutex::new(pairs);
    let mut found = Mark { head: mark.head, ..Mark::default() };
    let mut records = Vec::new();
    for read in in_threads(mark.buckets, || read(&pairs, &preparation)) {
        let read = read?;
        found.add(&read.found);
        records.extend(read.records);
        read.accounts.into_iter().for_each(|account| actual.put_account(account));
    }
    if found != *mark {
        return Err(FoldError::Flaw("buckets of records are missing".to_owned()));
    }
    actual.put_all(records);
    Ok(())
}

/// What the threads made of it. A panic in one is one here.
fn in_threads<T: Send>(buckets: u64, work: impl Fn() -> T + Sync) -> Vec<T> {
    let useful = usize::try_from(buckets).unwrap_or(usize::MAX) / (4 * SOME) + 1;
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS).min(useful);
    if threads == 1 {
        return vec![work()];
    }
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(&work)).collect();
        let ended = running.into_iter().map(thread::ScopedJoinHandle::join);
        ended.map(|done| done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

/// Takes buckets until there are none.
fn read(pairs: &Mutex<impl Iterator<Item = Pair>>, preparation: &Preparation) -> Result<Read, FoldError> {
    let mut read = Read::default();
    loop {
        let some: Vec<Pair> = pairs.lock().unwrap_or_else(PoisonError::into_inner).by_ref().take(SOME).collect();
        if some.is_empty() {
            return Ok(read);
        }
        for (shelf, pair) in some {
            let (key, value) = pair?;
            read.take(shelf, &key, &value, preparation)?;
        }
    }
}

impl Read {
    fn take(&mut self, shelf: Shelf, key: &[u8], value: &[u8], preparation: &Preparation) -> Result<(), FoldError> {
        self.found.replace(None, value);
        match shelf {
            Shelf::Accounts => {
                let accounts: Vec<Account> = frame::unseal(key, value).map_err(|flaw| name(key, flaw))?;
                self.accounts.extend(accounts);
            }
            Shelf::Records(_) => {
                let records: Vec<Record> = frame::unseal(key, value).map_err(|flaw| name(key, flaw))?;
                self.records.push(preparation.prepare(records));
            }
        }
        Ok(())
    }
}
