//! Records as text: JSON, JSON Lines, CSV and YAML, out and in. Knows the shapes, and nothing of where records live.
//!
//! `docs/reference/records.md` is the description for people.

mod assemble;
pub mod csv;
pub mod event;
pub mod export;
pub mod import;
mod keys;
mod raw;
pub mod record;
pub mod row;
mod values;
