//! The integration tests: one binary, a module per topic.

#[cfg(test)]
mod interchange;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod store;
