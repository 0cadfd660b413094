//! The simulator over real HTTP: sign-in, delta rounds, the control API and every fault.

pub(crate) mod assertions;
mod authorize;
pub(crate) mod browser;
pub(crate) mod client;
mod consent;
mod control;
mod delta;
mod device;
mod faults;
mod house;
mod notifications;
mod reads;
mod refresh;
mod refusals;
mod sign_in;
mod subscriptions;
mod walk;
pub(crate) mod webhook;
mod worlds;
