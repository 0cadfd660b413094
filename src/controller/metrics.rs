//! What a running bmsync counts and measures: recorded by the controller and the server, shown in the text format of
//! Prometheus. One value that is handed around; it decides nothing and names no user.

mod families;
mod it_glue;
mod process;
pub mod reference;
mod series;
mod tenant;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use jiff::Timestamp;
use prometheus_client::encoding::text;
use tracing::error;

pub use self::process::{Authenticity, FileErrors};
pub use self::series::{Description, Shape};
pub use self::tenant::{Resource, RoundResult};

use self::families::{ProcessFamilies, TenantFamilies};
use self::series::Register;
use crate::model::Text;

/// The content type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Everything that is counted and measured.
///
/// What is recorded of a tenant that is not declared is dropped, so that no late answer brings back a tenant that has
/// gone, and nothing that comes from outside makes series of its own.
#[derive(Debug)]
pub struct Metrics {
    register: Register,
    tenants: TenantFamilies,
    process: ProcessFamilies,
    declared: RwLock<BTreeSet<Text>>,
    /// When a directory was last read to its end.
    read_at: Mutex<BTreeMap<Text, Timestamp>>,
    /// Since when items of queues are being worked on.
    working: Mutex<BTreeMap<(&'static str, Text), Timestamp>>,
    /// Since when the oldest contact is due for IT Glue, if one is.
    oldest: Mutex<Option<Timestamp>>,
    /// Where the state lies.
    folder: OnceLock<PathBuf>,
}

impl Metrics {
    /// Of a process that started then.
    #[must_use]
    pub fn new(started: Timestamp) -> Self {
        let mut register = Register::default();
        let tenants = TenantFamilies::new(&mut register);
        let process = ProcessFamilies::new(&mut register);
        process.build.at([env!("CARGO_PKG_VERSION")]).set(1.0);
        process.started.at([]).set(seconds(started));
        let (declared, read_at, working) = (RwLock::default(), Mutex::default(), Mutex::default());
        Self {
            register,
            tenants,
            process,
            declared,
            read_at,
            working,
            oldest: Mutex::default(),
            folder: OnceLock::new(),
        }
    }

    /// The tenants that the configuration declares, by name. The series of all others go; counters of new ones start
    /// at 0, so that their first change is seen as one.
    pub fn declare<'a>(&self, tenants: impl IntoIterator<Item = &'a str>) {
        let tenants: BTreeSet<Text> = tenants.into_iter().map(Text::from).collect();
        let mut declared = self.declared.write().unwrap_or_else(PoisonError::into_inner);
        self.register.keep(&tenants);
        self.read_at.lock().unwrap_or_else(PoisonError::into_inner).retain(|tenant, _| tenants.contains(tenant));
        tenants.difference(&declared).for_each(|tenant| self.begin(tenant));
        *declared = tenants;
    }

    /// All of it in the text format of Prometheus, ages as of now.
    #[must_use]
    pub fn text(&self) -> String {
        self.text_at(Timestamp::now())
    }

    /// All of it, ages as of then.
    #[must_use]
    pub fn text_at(&self, now: Timestamp) -> String {
        self.grow_old(now);
        self.wait_for_it_glue(now);
        self.weigh();
        let mut open = String::new();
        if let Err(fmt::Error) = text::encode_registry(&mut open, &self.register.registry) {
            error!("cannot show the metrics");
            return String::new();
        }
        self.prometheus(&open)
    }

    /// What each metric is, in the order of the text.
    #[must_use]
    pub fn descriptions(&self) -> &[Description] {
        &self.register.descriptions
    }

    /// Holds as long as nothing may forget the tenant; none if it is not declared.
    fn declared(&self, tenant: &str) -> Option<RwLockReadGuard<'_, BTreeSet<Text>>> {
        let declared = self.declared.read().unwrap_or_else(PoisonError::into_inner);
        declared.contains(tenant).then_some(declared)
    }

    fn grow_old(&self, now: Timestamp) {
        for (tenant, read_at) in &*self.read_at.lock().unwrap_or_else(PoisonError::into_inner) {
            self.tenants.age.at([tenant]).set((seconds(now) - seconds(*read_at)).max(0.0));
        }
        let working = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        for ([name], _) in self.process.queue_depth.all() {
            let of_this = working.iter().filter(|((queue, _), _)| *queue == name);
            let ages: Vec<f64> = of_this.map(|(_, began)| (seconds(now) - seconds(*began)).max(0.0)).collect();
            self.process.queue_unfinished.at([&name]).set(ages.iter().fold(0.0, |sum, age| sum + age));
            self.process.queue_longest.at([&name]).set(ages.into_iter().fold(0.0, f64::max));
        }
    }

    /// `OpenMetrics` as the older text format that every scraper reads: there the ending of a counter belongs to its
    /// name, and no line marks the end.
    fn prometheus(&self, open: &str) -> String {
        let counters: BTreeSet<&str> =
            self.descriptions().iter().filter_map(|known| known.name.strip_suffix("_total")).collect();
        let mut text = String::with_capacity(open.len());
        for line in open.lines().filter(|line| *line != "# EOF") {
            let mut words = line.splitn(4, ' ');
            match (words.next(), words.next(), words.next(), words.next()) {
                (Some("#"), Some(what), Some(name), Some(rest)) if counters.contains(name) => {
                    text.extend(["# ", what, " ", name, "_total ", rest]);
                }
                _ => text.push_str(line),
            }
            text.push('\n');
        }
        text
    }
}

/// Seconds since 1970.
fn seconds(time: Timestamp) -> f64 {
    time.as_duration().as_secs_f64()
}

/// A count as a gauge takes it; exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "no estate has 2^53 of anything")]
const fn level(count: u64) -> f64 {
    count as f64
}
