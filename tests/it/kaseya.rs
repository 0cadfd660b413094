//! A live BMS behind the store seam: read, written, stopped at every step, limited, and left to people where its API ends.

mod by_hand;
mod conformance;
mod crash;
mod limits;
mod local_edits;
mod program;
pub mod stage;
mod writing;
