//! The Microsoft Graph source against a scripted HTTP server: what it asks, what it makes of each answer, what it
//! refuses.

pub(crate) mod grants;
mod server;
mod world;

mod delegated;
mod fuzzed;
mod log;
#[cfg(test)]
mod metering;
mod patience;
#[cfg(test)]
mod permitted;
mod proof;
mod reading;
mod refusing;
mod sign_in;
mod starting_over;
mod subscriptions;
