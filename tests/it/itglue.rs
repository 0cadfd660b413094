//! IT Glue: the outbox, its client and the simulated service, in virtual time and, through the binary, over HTTP.

mod binary;
mod durable;
mod fuzzed;
mod stage;
mod verify;
mod write;
