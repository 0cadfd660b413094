//! What a look brought, and what it means for the configuration in force: pure, with the clock as an argument.

use std::sync::Arc;

use jiff::Timestamp;

use super::git::Failure;
use super::{Cause, InForce, Problem};
use crate::manifest::{Diagnostic, Loaded, Severity};

/// Manifests that were read to their end.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) loaded: Loaded,
    pub(super) named: Named,
}

/// What is said of a reading in the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    /// Manifest files.
    pub(super) files: usize,
    /// How many are new, different or gone, where that is known.
    pub(super) changed: Option<usize>,
    /// The commit they are of.
    pub(super) commit: Option<String>,
}

/// What came of a reading.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Nothing that anybody must know.
    Same,
    /// Another configuration.
    Changed(InForce),
    /// The same configuration; a problem is over, or it is of another commit.
    Confirmed(InForce),
    /// The same configuration, but what is newest cannot be used.
    Rejected(InForce),
}

/// When a change was noticed, and when its reading ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    pub(super) noticed: Timestamp,
    pub(super) now: Timestamp,
}

/// Weighs a reading against what is in force.
pub(super) fn weigh(current: &InForce, reading: Reading, at: Moments) -> Verdict {
    let Reading { loaded: Loaded { config, diagnostics }, named: Named { commit, .. } } = reading;
    match config {
        None => reject(current, Cause::Invalid { diagnostics: errors(diagnostics), commit }, at),
        Some(config) if config.digest == current.config.digest => {
            if current.problem.is_none() && commit == current.commit {
                return Verdict::Same;
            }
            Verdict::Confirmed(InForce { commit, problem: None, ..current.clone() })
        }
        Some(config) => Verdict::Changed(InForce {
            config: Arc::new(config),
            loaded_at: at.now,
            noticed_at: at.noticed,
            commit,
            problem: None,
        }),
    }
}

/// Weighs a look that brought nothing.
pub(super) fn weigh_failure(current: &InForce, failure: &Failure, at: Moments) -> Verdict {
    let cause = Cause::Unreachable { message: failure.to_string(), hint: failure.hint().to_owned() };
    reject(current, cause, at)
}

/// A problem that goes on is as old as its first sight, even if what is wrong has changed.
fn reject(current: &InForce, cause: Cause, at: Moments) -> Verdict {
    let since = match (&current.problem, &cause) {
        (Some(Problem { cause, .. }), new) if cause == new => return Verdict::Same,
        (Some(Problem { since, cause: Cause::Invalid { .. } }), Cause::Invalid { .. })
        | (Some(Problem { since, cause: Cause::Unreachable { .. } }), Cause::Unreachable { .. }) => *since,
        (Some(_) | None, _) => at.noticed,
    };
    Verdict::Rejected(InForce { problem: Some(Problem { since, cause }), ..current.clone() })
}

fn errors(diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    diagnostics.into_iter().filter(|diagnostic| diagnostic.severity == Severity::Error).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Code, config::Config};

    fn at(second: i64) -> Moments {
        let now = Timestamp::from_second(1_800_000_000 + second).unwrap();
        Moments { noticed: now, now }
    }

    fn good(digest: &str, commit: &str) -> Reading {
        let config = Config { digest: digest.into(), ..Config::default() };
        let named = Named { commit: Some(commit.into()), ..Named::default() };
        Reading { loaded: Loaded { config: Some(config), diagnostics: Vec::new() }, named }
    }

    fn bad(file: &str) -> Reading {
        let diagnostic = Diagnostic::of_file(file, Code::UnknownKey, "unknown", None);
        Reading { loaded: Loaded { config: None, diagnostics: vec![diagnostic] }, named: Named::default() }
    }

    fn start() -> InForce {
        let config = Arc::new(Config { digest: "a".into(), ..Config::default() });
        let Moments { noticed: noticed_at, now: loaded_at } = at(0);
        InForce { config, loaded_at, noticed_at, commit: Some("1".into()), problem: None }
    }

    fn rejected(verdict: Verdict) -> InForce {
        let Verdict::Rejected(next) = verdict else { panic!("{verdict:?}") };
        next
    }

    #[test]
    fn the_same_meaning_is_no_change_but_another_commit_is_told() {
        assert!(matches!(weigh(&start(), good("a", "1"), at(9)), Verdict::Same));
        let Verdict::Confirmed(next) = weigh(&start(), good("a", "2"), at(9)) else { panic!() };
        assert_eq!((next.commit.as_deref(), next.loaded_at), (Some("2"), at(0).now));
        let Verdict::Changed(next) = weigh(&start(), good("b", "2"), at(9)) else { panic!() };
        assert_eq!((next.config.digest.as_str(), next.loaded_at), ("b", at(9).now));
    }

    #[test]
    fn a_problem_keeps_the_configuration_and_its_age_and_is_told_once() {
        let first = rejected(weigh(&start(), bad("a.yaml"), at(1)));
        assert_eq!((first.config.digest.as_str(), first.commit.as_deref()), ("a", Some("1")));
        assert!(matches!(weigh(&first, bad("a.yaml"), at(2)), Verdict::Same));
        let second = rejected(weigh(&first, bad("b.yaml"), at(3)));
        let problem = second.problem.clone().unwrap();
        assert_eq!((problem.since, problem.file()), (at(1).noticed, Some("b.yaml")));
        let third = rejected(weigh_failure(&second, &Failure::Missing, at(4)));
        assert_eq!(third.problem.clone().unwrap().since, at(4).noticed);
        assert!(matches!(weigh_failure(&third, &Failure::Missing, at(5)), Verdict::Same));
        let Verdict::Confirmed(next) = weigh(&third, good("a", "1"), at(6)) else { panic!() };
        assert_eq!(next.problem, None);
    }
}
