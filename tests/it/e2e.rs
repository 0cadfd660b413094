//! The contract, sentence by sentence, through the real binary, over HTTP, on a state on disk.

mod bench;
mod damage;
mod faults;
mod front;
mod hostile;
mod interchange;
mod killed;
mod rounds;
mod saved;
mod secrets;
mod shapes;
mod texts;

pub use bench::Told;
