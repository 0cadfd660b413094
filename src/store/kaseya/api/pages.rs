//! A list that comes in pages, and when it has reached its end. Pure; what was read stays when the calls of an hour are
//! used up, and goes on from there.

use std::collections::HashMap;

use super::envelope::{Answer, Garbled};
use super::id::BmsId;
use super::reading::Item;
use super::shapes::{Extent, Listing};

/// More items than any BMS has; what brings more does not end.
const MAX_ITEMS: usize = 2_000_000;
/// More items on a page than anybody asks for.
const MAX_PAGE: usize = 10_000;

/// A list while it is read.
#[derive(Clone, Debug)]
pub struct Pages<T> {
    items: Vec<T>,
    places: HashMap<BmsId, usize>,
    /// The next one, from 1; none when the end is reached.
    next: Option<u32>,
    total: Option<u64>,
    /// How many items a page is asked to have.
    asked: usize,
    /// A page of fewer items is the last one, where BMS does not count.
    full: usize,
}

impl<T> Pages<T> {
    /// Nothing was read yet; a page is asked to have so many items.
    pub(super) fn new(size: usize) -> Self {
        Self { items: Vec::new(), places: HashMap::new(), next: Some(1), total: None, asked: size, full: size }
    }

    /// The page to be asked for, from 1; none when the end is reached.
    #[must_use]
    pub const fn next(&self) -> Option<u32> {
        self.next
    }

    /// How many items were read.
    #[must_use]
    pub const fn came(&self) -> usize {
        self.items.len()
    }

    /// What was read, and whether that is all.
    #[must_use]
    pub fn listing(self) -> Listing<T> {
        let came = self.items.len() as u64;
        let extent = match self.total {
            Some(counted) if counted > came => Extent::Short { came, counted },
            Some(_) | None => Extent::Whole,
        };
        Listing { items: self.items, extent }
    }
}

impl<T: Item> Pages<T> {
    /// Takes the page that was asked for.
    ///
    /// A BMS that counts is believed: only an empty page, or one with nothing new, ends it before. Where it does not
    /// count, a page that is not full is the last one; but a first page that is not full may only mean that BMS gives
    /// smaller pages than it was asked for, so the second one is looked at as well.
    pub(super) fn take(&mut self, answer: &Answer) -> Result<(), Garbled> {
        let page = self.next.take().unwrap_or(1);
        let items = items(answer)?;
        let before = self.items.len();
        for item in items.iter().map(T::read) {
            self.put(item?);
        }
        self.total = answer.total.or(self.total);
        let came = self.items.len();
        if came > MAX_ITEMS {
            return Err(Garbled(format!("a list has more than {MAX_ITEMS} items")));
        }
        let goes_on = match (self.total, came > before) {
            (Some(total), is_news) => is_news && (came as u64) < total,
            (None, true) if page == 1 => {
                self.full = self.full.min(items.len());
                true
            }
            (None, true) => items.len() >= self.full,
            // Always the same page of something longer; one of another size is everything that there is.
            (None, false) if !items.is_empty() && items.len() == self.asked => {
                return Err(Garbled("the pages of a list repeat".to_owned()));
            }
            (None, false) => false,
        };
        self.next = goes_on.then(|| page.saturating_add(1));
        Ok(())
    }

    fn put(&mut self, item: T) {
        if let Some(place) = self.places.get(&item.id()) {
            self.items[*place] = item;
            return;
        }
        self.places.insert(item.id(), self.items.len());
        self.items.push(item);
    }
}

/// The items of an answer; null is none.
pub(super) fn items(answer: &Answer) -> Result<&[serde_json::Value], Garbled> {
    match &answer.result {
        serde_json::Value::Null => Ok(&[]),
        serde_json::Value::Array(items) if items.len() <= MAX_PAGE => Ok(items),
        serde_json::Value::Array(_) => Err(Garbled(format!("a page has more than {MAX_PAGE} items"))),
        serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_)
        | serde_json::Value::Object(_) => Err(Garbled("a list is no list".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::shapes::Named;
    use super::*;

    /// Plays a BMS that holds so many items: what it answers to a page number.
    fn read(asked: usize, total: Option<u64>, bms: impl Fn(u32) -> Vec<u64>) -> Result<(Listing<Named>, u32), Garbled> {
        let (mut pages, mut calls) = (Pages::new(asked), 0);
        while let Some(page) = pages.next() {
            calls += 1;
            assert!(calls < 100, "it does not end");
            let items: Vec<Value> = bms(page).into_iter().map(|id| json!({ "id": id, "name": "x" })).collect();
            pages.take(&Answer { result: items.into(), total, ..Answer::default() })?;
        }
        Ok((pages.listing(), calls))
    }

    fn paged(of: u64, size: u64) -> impl Fn(u32) -> Vec<u64> {
        move |page| {
            (1..=of)
                .skip(usize::try_from((u64::from(page) - 1) * size).unwrap())
                .take(usize::try_from(size).unwrap())
                .collect()
        }
    }

    #[test]
    fn every_item_is_read_however_bms_cuts_its_pages() {
        for of in [0, 1, 9, 10, 11, 20, 25] {
            for size in [3, 7, 10] {
                for total in [None, Some(of)] {
                    let (listing, calls) = read(10, total, paged(of, size)).unwrap();
                    assert_eq!(listing.items.len() as u64, of, "{of} by {size}, {total:?}");
                    assert_eq!(listing.extent, Extent::Whole);
                    assert!(u64::from(calls) <= of / size + 2, "{of} by {size}: {calls} calls");
                }
            }
            let (listing, calls) = read(10, None, |_| (1..=of).collect()).unwrap_or_else(|error| {
                assert_eq!(of, 10, "{error:?}");
                (Listing { items: Vec::new(), extent: Extent::Whole }, 2)
            });
            assert!(calls <= 2 && (of == 10 || listing.items.len() as u64 == of), "all at once: {of}");
        }
    }

    #[test]
    fn what_is_missing_is_told() {
        let (listing, _) = read(10, Some(25), paged(20, 10)).unwrap();
        assert_eq!((listing.items.len(), listing.extent), (20, Extent::Short { came: 20, counted: 25 }));
        let (listing, calls) = read(10, Some(25), |_| (1..=10).collect()).unwrap();
        assert_eq!((listing.extent, calls), (Extent::Short { came: 10, counted: 25 }, 2));
        assert!(read(10, None, |_| (1..=10).collect()).is_err(), "the same page for ever");
    }

    #[test]
    fn what_comes_twice_is_there_once() {
        let (listing, _) = read(3, None, |page| match page {
            1 => vec![1, 2, 3],
            2 => vec![3, 4, 5],
            3 => vec![5],
            _ => vec![],
        })
        .unwrap();
        let ids: Vec<u64> = listing.items.iter().map(|item| item.id.number()).collect();
        assert_eq!(ids, [1, 2, 3, 4, 5]);
    }
}
