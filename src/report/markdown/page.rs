//! A page of bounded length, built of pieces that are kept whole or left out whole. Knows nothing of plans.

use std::fmt::Write as _;

use crate::display::counted;

/// Kept free for what is said at the end.
const NOTICE: usize = 800;
/// What each open section may count on, however long those before it are.
const SHARE: usize = 8_000;

/// The page as far as it is written.
pub(super) struct Page {
    out: String,
    free: usize,
    left_out: Vec<String>,
}

/// A part of the page with as many of its items as can ever fit.
pub(super) struct Section {
    opening: String,
    noun: &'static str,
    items: Vec<String>,
    /// Items that were not even looked at.
    beyond: usize,
}

impl Section {
    /// A heading and items below it.
    pub(super) fn list(opening: &str, noun: &'static str, items: impl Iterator<Item = String>) -> Self {
        Self::gather(opening.into(), noun, items, super::LIMIT)
    }

    /// A table.
    pub(super) fn table(head: &str, rows: impl Iterator<Item = String>) -> Self {
        Self::gather(head.into(), "tenant", rows, super::LIMIT)
    }

    fn gather(opening: String, noun: &'static str, items: impl Iterator<Item = String>, limit: usize) -> Self {
        let mut section = Self { opening, noun, items: Vec::new(), beyond: 0 };
        let mut items = items;
        let mut size = 0;
        while size <= limit {
            let Some(item) = items.next() else { return section };
            size += chars(&item);
            section.items.push(item);
        }
        section.beyond = items.count();
        section
    }

    fn size(&self) -> usize {
        match self.items.len() {
            0 => 0,
            _ => chars(&self.opening) + self.items.iter().map(|item| chars(item)).sum::<usize>() + 1,
        }
    }
}

impl Page {
    pub(super) fn new(limit: usize) -> Self {
        Self { out: String::new(), free: limit - NOTICE, left_out: Vec::new() }
    }

    /// What always comes first; it must be short.
    pub(super) fn opening(&mut self, text: &str) {
        self.push(text);
    }

    /// Sections that are not folded, each with at least its share.
    pub(super) fn open(&mut self, sections: Vec<Section>) {
        let mut promised: usize = sections.iter().map(|section| section.size().min(SHARE)).sum();
        for section in sections {
            promised -= section.size().min(SHARE);
            let room = self.free.saturating_sub(promised);
            self.section(section, "\n", room);
        }
    }

    /// A section that is folded, if anything is in it.
    pub(super) fn fold<'a, T: 'a>(
        &mut self,
        title: &str,
        noun: &'static str,
        things: impl Iterator<Item = &'a T> + Clone,
        item: impl Fn(&'a T) -> String,
    ) {
        let number = things.clone().count();
        let opening = format!("<details><summary>{title} ({})</summary>\n\n", crate::display::count(number as u64));
        let section = Section::gather(opening, noun, things.map(item), self.free);
        self.section(section, "\n</details>\n\n", self.free);
    }

    /// The finished text, with a notice if something was left out.
    pub(super) fn close(mut self) -> String {
        if !self.left_out.is_empty() {
            let what = self.left_out.join(", ");
            let _ = write!(
                self.out,
                "> [!WARNING]\n> Cut to fit {} characters. Not shown: {what}. The whole plan: `bmsync plan`.\n",
                crate::display::count(super::LIMIT as u64)
            );
        }
        self.out
    }

    fn section(&mut self, section: Section, closing: &str, room: usize) {
        let Section { opening, noun, items, beyond } = section;
        let all = items.len() + beyond;
        let frame = chars(&opening) + chars(closing);
        let fits = items.first().is_some_and(|first| frame + chars(first) <= room);
        let mut shown = 0;
        if fits {
            let end = self.free - (room - chars(closing));
            self.push(&opening);
            for item in &items {
                if self.free < end + chars(item) {
                    break;
                }
                self.push(item);
                shown += 1;
            }
            self.push(closing);
        }
        if shown < all {
            self.left_out.push(counted((all - shown) as u64, noun));
        }
    }

    fn push(&mut self, text: &str) {
        self.free = self.free.saturating_sub(chars(text));
        self.out.push_str(text);
    }
}

fn chars(text: &str) -> usize {
    text.chars().count()
}
