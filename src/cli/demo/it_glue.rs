//! The part of the story that is told with `--itglue`: contacts are compared with IT Glue, then brought there.

use std::collections::BTreeSet;

use super::{Story, ensure};
use crate::cli::deliver::{Told, once};
use crate::cli::error::Error;
use crate::cli::get::table;
use crate::cli::manifests;
use crate::cli::state::State;
use crate::outbox::findings;
use crate::report::palette::Palette;

/// Findings that are shown.
const SHOWN: usize = 6;

impl Story<'_> {
    pub(super) async fn tell_of_it_glue(&self) -> Result<(), Error> {
        self.stage.declare_it_glue("verify")?;
        self.chapter("IT Glue shows the contacts too: `bmsync deliver` compares, and changes nothing")?;
        let told = self.deliver().await?;
        self.say(told.text())?;
        ensure(told.findings() > 0, "IT Glue and BMS differ at first")?;
        let before = self.stage.it_glue_emails();
        self.say(self.found().await?)?;

        self.chapter("With `mode: write` contacts are created and updated; one answer is lost on the way")?;
        self.stage.declare_it_glue("write")?;
        self.stage.lose_an_answer_of_it_glue()?;
        let told = self.deliver().await?;
        self.say(told.text())?;
        let emails = self.stage.it_glue_emails();
        ensure(emails.len() > before.len(), "contacts are created")?;
        let made = emails.iter().filter(|email| !before.contains(email));
        let (made, all): (BTreeSet<_>, usize) = (made.clone().collect(), made.count());
        ensure(made.len() == all, "no contact is created twice")?;
        self.say("\nWhat is left needs a person:\n\n")?;
        self.say(self.found().await?)?;

        self.chapter("Nothing is left to bring: `bmsync deliver` again")?;
        let told = self.deliver().await?;
        ensure(told.written() == 0, "nothing is written twice")?;
        self.say(told.text())
    }

    async fn deliver(&self) -> Result<Told, Error> {
        let quiet = self.stage.quiet();
        let config = manifests::load(self.stage.options(), &quiet)?;
        once(&config, self.stage.options(), &quiet).await
    }

    /// The first findings, as `get itglue` has them.
    async fn found(&self) -> Result<String, Error> {
        let ledger = State::Look.open(self.stage.options(), &self.stage.quiet())?;
        let (actual, found) = (ledger.load().await?, findings(&*ledger).await?);
        let record = |id| actual.record(crate::model::RecordKey { kind: crate::model::Kind::Contact, id });
        let told: Vec<_> = found.iter().take(SHOWN).map(|found| found.told(record(found.contact))).collect();
        let more = match found.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!("… and {more} more\n"),
        };
        let palette: Palette = self.output.palette();
        Ok(table::findings(&told).text(palette) + &more)
    }
}
