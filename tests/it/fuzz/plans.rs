//! Saved plans, and plans that a server answers: refused with a reason, or shown in every form, all of it fit to be seen.

use bmsync::display::safe;
use bmsync::report::markdown::{self, LIMIT};
use bmsync::report::moved::{diff, moved, parse};
use bmsync::report::palette::Palette;
use bmsync::report::saved::Saved;
use bmsync::report::text::{Detail, People, View};
use bmsync::report::{decode, text};
use jiff::Timestamp;

use super::play::{Target, is_plain, play};

const WORDS: &[&str] = &[
    "formatVersion",
    "1",
    "changes",
    "blocked",
    "preserved",
    "summary",
    "tenants",
    "action",
    "create",
    "archive",
    "held",
    "RuleBroken",
    "maxDeactivations",
    "before",
    "after",
    "status",
    "complete",
    "failed",
    "undeclared",
    "candidates",
    "user",
    "userPrincipalName",
    "tenantId",
    "portalAccess",
    "true",
    "cause",
    "manifests",
];

const VIEW: View = View {
    now: Timestamp::UNIX_EPOCH,
    palette: Palette::Plain,
    preserved: Detail::Listed,
    people: People::All,
    blocked: Detail::Listed,
};

/// The plan that the corpus was saved from.
const WHOLE: &[u8] = include_bytes!("../../corpus/plans/whole.json");

fn shape(message: &str) -> String {
    let message = safe(message);
    is_plain(&message);
    let common: String = message.split(['`', '"']).step_by(2).collect();
    common.chars().filter(|sign| !sign.is_ascii_digit()).take(60).collect()
}

/// Beside the plan as it would be made now.
fn compared(saved: &Saved) -> String {
    let fresh = parse(WHOLE).expect("the corpus is whole");
    assert!(saved.tenants().count() < 10_000);
    let value = match saved.value() {
        Ok(value) => value,
        Err(message) => return shape(&message),
    };
    let told = moved(&value, &fresh);
    assert!(!saved.is(WHOLE) || told.is_empty(), "what has the same bytes did not move: {told:?}");
    assert!(moved(&value, &value).is_empty());
    for line in told.iter().chain(&diff(&value, &fresh)).chain(&diff(&fresh, &value)) {
        is_plain(line);
        assert!(!line.contains('\n'));
    }
    told.iter().map(|line| shape(line)).collect::<Vec<_>>().join(";")
}

/// As a client of a server shows it.
fn shown(bytes: &[u8]) -> String {
    match decode::plan(bytes) {
        Err(error) => shape(&error.to_string()),
        Ok(plan) => {
            is_plain(&text::shown(&plan.shown(), VIEW));
            let page = markdown::shown(&plan.shown(), Timestamp::UNIX_EPOCH);
            is_plain(&page);
            assert!(page.chars().count() <= LIMIT, "{page}");
            "a plan".to_owned()
        }
    }
}

fn judge(bytes: &[u8]) -> String {
    let compared = match Saved::read(bytes.to_vec()) {
        Err(message) => shape(&message),
        Ok(saved) => compared(&saved),
    };
    format!("{compared}, {}", shown(bytes))
}

#[test]
fn any_bytes() {
    let target = Target { test: "fuzz::plans::any_bytes", corpus: "plans", words: WORDS, inputs: 800 };
    play(&target, judge);
}
