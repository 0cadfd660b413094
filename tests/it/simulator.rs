//! The simulator over real HTTP: sign-in, delta rounds, the control API and every fault.

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
