//! The HTTP side of a running bmsync, over real sockets: every route, who may ask, what is refused and how.

mod access;
mod answers;
mod fuzzed;
mod http;
mod limits;
mod remote;
mod shape;
mod tls;
mod webhook;
mod world;
