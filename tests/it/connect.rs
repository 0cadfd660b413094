//! Connecting a tenant: a person signs in at the simulator's login service, and what comes back is checked, tried and kept.

mod place;
mod world;

mod afar;
mod browser;
mod chapter;
mod children;
mod codes;
mod doctor;
mod ends;
#[cfg(target_os = "linux")]
mod full;
mod hostile;
mod killed;
mod late;
mod lies;
mod listed;
mod program;
mod proofs;
mod raced;
mod refusals;
mod returning;
mod secrets;
