//! Where spans are named for traces: one target for all of them, so that the log can leave them out and a trace holds
//! nothing else. What is in a span leaves the machine: tenants by name, routes by template, counts, and never a user, an
//! address or a secret.

/// The target of every span.
pub const TARGET: &str = "bmsync::spans";
