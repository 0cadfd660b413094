//! Connecting a tenant: a person signs in at the simulator's login service, and what comes back is checked, tried and kept.

mod world;

mod browser;
mod codes;
#[cfg(target_os = "linux")]
mod full;
mod hostile;
mod program;
mod returning;
