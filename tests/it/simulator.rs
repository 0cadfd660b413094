//! The simulator over real HTTP: sign-in, delta rounds, the control API and every fault.

mod client;
mod control;
mod delta;
mod faults;
mod house;
mod sign_in;
mod walk;
mod worlds;
