//! One integration binary; a module per topic.

mod interchange;
mod ledger;
mod store;
