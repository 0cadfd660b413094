//! A group as Microsoft Graph writes it, with its members.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::Deserializer;

use super::value::{Removed, Str, id, instant, patch, text};
use crate::directory::{GroupPatch, Patch, Removal};
use crate::model::{Id, Text};

/// A group as a page has it, with the slice of its members that the page tells of.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct GroupEntry {
    /// The group's ID.
    #[serde(deserialize_with = "id")]
    pub id: Id,
    #[serde(rename = "@removed", default)]
    removed: Option<Removed>,
    #[serde(default, deserialize_with = "text")]
    display_name: Patch<Text>,
    #[serde(rename = "createdDateTime", default, deserialize_with = "instant")]
    created: Patch<Timestamp>,
    #[serde(default, deserialize_with = "patch")]
    security_enabled: Patch<bool>,
    #[serde(rename = "members@delta", default)]
    members: Option<Vec<MemberEntry>>,
}

/// The attributes that [`GroupEntry`] reads; `members` is what makes `members@delta` come.
pub(in super::super) const GROUP_SELECT: &str = "id,displayName,createdDateTime,securityEnabled,members";

impl GroupEntry {
    /// How much it tells: of itself and of each member.
    pub fn weight(&self) -> u64 {
        1 + self.members.as_ref().map_or(0, |members| members.len() as u64)
    }

    /// What became of the group, and of its direct members.
    pub fn told(self) -> (Id, Result<GroupPatch, Removal>, Vec<MemberEntry>) {
        let Self { id, removed, display_name, created, security_enabled, members } = self;
        let fate = match removed {
            Some(removed) => Err(removed.reason),
            None => Ok(GroupPatch { display_name, created, security_enabled }),
        };
        (id, fate, members.unwrap_or_default())
    }
}

/// One direct member that joined or left.
#[derive(Debug, Deserialize)]
pub(in super::super) struct MemberEntry {
    #[serde(deserialize_with = "id")]
    id: Id,
    #[serde(rename = "@odata.type", default)]
    kind: MemberKind,
    #[serde(rename = "@removed", default)]
    removed: Option<Removed>,
}

/// What is told of a member.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Membership {
    /// It is one.
    Joined(Id),
    /// It is none any more.
    Left(Id),
    /// It is something that no rule reads: a device, a contact, an application.
    Ignored,
}

impl Membership {
    /// Whom it is told of, if that counts.
    pub const fn member(&self) -> Option<&Id> {
        match self {
            Self::Joined(member) | Self::Left(member) => Some(member),
            Self::Ignored => None,
        }
    }
}

impl MemberEntry {
    /// What is told of it.
    pub fn told(self) -> Membership {
        let Self { id, kind, removed } = self;
        match (removed, kind) {
            (Some(Removed { .. }), _) => Membership::Left(id),
            (None, MemberKind::Counts) => Membership::Joined(id),
            (None, MemberKind::Other) => Membership::Ignored,
        }
    }
}

/// Whether a member's type counts: users and groups do, and so does one whose type is not told.
#[derive(Clone, Copy, Debug, Default)]
enum MemberKind {
    #[default]
    Counts,
    Other,
}

impl<'de> Deserialize<'de> for MemberKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let counts = |name: &str| {
            name.eq_ignore_ascii_case("#microsoft.graph.user") || name.eq_ignore_ascii_case("#microsoft.graph.group")
        };
        match Option::deserialize(deserializer)? {
            Some(Str(name)) if !counts(&name) => Ok(Self::Other),
            Some(Str(_)) | None => Ok(Self::Counts),
        }
    }
}
