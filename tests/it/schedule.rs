//! A controller whose time stands still until everybody waits: when it looks, waits, reconnects, reads everything and
//! renews, over hours and weeks that pass at once.

mod directory;
mod guards;
mod looks;
#[cfg(test)]
mod shutdown;
mod stage;
mod subscriptions;
