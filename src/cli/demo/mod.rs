//! `bmsync demo`: the whole story on a temporary state and the simulator, through the same calls as the real verbs.

use std::cell::Cell;

use crate::approved::Consent;
use crate::display::safe;
use crate::engine;
use crate::interchange::import::{Format, parse};
use crate::plan::{Action, Change, Plan};
use crate::report::text::{Detail, People, View, sum, text};
use crate::simulator::EXAMPLE_RECORDS;

use super::args::{DemoArgs, Global};
use super::error::{Error, Exit};
use super::output::Output;
use super::round::{Round, Wanted};
use super::state::State;

mod it_glue;
mod kaseya;
mod stage;

use stage::Stage;

/// People shown of each action in each tenant: enough to see what it is.
const SHOWN: usize = 1;

/// Tells the story; fails when it does not go as told.
pub async fn run(args: &DemoArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    let mut stage = Stage::set(global).await?;
    let told = tell(args, &mut stage, output).await;
    stage.strike().await;
    told.map(|()| Exit::Done)
}

/// The story, then the parts of it that are wanted too: BMS first, for what is there comes to IT Glue.
async fn tell(args: &DemoArgs, stage: &mut Stage, output: &Output) -> Result<(), Error> {
    let DemoArgs { bms, it_glue } = args;
    let chapter = Cell::new(0);
    Story { stage, output, chapter: &chapter }.tell().await?;
    if *bms {
        stage.go_live()?;
        Story { stage, output, chapter: &chapter }.tell_of_bms().await?;
    }
    let story = Story { stage, output, chapter: &chapter };
    if *it_glue {
        story.tell_of_it_glue().await?;
    }
    story.say("\nThat is the whole story.\n")?;
    story.say("Next: `bmsync init people` starts a repository of your own.\n")
}

struct Story<'a> {
    stage: &'a Stage,
    output: &'a Output,
    chapter: &'a Cell<u32>,
}

impl Story<'_> {
    async fn tell(&self) -> Result<(), Error> {
        self.say("bmsync demo. Everything happens in a temporary folder and on 127.0.0.1; nothing is left behind.\n")?;
        self.chapter("BMS already holds people and accounts: `bmsync import`")?;
        self.import().await?;

        self.chapter("Three tenants, their groups mapped by manifests: `bmsync plan`")?;
        let first = self.round().await?;
        self.show(&first)?;
        expect_first(&first.plan)?;
        let (newcomer, leaver) = (created(&first.plan, 0)?, created(&first.plan, 1)?);

        self.chapter("What is blocked waits for a person, everything else is done: `bmsync apply`")?;
        self.apply(first).await?;
        self.chapter("Planning again: nothing is left to do")?;
        self.settled().await?;

        self.chapter("The directory moves on")?;
        self.stage.change_phone(&newcomer)?;
        self.say(format!("{} gets the office phone +1 425 555 0199.\n", named(&newcomer)))?;
        self.stage.delete(&leaver)?;
        self.say(format!("{} leaves and is deleted in Entra ID.\n\n", named(&leaver)))?;
        self.follow(&[Action::Update, Action::Deactivate]).await?;

        self.chapter("A deleted user is restored from the recycle bin")?;
        self.stage.restore(&leaver)?;
        self.say(format!("{} is back. The same record is used again.\n\n", named(&leaver)))?;
        self.follow(&[Action::Reactivate]).await?;

        self.chapter("A tenant cannot be read")?;
        self.stage.fail()?;
        let failing = self.round().await?;
        self.show(&failing)?;
        ensure(failing.plan.failed(), "a tenant that cannot be read fails")?;
        ensure(failing.plan.summary().deactivate == 0, "nobody is taken for gone while a read fails")?;
        self.say("\nNobody is taken for gone: only complete knowledge removes.\n")
    }

    async fn import(&self) -> Result<(), Error> {
        let rows = parse(EXAMPLE_RECORDS.as_bytes(), "example-records.jsonl", Format::JsonLines, None)
            .map_err(|error| Error::new("cannot read the example's records").because(&error))?;
        let store = State::Create.store(self.stage.options(), self.output).await?;
        let report = store.import(rows).await.map_err(|error| Error::new("cannot import").because(&error))?;
        self.say(format!("{} accounts, employees and contacts are there.\n", report.created))
    }

    async fn round(&self) -> Result<Round, Error> {
        let quiet = self.stage.quiet();
        Round::make(self.stage.options(), &Wanted::All, State::Create, &quiet).await
    }

    fn show(&self, round: &Round) -> Result<(), Error> {
        // The first plan says who is blocked and why; later it would be the same again.
        let blocked = if self.chapter.get() <= 2 { Detail::Listed } else { Detail::Counted };
        self.say(text(&round.plan, View { people: People::Some(SHOWN), blocked, ..round.view(self.output) }))
    }

    async fn apply(&self, round: Round) -> Result<(), Error> {
        let Round { store, plan, .. } = round;
        let report = engine::apply(&*store, plan.approve(Consent::Withheld)).await?;
        ensure(report.failures.is_empty(), "everything that was planned is written")?;
        self.say(format!("{}\n", super::apply::report_text(&report)))
    }

    /// Plans, expects these actions, applies, and expects that nothing is left.
    async fn follow(&self, actions: &[Action]) -> Result<(), Error> {
        let round = self.round().await?;
        self.show(&round)?;
        for action in actions {
            ensure(round.plan.changes.iter().any(|change| change.action == *action), action.word())?;
        }
        self.apply(round).await?;
        self.settled().await
    }

    async fn settled(&self) -> Result<(), Error> {
        let round = self.round().await?;
        ensure(round.plan.summary().changes() == 0, "nothing is left to do after an apply")?;
        self.say(format!("{}\n", sum(&round.plan)))
    }

    fn chapter(&self, title: &str) -> Result<(), Error> {
        self.chapter.set(self.chapter.get() + 1);
        let title = format!("{}. {title}", self.chapter.get());
        let title = self.output.palette().paint(crate::report::palette::Tone::Strong, title);
        self.say(format!("\n{title}\n\n"))
    }

    fn say(&self, text: impl AsRef<[u8]>) -> Result<(), Error> {
        self.output.data(text)
    }
}

/// What the first plan is there to show.
fn expect_first(plan: &Plan) -> Result<(), Error> {
    for action in [Action::Create, Action::Merge, Action::Archive] {
        ensure(plan.changes.iter().any(|change| change.action == action), action.word())?;
    }
    ensure(!plan.blocked.is_empty(), "a conflict is blocked")?;
    ensure(!plan.failed(), "every tenant is read")
}

/// One of those that the first plan creates.
fn created(plan: &Plan, place: usize) -> Result<Change, Error> {
    let mut created = plan.changes.iter().filter(|change| change.action == Action::Create && change.held.is_none());
    created.nth(place).cloned().ok_or_else(|| otherwise("several people are created"))
}

fn otherwise(expected: &str) -> Error {
    Error { causes: vec![format!("expected: {expected}")], ..Error::new("the story did not go as told") }
}

fn named(change: &Change) -> String {
    let user = &change.user;
    let name = user.user_principal_name.as_deref().map_or_else(|| user.key.user.to_string(), str::to_owned);
    safe(&name).into_owned()
}

fn ensure(is: bool, what: &str) -> Result<(), Error> {
    if is { Ok(()) } else { Err(otherwise(what)) }
}
