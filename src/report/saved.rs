//! A saved plan, however big: its head as a tree, its lists as the bytes that they are.
//!
//! A tree of a plan with a hundred thousand changes takes gigabytes. But the same plan gives the same bytes, so whether a
//! saved plan is still the plan can nearly always be told from its bytes.

use serde_json::Value;

use super::moved::{check_version, moved, parse};

/// Where the head of a plan ends, as [`super::json::write`] lays it out.
const CHANGES: &[u8] = b",\n  \"changes\": [";

/// A saved plan.
#[derive(Clone, Debug)]
pub struct Saved {
    bytes: Vec<u8>,
    head: Value,
}

impl Saved {
    /// Reads the head of a saved plan.
    ///
    /// # Errors
    /// A lower-case fragment that says what is wrong with it.
    pub fn read(bytes: Vec<u8>) -> Result<Self, String> {
        let head = match split(&bytes) {
            Some((head, _)) => head,
            None => parse(&bytes)?,
        };
        check_version(&head)?;
        Ok(Self { bytes, head })
    }

    /// The IDs of the tenants that it is about.
    pub fn tenants(&self) -> impl Iterator<Item = &str> {
        let tenants = self.head["tenants"].as_array().map_or(&[][..], Vec::as_slice);
        tenants.iter().filter_map(|tenant| tenant["tenantId"].as_str())
    }

    /// Whether it is certainly the plan that was just written. If not, [`moved`] tells on the trees.
    #[must_use]
    pub fn is(&self, fresh: &[u8]) -> bool {
        match (split(&self.bytes), split(fresh)) {
            (Some((saved, lists)), Some((fresh, fresh_lists))) => {
                lists == fresh_lists && moved(&saved, &fresh).is_empty()
            }
            (Some(_) | None, Some(_) | None) => false,
        }
    }

    /// The whole plan as a tree.
    ///
    /// # Errors
    /// As [`Saved::read`].
    pub fn value(&self) -> Result<Value, String> {
        parse(&self.bytes)
    }
}

/// The head of a plan and the bytes of its lists, if it is laid out as plans are written.
fn split(bytes: &[u8]) -> Option<(Value, &[u8])> {
    let end = bytes.windows(CHANGES.len()).position(|window| window == CHANGES)?;
    let head = [&bytes[..end], b"}"].concat();
    Some((serde_json::from_slice(&head).ok()?, &bytes[end..]))
}
