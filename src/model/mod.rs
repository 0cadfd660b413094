//! The vocabulary: identities, fields, records and links. Values only; knows nothing of files, networks or clocks.

mod field;
mod fields;
mod id;
mod mark;

use std::fmt;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

pub use field::{Field, filled, folded, same_name, with_folded};
pub use fields::Fields;
pub use id::Id;
pub use mark::{Claims, Mark, Marks};

/// Short text, stored inline where it fits.
pub type Text = CompactString;

/// What kind of BMS record a person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// HR > Employees: always has a login.
    Employee,
    /// CRM > Contacts: has a login when portal access is on.
    Contact,
}

impl Kind {
    /// Both kinds, in the order of every listing.
    pub const ALL: [Self; 2] = [Self::Employee, Self::Contact];

    /// The word used in YAML, JSON and on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Employee => "employee",
            Self::Contact => "contact",
        }
    }

    /// The word in a sentence.
    #[must_use]
    pub const fn with_article(self) -> &'static str {
        match self {
            Self::Employee => "an employee",
            Self::Contact => "a contact",
        }
    }

    /// The other kind of person.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Employee => Self::Contact,
            Self::Contact => Self::Employee,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Status of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// In use; may log in.
    Active,
    /// Deactivated: cannot log in, keeps its fields and names.
    Inactive,
    /// Archived: cannot log in, its names are free.
    Archived,
}

impl Status {
    /// The word used in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Archived => "archived",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A directory user: (tenant ID, object ID). Never a mail address or a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UserKey {
    /// The tenant's ID.
    #[serde(rename = "tenantId")]
    pub tenant: Id,
    /// The user's object ID in that tenant.
    #[serde(rename = "userId")]
    pub user: Id,
}

impl fmt::Display for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant, self.user)
    }
}

/// A BMS record: kind and positive number, unique per kind and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordKey {
    /// Employee or contact.
    pub kind: Kind,
    /// From 1.
    pub id: u64,
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.id)
    }
}

/// Counts the commits of a state; a plan is bound to one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The first 128 bits of a SHA-256: stands for content that is compared and not kept. Aligned for the sake of what it is
/// part of, as a GUID is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(align(8))]
pub struct Digest(pub [u8; 16]);

impl Digest {
    /// Digest of parts; each part is framed by its length, so that ("a","bc") differs from ("ab","c").
    #[must_use]
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        use sha2::Digest as _;
        let mut hash = sha2::Sha256::new();
        framed(parts, |piece| hash.update(piece));
        let full = hash.finalize();
        let mut out = [0; 16];
        out.copy_from_slice(&full[..16]);
        Self(out)
    }
}

/// Hands out parts, each after its length, put together to pieces of some size: hashing many short ones one by one costs
/// more than that.
pub fn framed<'a>(parts: impl IntoIterator<Item = &'a [u8]>, mut take: impl FnMut(&[u8])) {
    let (mut buffer, mut end) = ([0_u8; 512], 0);
    for part in parts {
        if let Some(framed) = frame(&mut buffer[end..], part) {
            end += framed;
            continue;
        }
        take(&buffer[..end]);
        end = frame(&mut buffer, part).unwrap_or_else(|| {
            take(&length(part));
            take(part);
            0
        });
    }
    take(&buffer[..end]);
}

/// Writes a part after its length, if there is room; how much that takes.
fn frame(room: &mut [u8], part: &[u8]) -> Option<usize> {
    let (head, room) = room.split_first_chunk_mut()?;
    room.get_mut(..part.len())?.copy_from_slice(part);
    *head = length(part);
    Some(head.len() + part.len())
}

fn length(part: &[u8]) -> [u8; 8] {
    u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes()
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// How many tickets and invoices point at a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct References {
    /// Service desk tickets.
    #[serde(default)]
    pub tickets: u64,
    /// Invoices.
    #[serde(default)]
    pub invoices: u64,
}

impl References {
    /// Whether anything points at the record; then it cannot be renamed once archived (rule R6).
    #[must_use]
    pub const fn any(self) -> bool {
        self.tickets > 0 || self.invoices > 0
    }
}

/// What of its directory user was last applied to a record: decides what counts as a change (rule R8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Seen {
    /// The link was imported: nothing is known, so the next plan overwrites.
    Unknown,
    /// The user existed and a rule matched.
    Present {
        /// Every attribute that bmsync reads.
        content: Digest,
        /// The winning rule's group, kind and values; not its name or order.
        rule: Digest,
        /// False when the account is disabled and the policy deactivates for that.
        enabled: bool,
    },
    /// The user was gone, or no rule matched.
    Absent {
        /// True when it existed and the policy keeps unmatched users' records.
        kept: bool,
    },
}

/// The stored fact that a record belongs to a directory user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The owner.
    pub user: UserKey,
    /// The last user principal name known of it (never that of a soft-deleted user).
    pub user_principal_name: Option<Text>,
    /// What was last applied.
    pub seen: Seen,
}

/// An employee or a contact as BMS holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Kind and number.
    pub key: RecordKey,
    /// Active, inactive or archived.
    pub status: Status,
    /// The values.
    pub fields: Fields,
    /// The owner, if bmsync owns the record.
    pub link: Option<Link>,
    /// The user whose rule had it archived.
    pub archived_from: Option<UserKey>,
    /// Tickets and invoices.
    pub references: References,
}

impl Record {
    /// Whether the record can hold a login: employees, and contacts with portal access, unless archived (rule R5).
    #[must_use]
    pub fn has_login(&self) -> bool {
        self.status != Status::Archived && login(self.key.kind, &self.fields)
    }

    /// Whether this record belongs to the user.
    #[must_use]
    pub fn is_owned_by(&self, user: &UserKey) -> bool {
        self.link.as_ref().is_some_and(|link| link.user == *user)
    }
}

/// Whether a record of that kind with those values has a login.
#[must_use]
pub fn login(kind: Kind, fields: &Fields) -> bool {
    match kind {
        Kind::Employee => true,
        Kind::Contact => fields.portal_access(),
    }
}

/// A CRM account with its locations; the first is the main one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// From 1.
    pub id: u64,
    /// Spelled as contacts must spell it.
    pub name: Text,
    /// Names of locations.
    pub locations: Vec<Text>,
}
