//! A real `bmsync run`, asked over HTTP, with the simulator as its directory: it looks when it should, holds what it
//! should, and ends as it should.
#![cfg(unix)]

mod commits;
mod counted;
mod guards;
mod secrets;
mod shutdown;
mod stage;
mod tenants;
mod traces;
mod triggers;
pub mod world;
