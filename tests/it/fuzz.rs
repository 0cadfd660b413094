//! Hostile bytes against every door that takes bytes: a corpus, mutated, in a process of its own.
//!
//! `cargo test` plays a fixed number of inputs from a fixed seed. `BMSYNC_FUZZ_SECONDS=60 cargo test --test it fuzz` plays
//! each target for a minute from a new seed. The doors of HTTP and Graph are fuzzed beside their own tests.

mod import;
mod manifests;
mod mutate;
mod plans;
mod play;
mod tree;

pub use play::{Target, is_plain, play};
