//! Progress on stderr: bars on a terminal, lines elsewhere, nothing when quiet.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::display::{counted, safe};

use super::output::{Loudness, Output};

/// Shows how far things are.
pub struct Progress {
    output: Output,
    bars: Option<MultiProgress>,
}

impl Progress {
    /// On a terminal bars, elsewhere lines.
    #[must_use]
    pub fn new(output: &Output) -> Self {
        Self { output: output.clone(), bars: output.is_live().then(MultiProgress::new) }
    }

    /// Progress of reading one tenant; over when it is dropped.
    #[must_use]
    pub fn tenant(&self, name: &str) -> Reading {
        let name = safe(name).into_owned();
        let bar = self.bars.as_ref().map(|bars| spinner(bars, &name));
        Reading { name, output: self.output.clone(), bar, pages: AtomicU64::new(0) }
    }

    /// Progress of applying so many changes; over when it is dropped.
    #[must_use]
    pub fn applying(&self, changes: u64) -> Applying {
        let bar = self.bars.as_ref().map(|bars| bars.add(ProgressBar::new(changes).with_style(counting_style())));
        Applying { bar }
    }
}

/// How far the reading of a tenant is.
pub struct Reading {
    name: String,
    output: Output,
    bar: Option<ProgressBar>,
    pages: AtomicU64,
}

impl crate::source::Progress for Reading {
    fn read(&self, users: u64, groups: u64, pages: u64) {
        self.pages.store(pages, Ordering::Relaxed);
        let so_far = format!("{}, {}, {}", counted(users, "user"), counted(groups, "group"), counted(pages, "page"));
        match &self.bar {
            Some(bar) => bar.set_message(so_far),
            None if is_worth_a_line(pages) => self.output.note(format!("reading {}: {so_far}", self.name)),
            None => {}
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        } else if self.output.loudness() > Loudness::Normal {
            let pages = counted(self.pages.load(Ordering::Relaxed), "page");
            self.output.note(format!("reading {}: over after {pages}", self.name));
        }
    }
}

/// How many changes are applied.
pub struct Applying {
    bar: Option<ProgressBar>,
}

impl Applying {
    /// So many are.
    pub fn done(&self, changes: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(changes);
        }
    }
}

impl Drop for Applying {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Lines come at 1, 2, 4, 8, … pages: few for the small, some for the big, and no clock.
const fn is_worth_a_line(pages: u64) -> bool {
    pages.is_power_of_two()
}

fn spinner(bars: &MultiProgress, name: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} reading {prefix}: {msg}");
    let bar = ProgressBar::new_spinner().with_prefix(name.to_owned());
    let bar = bars.add(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner())));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn counting_style() -> ProgressStyle {
    ProgressStyle::with_template("applying {bar:30} {pos}/{len} changes")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
