//! The client of BMS against the simulated BMS: over HTTP, and in virtual time without it.

mod control;
mod limits;
mod lists;
mod probing;
mod sign_in;
mod stage;
mod trouble;
mod writes;
