//! The integration tests: one binary, a module per topic.

mod ledger;
mod manifest;
#[cfg(test)]
mod scenarios;
