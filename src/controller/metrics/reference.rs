//! The page `docs/reference/metrics.md`, made from the metrics themselves.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::{Description, Metrics};

const OPENING: &str = "\
# Metrics

<!-- Made by `bmsync reference metrics > docs/reference/metrics.md` from src/controller/metrics/; a test compares. -->

`bmsync run` answers `GET /metrics` in the text format of Prometheus. Names follow its conventions: base units, the unit at
the end, counters end in `_total`. No label names a user. A tenant is named as its manifest is; when it is no longer
declared, its series go. The parts of a histogram end in `_bucket`, `_sum` and `_count`. Alert rules and a dashboard that
use these metrics are in [deploy](../deploy/).

| name | type | unit | labels | meaning |
|---|---|---|---|---|
";

/// The page.
#[must_use]
pub fn page() -> String {
    let mut page = String::from(OPENING);
    for description in Metrics::new(Timestamp::UNIX_EPOCH).descriptions() {
        let Description { name, shape, labels, help } = description;
        let unit = unit(name).unwrap_or("–");
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(page, "| `{name}` | {} | {unit} | {} | {help} |", shape.word(), labels.join(", "));
    }
    page
}

/// The base unit that a name ends in, before `_total`.
#[must_use]
pub fn unit(name: &str) -> Option<&'static str> {
    let bare = name.strip_suffix("_total").unwrap_or(name);
    ["seconds", "bytes"].into_iter().find(|unit| bare.ends_with(&format!("_{unit}")))
}
