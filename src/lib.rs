//! bmsync keeps people in step between Entra ID and Kaseya BMS.
//!
//! Manifests, a directory and the actual state go in; one synchronous, total function makes a [`plan::Plan`] of them;
//! an approved plan is applied in one commit. Everything else is edges around that. `docs/architecture.md` has the map.
//!
//! Reading order: the pure rooms first, each a noun; then the edges, each a place; then the joins, each a verb.

pub mod model;

pub mod display;

pub mod spans;

pub mod manifest;

pub mod directory;

pub mod actual;

pub mod desired;

pub mod plan;

pub mod applied;

pub mod approved;

pub mod interchange;

pub mod report;

pub mod ledger;

pub mod http;

pub mod source;

pub mod store;

pub mod vault;

pub mod outbox;

pub mod engine;

pub mod controller;

pub mod server;

pub mod remote;

pub mod cli;

pub mod simulator;
