//! All integration tests, one module per topic.

mod cli_display;
mod cli_front;
mod cli_report;
//! One integration binary; a module per topic.

mod ledger;
