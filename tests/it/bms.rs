//! The client of BMS against the simulated BMS: over HTTP, and in virtual time without it.

mod control;
mod fuzzed;
mod limits;
mod lists;
mod probing;
mod sign_in;
pub mod stage;
mod trouble;
mod writes;
