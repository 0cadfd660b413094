//! What the renderers need of a plan, wherever it comes from: made here, or told by a server. Knows nothing of words.

use std::borrow::Cow;

use crate::plan::{Basis, Blocked, Cause, Change, Plan, Preserved, Summary, TenantState};

/// A plan as it is shown.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// What it was made from.
    pub basis: &'a Basis,
    /// In the order of the plan.
    pub changes: &'a [Change],
    /// One per change where a server compared with what it would do anyway; else empty.
    pub causes: &'a [Option<Cause>],
    /// Local edits that stay.
    pub preserved: &'a [Preserved],
    /// Users that cannot be decided.
    pub blocked: &'a [Blocked],
    /// The counts.
    pub summary: Summary,
}

/// Changes that are shown together.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    /// What causes all of them; `None` where nothing was compared.
    pub cause: Option<Cause>,
    /// In the order of the plan.
    pub changes: Vec<&'a Change>,
}

impl<'a> Shown<'a> {
    /// A plan that was made here.
    #[must_use]
    pub fn of(plan: &'a Plan) -> Self {
        let Plan { basis, changes, touched: _, preserved, blocked, unchanged: _ } = plan;
        Self { basis, changes, causes: &[], preserved, blocked, summary: plan.summary() }
    }

    /// The changes, apart by what causes them where that is known. Of a change whose cause is not said it cannot be said
    /// that it would happen anyway: it is shown with those that a reviewer must see.
    #[must_use]
    pub fn parts(&self) -> Vec<Part<'a>> {
        if self.causes.iter().all(Option::is_none) {
            return vec![Part { cause: None, changes: self.changes.iter().collect() }];
        }
        let cause = |at: usize| self.causes.get(at).copied().flatten().unwrap_or(Cause::Manifests);
        let of = |wanted: Cause| {
            let wanted = |(at, change)| (cause(at) == wanted).then_some(change);
            self.changes.iter().enumerate().filter_map(wanted).collect()
        };
        Cause::ALL.into_iter().map(|wanted| Part { cause: Some(wanted), changes: of(wanted) }).collect()
    }

    /// Whether some tenant could not be read.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.basis.tenants.iter().any(|tenant| tenant.state == TenantState::Failed)
    }
}

impl<'a> Part<'a> {
    /// The changes that happen.
    pub fn going(&self) -> impl Iterator<Item = &'a Change> + Clone + '_ {
        self.changes.iter().copied().filter(|change| change.held.is_none())
    }

    /// The changes that a guard holds back.
    pub fn held(&self) -> impl Iterator<Item = &'a Change> + Clone + '_ {
        self.changes.iter().copied().filter(|change| change.held.is_some())
    }

    /// What the changes have in common, to be put before what they do.
    #[must_use]
    pub const fn title(&self) -> Option<&'static str> {
        match self.cause {
            None => None,
            Some(Cause::Manifests) => Some("Because of these manifests"),
            Some(Cause::Pending) => Some("Pending anyway"),
        }
    }

    /// Something, said of this part alone where there are several.
    #[must_use]
    pub fn titled<'b>(&self, what: &'b str) -> Cow<'b, str> {
        self.title().map_or(Cow::Borrowed(what), |title| Cow::Owned(format!("{title}: {}", lower(what))))
    }

    /// Counts by action, and what is held.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary::of_changes(self.changes.iter().copied())
    }
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
