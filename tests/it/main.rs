//! The integration tests: one binary, a module per topic.

mod graph;
mod interchange;
mod ledger;
mod manifest;
mod scenarios;
mod simulator;
mod store;
