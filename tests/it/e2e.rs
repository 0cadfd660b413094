//! The contract, sentence by sentence, through the real binary, over HTTP, on a state on disk.

mod bench;
mod damage;
mod doctor;
mod faults;
mod front;
#[cfg(target_os = "linux")]
mod full;
mod hostile;
mod interchange;
mod killed;
mod rounds;
mod saved;
mod secrets;
mod shapes;
pub(crate) mod tap;
mod texts;
#[cfg(target_os = "linux")]
mod traced;
#[cfg(target_os = "linux")]
mod unwritable;

pub use bench::Told;
