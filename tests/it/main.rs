//! One integration binary; a module per topic.

mod ledger;
