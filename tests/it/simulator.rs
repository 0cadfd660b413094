//! The simulator over real HTTP: sign-in, delta rounds, the control API and every fault.

#![expect(clippy::unwrap_used, reason = "what the client of these tests cannot do fails the test")]

pub(crate) mod client;
mod control;
mod delta;
mod faults;
mod house;
mod notifications;
mod sign_in;
mod subscriptions;
mod walk;
pub(crate) mod webhook;
mod worlds;
