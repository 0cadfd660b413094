//! One seed from beginning to end: a world, a running bmsync, everything that happens to both, peace, and the reckoning.

use std::sync::Arc;
use std::time::Duration;

use bmsync::controller::Operations as _;
use bmsync::interchange::import::{Format, parse};
use bmsync::ledger::Ledger;
use bmsync::ledger::memory::MemoryLedger;
use bmsync::store::local::LocalStore;
use jiff::SignedDuration;

use super::beside;
use super::invariants::{self, Reckoning};
use super::process::{Process, apply_once};
use super::stage::{Stage, Tally};
use crate::oracle::generate::Dice;
use crate::oracle::model;
use crate::oracle::translate;
use crate::oracle::world::{Op, Policy, World};

/// So long nothing goes wrong any more before the reckoning: longer than any wait, and than the interval of full reads.
const PEACE: Duration = Duration::from_mins(100);

/// Plays a seed; what it met with, or what is wrong and how it came about.
pub fn play(seed: u64) -> Result<Tally, String> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().expect("a runtime");
    fastrand::seed(seed);
    runtime.block_on(async {
        let mut dice = Dice::of_seed(seed);
        let mut world = dice.world();
        world.settle();
        let stage = Stage::new(seed, world);
        let mut story = Story::begin(stage, dice).await;
        let reckoned = story.tell().await;
        let stage = story.stage;
        reckoned.map(|()| stage.tally()).map_err(|failure| format!("{failure}\nwhat happened:\n{}", stage.diary()))
    })
}

struct Story {
    stage: Arc<Stage>,
    dice: Dice,
    platters: Arc<MemoryLedger>,
    process: Option<Process>,
    /// Whether a person edited records, so that drift may stand at the end.
    edited: bool,
    /// Every policy that was in force; nothing once a person approved what was held.
    guarded: Option<Vec<Policy>>,
}

impl Story {
    async fn begin(stage: Arc<Stage>, dice: Dice) -> Self {
        let policy = stage.world().policy;
        let story = Self {
            stage,
            dice,
            platters: Arc::new(MemoryLedger::new()),
            process: None,
            edited: false,
            guarded: Some(vec![policy]),
        };
        story.import(&story.stage.world()).await;
        story
    }

    async fn tell(&mut self) -> Result<(), String> {
        for _ in 0..self.stage.dice(|rng| rng.usize(3..25)) {
            self.live(Duration::from_secs(self.stage.dice(|rng| rng.u64(0..400)))).await;
            self.happen().await;
        }
        self.stage.tell("peace");
        self.stage.make_peace();
        self.live(PEACE).await;
        self.reckon().await
    }

    /// Lets time go by; a process that dies of its own is started again by whoever keeps it.
    async fn live(&mut self, time: Duration) {
        let end = tokio::time::Instant::now() + time;
        loop {
            let process = self.running().await;
            let disk = Arc::clone(&process.disk);
            tokio::select! {
                () = tokio::time::sleep_until(end) => return,
                () = disk.died.notified() => self.kill().await,
            }
        }
    }

    async fn running(&mut self) -> &Process {
        if self.process.is_none() {
            self.process = Some(Process::start(&self.platters, &self.stage).await);
        }
        self.process.as_ref().expect("it was started")
    }

    /// Asks something of the running process; nothing comes back when it dies of that.
    async fn ask<T>(&mut self, question: impl AsyncFnOnce(&Process) -> T) -> Option<T> {
        let process = self.running().await;
        let disk = Arc::clone(&process.disk);
        let answer = tokio::select! {
            answer = question(process) => Some(answer),
            () = disk.died.notified() => None,
        };
        if answer.is_none() {
            self.kill().await;
        }
        answer
    }

    async fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill().await;
        }
    }

    async fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.stop().await;
        }
    }

    async fn happen(&mut self) {
        match self.stage.dice(|rng| rng.usize(0..20)) {
            0 => {
                self.stage.note("killed");
                self.kill().await;
            }
            1 => {
                self.stage.note("stopped");
                self.stop().await;
            }
            2 => self.approve().await,
            3 => {
                let step = self.stage.dice(|rng| rng.i64(-7200..7200));
                self.stage.note("clock step");
                self.stage.step_clock(SignedDuration::from_secs(step));
            }
            4 => {
                self.stage.note("second process");
                apply_once(&self.platters, &self.stage).await;
            }
            5 => {
                self.stage.note("forged notification");
                self.notify_all(false).await;
            }
            _ => self.change().await,
        }
    }

    async fn approve(&mut self) {
        for tenant in self.stage.world().tenants.into_keys() {
            match self.ask(async |process| process.approve(&tenant).await).await {
                Some(None) => continue,
                Some(Some(Ok(_))) => self.stage.note("approval"),
                Some(Some(Err(error))) => {
                    self.stage.tell(&format!("an approval failed, or its answer was lost: {error}"));
                }
                None => self.stage.tell("it died of an approval, which may have been kept all the same"),
            }
            self.guarded = None;
        }
    }

    async fn notify_all(&mut self, genuine: bool) {
        for tenant in self.stage.world().tenants.into_keys() {
            self.running().await.notify(&tenant, genuine);
        }
    }

    /// The directory, the manifests or BMS change.
    async fn change(&mut self) {
        let records = self.records().await;
        let mut seen = self.stage.world();
        seen.records = records;
        for op in self.dice.happening(&seen) {
            self.stage.tell(&format!("{op:?}"));
            match &op {
                Op::Edit(..) | Op::Status(..) | Op::References(..) | Op::Import(..) | Op::Source(..) => {
                    self.edit(&op).await;
                }
                Op::Account(..) => {
                    self.declare(&op).await;
                    self.stop().await;
                    self.import(&World { records: Vec::new(), ..self.stage.world() }).await;
                }
                Op::User(..) | Op::HardDelete(..) | Op::Group(..) | Op::Member(..) => self.declare(&op).await,
                Op::Rule(..) | Op::DropRule(..) | Op::Tenant { .. } | Op::Policy(..) | Op::Defaults(..) => {
                    self.declare(&op).await;
                    let config = self.stage.config();
                    self.ask(async |process| process.controller.configure(config, None).await).await;
                }
            }
        }
    }

    /// Changes what directories hold or admins declare; those who subscribed are told, or are not, or twice.
    async fn declare(&mut self, op: &Op) {
        let moved = self.stage.change(|world| op.happen(world));
        if let (Op::Policy(policy), Some(guarded)) = (op, &mut self.guarded) {
            guarded.push(policy.clone());
        }
        for tenant in moved {
            if self.stage.goes_wrong("lost notification") {
                continue;
            }
            self.running().await.notify(&tenant, true);
            if self.stage.goes_wrong("repeated notification") {
                self.running().await.notify(&tenant, true);
            }
        }
    }

    /// A person edits records. Nobody else may have the state open, so bmsync is stopped meanwhile.
    async fn edit(&mut self, op: &Op) {
        self.stop().await;
        let records = self.records().await;
        let mut world = World { records, ..self.stage.world() };
        let before = world.clone();
        op.happen(&mut world);
        world.records.retain(|record| before.record(record.kind, record.id) != Some(record));
        if !world.records.is_empty() {
            self.edited = true;
            self.import(&world).await;
        }
    }

    async fn import(&self, world: &World) {
        let text = translate::rows(world).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        let rows = parse(text.as_bytes(), "world", Format::JsonLines, None).expect("rows");
        let ledger = Arc::clone(&self.platters) as Arc<dyn Ledger>;
        let store = LocalStore::open(ledger, self.stage.clock()).await.expect("a store");
        store.import(rows).await.expect("rows that can be imported");
    }

    async fn records(&self) -> Vec<crate::oracle::world::Record> {
        let actual = self.platters.load().await.expect("memory");
        actual.sorted_records().into_iter().map(translate::record).collect()
    }

    async fn reckon(&mut self) -> Result<(), String> {
        let mut held = Vec::new();
        for tenant in self.stage.world().tenants.into_keys() {
            held.extend(self.running().await.held(&tenant).await);
        }
        let world = World { records: self.records().await, ..self.stage.world() };
        let actual = self.platters.load().await.expect("memory");
        let events = self.platters.events(0, usize::MAX).await.expect("memory");
        let verdict = model::plan(&world);
        let reckoning =
            Reckoning { world, actual, events, held, verdict, edited: self.edited, guarded: self.guarded.clone() };
        let status = self.running().await.controller.it_glue().await;
        if let Some(it_glue) = &self.stage.it_glue {
            beside::hold(it_glue, status, &*self.platters, &reckoning.actual).await?;
        }
        self.kill().await;
        invariants::hold(&reckoning)
    }
}
