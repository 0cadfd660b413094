//! A strict reader of the Prometheus text format, version 0.0.4. It shares nothing with what writes it.

use std::collections::{BTreeMap, BTreeSet};

/// One metric of a page.
#[derive(Clone, Debug, Default)]
pub struct Family {
    /// `counter`, `gauge` or `histogram`.
    pub shape: String,
    /// The sentence after `# HELP`.
    pub help: String,
    /// By name and labels, as they came.
    pub samples: Vec<Sample>,
}

/// One line with a value.
#[derive(Clone, Debug)]
pub struct Sample {
    /// With the ending of a histogram's part.
    pub name: String,
    /// Names are unique.
    pub labels: BTreeMap<String, String>,
    /// A number, infinity too.
    pub value: f64,
}

/// Reads a page.
///
/// # Panics
/// With what is wrong and where.
pub fn read(page: &str) -> BTreeMap<String, Family> {
    assert!(page.ends_with('\n'), "the last line ends");
    let mut families = BTreeMap::new();
    let mut current: Option<(String, Family)> = None;
    let mut series = BTreeSet::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            close(&mut families, current.take());
            let (name, help) = rest.split_once(' ').unwrap_or_else(|| panic!("no help: {line}"));
            current = Some((name.to_owned(), Family { help: help.to_owned(), ..Family::default() }));
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, shape) = rest.split_once(' ').unwrap_or_else(|| panic!("no type: {line}"));
            let (open, family) = current.as_mut().unwrap_or_else(|| panic!("a type without help: {line}"));
            assert!(open == name && family.shape.is_empty() && family.samples.is_empty(), "out of order: {line}");
            assert!(["counter", "gauge", "histogram"].contains(&shape), "{line}");
            shape.clone_into(&mut family.shape);
        } else {
            let sample = sample(line);
            assert!(series.insert(format!("{}{:?}", sample.name, sample.labels)), "twice: {line}");
            let (name, family) = current.as_mut().unwrap_or_else(|| panic!("a sample without a metric: {line}"));
            assert!(belongs(name, &family.shape, &sample.name), "not of {name}: {line}");
            family.samples.push(sample);
        }
    }
    close(&mut families, current);
    families
}

fn belongs(name: &str, shape: &str, sample: &str) -> bool {
    match shape {
        "histogram" => ["_bucket", "_sum", "_count"].iter().any(|part| sample.strip_suffix(part) == Some(name)),
        "" => false,
        _ => sample == name,
    }
}

fn close(families: &mut BTreeMap<String, Family>, done: Option<(String, Family)>) {
    let Some((name, family)) = done else { return };
    assert!(!family.samples.is_empty(), "{name} has no sample");
    match family.shape.as_str() {
        "histogram" => histogram(&name, &family),
        "counter" => assert!(family.samples.iter().all(|one| one.value >= 0.0), "{name}"),
        _ => {}
    }
    assert!(families.insert(name.clone(), family).is_none(), "{name} comes twice");
}

/// The parts of one histogram; buckets as bound and count.
#[derive(Default)]
struct Parts {
    buckets: Vec<(f64, f64)>,
    sum: Option<f64>,
    count: Option<f64>,
}

/// Buckets go up to infinity, their counts never fall, and the last one is the count.
fn histogram(name: &str, family: &Family) {
    let mut series: BTreeMap<String, Parts> = BTreeMap::new();
    for Sample { name: part, labels, value } in &family.samples {
        let mut labels = labels.clone();
        let bound = labels.remove("le");
        let Parts { buckets, sum, count } = series.entry(format!("{labels:?}")).or_default();
        match (part.strip_prefix(name), bound) {
            (Some("_bucket"), Some(bound)) => buckets.push((number(&bound), *value)),
            (Some("_sum"), None) => *sum = Some(*value),
            (Some("_count"), None) => *count = Some(*value),
            other => panic!("{name}: {other:?}"),
        }
    }
    for (labels, Parts { buckets, sum, count }) in series {
        assert!(sum.is_some(), "{name}{labels} has no sum");
        assert!(
            buckets.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 <= two[1].1),
            "{name}{labels} {buckets:?}"
        );
        let last = buckets.last().unwrap_or_else(|| panic!("{name}{labels} has no buckets"));
        assert!(last.0 == f64::INFINITY && Some(last.1) == count, "{name}{labels}");
    }
}

fn sample(line: &str) -> Sample {
    let end = line.find(['{', ' ']).unwrap_or_else(|| panic!("no value: {line}"));
    let (name, rest) = line.split_at(end);
    assert!(is_name(name, true), "{line}");
    let (labels, value) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest),
        None => (BTreeMap::new(), rest),
    };
    let value = value.strip_prefix(' ').unwrap_or_else(|| panic!("no blank before the value: {line}"));
    Sample { name: name.to_owned(), labels, value: number(value) }
}

/// Reads up to the closing brace; gives what follows.
fn labels(text: &str) -> (BTreeMap<String, String>, &str) {
    let mut labels = BTreeMap::new();
    let mut rest = text;
    loop {
        let (key, value) = rest.split_once("=\"").unwrap_or_else(|| panic!("no label: {text}"));
        assert!(is_name(key, false), "{key} in {text}");
        let (value, after) = quoted(value);
        assert!(labels.insert(key.to_owned(), value).is_none(), "{key} twice in {text}");
        match (after.strip_prefix('}'), after.strip_prefix(',')) {
            (Some(after), _) => return (labels, after),
            (None, Some(after)) => rest = after,
            (None, None) => panic!("neither comma nor brace: {text}"),
        }
    }
}

fn quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.push(match letters.next() {
                Some((_, 'n')) => '\n',
                Some((_, escaped @ ('\\' | '"'))) => escaped,
                other => panic!("{other:?} is no escape: {text}"),
            }),
            letter => value.push(letter),
        }
    }
    panic!("no closing quote: {text}")
}

fn is_name(name: &str, colons: bool) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || (colons && letter == ':');
    !name.is_empty() && name.chars().all(fits) && !name.starts_with(|first: char| first.is_ascii_digit())
}

fn number(text: &str) -> f64 {
    match text {
        "+Inf" => f64::INFINITY,
        text => text.parse().unwrap_or_else(|_| panic!("{text} is no number")),
    }
}
