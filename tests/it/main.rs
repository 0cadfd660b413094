//! The integration tests: one binary, a module per topic.

mod manifest;
#[cfg(test)]
mod scenarios;
