//! All integration tests, one module per topic.

mod cli_display;
mod cli_front;
mod cli_report;
mod cli_story;
mod graph;
mod interchange;
mod ledger;
mod manifest;
mod server;
mod simulator;
mod store;
