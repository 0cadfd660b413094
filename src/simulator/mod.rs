//! A simulated Microsoft Graph and login service on loopback; imports nothing from the rest of the crate.
