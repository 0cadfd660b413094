//! The part of the story that is told with `--kaseya`: the same people, but BMS is a live one behind its REST API.

use std::collections::BTreeSet;

use super::{Story, ensure, otherwise};
use crate::approved::Consent;
use crate::cli::error::Error;
use crate::cli::get::table;
use crate::cli::round::Round;
use crate::engine;
use crate::model::Kind;
use crate::plan::{Action, Hand, ToDo};

/// Things to do that are shown.
const SHOWN: usize = 3;

impl Story<'_> {
    pub(super) async fn tell_of_bms(&self) -> Result<(), Error> {
        self.chapter("The same people in a live Kaseya BMS, read over its REST API: `bmsync plan`")?;
        let first = self.round().await?;
        self.show(&first)?;
        let is_there = |hand| first.plan.changes.iter().any(|change| change.hand == hand);
        ensure(is_there(Hand::Nothing) && is_there(Hand::Part) && is_there(Hand::All), "some of it is by hand")?;

        self.chapter("Contacts are written over the API; one answer is lost on the way: `bmsync apply`, twice")?;
        self.stage.lose_an_answer_of_bms()?;
        let lost = self.write(first).await?;
        ensure(!lost.failures.is_empty(), "an answer that is lost leaves open what happened")?;
        self.say(format!("{} of which nobody knows whether it happened.\n\n", failures(&lost)))?;
        let found = self.round().await?;
        let report = self.write(found).await?;
        ensure(report.failures.is_empty(), "what happened is found, and finished")?;
        let emails = self.stage.bms_emails();
        let different: BTreeSet<&String> = emails.iter().collect();
        ensure(emails.len() == different.len() + DOUBLES, "no contact is made twice")?;
        self.say("It had happened: the contact was found by its email and finished. No contact was made twice.\n")?;

        self.chapter("What the API cannot do is a work list for a person: `bmsync get worklist`")?;
        let before = self.to_do().await?;
        self.list(&before)?;
        let login = before.iter().find(|one| one.kind == Kind::Contact && one.action != Action::Archive.word());
        let login = login.and_then(|one| one.id).ok_or_else(|| otherwise("a portal login waits for a person"))?;
        self.stage.open_the_portal(login)?;
        self.say(format!("\nSomebody does the first thing that is to be done for contact {login}, in BMS.\n"))?;
        let left = self.to_do().await?;
        ensure(left.len() + 1 == before.len(), "the next read sees what was done")?;
        self.say(format!("The next read sees it: {} are left of {}.\n", left.len(), before.len()))
    }

    async fn write(&self, round: Round) -> Result<engine::Report, Error> {
        let Round { store, plan, .. } = round;
        let report = engine::apply(&*store, plan.approve(Consent::Withheld)).await?;
        self.say(format!("{}\n", crate::cli::apply::report_text(&report)))?;
        Ok(report)
    }

    /// What a person has to do, as of now.
    async fn to_do(&self) -> Result<Vec<ToDo>, Error> {
        let round = self.round().await?;
        let mut list: Vec<ToDo> = round.plan.changes.iter().filter_map(ToDo::of).collect();
        list.extend(round.store.to_do().await?);
        Ok(list)
    }

    fn list(&self, all: &[ToDo]) -> Result<(), Error> {
        let contacts = all.iter().filter(|one| one.kind == Kind::Contact);
        let employees = all.iter().filter(|one| one.kind == Kind::Employee);
        let some: Vec<ToDo> = employees.take(SHOWN).chain(contacts.take(SHOWN)).cloned().collect();
        self.say(table::to_do(&some).text(self.output.palette()))?;
        self.say(format!("… and {} more\n", all.len() - some.len()))
    }
}

/// Emails that two contacts of the example share from the beginning.
const DOUBLES: usize = 1;

fn failures(report: &engine::Report) -> String {
    crate::display::counted(report.failures.len() as u64, "change")
}
