//! As much of `PromQL` as it takes to find slips in rules and dashboards: metrics, labels and functions that there are not.

use std::collections::BTreeSet;

use bmsync::controller::metrics::{Description, Shape};

/// Words that are neither metrics nor labels.
const WORDS: [&str; 18] = [
    "absent",
    "and",
    "by",
    "delta",
    "group_left",
    "histogram_quantile",
    "increase",
    "max",
    "min",
    "min_over_time",
    "on",
    "or",
    "rate",
    "sum",
    "time",
    "unless",
    "vector",
    "without",
];
/// Words that a list of labels follows.
const BEFORE_LABELS: [&str; 4] = ["by", "on", "group_left", "without"];
/// Labels that Prometheus adds.
const ADDED: [&str; 2] = ["instance", "job"];

/// What an expression speaks of.
#[derive(Debug, Default)]
pub struct Used {
    /// By the names of the reference.
    pub metrics: BTreeSet<String>,
    /// Labels that its series have or may have.
    pub labels: BTreeSet<String>,
}

/// Checks an expression.
///
/// # Panics
/// With what it speaks of that there is not.
pub fn check(expr: &str, known: &[Description]) -> Used {
    let mut used = Used { labels: ADDED.map(str::to_owned).into(), ..Used::default() };
    let tokens = tokens(expr);
    let mut grouped = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let token = tokens[at].as_str();
        at += 1;
        if BEFORE_LABELS.contains(&token) && tokens.get(at).is_some_and(|next| next == "(") {
            let end = (at..tokens.len()).find(|end| tokens[*end] == ")").unwrap_or_else(|| panic!("no end: {expr}"));
            grouped.extend(tokens[at + 1..end].iter().filter(|token| *token != ",").cloned());
            at = end + 1;
        } else if is_word(token) && !WORDS.contains(&token) {
            let metric = metric(token, known).unwrap_or_else(|| panic!("there is no {token}: {expr}"));
            let labels = labels(metric, token);
            if tokens.get(at).is_some_and(|next| next == "{") {
                let end =
                    (at..tokens.len()).find(|end| tokens[*end] == "}").unwrap_or_else(|| panic!("no end: {expr}"));
                for key in tokens[at + 1..end].iter().filter(|token| is_word(token)) {
                    assert!(labels.contains(key), "{token} has no label {key}: {expr}");
                }
                at = end + 1;
            }
            used.metrics.insert(metric.name.to_owned());
            used.labels.extend(labels);
        }
    }
    for label in grouped {
        assert!(used.labels.contains(&label), "no series has the label {label}: {expr}");
    }
    assert!(!used.metrics.is_empty(), "speaks of nothing: {expr}");
    used
}

fn metric<'a>(name: &str, known: &'a [Description]) -> Option<&'a Description> {
    known.iter().find(|one| match one.shape {
        Shape::Counter | Shape::Gauge => one.name == name,
        Shape::Histogram => ["_bucket", "_sum", "_count"].iter().any(|part| name.strip_suffix(part) == Some(one.name)),
    })
}

fn labels(metric: &Description, name: &str) -> BTreeSet<String> {
    let own = metric.labels.iter().copied().chain(ADDED);
    own.chain(name.ends_with("_bucket").then_some("le")).map(str::to_owned).collect()
}

fn is_word(token: &str) -> bool {
    token.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
}

/// Words, numbers with their units, and single signs; quoted text and ranges are left out. Brackets must match.
fn tokens(expr: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut open = Vec::new();
    let mut letters = expr.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => assert!(letters.by_ref().any(|letter| letter == '"'), "a quote is open: {expr}"),
            '[' => {
                let range: String = letters.by_ref().take_while(|letter| *letter != ']').collect();
                assert!(range.ends_with(['s', 'm', 'h', 'd']) && range.len() < 5, "{range} is no range: {expr}");
            }
            letter if letter.is_ascii_alphanumeric() || letter == '_' => {
                let mut word = String::from(letter);
                while let Some(next) = letters.next_if(|next| next.is_ascii_alphanumeric() || "_:.".contains(*next)) {
                    word.push(next);
                }
                tokens.push(word);
            }
            letter if letter.is_whitespace() => {}
            letter => {
                match letter {
                    '(' | '{' => open.push(letter),
                    ')' => assert_eq!(open.pop(), Some('('), "{expr}"),
                    '}' => assert_eq!(open.pop(), Some('{'), "{expr}"),
                    _ => {}
                }
                tokens.push(letter.to_string());
            }
        }
    }
    assert!(open.is_empty(), "a bracket is open: {expr}");
    tokens
}

#[test]
fn slips_are_found() {
    let known = [Description { name: "bmsync_x_seconds", shape: Shape::Histogram, labels: vec!["tenant"], help: "" }];
    let fails = |expr: &str| std::panic::catch_unwind(|| check(expr, &known)).is_err();
    let good =
        r#"histogram_quantile(0.95, sum by (tenant, le) (rate(bmsync_x_seconds_bucket{tenant=~"a b"}[5m]))) > 1"#;
    assert!(!fails(good));
    for (from, to) in [
        ("bmsync_x_seconds_bucket", "bmsync_x_seconds"),
        ("bmsync_x_seconds_bucket", "bmsync_y_seconds_bucket"),
        ("{tenant", "{tenants"),
        ("tenant, le", "tenant, code"),
        ("rate(", "rates("),
        ("[5m]", "[5]"),
        ("[5m])))", "[5m]))"),
        ("_bucket{", "_count{"),
    ] {
        assert!(fails(&good.replace(from, to)), "{from} as {to}");
    }
}
