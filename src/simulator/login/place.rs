//! Which tenant a path of the login service names. Knows nothing of applications.

use crate::simulator::reply::Call;
use crate::simulator::state::State;

use super::refusal::Refusal;

/// The first part of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Tenant(usize),
    /// `common` or `organizations`: the tenant of whoever signs in.
    Any,
}

impl State {
    pub(super) fn place(&self, call: &Call) -> Result<Place, Refusal> {
        let name = call.segments.first().map_or("", String::as_str);
        match (self.world.find(name), name) {
            (Some(tenant), _) => Ok(Place::Tenant(tenant)),
            (None, "common" | "organizations") => Ok(Place::Any),
            (None, _) => Err(Refusal::naming(90_002, name)),
        }
    }
}
