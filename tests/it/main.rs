//! The integration tests: one binary, a module per topic.

mod cli_display;
mod cli_front;
mod cli_report;
mod cli_story;
#[cfg(test)]
mod deploy;
mod graph;
mod interchange;
mod layers;
mod ledger;
mod manifest;
#[cfg(test)]
mod metrics;
mod scenarios;
mod simulator;
mod store;
