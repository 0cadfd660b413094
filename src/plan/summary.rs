//! What a plan comes to, in numbers.

use serde::Serialize;

use super::{Action, Change, Plan, TenantState};

/// Counts of a plan, as its JSON has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "each count is named for the action or the section it counts; held changes count only as held"
)]
pub struct Summary {
    pub create: u64,
    pub merge: u64,
    pub update: u64,
    pub archive: u64,
    pub restore: u64,
    pub deactivate: u64,
    pub reactivate: u64,
    pub unchanged: u64,
    pub touched: u64,
    pub preserved: u64,
    pub blocked: u64,
    pub held: u64,
}

impl Summary {
    /// Changes that an apply without consent would make.
    #[must_use]
    pub const fn changes(&self) -> u64 {
        self.create + self.merge + self.update + self.archive + self.restore + self.deactivate + self.reactivate
    }
}

impl Plan {
    /// Counts everything.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary {
            unchanged: self.unchanged,
            touched: self.touched.len() as u64,
            preserved: self.preserved.len() as u64,
            blocked: self.blocked.len() as u64,
            ..Summary::of_changes(&self.changes)
        }
    }

    /// Whether some tenant could not be read.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.basis.tenants.iter().any(|tenant| tenant.state == TenantState::Failed)
    }
}

impl Summary {
    /// Counts changes alone.
    #[must_use]
    pub fn of_changes<'a>(changes: impl IntoIterator<Item = &'a Change>) -> Self {
        let mut summary = Self::default();
        for change in changes {
            *summary.slot(change) += 1;
        }
        summary
    }

    fn slot(&mut self, change: &Change) -> &mut u64 {
        if change.held.is_some() {
            return &mut self.held;
        }
        match change.action {
            Action::Archive => &mut self.archive,
            Action::Create => &mut self.create,
            Action::Merge => &mut self.merge,
            Action::Restore => &mut self.restore,
            Action::Update => &mut self.update,
            Action::Deactivate => &mut self.deactivate,
            Action::Reactivate => &mut self.reactivate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_counts_as_a_change_and_nothing_else_does() {
        let summary = Summary {
            create: 1,
            merge: 2,
            update: 4,
            archive: 8,
            restore: 16,
            deactivate: 32,
            reactivate: 64,
            unchanged: 128,
            touched: 256,
            preserved: 512,
            blocked: 1024,
            held: 2048,
        };
        assert_eq!(summary.changes(), 127);
    }
}
