//! Metrics with labels, kept in the order of their label values, and the register that knows them all. Knows the
//! exposition library and nothing of what is measured.

use std::array;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::model::Text;

/// Counts things.
pub(super) type Count = Counter<u64>;
/// Adds up seconds.
pub(super) type Sum = Counter<f64, AtomicU64>;
/// Goes up and down.
pub(super) type Level = Gauge<f64, AtomicU64>;

/// The label that names a tenant.
pub(super) const TENANT: &str = "tenant";

/// A metric: one value per combination of label values.
#[derive(Clone, Debug)]
pub(super) struct Series<M, const N: usize>(Arc<Shared<M, N>>);

#[derive(Debug)]
struct Shared<M, const N: usize> {
    labels: [&'static str; N],
    fresh: fn() -> M,
    cells: Mutex<BTreeMap<[Text; N], M>>,
}

impl<M: Clone, const N: usize> Series<M, N> {
    fn new(labels: [&'static str; N], fresh: fn() -> M) -> Self {
        Self(Arc::new(Shared { labels, fresh, cells: Mutex::default() }))
    }

    /// The one with these label values; from now on it is shown.
    pub fn at(&self, values: [&str; N]) -> M {
        self.cells().entry(values.map(Text::from)).or_insert_with(self.0.fresh).clone()
    }

    /// Those that there are, with their label values.
    pub fn all(&self) -> Vec<([Text; N], M)> {
        self.cells().iter().map(|(values, cell)| (values.clone(), cell.clone())).collect()
    }

    /// Drops those whose label values are not to be kept.
    pub fn retain(&self, keep: impl Fn(&[Text; N]) -> bool) {
        self.cells().retain(|values, _| keep(values));
    }

    fn cells(&self) -> MutexGuard<'_, BTreeMap<[Text; N], M>> {
        self.0.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: Clone + EncodeMetric, const N: usize> EncodeMetric for Series<M, N> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (values, cell) in self.all() {
            if N == 0 {
                return cell.encode(encoder);
            }
            let labels: [(&str, &str); N] = array::from_fn(|at| (self.0.labels[at], values[at].as_str()));
            cell.encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        (self.0.fresh)().metric_type()
    }

    fn is_empty(&self) -> bool {
        self.cells().is_empty()
    }
}

/// What can forget tenants.
trait Forget: fmt::Debug + Send + Sync {
    /// Drops what belongs to a tenant that is not among these.
    fn keep(&self, tenants: &BTreeSet<Text>);
}

impl<M: Clone + fmt::Debug + Send + Sync, const N: usize> Forget for Series<M, N> {
    fn keep(&self, tenants: &BTreeSet<Text>) {
        if let Some(at) = self.0.labels.iter().position(|label| *label == TENANT) {
            self.retain(|values| tenants.contains(&values[at]));
        }
    }
}

/// What a metric is, for a reader.
#[derive(Clone, Debug)]
pub struct Description {
    /// As it is written in a query, without the endings of a histogram's parts.
    pub name: &'static str,
    /// Counter, gauge or histogram.
    pub shape: Shape,
    /// Names of its labels.
    pub labels: Vec<&'static str>,
    /// What it measures.
    pub help: &'static str,
}

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Only goes up, until the process starts anew.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations by size.
    Histogram,
}

impl Shape {
    /// The word of the text format.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Where metrics are made: each is registered, described, and asked to forget tenants.
#[derive(Debug, Default)]
pub(super) struct Register {
    pub registry: Registry,
    pub descriptions: Vec<Description>,
    series: Vec<Box<dyn Forget>>,
}

impl Register {
    /// A counter of things; its name ends in `_total`.
    pub fn counter<const N: usize>(
        &mut self,
        name: &'static str,
        labels: [&'static str; N],
        help: &'static str,
    ) -> Series<Count, N> {
        self.add(name, Shape::Counter, Series::new(labels, Count::default), help)
    }

    /// A counter of seconds; its name ends in `_seconds_total`.
    pub fn sum<const N: usize>(
        &mut self,
        name: &'static str,
        labels: [&'static str; N],
        help: &'static str,
    ) -> Series<Sum, N> {
        self.add(name, Shape::Counter, Series::new(labels, Sum::default), help)
    }

    /// A gauge.
    pub fn gauge<const N: usize>(
        &mut self,
        name: &'static str,
        labels: [&'static str; N],
        help: &'static str,
    ) -> Series<Level, N> {
        self.add(name, Shape::Gauge, Series::new(labels, Level::default), help)
    }

    /// A histogram whose buckets `fresh` knows.
    pub fn histogram<const N: usize>(
        &mut self,
        name: &'static str,
        labels: [&'static str; N],
        fresh: fn() -> Histogram,
        help: &'static str,
    ) -> Series<Histogram, N> {
        self.add(name, Shape::Histogram, Series::new(labels, fresh), help)
    }

    /// Drops everything that belongs to a tenant that is not among these.
    pub fn keep(&self, tenants: &BTreeSet<Text>) {
        self.series.iter().for_each(|series| series.keep(tenants));
    }

    fn add<M, const N: usize>(
        &mut self,
        name: &'static str,
        shape: Shape,
        series: Series<M, N>,
        help: &'static str,
    ) -> Series<M, N>
    where
        M: Clone + EncodeMetric + fmt::Debug + Send + Sync + 'static,
    {
        // The library adds the ending of counters itself.
        self.registry.register(name.strip_suffix("_total").unwrap_or(name), help, series.clone());
        self.descriptions.push(Description { name, shape, labels: series.0.labels.to_vec(), help });
        self.series.push(Box::new(series.clone()));
        series
    }
}
