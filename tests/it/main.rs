//! The integration tests: one binary, a module per topic.

mod ledger;
mod oracle;
