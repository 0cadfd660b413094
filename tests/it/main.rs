//! The integration tests: one binary, a module per topic.

mod interchange;
mod ledger;
mod manifest;
#[cfg(test)]
mod scenarios;
mod store;
