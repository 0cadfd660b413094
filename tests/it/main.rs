//! The integration tests: one binary, a module per topic.

mod interchange;
mod ledger;
mod oracle;
mod store;
