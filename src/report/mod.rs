//! A plan made readable: as JSON, as text, as Markdown, and beside another plan. And an explanation. And both read back
//! from the JSON that a server answers.
//!
//! Pure functions from a plan to bytes. They decide nothing, and know nothing of files, terminals or clocks.

pub mod decode;
pub mod explanation;
pub mod json;
pub mod markdown;
pub mod moved;
pub mod palette;
pub mod saved;
pub mod shown;
pub mod text;

mod layout;
mod line;
mod sum;
mod words;
