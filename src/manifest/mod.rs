//! Manifests: what the admin wrote, and what it means.

pub mod config;
