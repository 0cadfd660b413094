//! The BMS behind its REST API V2.

pub mod api;
