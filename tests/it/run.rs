//! A real `bmsync run`, asked over HTTP, with the simulator as its directory: it looks when it should, holds what it
//! should, and ends as it should.
#![cfg(unix)]

mod commits;
mod counted;
mod crowd;
#[cfg(target_os = "linux")]
mod full;
mod guards;
mod killed;
mod notifications;
#[cfg(test)]
mod permissions;
mod secrets;
#[cfg(test)]
mod served;
mod shutdown;
#[cfg(target_os = "linux")]
mod soak;
mod stage;
mod tenants;
mod tls;
mod traces;
mod triggers;
pub mod world;
