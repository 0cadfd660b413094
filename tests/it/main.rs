//! All integration tests, one module per topic.

mod cli_display;
mod cli_front;
mod cli_report;
mod graph;
mod ledger;
mod manifest;
mod server;
