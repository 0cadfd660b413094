//! The vocabulary: identities, fields, records and links. Values only; knows nothing of files, networks or clocks.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

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

/// An object ID of the directory, compared as lower-case text (rule R1).
///
/// A GUID takes 16 bytes; anything else is kept as text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Id(Repr);

#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Repr {
    Guid([u8; 16]),
    Text(Box<str>),
}

/// Text for people, its 16 bytes for machines.
impl Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { self.0.serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer).map(Self::from)
        } else {
            Repr::deserialize(deserializer).map(Self)
        }
    }
}

impl Id {
    /// Reads an ID; surrounding blanks and letter case do not count.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let text = text.trim();
        guid(text).map_or_else(|| Self(Repr::Text(text.to_lowercase().into())), |guid| Self(Repr::Guid(guid)))
    }

    /// Hands out the text, without an allocation.
    pub fn with_text<T>(&self, take: impl FnOnce(&str) -> T) -> T {
        match &self.0 {
            Repr::Guid(guid) => take(std::str::from_utf8(&write_guid(guid)).unwrap_or_default()),
            Repr::Text(text) => take(text),
        }
    }

    /// Whether this is a GUID, as tenant and group IDs must be.
    #[must_use]
    pub const fn is_guid(&self) -> bool {
        matches!(self.0, Repr::Guid(_))
    }
}

/// Length of a GUID's text.
const GUID_LENGTH: usize = 36;

/// Writes the 8-4-4-4-12 form.
fn write_guid(guid: &[u8; 16]) -> [u8; GUID_LENGTH] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = [b'-'; GUID_LENGTH];
    let mut at = 0;
    for (slot, byte) in guid.iter().enumerate() {
        at += usize::from(matches!(slot, 4 | 6 | 8 | 10));
        out[at] = DIGITS[usize::from(byte >> 4)];
        out[at + 1] = DIGITS[usize::from(byte & 15)];
        at += 2;
    }
    out
}

/// Parses the 8-4-4-4-12 form.
fn guid(text: &str) -> Option<[u8; 16]> {
    let bytes = text.as_bytes();
    if bytes.len() != GUID_LENGTH {
        return None;
    }
    let mut out = [0_u8; 16];
    let mut at = 0;
    for (slot, byte) in out.iter_mut().enumerate() {
        if matches!(slot, 4 | 6 | 8 | 10) {
            if bytes[at] != b'-' {
                return None;
            }
            at += 1;
        }
        *byte = hex_digit(bytes[at])? << 4 | hex_digit(bytes[at + 1])?;
        at += 2;
    }
    Some(out)
}

const fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

impl Ord for Id {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Repr::Guid(a), Repr::Guid(b)) => a.cmp(b),
            (Repr::Text(a), Repr::Text(b)) => a.cmp(b),
            (Repr::Guid(_), Repr::Text(_)) | (Repr::Text(_), Repr::Guid(_)) => self.to_string().cmp(&other.to_string()),
        }
    }
}

impl PartialOrd for Id {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| f.write_str(text))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<String> for Id {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl From<&str> for Id {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.to_string()
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

/// The first 128 bits of a SHA-256: stands for content that is compared and not kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest(pub [u8; 16]);

impl Digest {
    /// Digest of parts; each part is framed by its length, so that ("a","bc") differs from ("ab","c").
    #[must_use]
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        use sha2::Digest as _;
        // Hashing many short pieces one by one costs more than putting them together first.
        let mut framed = Vec::with_capacity(512);
        for part in parts {
            framed.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            framed.extend_from_slice(part);
        }
        let full = sha2::Sha256::digest(&framed);
        let mut out = [0; 16];
        out.copy_from_slice(&full[..16]);
        Self(out)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A field of a record. Closed, so that a new field fails to compile wherever it must be handled.
///
/// The order is that of the record's JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "each variant is the BMS field of that name; the meaning is in docs/reference/records.md"
)]
pub enum Field {
    Account,
    Location,
    Username,
    Email,
    FirstName,
    LastName,
    Phone,
    JobTitle,
    Department,
    Manager,
    EmploymentType,
    EmployeeRole,
    PortalAccess,
    SecurityRole,
}

impl Field {
    /// All fields, in order.
    pub const ALL: [Self; 14] = [
        Self::Account,
        Self::Location,
        Self::Username,
        Self::Email,
        Self::FirstName,
        Self::LastName,
        Self::Phone,
        Self::JobTitle,
        Self::Department,
        Self::Manager,
        Self::EmploymentType,
        Self::EmployeeRole,
        Self::PortalAccess,
        Self::SecurityRole,
    ];

    /// The fields of an employee, in the order of its JSON.
    pub const EMPLOYEE: [Self; 12] = [
        Self::Username,
        Self::Email,
        Self::FirstName,
        Self::LastName,
        Self::Phone,
        Self::JobTitle,
        Self::Department,
        Self::Location,
        Self::Manager,
        Self::EmploymentType,
        Self::EmployeeRole,
        Self::SecurityRole,
    ];

    /// The fields of a contact, in the order of its JSON.
    pub const CONTACT: [Self; 10] = [
        Self::Account,
        Self::Location,
        Self::Email,
        Self::FirstName,
        Self::LastName,
        Self::Phone,
        Self::JobTitle,
        Self::PortalAccess,
        Self::Username,
        Self::SecurityRole,
    ];

    /// The fields that a kind of record has, in the order of its JSON.
    #[must_use]
    pub const fn of(kind: Kind) -> &'static [Self] {
        match kind {
            Kind::Employee => &Self::EMPLOYEE,
            Kind::Contact => &Self::CONTACT,
        }
    }

    /// The key in JSON, YAML and CSV.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Location => "location",
            Self::Username => "username",
            Self::Email => "email",
            Self::FirstName => "firstName",
            Self::LastName => "lastName",
            Self::Phone => "phone",
            Self::JobTitle => "jobTitle",
            Self::Department => "department",
            Self::Manager => "manager",
            Self::EmploymentType => "employmentType",
            Self::EmployeeRole => "employeeRole",
            Self::PortalAccess => "portalAccess",
            Self::SecurityRole => "securityRole",
        }
    }

    /// The field of that key.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.word() == word)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The values of a record, by [`Field`]. A value is trimmed and never blank; blank means not set.
///
/// `portalAccess` is held as the text `true` or `false`, so that one comparison serves all fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fields([Option<Text>; Field::ALL.len()]);

impl Fields {
    /// The value, unless it is blank.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<&str> {
        self.0[field as usize].as_deref()
    }

    /// Sets a value; blank text clears it.
    pub fn set(&mut self, field: Field, value: Option<&str>) {
        self.0[field as usize] = value.and_then(filled).map(Text::from);
    }

    /// The same with a value set, for building.
    #[must_use]
    pub fn with(mut self, field: Field, value: &str) -> Self {
        self.set(field, Some(value));
        self
    }

    /// The values that are set, in the order of [`Field::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Field, &str)> {
        Field::ALL.into_iter().filter_map(|field| Some((field, self.get(field)?)))
    }

    /// `portalAccess`, false where it is not set.
    #[must_use]
    pub fn portal_access(&self) -> bool {
        self.get(Field::PortalAccess) == Some("true")
    }
}

/// The text without surrounding blanks, unless nothing is left.
#[must_use]
pub fn filled(text: &str) -> Option<&str> {
    let text = trimmed(text);
    (!text.is_empty()).then_some(text)
}

/// The text without surrounding blanks; most has none, which two bytes tell.
fn trimmed(text: &str) -> &str {
    match text.as_bytes() {
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ => text.trim(),
    }
}

/// A name as it is compared: trimmed, in Unicode lower case.
#[must_use]
pub fn folded(name: &str) -> Text {
    let name = trimmed(name);
    if name.is_ascii() {
        let mut name = Text::from(name);
        name.make_ascii_lowercase();
        name
    } else {
        name.chars().flat_map(char::to_lowercase).collect()
    }
}

/// The same without a copy where the name is written so already.
#[must_use]
pub fn fold(name: &str) -> Cow<'_, str> {
    let name = trimmed(name);
    if name.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(folded(name).into_string())
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
