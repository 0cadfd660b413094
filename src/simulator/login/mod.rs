//! The login service: people and applications sign in, consent and get tokens, or are refused in Microsoft's shape.
//! Knows no HTTP library, and nothing of Graph but the names of its permissions.

mod admin;
mod ask;
mod assertion;
mod authorize;
mod client;
mod consent;
mod device;
mod issue;
mod jwt;
mod known;
mod memory;
mod metadata;
mod page;
mod people;
mod place;
mod refusal;
mod revoke;
mod scope;
mod signing;
mod token;

pub(super) use admin::consent as admin_consent;
pub(super) use authorize::authorize;
pub(super) use device::{code as device_code, login as device_login};
pub(super) use memory::Login;
pub(super) use metadata::{configuration, keys};
pub(super) use signing::SigningKey;
pub(super) use token::token;
